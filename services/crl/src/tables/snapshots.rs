//! Snapshots of ca: which is being taken, and whether one ever ended.

use store::{Db, StoreError, Tx};

/// Begins one and answers its number.
pub(crate) async fn begin(tx: &mut Tx) -> Result<i64, StoreError> {
    let sql = "UPDATE snapshots SET begun = begun + 1 WHERE id = 1 RETURNING begun";
    Ok(store::tx!(tx, |c| sqlx::query_scalar(sql).fetch_one(c).await?))
}

/// Notes that it ended.
pub(crate) async fn end(tx: &mut Tx, number: i64) -> Result<(), StoreError> {
    let sql = "UPDATE snapshots SET ended = $1 WHERE id = 1";
    store::tx!(tx, |c| sqlx::query(sql)
        .bind(number)
        .execute(c)
        .await?
        .rows_affected());
    Ok(())
}

/// Whether one ever ended: before that, entries are missing, and no list is made.
pub(crate) async fn is_complete(db: &Db) -> Result<bool, StoreError> {
    let sql = "SELECT ended FROM snapshots WHERE id = 1";
    let ended: i64 = store::read!(db, |c| sqlx::query_scalar(sql).fetch_one(c).await)?;
    Ok(ended > 0)
}
