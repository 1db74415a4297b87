//! The items of a job: what is to be done to each, once.

use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use time::OffsetDateTime;
use uuid::Uuid;

use super::Slice;
use crate::bulk::{self, Insert};
use crate::time::to_micros;
use crate::{Columns, Damage, Db, StoreError, TableRow, Tx};

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
    /// Its place in the job, from 0; the largest number if it cannot be read: such items are behind all others, by object.
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
    pub damage: Damage,
}

/// Where an item is among those of its job, in the order of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ItemPlace {
    /// By its position.
    Position(i64),
    /// Behind all that have one, by its object.
    Object(String),
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

/// The position of an item whose own cannot be read. No item has it.
const UNREADABLE: i64 = i64::MAX;

impl<'r, R: TableRow> FromRow<'r, R> for Item {
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let mut columns = Columns::of(row);
        let position: Option<i64> = columns.value("position")?;
        let state = columns.parsed("state", ItemState::parse)?;
        Ok(Self {
            position: position.unwrap_or(UNREADABLE),
            object: columns.value("object")?,
            state: state.unwrap_or(ItemState::Failed),
            detail: columns.value("detail")?,
            done: columns.time("done_us")?,
            damage: columns.damage(),
        })
    }
}

impl Item {
    /// Where it is in the list; `None` if neither its position nor its object can be read.
    #[must_use]
    pub fn place(&self) -> Option<ItemPlace> {
        match self.position {
            UNREADABLE if self.object.is_empty() => None,
            UNREADABLE => Some(ItemPlace::Object(self.object.clone())),
            position => Some(ItemPlace::Position(position)),
        }
    }

    /// Why it cannot be done, if its object cannot be read.
    #[must_use]
    pub fn unreadable_object(&self) -> Option<&Damage> {
        let unreadable = !self.damage.is_none() && self.object.is_empty();
        unreadable.then_some(&self.damage)
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
        // Of numbers alone: what else SQLite keeps is greater than all of them, and counts as 0.
        "SELECT COALESCE(MAX(position) + 1, 0) FROM job_items WHERE job = $1 AND position < $2"
    )
    .bind(job)
    .bind(UNREADABLE)
    .fetch_one(c)
    .await)?;
    let rows = (next..).zip(objects);
    let rows = rows.map(|(position, object)| (job, position, object.as_str(), ItemState::Pending.as_str()));
    bulk::insert(tx, &ITEMS, rows).await?;
    Ok(())
}

/// Items that were not looked at yet, in order, at most `most`. One whose position cannot be read is done by its object, and
/// the other way round it is known by its position that it cannot be done ([`Item::unreadable_object`]).
///
/// # Errors
/// [`StoreError::Corrupt`] for an item of which neither can be read; those of the database.
pub async fn pending(db: &Db, job: Uuid, most: u32) -> Result<Vec<Item>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM job_items WHERE job = $1 AND state = 'pending' ORDER BY position LIMIT $2"
    );
    let rows: Vec<Item> = crate::read!(db, |c| sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(job)
        .bind(i64::from(most))
        .fetch_all(c)
        .await)?;
    if rows.iter().any(|item| item.place().is_none()) {
        let problem = "position and object of an item of a job";
        return Err(StoreError::Corrupt(problem.to_owned()));
    }
    Ok(rows)
}

/// Notes what became of an item that was pending. False if it was not: then it is not to be done again.
///
/// # Errors
/// Those of the database.
pub async fn finish_item(
    tx: &mut Tx,
    (job, place): (Uuid, &ItemPlace),
    (state, detail): (ItemState, Option<&str>),
    now: OffsetDateTime,
) -> Result<bool, StoreError> {
    let which = match place {
        ItemPlace::Position(_) => "position",
        ItemPlace::Object(_) => "object",
    };
    let sql = format!(
        "UPDATE job_items SET state = $3, detail = $4, done_us = $5
         WHERE job = $1 AND {which} = $2 AND state = 'pending'"
    );
    let finished = crate::tx!(tx, |c| {
        let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(job);
        let query = match place {
            ItemPlace::Position(position) => query.bind(position),
            ItemPlace::Object(object) => query.bind(object),
        };
        query
            .bind(state.as_str())
            .bind(detail)
            .bind(to_micros(now))
            .execute(c)
            .await?
            .rows_affected()
    });
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

/// Items by their place in the job, to be shown; of one state only if so asked. Those whose position cannot be read are behind
/// the others: SQLite keeps what is not a number, and holds it greater than all numbers.
///
/// # Errors
/// Those of the database.
pub async fn items(
    db: &Db,
    job: Uuid,
    state: Option<ItemState>,
    slice: &Slice<ItemPlace>,
) -> Result<Vec<Item>, StoreError> {
    let condition = condition(db, job, state).await?;
    // Without a fraction: an item between two positions has no place.
    let placed = format!("{condition} AND position < {UNREADABLE} AND position = CAST(position AS BIGINT)");
    let unplaced = format!("{condition} AND position >= {UNREADABLE}");
    let (compare, order) = (slice.compare(), slice.order());
    let parts = [
        format!("{placed} AND position {compare} $3 ORDER BY position {order}"),
        // Not along the index of objects, which has those of all items: there are few of these.
        format!("{unplaced} AND object {compare} $3 ORDER BY object || '' {order}"),
        format!("{placed} ORDER BY position {order}"),
        format!("{unplaced} ORDER BY object || '' {order}"),
    ];
    let [placed_behind, unplaced_behind, placed, unplaced] = &parts;
    let (begun, next) = match (&slice.behind, slice.down) {
        (None, false) => (placed, Some(unplaced)),
        (None, true) => (unplaced, Some(placed)),
        (Some(ItemPlace::Position(_)), false) => (placed_behind, Some(unplaced)),
        (Some(ItemPlace::Position(_)), true) => (placed_behind, None),
        (Some(ItemPlace::Object(_)), false) => (unplaced_behind, None),
        (Some(ItemPlace::Object(_)), true) => (unplaced_behind, Some(placed)),
    };
    let mut found = part(db, job, begun, slice.behind.as_ref(), slice.rows).await?;
    let missing = slice.rows - i64::try_from(found.len()).unwrap_or(i64::MAX);
    if let (Some(next), 1..) = (next, missing) {
        found.extend(part(db, job, next, None, missing).await?);
    }
    Ok(found)
}

async fn part(
    db: &Db,
    job: Uuid,
    condition: &str,
    behind: Option<&ItemPlace>,
    rows: i64,
) -> Result<Vec<Item>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM job_items WHERE job = $1 AND {condition} LIMIT $2");
    Ok(crate::read!(db, |c| {
        let query = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(job).bind(rows);
        let query = match behind {
            Some(ItemPlace::Position(position)) => query.bind(position),
            Some(ItemPlace::Object(object)) => query.bind(object),
            None => query,
        };
        query.fetch_all(c).await
    })?)
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
