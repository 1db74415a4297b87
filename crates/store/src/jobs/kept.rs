//! What is kept of jobs that have ended: for each requester so much, the newest of it.

use uuid::Uuid;

use super::{is_sqlite, with_id};
use crate::{Db, StoreError};

/// Items of a job that has ended.
const ITEMS: &str = "COALESCE(done_items, 0) + COALESCE(skipped_items, 0) + COALESCE(failed_items, 0)";
/// Bytes of what was asked for.
const BYTES: &str = "CAST(COALESCE(OCTET_LENGTH(request), 0) AS BIGINT)";
/// Jobs of one requester that are read beyond those that are kept.
const AT_ONCE: u64 = 100;

/// Bounds of what is kept of one requester's jobs that have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobBounds {
    /// Jobs.
    pub jobs: u64,
    /// Their items together.
    pub items: u64,
    /// What was asked for, as it is stored, of all of them together.
    pub bytes: u64,
}

/// Jobs of that requester that have ended and are beyond what is kept, newest first, some at a time. The newest of all is never
/// among them, however many items it has.
///
/// # Errors
/// Those of the database.
pub async fn surplus(db: &Db, requester: &str, most: JobBounds) -> Result<Vec<Uuid>, StoreError> {
    let sql = format!(
        "SELECT id, {ITEMS}, {BYTES} FROM jobs WHERE requester = $1 AND ended_us IS NOT NULL AND {} \
         ORDER BY ended_us DESC, id DESC LIMIT $2",
        with_id(is_sqlite(db))
    );
    let read = i64::try_from(most.jobs.saturating_add(AT_ONCE)).unwrap_or(i64::MAX);
    let ended: Vec<(Uuid, i64, i64)> = crate::read!(db, |c| sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(requester)
        .bind(read)
        .fetch_all(c)
        .await)?;
    let mut sum = JobBounds {
        jobs: 0,
        items: 0,
        bytes: 0,
    };
    let plus = |sum: u64, of_job: i64| sum.saturating_add(u64::try_from(of_job).unwrap_or_default());
    let is_kept = |&(_, items, bytes): &(Uuid, i64, i64)| {
        sum = JobBounds {
            jobs: sum.jobs + 1,
            items: plus(sum.items, items),
            bytes: plus(sum.bytes, bytes),
        };
        sum.jobs == 1 || (sum.jobs <= most.jobs && sum.items <= most.items && sum.bytes <= most.bytes)
    };
    let surplus = ended.into_iter().skip_while(is_kept);
    Ok(surplus.map(|(id, ..)| id).collect())
}

/// Requesters who have more than is kept. Reads all jobs.
///
/// # Errors
/// Those of the database.
pub async fn of_too_many(db: &Db, most: JobBounds) -> Result<Vec<String>, StoreError> {
    let sql = format!(
        "SELECT requester FROM jobs WHERE ended_us IS NOT NULL GROUP BY requester HAVING COUNT(*) > $1 \
         OR SUM({ITEMS}) > $2 OR SUM({BYTES}) > $3"
    );
    let bound = |most: u64| i64::try_from(most).unwrap_or(i64::MAX);
    Ok(crate::read!(db, |c| sqlx::query_scalar(sqlx::AssertSqlSafe(
        sql
    ))
    .bind(bound(most.jobs))
    .bind(bound(most.items))
    .bind(bound(most.bytes))
    .fetch_all(c)
    .await)?)
}
