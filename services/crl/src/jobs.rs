//! Background work. One replica at a time follows ca and makes the lists; each tells what is out.

mod directory;
mod publisher;
mod replica;
mod self_check;

use std::time::Duration;

use kit::service::Job;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use vocabulary::metric;

use crate::app::App;
use crate::domain::Kind;
use crate::error::Error;

/// How often what is out is counted.
const COUNTED: Duration = Duration::from_secs(15);
/// How often what is out is looked at.
const EXAMINED: Duration = Duration::from_secs(300);
/// Longest wait of a start for lists that are missing.
const FIRST: Duration = Duration::from_secs(5);
/// Time between two looks whether they are out.
const LOOK: Duration = Duration::from_millis(10);

pub(crate) fn all(app: &App) -> Vec<Job> {
    let [lists, counted, examined] = std::array::from_fn(|_| app.clone());
    vec![
        Job::task("lists", move |stop| publisher::run(lists, stop)),
        // A gauge of each process.
        Job::each("state of lists", COUNTED, move || {
            let app = counted.clone();
            async move { count(&app).await }
        }),
        Job::each("self-check of lists", EXAMINED, move || {
            let app = examined.clone();
            async move { examine(&app).await }
        }),
    ]
}

/// Makes the lists that are missing, so that a process that says that it is ready has one of each CA. After [`FIRST`] it is left to
/// the background work: another process may be at it, or `ca` or `keymgr` may not answer.
pub(crate) async fn make_missing(app: &App, stop: &CancellationToken) {
    if lists_are_out(app).await {
        return;
    }
    let done = stop.child_token();
    let out = async {
        if timeout(FIRST, until_lists_are_out(app)).await.is_err() {
            tracing::warn!("CRLs are not out yet; they are made in the background");
        }
        done.cancel();
    };
    tokio::join!(Box::pin(publisher::run(app.clone(), done.clone())), out);
}

async fn until_lists_are_out(app: &App) {
    while !lists_are_out(app).await {
        sleep(LOOK).await;
    }
}

async fn lists_are_out(app: &App) -> bool {
    let state = app.state().await;
    state.is_ok_and(|state| state.missing(app.clock.now()).is_empty())
}

#[expect(clippy::cast_precision_loss, reason = "counts and times are far below 2^52")]
async fn count(app: &App) -> Result<(), Error> {
    if app.target.is_some() {
        let lag = app.behind().await?.map(|(_, since)| app.clock.now() - since);
        metrics::gauge!(metric::CRL_DIRECTORY_LAG_SECONDS).set(lag.map_or(0.0, |lag| lag.as_seconds_f64()));
    }
    let state = app.state().await?;
    // Noted here so that doctor knows since when.
    app.overdue(&state, app.clock.now());
    if let Some(lag) = state.lag(app.clock.now()) {
        metrics::gauge!(metric::CRL_FEED_LAG_SECONDS).set(lag.as_secs_f64());
    }
    for issuer in &state.issuers {
        let of_issuer = state
            .scopes
            .iter()
            .filter(|scope_state| scope_state.scope.issuer == issuer.name);
        for kind in [Kind::Complete, Kind::Delta] {
            let current: Vec<_> = of_issuer
                .clone()
                .filter_map(|scope_state| scope_state.current(kind))
                .collect();
            let labels = [("ca", issuer.name.clone()), ("kind", kind.as_str().to_owned())];
            // Of shards the one that runs out first.
            if let Some(first) = current.iter().map(|list| list.next_update).min() {
                metrics::gauge!(metric::CRL_NEXT_UPDATE_SECONDS, &labels).set(first.unix_timestamp() as f64);
            }
            if let Some(oldest) = current.iter().map(|list| list.this_update).min() {
                metrics::gauge!(metric::CRL_THIS_UPDATE_SECONDS, &labels).set(oldest.unix_timestamp() as f64);
            }
            if kind == Kind::Complete {
                let entries: u64 = current.iter().map(|list| list.entries).sum();
                metrics::gauge!(metric::CRL_ENTRIES, "ca" => issuer.name.clone()).set(entries as f64);
            }
        }
    }
    for list in app.imported().await? {
        let labels = [
            ("ca", list.scope.issuer.clone()),
            ("kind", list.kind.as_str().to_owned()),
        ];
        metrics::gauge!(metric::CRL_NEXT_UPDATE_SECONDS, &labels)
            .set(list.next_update.unix_timestamp() as f64);
        metrics::gauge!(metric::CRL_THIS_UPDATE_SECONDS, &labels)
            .set(list.this_update.unix_timestamp() as f64);
        metrics::gauge!(metric::CRL_ENTRIES, "ca" => list.scope.issuer).set(list.entries as f64);
    }
    Ok(())
}

async fn examine(app: &App) -> Result<(), Error> {
    let wrong = app.examine_all().await?;
    #[expect(clippy::cast_precision_loss, reason = "a count of lists")]
    metrics::gauge!(metric::CRL_WRONG).set(wrong.len() as f64);
    for (scope, kind, problem) in wrong {
        tracing::error!(%scope, kind = kind.as_str(), problem, "CRL that is out is wrong; it is made again");
        app.make_again(&scope).await?;
    }
    Ok(())
}
