//! Who reads this outbox, and how far each has confirmed.
//!
//! A subscriber in another database keeps its place there, and confirms here what it has made durable. What a subscriber
//! who is registered has not confirmed is never pruned, however long it takes. `audit` is registered by the first
//! migration.

use sqlx::FromRow;

use super::take_turn;
use crate::feed::{Cursor, horizon};
use crate::{Db, StoreError, Tx, read};

/// A registered subscriber.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Subscriber {
    /// Its name.
    #[sqlx(rename = "subscriber")]
    pub name: String,
    /// Everything up to here it has made durable.
    #[sqlx(flatten)]
    pub confirmed: Cursor,
}

/// Registers a subscriber and returns where it starts: behind what is pruned already, or where it is if it is
/// registered. From the commit of this transaction on nothing that follows is pruned before it confirms.
///
/// # Errors
/// Those of the database.
pub async fn register(tx: &mut Tx, name: &str) -> Result<Cursor, StoreError> {
    const ADD: &str = "INSERT INTO outbox_subscribers (subscriber, tx, ordinal) \
        SELECT $1, pruned_tx, pruned_ordinal FROM outbox_state WHERE TRUE ON CONFLICT (subscriber) DO NOTHING";
    const PLACE: &str = "SELECT tx, ordinal FROM outbox_subscribers WHERE subscriber = $1";
    // who prunes at this moment has not seen us, and is waited for
    take_turn(tx).await?;
    Ok(crate::tx!(tx, |c| {
        sqlx::query(ADD).bind(name).execute(&mut *c).await?;
        sqlx::query_as(PLACE).bind(name).fetch_one(c).await?
    }))
}

/// Takes note that a subscriber has made durable everything up to a cursor. Never moves back: a confirmation that
/// comes late is none. False: no subscriber has that name.
///
/// # Errors
/// [`StoreError::Cursor`] when the cursor is ahead of the feed: it comes from another history, and to believe it
/// would delete what was not read.
pub async fn confirm(tx: &mut Tx, name: &str, cursor: Cursor) -> Result<bool, StoreError> {
    const KNOWN: &str = "SELECT count(*) FROM outbox_subscribers WHERE subscriber = $1";
    const MOVE: &str = "UPDATE outbox_subscribers SET tx = $2, ordinal = $3 \
        WHERE subscriber = $1 AND (tx, ordinal) < ($2, $3)";
    horizon::refuse_ahead(tx, cursor).await?;
    let known: i64 = crate::tx!(tx, |c| {
        sqlx::query(MOVE)
            .bind(name)
            .bind(cursor.tx)
            .bind(cursor.ordinal)
            .execute(&mut *c)
            .await?;
        sqlx::query_scalar(KNOWN).bind(name).fetch_one(c).await?
    });
    Ok(known > 0)
}

/// Removes a subscriber that is gone for good. What it alone held back can be pruned then.
///
/// # Errors
/// Those of the database.
pub async fn retire(tx: &mut Tx, name: &str) -> Result<(), StoreError> {
    let sql = "DELETE FROM outbox_subscribers WHERE subscriber = $1";
    crate::tx!(tx, |c| sqlx::query(sql)
        .bind(name)
        .execute(c)
        .await?
        .rows_affected());
    Ok(())
}

/// Those who are registered, by name.
///
/// # Errors
/// Those of the database.
pub async fn registered(db: &Db) -> Result<Vec<Subscriber>, StoreError> {
    let sql = "SELECT subscriber, tx, ordinal FROM outbox_subscribers ORDER BY subscriber";
    Ok(read!(db, |c| sqlx::query_as(sql).fetch_all(c).await)?)
}
