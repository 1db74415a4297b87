//! Remove what no list will have any more.

use std::time::Duration;

use store::lease::Lease;
use time::OffsetDateTime;

use super::App;
use crate::domain::Scope;
use crate::tables::{pruning, publications};

/// How long a list that was replaced stays, for those who are still reading it.
const READ_FOR: Duration = Duration::from_secs(600);

impl App {
    /// Removes what no list will have any more, and octets of lists that were replaced. What fails is done the next time.
    pub(super) async fn prune(&self, lease: &Lease, scope: &Scope, now: OffsetDateTime) {
        let pruned = async {
            let mut tx = self.db.begin_snapshot().await?;
            let base = publications::base(&mut tx, scope, now - self.config.full_interval).await?;
            drop(tx);
            let Some(base) = base else { return Ok(()) };
            pruning::entries(&self.db, lease, scope, &base, now).await?;
            pruning::lists(&self.db, lease, &base, now - READ_FOR).await
        };
        if let Err(error) = pruned.await {
            tracing::warn!(%scope, cause = %error, "old entries and lists could not be removed");
        }
    }
}
