//! What readers may see of a feed, on each database; and keeping positions ahead when data moves to a new server.

use sqlx::FromRow;

use super::Cursor;
use crate::{Db, Pools, StoreError, Tx, TxKind};

/// The subselects run in the statement's own snapshot, so the horizon and what is visible belong together. `held_back`:
/// events are committed that wait behind the horizon, the same for each row.
pub(super) const AFTER_PG: &str = "WITH horizon AS MATERIALIZED (\
        SELECT tx_offset + pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS tx FROM outbox_state\
    ) SELECT tx, ordinal, id, kind, subject, time_us, data, correlation_id, traceparent, \
        EXISTS (SELECT 1 FROM outbox WHERE tx >= (SELECT tx FROM horizon)) AS held_back \
    FROM outbox WHERE (tx, ordinal) > ($1, $2) AND tx < (SELECT tx FROM horizon) \
    ORDER BY tx, ordinal LIMIT $3";

pub(super) const AFTER_LITE: &str = "SELECT tx, ordinal, id, kind, subject, time_us, data, correlation_id, \
    traceparent, FALSE AS held_back FROM outbox WHERE (tx, ordinal) > ($1, $2) ORDER BY tx, ordinal LIMIT $3";

const STATE_PG: &str = "SELECT pruned_tx, pruned_ordinal, \
    tx_offset + pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next_tx, \
    EXISTS (SELECT 1 FROM outbox WHERE (tx, ordinal) > ($1, $2)) AS more \
    FROM outbox_state";

const STATE_LITE: &str =
    "SELECT pruned_tx, pruned_ordinal, counter + 1 AS next_tx, FALSE AS more FROM outbox_state";

const AHEAD: &str = "it is ahead of the feed, whose database was restored from an older backup";

/// How far a feed has got.
#[derive(FromRow)]
pub(super) struct State {
    pruned_tx: i64,
    pruned_ordinal: i64,
    /// No event has this number or a higher one yet.
    next_tx: i64,
    /// Whether committed events follow the cursor. A read that did not find them was held back by an older
    /// transaction. Whether that still runs does not matter: it may have ended between the read and this look.
    pub(super) more: bool,
}

impl State {
    pub(super) async fn load(db: &Db, cursor: Cursor) -> Result<Self, StoreError> {
        Ok(match db.pools() {
            Pools::Pg(pool) => {
                let query = sqlx::query_as(STATE_PG).bind(cursor.tx).bind(cursor.ordinal);
                query.fetch_one(pool).await?
            }
            Pools::Lite { read, .. } => sqlx::query_as(STATE_LITE).fetch_one(read).await?,
        })
    }

    /// Refuses a cursor from which the feed cannot go on without a gap. The start is not a promise to see all.
    pub(super) fn check(&self, cursor: Cursor) -> Result<(), StoreError> {
        let pruned = Cursor {
            tx: self.pruned_tx,
            ordinal: self.pruned_ordinal,
        };
        let reason = if cursor.tx >= self.next_tx {
            AHEAD
        } else if cursor != Cursor::START && cursor < pruned {
            "the events that follow it were deleted after their retention time"
        } else {
            return Ok(());
        };
        Err(StoreError::Cursor {
            cursor: cursor.to_string(),
            reason,
        })
    }
}

/// Refuses a cursor of an event that has not happened in this database.
pub(crate) async fn refuse_ahead(tx: &mut Tx, cursor: Cursor) -> Result<(), StoreError> {
    const NEXT_PG: &str =
        "SELECT tx_offset + pg_snapshot_xmax(pg_current_snapshot())::text::bigint FROM outbox_state";
    const NEXT_LITE: &str = "SELECT counter + 1 FROM outbox_state";
    let next: i64 = match tx.kind() {
        TxKind::Pg(connection) => sqlx::query_scalar(NEXT_PG).fetch_one(connection).await?,
        TxKind::Lite(connection) => sqlx::query_scalar(NEXT_LITE).fetch_one(&mut **connection).await?,
    };
    if cursor.tx < next {
        return Ok(());
    }
    Err(StoreError::Cursor {
        cursor: cursor.to_string(),
        reason: AHEAD,
    })
}

/// The number below which no event can appear any more.
pub(crate) async fn of(tx: &mut Tx) -> Result<i64, StoreError> {
    const HORIZON: &str =
        "SELECT tx_offset + pg_snapshot_xmin(pg_current_snapshot())::text::bigint FROM outbox_state";
    match tx.kind() {
        TxKind::Pg(connection) => Ok(sqlx::query_scalar(HORIZON).fetch_one(connection).await?),
        TxKind::Lite(_) => Ok(i64::MAX),
    }
}

/// The place in the feed behind which every event is whose transaction has not committed yet: a reader of state that takes it
/// first and reads afterwards, in as many statements as it likes, has each change in what it reads, or in the feed behind that
/// place, or in both.
///
/// On PostgreSQL that is below the oldest transaction that still runs: what has a lower number has ended, and if it committed, every
/// later statement sees it. Transactions of that number or a higher one may be seen by then, and are behind the place in any case.
/// A place of the last event would not do: a transaction that drew its number before, and commits later, is behind nothing then.
/// On SQLite writers take turns, and all up to the last number drawn have ended.
///
/// # Errors
/// Those of the database.
pub async fn place(db: &Db) -> Result<Cursor, StoreError> {
    const PLACE_PG: &str =
        "SELECT tx_offset + pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1 FROM outbox_state";
    const PLACE_LITE: &str = "SELECT counter FROM outbox_state";
    let tx = match db.pools() {
        Pools::Pg(pool) => sqlx::query_scalar(PLACE_PG).fetch_one(pool).await?,
        Pools::Lite { read, .. } => sqlx::query_scalar(PLACE_LITE).fetch_one(read).await?,
    };
    // Behind all events of the last transaction that has ended: the next number may not be given out yet, and a cursor with
    // that would be refused as one of another database.
    let ordinal = i64::MAX;
    Ok(Cursor { tx, ordinal })
}

/// PostgreSQL counts transactions a server: data that moves to a new one (dump and restore) would get numbers
/// below those already read, which no subscriber would see. Run at every start, this raises the offset when the
/// server's numbers are not beyond the last event.
pub(crate) async fn keep_ahead(tx: &mut Tx) -> Result<(), StoreError> {
    const RAISE: &str = "UPDATE outbox_state SET tx_offset = last.tx - pg_current_xact_id()::text::bigint + 1 \
        FROM (SELECT max(tx) AS tx FROM outbox) AS last \
        WHERE last.tx >= tx_offset + pg_snapshot_xmax(pg_current_snapshot())::text::bigint";
    if let TxKind::Pg(connection) = tx.kind() {
        sqlx::query(RAISE).execute(connection).await?;
    }
    Ok(())
}
