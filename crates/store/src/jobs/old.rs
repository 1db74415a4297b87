//! Forgetting what is over, in pieces: on SQLite, other writers wait while one runs.

use time::OffsetDateTime;
use uuid::Uuid;

use super::{is_sqlite, with_id};
use crate::lease::Lease;
use crate::time::to_micros;
use crate::{Db, StoreError, Tx};

/// Rows of one transaction.
const AT_ONCE: i64 = 1000;

/// What a piece of pruning left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pruned {
    /// Old jobs, or items of one: there is more to do.
    Some,
    /// Nothing that is old.
    All,
}

/// Deletes a thousand items of a job that ended before that, and with the last of them the job and its lease, as the holder of
/// `lease`.
///
/// # Errors
/// Those of the database.
pub async fn prune(
    db: &Db,
    lease: &Lease,
    lease_of: impl Fn(Uuid) -> String,
    before: OffsetDateTime,
) -> Result<Pruned, StoreError> {
    let mut tx = db.begin().await?;
    lease.hold(&mut tx).await?;
    let named = with_id(is_sqlite(db));
    let sql = format!("SELECT id FROM jobs WHERE {named} AND ended_us < $1 ORDER BY ended_us LIMIT 1");
    let old: Option<Uuid> = crate::tx!(&mut tx, |c| sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
        .bind(to_micros(before))
        .fetch_optional(c)
        .await)?;
    let Some(id) = old else { return Ok(Pruned::All) };
    forget_in(&mut tx, id, &lease_of(id)).await?;
    tx.commit().await?;
    Ok(Pruned::Some)
}

/// The same for one job that has ended, whenever that was; `lease_of_job` is the name of its own. [`Pruned::All`] once nothing of
/// it is left.
///
/// # Errors
/// Those of the database.
pub async fn forget(db: &Db, lease: &Lease, (job, lease_of_job): (Uuid, &str)) -> Result<Pruned, StoreError> {
    let mut tx = db.begin().await?;
    lease.hold(&mut tx).await?;
    let forgotten = forget_in(&mut tx, job, lease_of_job).await?;
    tx.commit().await?;
    Ok(forgotten)
}

async fn forget_in(tx: &mut Tx, job: Uuid, lease_of_job: &str) -> Result<Pruned, StoreError> {
    let items = crate::tx!(&mut *tx, |c| sqlx::query(
        "DELETE FROM job_items WHERE job = $1 AND position IN
         (SELECT position FROM job_items WHERE job = $1 ORDER BY position LIMIT $2)"
    )
    .bind(job)
    .bind(AT_ONCE)
    .execute(c)
    .await?
    .rows_affected());
    if items == AT_ONCE.unsigned_abs() {
        return Ok(Pruned::Some);
    }
    crate::tx!(tx, |c| {
        sqlx::query("DELETE FROM leases WHERE name = $1")
            .bind(lease_of_job)
            .execute(&mut *c)
            .await?;
        sqlx::query("DELETE FROM jobs WHERE id = $1")
            .bind(job)
            .execute(c)
            .await?
            .rows_affected()
    });
    Ok(Pruned::All)
}

/// Deletes a thousand items that were not looked at, of a job that ends without them, and counts them in the job.
/// [`Pruned::All`] once there are none.
///
/// # Errors
/// Those of the database.
pub async fn drop_pending(tx: &mut Tx, job: Uuid) -> Result<Pruned, StoreError> {
    let dropped = crate::tx!(&mut *tx, |c| sqlx::query(
        "DELETE FROM job_items WHERE job = $1 AND position IN
         (SELECT position FROM job_items WHERE job = $1 AND state = 'pending' ORDER BY position LIMIT $2)"
    )
    .bind(job)
    .bind(AT_ONCE)
    .execute(c)
    .await?
    .rows_affected());
    crate::tx!(tx, |c| sqlx::query(
        "UPDATE jobs SET pending_items = COALESCE(pending_items, 0) + $2 WHERE id = $1"
    )
    .bind(job)
    .bind(i64::try_from(dropped).unwrap_or(i64::MAX))
    .execute(c)
    .await?
    .rows_affected());
    Ok(match dropped < AT_ONCE.unsigned_abs() {
        true => Pruned::All,
        false => Pruned::Some,
    })
}

/// Forgets the Idempotency-Keys of a thousand jobs that were accepted before that, as the holder of `lease`.
///
/// # Errors
/// Those of the database.
pub async fn forget_claims(db: &Db, lease: &Lease, before: OffsetDateTime) -> Result<Pruned, StoreError> {
    let mut tx = db.begin().await?;
    lease.hold(&mut tx).await?;
    let forgotten = crate::tx!(&mut tx, |c| sqlx::query(
        "UPDATE jobs SET key_sha256 = NULL, request_sha256 = NULL WHERE id IN
         (SELECT id FROM jobs WHERE key_sha256 IS NOT NULL AND created_us < $1 ORDER BY created_us LIMIT $2)"
    )
    .bind(to_micros(before))
    .bind(AT_ONCE)
    .execute(c)
    .await?
    .rows_affected());
    tx.commit().await?;
    Ok(match forgotten < AT_ONCE.unsigned_abs() {
        true => Pruned::All,
        false => Pruned::Some,
    })
}
