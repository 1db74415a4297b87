//! How much one requester may have waiting.
//!
//! What is accepted is done, so what is accepted is bounded: no requester fills the queue, and what one queues keeps
//! others waiting no longer than its share.

use std::time::Duration;

use store::jobs::{NewJob, Queued};
use store::{StoreError, Tx};
use uuid::Uuid;

use super::{JobRequest, Jobs};
use crate::error::{Fault, Kind, Shown};

/// Jobs of one requester that have not ended.
const MOST_JOBS: u64 = 10;
/// Items of theirs that were not looked at.
const MOST_ITEMS: u64 = 20_000;
/// Both.
const MOST: Queued = Queued {
    jobs: MOST_JOBS,
    items: MOST_ITEMS,
};
/// When to ask again: a job of some thousand items takes about as long.
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// Why a job was not stored.
#[derive(Debug, thiserror::Error)]
pub enum NotStored {
    /// The requester has the most jobs that one may have.
    #[error(
        "you have {MOST_JOBS} jobs that have not ended, which is the most; wait for one of them, or cancel it"
    )]
    Jobs,
    /// With these, the requester would have more items waiting than one may have.
    #[error(
        "{0} items of your jobs wait, and {MOST_ITEMS} may; ask for fewer, wait for a job, or cancel one"
    )]
    Items(u64),
    /// The database.
    #[error("the database did not answer as it should")]
    Store(#[from] StoreError),
}

impl Fault for NotStored {
    fn shown(&self) -> Shown<'_> {
        match self {
            Self::Jobs | Self::Items(_) => Shown::of(Kind::RateLimited).retry_after(RETRY_AFTER),
            Self::Store(error) => error.shown(),
        }
    }
}

impl Jobs {
    /// Whether [`Jobs::store`] would take it: to be asked before the transaction, so that what is refused takes no turn of those
    /// who write.
    ///
    /// # Errors
    /// [`NotStored`] as there.
    pub async fn admit(&self, request: &JobRequest) -> Result<(), NotStored> {
        let queued = store::jobs::queued(&self.db, &request.requester, MOST).await?;
        check(queued, request)
    }

    /// Stores a job in a transaction of the caller, who commits it and then calls [`Jobs::wake`]. Nothing else was locked by it
    /// before: until it ends, it is the only one that stores a job of this requester.
    ///
    /// # Errors
    /// [`NotStored::Jobs`] and [`NotStored::Items`] if the requester has too much waiting; [`StoreError::Conflict`] if another
    /// request with the same claim was faster: [`Jobs::before`] finds it.
    pub async fn store(&self, tx: &mut Tx, request: &JobRequest) -> Result<Uuid, NotStored> {
        let now = self.clock.now();
        let trace = crate::trace::current();
        let new = NewJob {
            kind: request.kind,
            requester: &request.requester,
            request: &request.request,
            format: request.format,
            claim: request.claim,
            correlation_id: trace.correlation_id.as_deref(),
            traceparent: trace.traceparent.as_deref(),
        };
        store::lock::exclusive(tx, vec![lock(&request.requester)]).await?;
        check(
            store::jobs::queued_in(tx, &request.requester, MOST).await?,
            request,
        )?;
        let job = store::jobs::create(tx, &new, now).await?;
        if let Some(objects) = &request.objects {
            store::jobs::add_items(tx, job, objects).await?;
            store::jobs::collected_to(tx, job, None).await?;
        }
        Ok(job)
    }
}

fn check(queued: Queued, request: &JobRequest) -> Result<(), NotStored> {
    if queued.jobs >= MOST.jobs {
        return Err(NotStored::Jobs);
    }
    // A filter finds at least one.
    let wanted = request.objects.as_ref().map_or(1, |objects| objects.len().max(1));
    let wanted = u64::try_from(wanted).unwrap_or(u64::MAX);
    if queued.items.saturating_add(wanted) > MOST.items {
        return Err(NotStored::Items(queued.items));
    }
    Ok(())
}

/// The name under which jobs of a requester are stored one after the other: apart from those of ca, which are smaller.
fn lock(requester: &str) -> i32 {
    let [a, b, c, d, ..] = x509::digest::sha256(requester.as_bytes());
    i32::from_be_bytes([a, b, c, d]) & i32::MAX | (1 << 30)
}
