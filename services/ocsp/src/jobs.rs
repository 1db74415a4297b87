//! Background work: follows the feed of `ca`, looks after CAs and responders, forgets revocations of certificates that
//! expired, and renews responses that are old. Each process does it for itself; of those that share a database, one makes responders.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kit::feed::{Following, follow};
use kit::retry::Retry;
use kit::service::Job;
use tokio_util::sync::CancellationToken;
use vocabulary::service;

use crate::app::{App, RevocationFollower};
use crate::error::Error;

/// Time between two looks at CAs and responders. A CA that is added says so in the feed; responders are renewed days before they
/// end.
const ISSUERS_EVERY: Duration = Duration::from_secs(60);
/// The next look after one that failed, or where another process makes responders: at first, and later.
const SOON: Duration = Duration::from_secs(1);
const LATER: Duration = Duration::from_secs(10);
/// How often the lag is measured while nothing is received.
const LAG_EVERY: Duration = Duration::from_secs(1);
/// Time between two rounds in which expired certificates are forgotten.
const EXPIRED_EVERY: Duration = Duration::from_secs(3600);
/// How late `ca` is told when certificates were last asked about.
const QUERIES_EVERY: Duration = Duration::from_secs(5);
/// Time between two looks for responses that will soon be of no use; the shortest that they hold is five minutes.
const OLD_EVERY: Duration = Duration::from_secs(15);
/// Answers of this time, and of as much before it, are counted together.
const TIMES_EVERY: Duration = Duration::from_secs(300);

/// All of it. `cursor` has that of a snapshot, if one was taken by the time that the work starts.
pub(crate) fn all(app: &App, cursor: Arc<Mutex<Option<String>>>) -> Vec<Job> {
    let [following, issuers, presigned, expired, old, queries, lag, times] =
        std::array::from_fn(|_| app.clone());
    vec![
        Job::task("revocations", move |stop| {
            follow_revocations(following, cursor, stop)
        }),
        Job::task("OCSP issuers", move |stop| look_after_issuers(issuers, stop)),
        Job::task("presigned responses", move |stop| async move {
            stop.run_until_cancelled(presigned.presign_all()).await;
        }),
        Job::each("expired revocations", EXPIRED_EVERY, move || {
            let app = expired.clone();
            async move {
                app.forget_expired();
                Ok::<_, Error>(())
            }
        }),
        Job::each("old responses", OLD_EVERY, move || {
            let app = old.clone();
            async move {
                app.renew_old().await;
                Ok::<_, Error>(())
            }
        }),
        Job::each("OCSP queries", QUERIES_EVERY, move || {
            let app = queries.clone();
            async move { app.tell_queries().await }
        })
        .and_at_the_end(),
        Job::each("times of answers", TIMES_EVERY, move || {
            times.forget_old_times();
            std::future::ready(Ok::<_, Error>(()))
        }),
        // It grows while nothing is received.
        Job::each("lag of revocations", LAG_EVERY, move || {
            lag.measure_lag();
            lag.notice_ended();
            std::future::ready(Ok::<_, Error>(()))
        }),
    ]
}

async fn follow_revocations(app: App, cursor: Arc<Mutex<Option<String>>>, stop: CancellationToken) {
    let cursor = cursor.lock().unwrap_or_else(PoisonError::into_inner).take();
    let following = Following {
        service: service::CA,
        heartbeat: app.heartbeat(),
    };
    let watch = app.feed_of_ca();
    let mut follower = RevocationFollower::new(app, cursor);
    follow(following, watch, &mut follower, stop).await;
}

async fn look_after_issuers(app: App, stop: CancellationToken) {
    let look = async {
        let mut retry = Retry::new("look at CAs and responders", (SOON, LATER));
        loop {
            let next = match app.look_after_issuers().await {
                Ok(true) => {
                    retry.works();
                    ISSUERS_EVERY
                }
                Ok(false) => retry.later(),
                Err(error) => retry.failed(&error),
            };
            app.until_changed(next).await;
        }
    };
    stop.run_until_cancelled(look).await;
}
