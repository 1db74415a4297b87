//! Rows of which each column is read by itself: one that cannot be read hides neither the others nor other rows.

use sqlx::{ColumnIndex, Decode, Row, Type};
use time::OffsetDateTime;

use crate::StoreError;
use crate::time::from_micros;

/// Reads the columns of one row, and remembers those that it could not read.
#[derive(Debug)]
pub struct Columns<'r, R> {
    row: &'r R,
    damaged: Vec<&'static str>,
}

impl<'r, R: Row> Columns<'r, R>
where
    &'static str: ColumnIndex<R>,
{
    /// Begins with none of its columns.
    #[must_use]
    pub fn of(row: &'r R) -> Self {
        Self {
            row,
            damaged: Vec::new(),
        }
    }

    /// The value of a column, and an empty one if it cannot be read.
    ///
    /// # Errors
    /// The row has no such column.
    pub fn value<T>(&mut self, column: &'static str) -> Result<T, sqlx::Error>
    where
        T: Default + Decode<'r, R::Database> + Type<R::Database>,
    {
        match self.row.try_get(column) {
            Err(sqlx::Error::ColumnDecode { .. }) => Ok(self.damaged(column)),
            read => read,
        }
    }

    /// A time in microseconds.
    ///
    /// # Errors
    /// The row has no such column.
    pub fn time(&mut self, column: &'static str) -> Result<Option<OffsetDateTime>, sqlx::Error>
    where
        i64: Decode<'r, R::Database> + Type<R::Database>,
    {
        let micros: Option<i64> = self.value(column)?;
        Ok(match micros.map(from_micros) {
            Some(Err(_)) => self.damaged(column),
            time => time.and_then(Result::ok),
        })
    }

    /// Notes that what a column holds is not of its form.
    pub fn damaged<T: Default>(&mut self, column: &'static str) -> T {
        if !self.damaged.contains(&column) {
            self.damaged.push(column);
        }
        T::default()
    }

    /// The columns that could not be read, such as `request, state`. None if all could.
    #[must_use]
    pub fn damage(self) -> Option<String> {
        (!self.damaged.is_empty()).then(|| self.damaged.join(", "))
    }
}

/// What cannot be read of rows, for a check.
///
/// # Errors
/// Any other than [`StoreError::Damaged`].
pub fn damages<R, T: TryFrom<R, Error = StoreError>>(
    rows: impl IntoIterator<Item = R>,
) -> Result<Vec<String>, StoreError> {
    let mut damaged = Vec::new();
    for row in rows {
        match T::try_from(row) {
            Err(StoreError::Damaged(problem)) => damaged.push(problem),
            other => drop(other?),
        }
    }
    Ok(damaged)
}
