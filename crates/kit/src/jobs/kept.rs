//! What is kept of jobs that have ended, and for how long.

use store::StoreError;
use store::jobs::{self, JobBounds, Pruned};
use store::lease::Lease;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::run::lease_of;
use super::{Jobs, Worker};

/// How long a job and its results are kept once it has ended.
const KEPT: time::Duration = time::Duration::days(30);
/// How long the Idempotency-Key of the request stands for a job, as for a certificate.
const CLAIMED: time::Duration = time::Duration::days(1);
/// How much of one requester is kept at most: the newest of it.
const MOST: JobBounds = JobBounds {
    jobs: 1000,
    items: 200_000,
    bytes: 4 * 1024 * 1024,
};

impl Jobs {
    /// Deletes jobs that ended a month ago and those beyond what is kept of a requester, and forgets the Idempotency-Keys of
    /// those that were accepted a day ago, as the one that holds `lease`.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn prune(&self, lease: &Lease) -> Result<(), StoreError> {
        let now = self.clock.now();
        while jobs::forget_claims(&self.db, lease, now - CLAIMED).await? == Pruned::Some {}
        while jobs::prune(&self.db, lease, lease_of, now - KEPT).await? == Pruned::Some {}
        // Where a process died before it had forgotten them itself.
        for requester in jobs::of_too_many(&self.db, MOST).await? {
            self.forget_surplus(&requester, lease).await?;
        }
        Ok(())
    }

    async fn forget_surplus(&self, requester: &str, lease: &Lease) -> Result<(), StoreError> {
        loop {
            let surplus = jobs::surplus(&self.db, requester, MOST).await?;
            if surplus.is_empty() {
                return Ok(());
            }
            for job in surplus {
                let its_lease = lease_of(job);
                while jobs::forget(&self.db, lease, (job, &its_lease)).await? == Pruned::Some {}
            }
        }
    }
}

impl Worker {
    /// Forgets what there is too much of, now that another job of that requester has ended: who accepts jobs as fast as they
    /// are done has no more of them than who waits. A stop leaves the rest to the next process.
    pub(super) async fn make_room(&self, ended: Uuid, lease: &Lease, stop: &CancellationToken) {
        let room = async {
            match jobs::get(&self.jobs.db, ended).await? {
                Some(job) => self.jobs.forget_surplus(&job.requester, lease).await,
                None => Ok(()),
            }
        };
        if let Some(Err(error)) = stop.run_until_cancelled(room).await {
            let cause = crate::error::chain(&error);
            tracing::warn!(
                job = %self.jobs.id(ended),
                cause,
                "older jobs of its requester could not be forgotten; that is tried again within minutes"
            );
        }
    }

    /// Drops the items of a job that ends without a look at them; `failure` says why, where it fails. False if the process
    /// stops before all are.
    pub(super) async fn drop_pending(
        &self,
        id: Uuid,
        failure: Option<&str>,
        (lease, stop): (&Lease, &CancellationToken),
    ) -> Result<bool, StoreError> {
        loop {
            let mut tx = self.jobs.db.begin().await?;
            lease.hold(&mut tx).await?;
            if let Some(failure) = failure {
                jobs::fail(&mut tx, id, failure).await?;
            }
            let dropped = jobs::drop_pending(&mut tx, id).await?;
            tx.commit().await?;
            if dropped == Pruned::All {
                return Ok(true);
            }
            if stop.is_cancelled() {
                return Ok(false);
            }
        }
    }
}
