//! The items of a job: what is to be done to each, once.

use sqlx::{ColumnIndex, Decode, FromRow, Type};
use time::OffsetDateTime;
use uuid::Uuid;

use super::Slice;
use crate::bulk::{self, Insert};
use crate::time::to_micros;
use crate::{Columns, Db, StoreError, Tx};

/// What became of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemState {
    /// Not looked at yet.
    Pending,
    /// Done.
    Done,
    /// There was nothing to do.
    Skipped,
    /// It could not be done: see [`Item::detail`].
    Failed,
}

impl ItemState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Done, Self::Skipped, Self::Failed];

    /// The name in REST and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Done => "done",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// One object of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its place in the job, from 0; the largest number if it cannot be read: such items are behind all others.
    pub position: i64,
    /// What it is, such as a serial number; once in a job.
    pub object: String,
    /// What became of it.
    pub state: ItemState,
    /// Why it failed or was skipped, or what is to be said beside that it is done.
    pub detail: Option<String>,
    /// When it was looked at.
    pub done: Option<OffsetDateTime>,
    /// Columns of the row that cannot be read, such as `state`: they are empty here, and [`Self::state`] is
    /// [`ItemState::Failed`] if it is one of them.
    pub damage: Option<String>,
}

/// How many items of a job are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Not looked at yet.
    pub pending: u64,
    /// Done.
    pub done: u64,
    /// Nothing was to be done.
    pub skipped: u64,
    /// Could not be done.
    pub failed: u64,
}

impl Progress {
    /// Items that are known.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.pending + self.done + self.skipped + self.failed
    }
}

const COLUMNS: &str = "position, object, state, detail, done_us";

impl<'r, R: sqlx::Row> FromRow<'r, R> for Item
where
    &'static str: ColumnIndex<R>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let mut columns = Columns::of(row);
        let position: Option<i64> = columns.value("position")?;
        let state: String = columns.value("state")?;
        let state = ItemState::parse(&state).or_else(|| columns.damaged("state"));
        Ok(Self {
            position: position.unwrap_or(i64::MAX),
            object: columns.value("object")?,
            state: state.unwrap_or(ItemState::Failed),
            detail: columns.value("detail")?,
            done: columns.time("done_us")?,
            damage: columns.damage(),
        })
    }
}

impl Item {
    /// The item, if all of it could be read.
    fn whole(self) -> Result<Self, StoreError> {
        match self.damage {
            Some(damage) => Err(StoreError::Corrupt(format!(
                "{damage} of item {} of a job",
                self.position
            ))),
            None => Ok(self),
        }
    }
}

/// Finds a row whose state cannot be read: by ranges, of which each is a look into the index, however many items there are.
const LOST: &str = "SELECT COUNT(*) FROM (
       SELECT 1 FROM job_items WHERE job = $1 AND state < 'done'
       UNION ALL SELECT 1 FROM job_items WHERE job = $1 AND state > 'done' AND state < 'failed'
       UNION ALL SELECT 1 FROM job_items WHERE job = $1 AND state > 'failed' AND state < 'pending'
       UNION ALL SELECT 1 FROM job_items WHERE job = $1 AND state > 'pending' AND state < 'skipped'
       UNION ALL SELECT 1 FROM job_items WHERE job = $1 AND state > 'skipped'
     LIMIT 1) AS lost";

/// Which items are in that state, or all, in SQL. Those whose state cannot be read are among the failed ones; to look for
/// them reads all items, so that is done only where there are some.
async fn condition(db: &Db, job: Uuid, state: Option<ItemState>) -> Result<&'static str, StoreError> {
    Ok(match state {
        None => "TRUE",
        Some(ItemState::Pending) => "state = 'pending'",
        Some(ItemState::Done) => "state = 'done'",
        Some(ItemState::Skipped) => "state = 'skipped'",
        Some(ItemState::Failed) => {
            let lost: i64 = crate::read!(db, |c| sqlx::query_scalar(LOST).bind(job).fetch_one(c).await)?;
            match lost {
                0 => "state = 'failed'",
                _ => "state NOT IN ('pending', 'done', 'skipped')",
            }
        }
    })
}

const ITEMS: Insert = Insert::into("job_items", &["job", "position", "object", "state"])
    .on_conflict("ON CONFLICT (job, object) DO NOTHING");

/// Adds items behind those that are there; one that is there already is not added again.
///
/// # Errors
/// Those of the database.
pub async fn add_items(tx: &mut Tx, job: Uuid, objects: &[String]) -> Result<(), StoreError> {
    let next: i64 = crate::tx!(&mut *tx, |c| sqlx::query_scalar(
        "SELECT COALESCE(MAX(position) + 1, 0) FROM job_items WHERE job = $1"
    )
    .bind(job)
    .fetch_one(c)
    .await)?;
    let rows = (next..).zip(objects);
    let rows = rows.map(|(position, object)| (job, position, object.as_str(), ItemState::Pending.as_str()));
    bulk::insert(tx, &ITEMS, rows).await?;
    Ok(())
}

/// Items that were not looked at yet, in order, at most `most`.
///
/// # Errors
/// Those of the database.
pub async fn pending(db: &Db, job: Uuid, most: u32) -> Result<Vec<Item>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM job_items WHERE job = $1 AND state = 'pending' ORDER BY position LIMIT $2"
    );
    let rows: Vec<Item> = crate::read!(db, |c| sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(job)
        .bind(i64::from(most))
        .fetch_all(c)
        .await)?;
    rows.into_iter().map(Item::whole).collect()
}

/// Notes what became of an item that was pending. False if it was not: then it is not to be done again.
///
/// # Errors
/// Those of the database.
pub async fn finish_item(
    tx: &mut Tx,
    (job, position): (Uuid, i64),
    (state, detail): (ItemState, Option<&str>),
    now: OffsetDateTime,
) -> Result<bool, StoreError> {
    let finished = crate::tx!(tx, |c| sqlx::query(
        "UPDATE job_items SET state = $3, detail = $4, done_us = $5
         WHERE job = $1 AND position = $2 AND state = 'pending'"
    )
    .bind(job)
    .bind(position)
    .bind(state.as_str())
    .bind(detail)
    .bind(to_micros(now))
    .execute(c)
    .await?
    .rows_affected());
    Ok(finished > 0)
}

/// What became of an item whose state cannot be read is not known: it counts as failed, so that the job can end. Those that were
/// dropped without a look at them are pending: a number, whatever the column holds.
const COUNTS: &str = "SELECT CASE WHEN state IN ('pending', 'done', 'skipped') THEN state ELSE 'failed' END, items \
     FROM (SELECT state, COUNT(*) AS items FROM job_items WHERE job = $1 GROUP BY state) AS counted \
     UNION ALL SELECT 'pending', COALESCE(pending_items, 0) + 0 FROM jobs WHERE id = $1";

/// How many items are in which state. Costs what the job has items: [`Job::counts`](super::Job::counts) has it once the job
/// has ended.
///
/// # Errors
/// Those of the database.
pub async fn progress(db: &Db, job: Uuid) -> Result<Progress, StoreError> {
    let counts = crate::read!(db, |c| sqlx::query_as(COUNTS).bind(job).fetch_all(c).await)?;
    Ok(counted(counts))
}

/// The same within a transaction.
///
/// # Errors
/// Those of the database.
pub async fn progress_in(tx: &mut Tx, job: Uuid) -> Result<Progress, StoreError> {
    let counts = crate::tx!(tx, |c| sqlx::query_as(COUNTS).bind(job).fetch_all(c).await)?;
    Ok(counted(counts))
}

fn counted(counts: Vec<(String, i64)>) -> Progress {
    let mut progress = Progress::default();
    for (state, count) in counts {
        let count = u64::try_from(count).unwrap_or_default();
        match ItemState::parse(&state) {
            Some(ItemState::Pending) => progress.pending += count,
            Some(ItemState::Done) => progress.done += count,
            Some(ItemState::Skipped) => progress.skipped += count,
            Some(ItemState::Failed) | None => progress.failed += count,
        }
    }
    progress
}

/// Items by their place in the job, to be shown; of one state only if so asked.
///
/// # Errors
/// Those of the database.
pub async fn items(
    db: &Db,
    job: Uuid,
    state: Option<ItemState>,
    slice: &Slice<i64>,
) -> Result<Vec<Item>, StoreError> {
    let order = slice.order();
    // From either end, what is not a number is among them too: SQLite holds it greater than all numbers.
    let (compare, from) = match slice.behind {
        Some(behind) => (slice.compare(), behind),
        None => ("<>", -1),
    };
    let condition = condition(db, job, state).await?;
    let sql = format!(
        "SELECT {COLUMNS} FROM job_items
         WHERE job = $1 AND {condition} AND position {compare} $2 ORDER BY position {order} LIMIT $3"
    );
    Ok(crate::read!(db, |c| sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(job)
        .bind(from)
        .bind(slice.rows)
        .fetch_all(c)
        .await)?)
}

/// How many items there are, counted to `most`; of one state only if so asked.
///
/// # Errors
/// Those of the database.
pub async fn count_items(db: &Db, job: Uuid, state: Option<ItemState>, most: i64) -> Result<i64, StoreError> {
    let condition = condition(db, job, state).await?;
    let sql = format!(
        "SELECT COUNT(*) FROM (SELECT 1 FROM job_items WHERE job = $1 AND {condition} LIMIT $2) AS counted"
    );
    Ok(crate::read!(db, |c| sqlx::query_scalar(sqlx::AssertSqlSafe(
        sql
    ))
    .bind(job)
    .bind(most)
    .fetch_one(c)
    .await)?)
}
