//! Every query of this service. Rows become domain types here, and nowhere else are they seen.

// A new variant is decided on here, rather than falling under what was right for the others.
#![warn(clippy::wildcard_enum_match_arm)]

pub(crate) mod directory;
pub(crate) mod entries;
pub(crate) mod imports;
pub(crate) mod issuers;
pub(crate) mod pieces;
pub(crate) mod pruning;
pub(crate) mod publications;
pub(crate) mod scopes;
pub(crate) mod snapshots;

use sqlx::{ColumnIndex, Decode, Row, Type};
use store::{Columns, StoreError};

/// The schema of this service.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// The table that a first start writes to: empty, it says that this service was never used.
pub const FIRST_TABLE: &str = "issuers";

/// A number that is never negative here, as the databases have it.
fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The same, read.
fn read_number(number: i64, what: &str) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| StoreError::Corrupt(format!("{what} is {number}, below 0")))
}

/// The same of a column of a row.
fn number<'r, R, T>(columns: &mut Columns<'r, R>, column: &'static str) -> Result<T, sqlx::Error>
where
    R: Row,
    &'static str: ColumnIndex<R>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    T: TryFrom<i64> + Default,
{
    let number: i64 = columns.value(column)?;
    Ok(T::try_from(number).unwrap_or_else(|_| columns.damaged(column)))
}

/// What can be read of rows, and what is wrong with the others: they hide none of these.
pub(crate) struct Rows<T> {
    pub(crate) read: Vec<T>,
    pub(crate) damaged: Vec<String>,
}

impl<T> Rows<T> {
    fn of<R>(rows: Vec<R>) -> Result<Self, StoreError>
    where
        T: TryFrom<R, Error = StoreError>,
    {
        let (mut read, mut damaged) = (Vec::with_capacity(rows.len()), Vec::new());
        for row in rows {
            match T::try_from(row) {
                Ok(one) => read.push(one),
                Err(StoreError::Damaged(problem)) => damaged.push(problem),
                Err(error) => return Err(error),
            }
        }
        Ok(Self { read, damaged })
    }
}
