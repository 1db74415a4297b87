//! Background work on every service's outbox: events that are old and that every subscriber has are deleted. Safe on
//! every replica at once.

use std::time::Duration;

use kit::clock::SharedClock;
use store::{Db, StoreError, outbox};
use tokio_util::sync::CancellationToken;

/// Time between two rounds; short against [`KEPT`].
const EVERY: Duration = Duration::from_secs(600);
/// Events stay for a week at least, also when every subscriber has them: for people who look into the outbox.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// Events per transaction: on SQLite, other writers wait while one runs.
const AT_ONCE: u32 = 1000;

/// Runs until `stop`.
pub(crate) async fn run(databases: Vec<Db>, clock: SharedClock, stop: CancellationToken) {
    let mut timer = tokio::time::interval(EVERY);
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while stop.run_until_cancelled(timer.tick()).await.is_some() {
        for db in &databases {
            if let Err(error) = prune(db, &clock, &stop).await {
                let cause = kit::error::chain(&error);
                tracing::warn!(
                    service = db.schema(),
                    cause,
                    "old events could not be removed; trying again later"
                );
            }
        }
    }
}

async fn prune(db: &Db, clock: &SharedClock, stop: &CancellationToken) -> Result<(), StoreError> {
    let before = clock.now() - KEPT;
    while !stop.is_cancelled() && outbox::prune(db, before, AT_ONCE).await? == u64::from(AT_ONCE) {}
    outbox::measure(db).await
}
