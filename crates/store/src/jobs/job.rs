//! A job as it is stored.

use serde_json::Value;
use sqlx::FromRow;
use time::OffsetDateTime;
use uuid::Uuid;

use super::Progress;
use crate::{Columns, Damage, StoreError, TableRow};

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
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Queued,
        Self::Running,
        Self::Done,
        Self::Canceled,
        Self::Failed,
    ];

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
        Self::ALL.into_iter().find(|state| state.as_str() == text)
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
    /// Columns of the row that cannot be read, such as `request, state`: they are empty here, and [`Self::state`] is
    /// [`State::Failed`]. Such a job is shown and can be canceled; it is not done.
    pub damage: Damage,
}

/// What a [`Job`] is read from.
pub(super) const COLUMNS: &str = "id, kind, requester, request, state, collected, collect_cursor, failure, created_us, \
    started_us, ended_us, cancel_us, canceled_by, pending_items, done_items, skipped_items, failed_items, \
    correlation_id, traceparent";

impl<'r, R: TableRow> FromRow<'r, R> for Job {
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let id: Uuid = row.held("id")?;
        let mut columns = Columns::of(row);
        let request = columns.parsed("request", |text| serde_json::from_str(text).ok())?;
        let state = columns.parsed("state", State::parse)?;
        // The id holds the same time.
        let created = columns
            .time("created_us")?
            .unwrap_or_else(|| crate::id::time_of(id));
        let job = Self {
            id,
            request: request.unwrap_or_default(),
            created,
            kind: columns.value("kind")?,
            requester: columns.value("requester")?,
            collected: columns.value("collected")?,
            collect_cursor: columns.value("collect_cursor")?,
            failure: columns.value("failure")?,
            started: columns.time("started_us")?,
            ended: columns.time("ended_us")?,
            cancel_asked: columns.time("cancel_us")?,
            canceled_by: columns.value("canceled_by")?,
            counts: counts(&mut columns)?,
            correlation_id: columns.value("correlation_id")?,
            traceparent: columns.value("traceparent")?,
            state: State::Failed,
            damage: columns.damage(),
        };
        let state = state.filter(|_| job.damage.is_none());
        Ok(Self {
            state: state.unwrap_or(State::Failed),
            ..job
        })
    }
}

fn counts<R: TableRow>(columns: &mut Columns<'_, R>) -> Result<Option<Progress>, sqlx::Error> {
    let mut count = |column| {
        let items: Option<i64> = columns.value(column)?;
        Ok::<_, sqlx::Error>(items.and_then(|items| u64::try_from(items).ok()))
    };
    let pending = count("pending_items")?.unwrap_or_default();
    let skipped = count("skipped_items")?.unwrap_or_default();
    let failed = count("failed_items")?.unwrap_or_default();
    Ok(count("done_items")?.map(|done| Progress {
        pending,
        done,
        skipped,
        failed,
    }))
}

impl Job {
    /// The job, if all of it could be read.
    pub(super) fn whole(self) -> Result<Self, StoreError> {
        match self.damage.is_none() {
            true => Ok(self),
            false => Err(StoreError::Corrupt(format!("{} of job {}", self.damage, self.id))),
        }
    }
}
