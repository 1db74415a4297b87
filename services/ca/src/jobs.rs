//! Background work: idempotency keys are forgotten after a day. Safe on every replica at once.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::app::App;

const EVERY: Duration = Duration::from_secs(600);
const KEPT: Duration = Duration::from_secs(24 * 3600);
const AT_ONCE: u32 = 1000;

/// Runs until `stop`.
pub(crate) async fn run(app: App, stop: CancellationToken) {
    let mut timer = tokio::time::interval(EVERY);
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = timer.tick() => prune(&app).await,
        }
    }
}

async fn prune(app: &App) {
    let before = app.clock.now() - KEPT;
    loop {
        match crate::store::certificates::prune_idempotency_keys(&app.db, before, AT_ONCE).await {
            Ok(gone) if gone == u64::from(AT_ONCE) => {}
            Ok(_) => return,
            Err(error) => {
                tracing::warn!(error = %error, "old idempotency keys could not be removed; trying again later");
                return;
            }
        }
    }
}
