//! Background work: removes idempotency keys after a day, records compromised keys that an earlier version left out, and
//! counts certificates that expire soon. Safe on every replica at once.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::tables::certificates::{expiring, prune_idempotency_keys};

/// Time between two rounds: the counts of certificates are in days, so ten minutes are exact enough.
const EVERY: Duration = Duration::from_secs(600);
/// How long an idempotency key is remembered; documented in `docs/guides/operating.md`.
const KEPT: Duration = Duration::from_secs(24 * 3600);
/// Rows per transaction: on SQLite, other writers wait while one runs.
const AT_ONCE: u32 = 1000;

/// Runs until `stop`.
pub(crate) async fn run(app: App, stop: CancellationToken) {
    // A first start has made its CAs by now.
    app.authorities.warn_without_default(&app.config);
    let mut timer = tokio::time::interval(EVERY);
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = timer.tick() => {
                prune(&app).await;
                record_compromised_keys(&app).await;
                count_expiring(&app).await;
            }
        }
    }
}

async fn prune(app: &App) {
    let before = app.clock.now() - KEPT;
    loop {
        match prune_idempotency_keys(&app.db, before, AT_ONCE).await {
            Ok(gone) if gone == u64::from(AT_ONCE) => {}
            Ok(_) => return,
            Err(error) => {
                tracing::warn!(error = %error, "old idempotency keys could not be removed; trying again later");
                return;
            }
        }
    }
}

/// A replica of an earlier version revokes without recording the key; this one does it after it.
async fn record_compromised_keys(app: &App) {
    if let Err(error) = app.record_compromised_keys().await {
        tracing::warn!(error = %error, "compromised keys could not be recorded; trying again later");
    }
}

/// `gigvault_certificates_expiring{ca,days}`: valid certificates whose last second comes within this many days.
async fn count_expiring(app: &App) {
    let counted = match expiring(&app.db, app.clock.now()).await {
        Ok(counted) => counted,
        Err(error) => {
            tracing::warn!(error = %error, "certificates that expire soon could not be counted; trying again later");
            return;
        }
    };
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
}
