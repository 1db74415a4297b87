//! The octets of lists, in pieces.

use store::lease::Lease;
use store::{Db, StoreError};
use uuid::Uuid;

/// Stores a piece of a list that is being written.
pub(crate) async fn put(
    db: &Db,
    lease: &Lease,
    (list, ordinal): (Uuid, i64),
    content: &[u8],
) -> Result<(), StoreError> {
    let sql = "INSERT INTO pieces (publication, ordinal, content) VALUES ($1, $2, $3)";
    let mut tx = db.begin().await?;
    lease.hold(&mut tx).await?;
    store::tx!(&mut tx, |c| sqlx::query(sql)
        .bind(list)
        .bind(ordinal)
        .bind(content)
        .execute(c)
        .await?
        .rows_affected());
    tx.commit().await
}

/// The next piece behind that ordinal, with its own; `None` at the end.
pub(crate) async fn next(db: &Db, list: Uuid, after: i64) -> Result<Option<(i64, Vec<u8>)>, StoreError> {
    let sql = "SELECT ordinal, content FROM pieces WHERE publication = $1 AND ordinal > $2 ORDER BY ordinal LIMIT 1";
    Ok(store::read!(db, |c| sqlx::query_as(sql)
        .bind(list)
        .bind(after)
        .fetch_optional(c)
        .await)?)
}
