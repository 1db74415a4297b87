//! Whose job is next, and how much one requester has waiting.

use sqlx::FromRow;
use uuid::Uuid;

use crate::{Columns, Db, StoreError, TableRow, Tx};

/// A job that has not ended. It may be under way in some process: its lease tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Which one.
    pub id: Uuid,
    /// Who asked; empty if that cannot be read: its turn comes all the same, and ends it.
    pub requester: String,
    /// Whether it was asked to end, so that nothing but that is to be done.
    pub canceled: bool,
}

impl<'r, R: TableRow> FromRow<'r, R> for Waiting {
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let mut columns = Columns::of(row);
        Ok(Self {
            id: columns.value("id")?,
            requester: columns.value("requester")?,
            canceled: columns.value("canceled")?,
        })
    }
}

/// A kind of work, and the newest form of its requests that a process can read.
pub type Form<'a> = (&'a str, i64);

/// Jobs that have not ended, in the order in which they are to be taken, at most `most`: those of these kinds in a form that is
/// known, and all that were asked to end.
///
/// Those that were asked to end come first. Then requesters take turns: the oldest job of each, that of who was served least
/// recently before the others, then the second of each, and so on.
///
/// # Errors
/// Those of the database.
pub async fn waiting(db: &Db, known: &[Form<'_>], most: u32) -> Result<Vec<Waiting>, StoreError> {
    let places = (2..).step_by(2).zip(known);
    let known_ones: Vec<String> = places
        .map(|(place, _)| format!(" OR (kind = ${place} AND format <= ${})", place + 1))
        .collect();
    let sql = format!(
        "SELECT id, requester, canceled FROM (
           SELECT id, requester, cancel_us IS NOT NULL AS canceled,
             ROW_NUMBER() OVER (PARTITION BY requester ORDER BY id) AS turn,
             (SELECT COALESCE(MAX(started_us), 0) FROM jobs AS other WHERE other.requester = jobs.requester) AS served
           FROM jobs WHERE ended_us IS NULL AND (cancel_us IS NOT NULL{})
         ) AS unfinished ORDER BY canceled DESC, turn, served, id LIMIT $1",
        known_ones.concat()
    );
    let mut found: Vec<Waiting> = crate::read!(db, |c| {
        let query = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(i64::from(most));
        let query = known
            .iter()
            .fold(query, |query, (kind, format)| query.bind(*kind).bind(*format));
        query.fetch_all(c).await
    })?;
    // A job whose id cannot be read cannot be taken; the others can.
    found.retain(|job| !job.id.is_nil());
    Ok(found)
}

/// What a requester has waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queued {
    /// Jobs that have not ended.
    pub jobs: u64,
    /// Items of theirs that were not looked at yet.
    pub items: u64,
}

const JOBS: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM jobs WHERE requester = $1 AND ended_us IS NULL LIMIT $2) \
     AS counted";
const ITEMS: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM jobs JOIN job_items ON job_items.job = jobs.id \
     WHERE jobs.requester = $1 AND jobs.ended_us IS NULL AND job_items.state = 'pending' LIMIT $2) AS counted";

/// Counts what that requester has waiting, each up to `most`.
///
/// # Errors
/// Those of the database.
pub async fn queued(db: &Db, requester: &str, most: Queued) -> Result<Queued, StoreError> {
    let count = async |sql: &'static str, most: u64| -> Result<i64, StoreError> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        Ok(crate::read!(db, |c| sqlx::query_scalar(sql)
            .bind(requester)
            .bind(most)
            .fetch_one(c)
            .await)?)
    };
    let (jobs, items) = (count(JOBS, most.jobs).await?, count(ITEMS, most.items).await?);
    Ok(counted(jobs, items))
}

/// The same within a transaction.
///
/// # Errors
/// Those of the database.
pub async fn queued_in(tx: &mut Tx, requester: &str, most: Queued) -> Result<Queued, StoreError> {
    Ok(counted(
        count_in(tx, JOBS, requester, most.jobs).await?,
        count_in(tx, ITEMS, requester, most.items).await?,
    ))
}

async fn count_in(tx: &mut Tx, sql: &'static str, requester: &str, most: u64) -> Result<i64, StoreError> {
    Ok(crate::tx!(tx, |c| sqlx::query_scalar(sql)
        .bind(requester)
        .bind(i64::try_from(most).unwrap_or(i64::MAX))
        .fetch_one(c)
        .await)?)
}

fn counted(jobs: i64, items: i64) -> Queued {
    let count = |counted: i64| u64::try_from(counted).unwrap_or_default();
    Queued {
        jobs: count(jobs),
        items: count(items),
    }
}
