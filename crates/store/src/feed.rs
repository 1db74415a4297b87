//! The change feed: the events of the [`outbox`](crate::outbox) in one order that never changes, for subscribers
//! that keep their own place.
//!
//! The order is (number of the transaction, ordinal in it). A subscriber reads what follows its [`Cursor`],
//! handles it, stores the new cursor (in the same transaction, if what it does is in a database) and goes on. It
//! sees every event at least once, and none out of order.
//!
//! **Why nothing is skipped.** On PostgreSQL a transaction gets its number when it first writes, but becomes
//! visible when it commits, and a lower number may commit after a higher one. A reader that went past the higher
//! would never look back. So a read stops below `pg_snapshot_xmin(pg_current_snapshot())`: all transactions under
//! that number had ended when the statement began, so what is not visible there now never will be. The price: a
//! transaction that writes anywhere on the server holds the feed back while it is open, which is why sessions may
//! not idle in transactions ([`Db::open`]). On SQLite writers take turns, so numbers are drawn in commit order.
//!
//! Waking is by signal, and by polling in case a signal is lost.

pub mod cursors;
pub(crate) mod horizon;
mod position;
mod subscribe;

use std::time::Duration;

use sqlx::FromRow;
use time::OffsetDateTime;
use uuid::Uuid;

pub use self::horizon::place;
pub use self::position::{Cursor, InvalidCursor};
pub use self::subscribe::Reading;
use crate::time::from_micros;
use crate::{Db, Pools, StoreError};

/// Events that a subscription fetches at once.
const BATCH: u32 = 500;

/// An event as subscribers see it: the attributes of CloudEvents 1.0 and those of tracing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The event's place in the feed: what to continue from once it is handled.
    pub cursor: Cursor,
    /// Identifies the event, also when it is seen twice.
    pub id: Uuid,
    /// What happened, such as `certificate.issued`.
    pub kind: String,
    /// The service it happened in, as the CloudEvents source: `urn:gigvault:ca`.
    pub source: String,
    /// What it happened to.
    pub subject: String,
    /// When it happened, by the clock of the service.
    pub time: OffsetDateTime,
    /// The facts as JSON text.
    pub data: String,
    /// Correlation id of the request that caused it.
    pub correlation_id: Option<String>,
    /// W3C trace context of the request that caused it.
    pub traceparent: Option<String>,
}

impl Event {
    /// The CloudEvents type, such as `io.gigvault.certificate.issued`.
    #[must_use]
    pub fn event_type(&self) -> String {
        format!("{}{}", vocabulary::event::PREFIX, self.kind)
    }

    /// The facts as a value.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when they do not have that form.
    pub fn parse_data<T: serde::de::DeserializeOwned>(&self) -> Result<T, StoreError> {
        serde_json::from_str(&self.data)
            .map_err(|error| StoreError::Corrupt(format!("data of {} event {}: {error}", self.kind, self.id)))
    }
}

/// Reads a service's change feed. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Feed {
    db: Db,
    poll: Duration,
}

impl Feed {
    /// A reader of the feed in that database. `poll` is how long a subscription trusts the signals before it looks
    /// by itself; a second or more.
    #[must_use]
    pub fn new(db: Db, poll: Duration) -> Self {
        Self { db, poll }
    }

    /// The events that follow a cursor, oldest first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Cursor`] when events behind the cursor were pruned, or the cursor is ahead of the feed
    /// because the database was restored from an older backup.
    pub async fn after(&self, cursor: Cursor, limit: u32) -> Result<Vec<Event>, StoreError> {
        Ok(self.read(cursor, limit).await?.events)
    }

    async fn read(&self, cursor: Cursor, limit: u32) -> Result<Batch, StoreError> {
        let rows: Vec<Row> = match self.db.pools() {
            Pools::Pg(pool) => {
                let query = sqlx::query_as(horizon::AFTER_PG)
                    .bind(cursor.tx)
                    .bind(cursor.ordinal);
                query.bind(i64::from(limit)).fetch_all(pool).await?
            }
            Pools::Lite { read, .. } => {
                let query = sqlx::query_as(horizon::AFTER_LITE)
                    .bind(cursor.tx)
                    .bind(cursor.ordinal);
                query.bind(i64::from(limit)).fetch_all(read).await?
            }
        };
        // after the read: what was pruned in between is then noticed
        let state = horizon::State::load(&self.db, cursor).await?;
        state.check(cursor)?;
        let source = format!("urn:gigvault:{}", self.db.schema());
        let whole = rows.len() < usize::try_from(limit).unwrap_or(usize::MAX);
        let held_back = rows.last().map_or(state.more, |row| row.held_back);
        let events: Vec<_> = rows
            .into_iter()
            .map(|row| row.into_event(&source))
            .collect::<Result<_, _>>()?;
        Ok(Batch {
            held_back: events.is_empty() && held_back,
            at_end: whole && !held_back,
            events,
        })
    }
}

/// What one read found.
struct Batch {
    events: Vec<Event>,
    /// Whether the read found nothing because committed events waited for an older transaction to end.
    held_back: bool,
    /// Whether these are all events that were committed before the read began.
    at_end: bool,
}

#[derive(FromRow)]
struct Row {
    tx: i64,
    ordinal: i64,
    id: Uuid,
    kind: String,
    subject: String,
    time_us: i64,
    data: String,
    correlation_id: Option<String>,
    traceparent: Option<String>,
    held_back: bool,
}

impl Row {
    fn into_event(self, source: &str) -> Result<Event, StoreError> {
        Ok(Event {
            cursor: Cursor {
                tx: self.tx,
                ordinal: self.ordinal,
            },
            id: self.id,
            kind: self.kind,
            source: source.to_owned(),
            subject: self.subject,
            time: from_micros(self.time_us)?,
            data: self.data,
            correlation_id: self.correlation_id,
            traceparent: self.traceparent,
        })
    }
}
