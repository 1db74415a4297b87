//! The outbox: events that a use case writes in the same transaction as its state.
//!
//! An event's position is the number of its transaction and its ordinal within it. PostgreSQL numbers
//! transactions itself ([`feed`](crate::feed) explains how readers avoid gaps); on SQLite, where writers take
//! turns, the first append of a transaction draws the next number from a counter row.

use sqlx::FromRow;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    Db, StoreError, Tx, TxKind,
    bulk::{self, Insert},
    feed::{Cursor, horizon},
    id::new_id,
    time::to_micros,
};

/// An event to append.
#[derive(Clone, Debug, Default)]
pub struct NewEvent {
    /// What happened, such as `certificate.issued`; the CloudEvents type is `io.gigvault.` and this.
    pub kind: &'static str,
    /// What it happened to, such as a certificate's id.
    pub subject: String,
    /// The facts, without secrets: a JSON object.
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
/// Those of the database.
pub async fn append(tx: &mut Tx, events: &[NewEvent], now: OffsetDateTime) -> Result<Vec<Uuid>, StoreError> {
    if events.is_empty() {
        return Ok(Vec::new());
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
        .bind(events.iter().map(|e| e.kind).collect::<Vec<_>>())
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
        .execute(&mut **connection)
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
            event.kind,
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

/// Deletes the oldest events that happened before `before`, at most `batch` of them, and returns how many went.
///
/// Call it again while it returns `batch`. It stops at the first event that is younger, or that a subscriber of
/// this service has not read (see [`feed::cursors`](crate::feed::cursors); forget subscribers that are gone), and
/// it keeps the very last event, from which [`Db::migrate`] sees how far positions had come. A remote subscriber
/// that is further behind gets [`StoreError::Cursor`].
///
/// # Errors
/// Those of the database.
pub async fn prune(db: &Db, before: OffsetDateTime, batch: u32) -> Result<u64, StoreError> {
    let mut tx = db.begin().await?;
    // makes replicas take turns
    let take_turn = "UPDATE outbox_state SET counter = counter";
    crate::tx!(&mut tx, |c| sqlx::query(take_turn)
        .execute(c)
        .await?
        .rows_affected());
    let Some(last) = last_to_prune(&mut tx, db.schema(), to_micros(before), batch).await? else {
        return Ok(0);
    };
    let deleted = crate::tx!(&mut tx, |c| {
        sqlx::query("UPDATE outbox_state SET pruned_tx = $1, pruned_ordinal = $2")
            .bind(last.tx)
            .bind(last.ordinal)
            .execute(&mut *c)
            .await?;
        sqlx::query("DELETE FROM outbox WHERE (tx, ordinal) <= ($1, $2)")
            .bind(last.tx)
            .bind(last.ordinal)
            .execute(c)
            .await?
            .rows_affected()
    });
    tx.commit().await?;
    Ok(deleted)
}

/// Looks at the oldest events only, so that a call costs the same whatever the outbox holds.
async fn last_to_prune(
    tx: &mut Tx,
    feed: &str,
    before_us: i64,
    batch: u32,
) -> Result<Option<Cursor>, StoreError> {
    const OLDEST: &str = "SELECT tx, ordinal, time_us FROM outbox ORDER BY tx, ordinal LIMIT $1";
    const LAST: &str = "SELECT tx, ordinal FROM outbox ORDER BY tx DESC, ordinal DESC LIMIT 1";
    const SLOWEST: &str = "SELECT tx, ordinal FROM feed_cursors WHERE feed = $1 ORDER BY tx, ordinal LIMIT 1";
    // below the horizon no event can appear any more
    let horizon = horizon::of(tx).await?;
    let (oldest, last, slowest): (Vec<Candidate>, Option<Cursor>, Option<Cursor>) = crate::tx!(tx, |c| (
        sqlx::query_as(OLDEST)
            .bind(i64::from(batch))
            .fetch_all(&mut *c)
            .await?,
        sqlx::query_as(LAST).fetch_optional(&mut *c).await?,
        sqlx::query_as(SLOWEST).bind(feed).fetch_optional(c).await?,
    ));
    let prunable = oldest
        .into_iter()
        .take_while(|event| event.time_us < before_us)
        .map(|event| event.cursor)
        .take_while(|at| at.tx < horizon && Some(*at) < last && slowest.is_none_or(|slowest| *at <= slowest));
    Ok(prunable.last())
}

#[derive(FromRow)]
struct Candidate {
    #[sqlx(flatten)]
    cursor: Cursor,
    time_us: i64,
}
