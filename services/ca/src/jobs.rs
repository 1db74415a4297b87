//! Background work: removes idempotency keys after a day, records compromised keys that an earlier version left out, and
//! counts certificates that expire soon. Safe on every replica at once.

use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use kit::service::Job;

use crate::app::App;
use crate::error::Error;
use crate::tables::certificates::{expiring, prune_idempotency_keys};

/// Time between two rounds: the counts of certificates are in days, so ten minutes are exact enough.
const EVERY: Duration = Duration::from_secs(600);
/// How long an idempotency key is remembered; documented in `docs/guides/operating.md`.
const KEPT: Duration = Duration::from_secs(24 * 3600);
/// Rows per transaction: on SQLite, other writers wait while one runs.
const AT_ONCE: u32 = 1000;

pub(crate) fn all(app: &App) -> Vec<Job> {
    let work = |name, round: fn(App) -> BoxFuture<'static, Result<(), Error>>| {
        let app = app.clone();
        Job::each(name, EVERY, move || round(app.clone()))
    };
    let known = app.clone();
    vec![
        work("old idempotency keys", |app| {
            async move { prune(&app).await }.boxed()
        }),
        // A replica of an earlier version revokes without recording the key; this one does it after it.
        work("compromised keys", |app| {
            async move { app.record_compromised_keys().await }.boxed()
        }),
        work("certificates that expire", |app| {
            async move { count_expiring(&app).await }.boxed()
        }),
        // A first start has made its CAs by the time that jobs start.
        Job::task("default CA", |_stop| async move {
            known.authorities.warn_without_default(&known.config);
        }),
    ]
}

async fn prune(app: &App) -> Result<(), Error> {
    let before = app.clock.now() - KEPT;
    while prune_idempotency_keys(&app.db, before, AT_ONCE).await? == u64::from(AT_ONCE) {}
    Ok(())
}

/// `gigvault_certificates_expiring{ca,days}`: valid certificates whose last second comes within this many days.
async fn count_expiring(app: &App) -> Result<(), Error> {
    let counted = expiring(&app.db, app.clock.now()).await?;
    for authority in app.authorities.all() {
        let found = counted.iter().find(|found| found.ca == authority.name);
        let (day, week, month) = found.map_or((0, 0, 0), |found| {
            (found.within_1, found.within_7, found.within_30)
        });
        for (days, count) in [("1", day), ("7", week), ("30", month)] {
            #[expect(
                clippy::cast_precision_loss,
                reason = "a count of certificates is far below 2^52"
            )]
            metrics::gauge!("gigvault_certificates_expiring", "ca" => authority.name.clone(), "days" => days)
                .set(count as f64);
        }
    }
    Ok(())
}
