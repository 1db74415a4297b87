//! Snapshots of ca: which is being taken, and whether one ever ended.

use store::time::to_micros;
use store::{Db, StoreError, Tx};
use time::OffsetDateTime;

/// Begins one and answers its number.
pub(crate) async fn begin(tx: &mut Tx) -> Result<i64, StoreError> {
    let sql = "UPDATE snapshots SET begun = begun + 1 WHERE id = 1 RETURNING begun";
    Ok(store::tx!(tx, |c| sqlx::query_scalar(sql).fetch_one(c).await?))
}

/// Notes that it ended.
pub(crate) async fn end(tx: &mut Tx, number: i64) -> Result<(), StoreError> {
    let sql = "UPDATE snapshots SET ended = $1, removed_until_us = NULL WHERE id = 1";
    store::tx!(tx, |c| sqlx::query(sql)
        .bind(number)
        .execute(c)
        .await?
        .rows_affected());
    Ok(())
}

/// Notes that entries of certificates that ended before that time are removed.
pub(super) async fn removed_until(tx: &mut Tx, until: OffsetDateTime) -> Result<(), StoreError> {
    let sql = "UPDATE snapshots SET removed_until_us = CASE WHEN removed_until_us > $1 THEN removed_until_us ELSE $1 END WHERE id = 1";
    store::tx!(tx, |c| sqlx::query(sql)
        .bind(to_micros(until))
        .execute(c)
        .await?
        .rows_affected());
    Ok(())
}

/// Whether no entry is missing: one ever ended, and what was removed since has expired by the clock of now. Where not, no list is made.
pub(crate) async fn is_complete(db: &Db, now: OffsetDateTime) -> Result<bool, StoreError> {
    let sql = "SELECT COUNT(*) FROM snapshots WHERE id = 1 AND ended > 0 AND (removed_until_us IS NULL OR removed_until_us <= $1)";
    let complete: i64 = store::read!(db, |c| sqlx::query_scalar(sql)
        .bind(to_micros(now))
        .fetch_one(c)
        .await)?;
    Ok(complete > 0)
}
