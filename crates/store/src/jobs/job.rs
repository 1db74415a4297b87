//! A job as it is stored.

use serde_json::Value;
use sqlx::FromRow;
use time::OffsetDateTime;
use uuid::Uuid;

use super::Progress;
use crate::StoreError;
use crate::time::from_micros;

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Accepted; no process has begun.
    Queued,
    /// Begun; it goes on after a restart.
    Running,
    /// Every item was looked at; some may have failed.
    Done,
    /// Ended on request; what was done stays done.
    Canceled,
    /// It could not go on: see [`Job::failure`].
    Failed,
}

impl State {
    /// The name in REST and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Canceled => "canceled",
            Self::Failed => "failed",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [
            Self::Queued,
            Self::Running,
            Self::Done,
            Self::Canceled,
            Self::Failed,
        ]
        .into_iter()
        .find(|state| state.as_str() == text)
    }
}

/// A job as it is.
#[derive(Clone, Debug)]
pub struct Job {
    /// Unique; later jobs sort after earlier ones.
    pub id: Uuid,
    /// Which work.
    pub kind: String,
    /// Who asked.
    pub requester: String,
    /// What was asked for.
    pub request: Value,
    /// How far it is.
    pub state: State,
    /// Whether all items are known.
    pub collected: bool,
    /// Where collecting goes on.
    pub collect_cursor: Option<String>,
    /// Why it could not go on.
    pub failure: Option<String>,
    /// When it was accepted.
    pub created: OffsetDateTime,
    /// When the first process began.
    pub started: Option<OffsetDateTime>,
    /// When it came to its end.
    pub ended: Option<OffsetDateTime>,
    /// When it was asked to end.
    pub cancel_asked: Option<OffsetDateTime>,
    /// Who did.
    pub canceled_by: Option<String>,
    /// What became of its items, once it has ended.
    pub counts: Option<Progress>,
    /// Of the request that asked.
    pub correlation_id: Option<String>,
    /// Of the request that asked.
    pub traceparent: Option<String>,
}

/// What a [`Row`] is read from.
pub(super) const COLUMNS: &str = "id, kind, requester, request, state, collected, collect_cursor, failure, created_us, \
    started_us, ended_us, cancel_us, canceled_by, pending_items, done_items, skipped_items, failed_items, \
    correlation_id, traceparent";

#[derive(FromRow)]
pub(super) struct Row {
    id: Uuid,
    kind: String,
    requester: String,
    request: String,
    state: String,
    collected: bool,
    collect_cursor: Option<String>,
    failure: Option<String>,
    created_us: i64,
    started_us: Option<i64>,
    ended_us: Option<i64>,
    cancel_us: Option<i64>,
    canceled_by: Option<String>,
    pending_items: Option<i64>,
    done_items: Option<i64>,
    skipped_items: Option<i64>,
    failed_items: Option<i64>,
    correlation_id: Option<String>,
    traceparent: Option<String>,
}

impl TryFrom<Row> for Job {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let corrupt = |what: &str| StoreError::Corrupt(format!("the {what} of job {}", row.id));
        let count = |items: Option<i64>| items.and_then(|items| u64::try_from(items).ok());
        let counts = count(row.done_items).map(|done| Progress {
            pending: count(row.pending_items).unwrap_or_default(),
            done,
            skipped: count(row.skipped_items).unwrap_or_default(),
            failed: count(row.failed_items).unwrap_or_default(),
        });
        Ok(Self {
            counts,
            state: State::parse(&row.state).ok_or_else(|| corrupt("state"))?,
            request: serde_json::from_str(&row.request).map_err(|_| corrupt("request"))?,
            created: from_micros(row.created_us)?,
            started: row.started_us.map(from_micros).transpose()?,
            ended: row.ended_us.map(from_micros).transpose()?,
            cancel_asked: row.cancel_us.map(from_micros).transpose()?,
            id: row.id,
            kind: row.kind,
            requester: row.requester,
            collected: row.collected,
            collect_cursor: row.collect_cursor,
            failure: row.failure,
            canceled_by: row.canceled_by,
            correlation_id: row.correlation_id,
            traceparent: row.traceparent,
        })
    }
}
