//! Durable cursors: how far this service's subscribers have read a feed, kept in this service's own database.
//!
//! Moved in the transaction that also holds what the subscriber does with the events, a cursor makes the effect
//! happen once, even when an instance of the subscriber that is thought dead still has a commit on the way.

use super::Cursor;
use crate::{Db, StoreError, Tx, read, tx};

const LOAD: &str = "SELECT tx, ordinal FROM feed_cursors WHERE feed = $1 AND subscriber = $2";

/// The cursor of a subscriber, or the start if it has none. `feed` is the name of the service whose feed it is.
///
/// # Errors
/// Those of the database.
pub async fn load(tx: &mut Tx, feed: &str, subscriber: &str) -> Result<Cursor, StoreError> {
    let cursor = tx!(tx, |c| sqlx::query_as(LOAD)
        .bind(feed)
        .bind(subscriber)
        .fetch_optional(c)
        .await?);
    Ok(cursor.unwrap_or(Cursor::START))
}

/// The same without a transaction.
///
/// # Errors
/// Those of the database.
pub async fn look(db: &Db, feed: &str, subscriber: &str) -> Result<Cursor, StoreError> {
    let cursor = read!(db, |c| sqlx::query_as(LOAD)
        .bind(feed)
        .bind(subscriber)
        .fetch_optional(c)
        .await)?;
    Ok(cursor.unwrap_or(Cursor::START))
}

/// Moves the cursor of a subscriber from where it was loaded to the last event that this transaction handles.
///
/// False means that it is no longer there: another instance of the subscriber handles these events, or did while
/// its commit was still on the way. The caller then drops the transaction and loads the cursor again. Call it
/// before doing anything else with the events: until the transaction ends, other instances wait here.
///
/// # Errors
/// Those of the database.
pub async fn advance(tx: &mut Tx, feed: &str, subscriber: &str, step: Step) -> Result<bool, StoreError> {
    const FIRST: &str = "INSERT INTO feed_cursors (feed, subscriber, tx, ordinal) VALUES ($1, $2, $3, $4) \
        ON CONFLICT (feed, subscriber) DO UPDATE SET tx = excluded.tx, ordinal = excluded.ordinal \
        WHERE feed_cursors.tx = $5 AND feed_cursors.ordinal = $6";
    const NEXT: &str = "UPDATE feed_cursors SET tx = $3, ordinal = $4 \
        WHERE feed = $1 AND subscriber = $2 AND tx = $5 AND ordinal = $6";
    let sql = if step.from == Cursor::START { FIRST } else { NEXT };
    let moved = tx!(tx, |c| {
        let query = sqlx::query(sql)
            .bind(feed)
            .bind(subscriber)
            .bind(step.to.tx)
            .bind(step.to.ordinal);
        query
            .bind(step.from.tx)
            .bind(step.from.ordinal)
            .execute(c)
            .await?
            .rows_affected()
    });
    Ok(moved == 1)
}

/// From where to where a subscriber moves.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// The cursor as it was loaded, or as the subscriber itself last moved it.
    pub from: Cursor,
    /// The cursor of the last event that is handled.
    pub to: Cursor,
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
