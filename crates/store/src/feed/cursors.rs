//! Durable cursors: how far this service's subscribers have read a feed, kept in this service's own database.
//!
//! Saved in the transaction that also holds what the subscriber did with the events, a cursor makes the effect
//! happen once.

use super::Cursor;
use crate::{StoreError, Tx, tx};

/// The cursor of a subscriber, or the start if it has none. `feed` is the name of the service whose feed it is.
///
/// # Errors
/// Those of the database.
pub async fn load(tx: &mut Tx, feed: &str, subscriber: &str) -> Result<Cursor, StoreError> {
    let sql = "SELECT tx, ordinal FROM feed_cursors WHERE feed = $1 AND subscriber = $2";
    let cursor = tx!(tx, |c| sqlx::query_as(sql)
        .bind(feed)
        .bind(subscriber)
        .fetch_optional(c)
        .await?);
    Ok(cursor.unwrap_or(Cursor::START))
}

/// Moves the cursor of a subscriber forward. One that lies behind the stored cursor changes nothing: it comes from
/// a reader that another replica has overtaken.
///
/// # Errors
/// Those of the database.
pub async fn save(tx: &mut Tx, feed: &str, subscriber: &str, cursor: Cursor) -> Result<(), StoreError> {
    let sql = "INSERT INTO feed_cursors (feed, subscriber, tx, ordinal) VALUES ($1, $2, $3, $4) \
        ON CONFLICT (feed, subscriber) DO UPDATE SET tx = excluded.tx, ordinal = excluded.ordinal \
        WHERE (feed_cursors.tx, feed_cursors.ordinal) < (excluded.tx, excluded.ordinal)";
    tx!(tx, |c| {
        let query = sqlx::query(sql)
            .bind(feed)
            .bind(subscriber)
            .bind(cursor.tx)
            .bind(cursor.ordinal);
        query.execute(c).await?;
    });
    Ok(())
}

/// Removes a subscriber that is gone for good, so that it no longer keeps events from being pruned.
///
/// # Errors
/// Those of the database.
pub async fn forget(tx: &mut Tx, feed: &str, subscriber: &str) -> Result<(), StoreError> {
    let sql = "DELETE FROM feed_cursors WHERE feed = $1 AND subscriber = $2";
    tx!(tx, |c| sqlx::query(sql)
        .bind(feed)
        .bind(subscriber)
        .execute(c)
        .await?
        .rows_affected());
    Ok(())
}
