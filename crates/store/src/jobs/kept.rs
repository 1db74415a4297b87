//! What is kept of jobs that have ended: for each requester so much, the newest of it.

use uuid::Uuid;

use crate::{Db, StoreError};

/// Jobs of one requester that are read beyond those that are kept.
const AT_ONCE: u64 = 100;

/// Bounds of what is kept of one requester's jobs that have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Jobs.
    pub jobs: u64,
    /// Their items together.
    pub items: u64,
}

/// Jobs of that requester that have ended and are beyond what is kept, newest first, some at a time. The newest of all is never
/// among them, however many items it has.
///
/// # Errors
/// Those of the database.
pub async fn surplus(db: &Db, requester: &str, most: Kept) -> Result<Vec<Uuid>, StoreError> {
    const ENDED: &str = "SELECT id, COALESCE(done_items, 0) + COALESCE(skipped_items, 0) + COALESCE(failed_items, 0) \
         FROM jobs WHERE requester = $1 AND ended_us IS NOT NULL ORDER BY ended_us DESC, id DESC LIMIT $2";
    let read = i64::try_from(most.jobs.saturating_add(AT_ONCE)).unwrap_or(i64::MAX);
    let ended: Vec<(Uuid, i64)> = crate::read!(db, |c| sqlx::query_as(ENDED)
        .bind(requester)
        .bind(read)
        .fetch_all(c)
        .await)?;
    let (mut jobs, mut items) = (0u64, 0u64);
    let is_kept = |&(_, of_job): &(Uuid, i64)| {
        jobs += 1;
        items = items.saturating_add(u64::try_from(of_job).unwrap_or_default());
        jobs == 1 || (jobs <= most.jobs && items <= most.items)
    };
    let surplus = ended.into_iter().skip_while(is_kept);
    Ok(surplus.map(|(id, _)| id).collect())
}

/// Requesters who have more than is kept. Reads all jobs.
///
/// # Errors
/// Those of the database.
pub async fn of_too_many(db: &Db, most: Kept) -> Result<Vec<String>, StoreError> {
    const OVER: &str = "SELECT requester FROM jobs WHERE ended_us IS NOT NULL GROUP BY requester HAVING COUNT(*) > $1 \
         OR SUM(COALESCE(done_items, 0) + COALESCE(skipped_items, 0) + COALESCE(failed_items, 0)) > $2";
    let bound = |most: u64| i64::try_from(most).unwrap_or(i64::MAX);
    Ok(crate::read!(db, |c| sqlx::query_scalar(OVER)
        .bind(bound(most.jobs))
        .bind(bound(most.items))
        .fetch_all(c)
        .await)?)
}
