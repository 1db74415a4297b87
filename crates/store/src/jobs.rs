//! Long work, durable: what was asked for, its items, and what became of each.
//!
//! This is the table and nothing else: who runs a job, and how, is `kit::jobs`. Every statement that changes a running job
//! is in a transaction that holds the job's [`Lease`](crate::lease::Lease).

mod items;
mod job;
mod kept;
mod old;
mod queue;
mod slice;
#[cfg(test)]
mod tests;

use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

pub use items::{
    Item, ItemPlace, ItemState, Progress, add_items, count_items, finish_item, items, pending, progress,
    progress_in,
};
pub use job::{Job, State};
pub use kept::{JobBounds, of_too_many, surplus};
pub use old::{Pruned, drop_pending, forget, forget_claims, prune};
pub use queue::{Form, Queued, Waiting, queued, queued_in, waiting};
pub use slice::Slice;

use self::job::COLUMNS;
use crate::time::to_micros;
use crate::{Db, IdempotencyClaim, Pools, StoreError, Tx};

/// What is to be done.
#[derive(Clone, Debug)]
pub struct NewJob<'a> {
    /// Which work, such as `certificates.revoke`.
    pub kind: &'a str,
    /// Who asked.
    pub requester: &'a str,
    /// What was asked for, and by whose rights.
    pub request: &'a Value,
    /// In which form that is written: a process that knows only earlier ones leaves the job to others.
    pub format: i64,
    /// What makes the request have one effect if it is repeated.
    pub claim: Option<IdempotencyClaim>,
    /// Of the request that asked.
    pub correlation_id: Option<&'a str>,
    /// Of the request that asked.
    pub traceparent: Option<&'a str>,
}

/// Accepts a job without items; it is done once the transaction has committed and a process runs it.
///
/// # Errors
/// [`StoreError::Conflict`] on `jobs(key_sha256)` for a claim that another job has; those of the database.
pub async fn create(tx: &mut Tx, job: &NewJob<'_>, now: OffsetDateTime) -> Result<Uuid, StoreError> {
    let id = crate::id::new_id(now);
    let (key, asked) = match job.claim {
        Some(claim) => (Some(claim.key.to_vec()), Some(claim.request.to_vec())),
        None => (None, None),
    };
    crate::tx!(tx, |c| {
        sqlx::query(
        "INSERT INTO jobs (id, kind, requester, request, state, collected, created_us, key_sha256, request_sha256,
         correlation_id, traceparent, format) VALUES ($1, $2, $3, $4, 'queued', FALSE, $5, $6, $7, $8, $9, $10)"
    )
    .bind(id)
    .bind(job.kind)
    .bind(job.requester)
    .bind(job.request.to_string())
    .bind(to_micros(now))
    .bind(key)
    .bind(asked)
    .bind(job.correlation_id)
    .bind(job.traceparent)
    .bind(job.format)
    .execute(c)
    .await?
    .rows_affected()
    });
    Ok(id)
}

/// What was asked for under a claim's key, and the job that it was accepted as.
///
/// # Errors
/// Those of the database.
pub async fn by_claim(db: &Db, key: [u8; 32]) -> Result<Option<(Vec<u8>, Uuid)>, StoreError> {
    Ok(crate::read!(db, |c| sqlx::query_as(
        "SELECT request_sha256, id FROM jobs WHERE key_sha256 = $1"
    )
    .bind(key.to_vec())
    .fetch_optional(c)
    .await)?)
}

/// The job of that id, to be done.
///
/// # Errors
/// [`StoreError::Corrupt`] for a row that cannot be read; those of the database.
pub async fn get(db: &Db, id: Uuid) -> Result<Option<Job>, StoreError> {
    as_stored(db, id).await?.map(Job::whole).transpose()
}

/// The job of that id, to be shown: of a row that cannot be read, what can be ([`Job::damage`]).
///
/// # Errors
/// Those of the database.
pub async fn as_stored(db: &Db, id: Uuid) -> Result<Option<Job>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM jobs WHERE id = $1");
    Ok(crate::read!(db, |c| sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(id)
        .fetch_optional(c)
        .await)?)
}

/// Like [`get`] within a transaction: whether it is asked to end stays as it is until the transaction ends.
///
/// # Errors
/// [`StoreError::Corrupt`] for a row that cannot be read; those of the database.
pub async fn hold(tx: &mut Tx, id: Uuid) -> Result<Option<Job>, StoreError> {
    hold_as_stored(tx, id).await?.map(Job::whole).transpose()
}

/// Like [`as_stored`] within a transaction: whether it is asked to end stays as it is until the transaction ends.
///
/// # Errors
/// Those of the database.
pub async fn hold_as_stored(tx: &mut Tx, id: Uuid) -> Result<Option<Job>, StoreError> {
    let locking = crate::lock::update(tx);
    let sql = format!("SELECT {COLUMNS} FROM jobs WHERE id = $1{locking}");
    Ok(crate::tx!(tx, |c| sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(id)
        .fetch_optional(c)
        .await)?)
}

/// Leaves out rows whose id cannot be read: no request names such a job, and no cursor leads past it. Only SQLite has them.
fn with_id(on_sqlite: bool) -> &'static str {
    match on_sqlite {
        true => "typeof(id) = 'blob' AND length(id) = 16",
        false => "TRUE",
    }
}

fn is_sqlite(db: &Db) -> bool {
    matches!(db.pools(), Pools::Lite { .. })
}

/// How many of `most` jobs have an id that cannot be read.
///
/// # Errors
/// Those of the database.
pub async fn without_id(db: &Db, most: i64) -> Result<i64, StoreError> {
    let sql = format!(
        "SELECT COUNT(*) FROM (SELECT id FROM jobs LIMIT $1) AS read WHERE NOT ({})",
        with_id(is_sqlite(db))
    );
    Ok(crate::read!(db, |c| sqlx::query_scalar(sqlx::AssertSqlSafe(
        sql
    ))
    .bind(most)
    .fetch_one(c)
    .await)?)
}

/// Jobs by age, to be shown, without those that have no id; of one requester only if so asked.
///
/// # Errors
/// Those of the database.
pub async fn list(db: &Db, requester: Option<&str>, slice: &Slice<Uuid>) -> Result<Vec<Job>, StoreError> {
    let (compare, order) = (slice.compare(), slice.order());
    let from = slice.behind.unwrap_or(match slice.down {
        true => Uuid::max(),
        false => Uuid::nil(),
    });
    let of = requester.map_or("", |_| "requester = $3 AND");
    let named = with_id(is_sqlite(db));
    let sql = format!(
        "SELECT {COLUMNS} FROM jobs WHERE {of} {named} AND id {compare} $1 ORDER BY id {order} LIMIT $2"
    );
    Ok(crate::read!(db, |c| {
        let query = sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(from)
            .bind(slice.rows);
        match requester {
            Some(requester) => query.bind(requester).fetch_all(c).await,
            None => query.fetch_all(c).await,
        }
    })?)
}

/// How many jobs there are, counted to `most`; of one requester only if so asked.
///
/// # Errors
/// Those of the database.
pub async fn count(db: &Db, requester: Option<&str>, most: i64) -> Result<i64, StoreError> {
    let of = requester.map_or("", |_| "WHERE requester = $2");
    let sql = format!("SELECT COUNT(*) FROM (SELECT 1 FROM jobs {of} LIMIT $1) AS counted");
    Ok(crate::read!(db, |c| {
        let query = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(most);
        match requester {
            Some(requester) => query.bind(requester).fetch_one(c).await,
            None => query.fetch_one(c).await,
        }
    })?)
}

/// Notes that a process has begun. False if one had before.
///
/// # Errors
/// Those of the database.
pub async fn start(tx: &mut Tx, id: Uuid, now: OffsetDateTime) -> Result<bool, StoreError> {
    let started = crate::tx!(tx, |c| {
        sqlx::query(
        "UPDATE jobs SET state = 'running', started_us = $2 WHERE id = $1 AND started_us IS NULL AND ended_us IS NULL"
    )
    .bind(id)
    .bind(to_micros(now))
    .execute(c)
    .await?
    .rows_affected()
    });
    Ok(started > 0)
}

/// Notes where collecting goes on; without a place all items are known.
///
/// # Errors
/// Those of the database.
pub async fn collected_to(tx: &mut Tx, id: Uuid, cursor: Option<&str>) -> Result<(), StoreError> {
    crate::tx!(tx, |c| sqlx::query(
        "UPDATE jobs SET collect_cursor = $2, collected = $3 WHERE id = $1"
    )
    .bind(id)
    .bind(cursor)
    .bind(cursor.is_none())
    .execute(c)
    .await?
    .rows_affected());
    Ok(())
}

/// Asks a job to end. False if it has ended already, or was asked before.
///
/// # Errors
/// Those of the database.
pub async fn cancel(tx: &mut Tx, id: Uuid, by: &str, now: OffsetDateTime) -> Result<bool, StoreError> {
    let canceled = crate::tx!(tx, |c| {
        sqlx::query(
        "UPDATE jobs SET cancel_us = $2, canceled_by = $3 WHERE id = $1 AND ended_us IS NULL AND cancel_us IS NULL"
    )
    .bind(id)
    .bind(to_micros(now))
    .bind(by)
    .execute(c)
    .await?
    .rows_affected()
    });
    Ok(canceled > 0)
}

/// Notes why a job is about to end, so that it ends so whatever comes between.
///
/// # Errors
/// Those of the database.
pub async fn fail(tx: &mut Tx, id: Uuid, failure: &str) -> Result<(), StoreError> {
    crate::tx!(tx, |c| sqlx::query(
        "UPDATE jobs SET failure = $2 WHERE id = $1 AND ended_us IS NULL"
    )
    .bind(id)
    .bind(failure)
    .execute(c)
    .await?
    .rows_affected());
    Ok(())
}

/// Ends a job and counts its items. False if it had ended.
///
/// # Errors
/// Those of the database.
pub async fn end(
    tx: &mut Tx,
    id: Uuid,
    (state, failure): (State, Option<&str>),
    now: OffsetDateTime,
) -> Result<bool, StoreError> {
    let counts = progress_in(tx, id).await?;
    let count = |items: u64| i64::try_from(items).unwrap_or(i64::MAX);
    let ended = crate::tx!(tx, |c| sqlx::query(
        "UPDATE jobs SET state = $2, failure = $3, ended_us = $4, pending_items = $5, done_items = $6,
         skipped_items = $7, failed_items = $8 WHERE id = $1 AND ended_us IS NULL"
    )
    .bind(id)
    .bind(state.as_str())
    .bind(failure)
    .bind(to_micros(now))
    .bind(count(counts.pending))
    .bind(count(counts.done))
    .bind(count(counts.skipped))
    .bind(count(counts.failed))
    .execute(c)
    .await?
    .rows_affected());
    Ok(ended > 0)
}
