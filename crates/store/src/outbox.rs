//! The outbox: events that a use case writes in the same transaction as its state.
//!
//! An event's position is the number of its transaction and its ordinal within it. PostgreSQL numbers
//! transactions itself ([`feed`](crate::feed) explains how readers avoid gaps); on SQLite, where writers take
//! turns, the first append of a transaction draws the next number from a counter row.
//!
//! Events stay until they are old and every subscriber has them: [`prune`], [`subscribers`].

mod members;
mod prune;
pub mod subscribers;

use time::OffsetDateTime;
use uuid::Uuid;
use vocabulary::EventType;

pub use self::prune::{measure, oldest, prune};
use crate::bulk::{self, Insert};
use crate::id::new_id;
use crate::time::to_micros;
use crate::{StoreError, Tx, TxKind};

/// An event to append.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// What happened.
    pub kind: EventType,
    /// What it happened to, such as a certificate's id.
    pub subject: String,
    /// The facts, without secrets: an object with the members that its type declares.
    pub data: serde_json::Value,
    /// Correlation id of the request that caused it.
    pub correlation_id: Option<String>,
    /// W3C trace context of the request that caused it.
    pub traceparent: Option<String>,
}

/// The transaction id is cast through text because there is no other way from xid8 to bigint.
const APPEND_PG: &str = "INSERT INTO outbox (tx, ordinal, id, kind, subject, time_us, data, correlation_id, traceparent) \
    SELECT (SELECT tx_offset FROM outbox_state) + pg_current_xact_id()::text::bigint, \
        $1 + event.ordinal, event.id, event.kind, event.subject, $2, event.data, event.correlation_id, event.traceparent \
    FROM UNNEST($3, $4, $5, $6, $7, $8) WITH ORDINALITY \
        AS event (id, kind, subject, data, correlation_id, traceparent, ordinal)";

const APPEND_LITE: Insert = Insert::into(
    "outbox",
    &[
        "tx",
        "ordinal",
        "id",
        "kind",
        "subject",
        "time_us",
        "data",
        "correlation_id",
        "traceparent",
    ],
);

/// Appends events to the outbox, in this order, and returns their ids. One statement on PostgreSQL however many
/// there are.
///
/// # Errors
/// [`StoreError::UndeclaredEvent`] for an event that the service did not declare ([`Db::declaring`](crate::Db::declaring)):
/// nothing is appended. [`StoreError::UndeclaredMembers`] for one that has other members than its type declares. Those of the
/// database.
pub async fn append(tx: &mut Tx, events: &[NewEvent], now: OffsetDateTime) -> Result<Vec<Uuid>, StoreError> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    if let Some(event) = events.iter().find(|event| !tx.declares(event.kind)) {
        return Err(StoreError::UndeclaredEvent {
            schema: tx.schema().to_owned(),
            event: event.kind.name(),
        });
    }
    for event in events {
        members::check(event)?;
    }
    let ids: Vec<Uuid> = events.iter().map(|_| new_id(now)).collect();
    match tx.kind() {
        TxKind::Pg(_) => append_pg(tx, events, &ids, to_micros(now)).await?,
        TxKind::Lite(_) => append_lite(tx, events, &ids, to_micros(now)).await?,
    }
    tx.events += i64::try_from(events.len()).unwrap_or(i64::MAX);
    tx.sound = true;
    Ok(ids)
}

async fn append_pg(tx: &mut Tx, events: &[NewEvent], ids: &[Uuid], time_us: i64) -> Result<(), StoreError> {
    let last_ordinal = tx.events;
    let TxKind::Pg(connection) = tx.kind() else {
        return Ok(());
    };
    sqlx::query(APPEND_PG)
        .bind(last_ordinal)
        .bind(time_us)
        .bind(ids)
        .bind(events.iter().map(|e| e.kind.name()).collect::<Vec<_>>())
        .bind(events.iter().map(|e| e.subject.as_str()).collect::<Vec<_>>())
        .bind(events.iter().map(|e| e.data.to_string()).collect::<Vec<_>>())
        .bind(
            events
                .iter()
                .map(|e| e.correlation_id.as_deref())
                .collect::<Vec<_>>(),
        )
        .bind(
            events
                .iter()
                .map(|e| e.traceparent.as_deref())
                .collect::<Vec<_>>(),
        )
        .execute(connection)
        .await?;
    Ok(())
}

async fn append_lite(tx: &mut Tx, events: &[NewEvent], ids: &[Uuid], time_us: i64) -> Result<(), StoreError> {
    let number = match tx.number {
        Some(number) => number,
        None => draw_number(tx).await?,
    };
    tx.number = Some(number);
    let first = tx.events + 1;
    let rows = (first..).zip(ids).zip(events).map(|((ordinal, id), event)| {
        let data = event.data.to_string();
        let (correlation_id, traceparent) = (event.correlation_id.as_deref(), event.traceparent.as_deref());
        let subject = event.subject.as_str();
        (
            number,
            ordinal,
            *id,
            event.kind.name(),
            subject,
            time_us,
            data,
            correlation_id,
            traceparent,
        )
    });
    bulk::insert(tx, &APPEND_LITE, rows).await?;
    Ok(())
}

async fn draw_number(tx: &mut Tx) -> Result<i64, StoreError> {
    let sql = "UPDATE outbox_state SET counter = counter + 1 RETURNING counter";
    Ok(crate::tx!(tx, |c| sqlx::query_scalar(sql).fetch_one(c).await)?)
}

/// Makes those who prune and those who register take turns, in all replicas, until the transaction ends.
async fn take_turn(tx: &mut Tx) -> Result<(), StoreError> {
    let sql = "UPDATE outbox_state SET counter = counter";
    crate::tx!(tx, |c| sqlx::query(sql).execute(c).await?.rows_affected());
    Ok(())
}
