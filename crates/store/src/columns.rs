//! Rows of which each column is read by itself: one that cannot be read hides neither the others nor other rows.

use sqlx::postgres::{PgRow, Postgres};
use sqlx::sqlite::{Sqlite, SqliteRow};
use sqlx::{Decode, Row, Type};
use time::OffsetDateTime;

use crate::Damage;
use crate::time::from_micros;

/// What both databases can hold in a column, and what is there instead where it cannot be read.
pub trait ColumnValue:
    Default + Type<Postgres> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + for<'r> Decode<'r, Sqlite>
{
}

impl<T> ColumnValue for T where
    T: Default + Type<Postgres> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + for<'r> Decode<'r, Sqlite>
{
}

/// A row of one of the two databases. What is read by [`Columns`] is read of either: `impl<'r, R: TableRow> FromRow<'r, R> for …`.
pub trait TableRow: Row {
    /// The value of a column.
    ///
    /// # Errors
    /// There is no such column, or it does not hold such a value.
    fn held<T: ColumnValue>(&self, column: &str) -> Result<T, sqlx::Error>;
}

impl TableRow for PgRow {
    fn held<T: ColumnValue>(&self, column: &str) -> Result<T, sqlx::Error> {
        self.try_get(column)
    }
}

impl TableRow for SqliteRow {
    fn held<T: ColumnValue>(&self, column: &str) -> Result<T, sqlx::Error> {
        self.try_get(column)
    }
}

/// Reads the columns of one row, and remembers those that it could not read.
#[derive(Debug)]
pub struct Columns<'r, R> {
    row: &'r R,
    damage: Damage,
}

impl<'r, R: TableRow> Columns<'r, R> {
    /// Begins with none of its columns.
    #[must_use]
    pub fn of(row: &'r R) -> Self {
        Self {
            row,
            damage: Damage::default(),
        }
    }

    /// The value of a column, and an empty one if it cannot be read.
    ///
    /// # Errors
    /// The row has no such column.
    pub fn value<T: ColumnValue>(&mut self, column: &'static str) -> Result<T, sqlx::Error> {
        match self.row.held(column) {
            Err(sqlx::Error::ColumnDecode { .. }) => Ok(self.damaged(column)),
            read => read,
        }
    }

    /// A time in microseconds.
    ///
    /// # Errors
    /// The row has no such column.
    pub fn time(&mut self, column: &'static str) -> Result<Option<OffsetDateTime>, sqlx::Error> {
        let micros: Option<i64> = self.value(column)?;
        Ok(match micros.map(from_micros) {
            Some(Err(_)) => self.damaged(column),
            time => time.and_then(Result::ok),
        })
    }

    /// A number of a smaller range than the column has.
    ///
    /// # Errors
    /// The row has no such column.
    pub fn number<T: TryFrom<i64> + Default>(&mut self, column: &'static str) -> Result<T, sqlx::Error> {
        let number: i64 = self.value(column)?;
        Ok(T::try_from(number).unwrap_or_else(|_| self.damaged(column)))
    }

    /// What a text says, which every row has.
    ///
    /// # Errors
    /// The row has no such column.
    pub fn parsed<T>(
        &mut self,
        column: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, sqlx::Error> {
        let text: Option<String> = self.value(column)?;
        Ok(self.note(column, text.and_then(|text| parse(&text))))
    }

    /// Notes that what a column holds is not of its form.
    pub fn damaged<T: Default>(&mut self, column: &'static str) -> T {
        self.damage.add(column);
        T::default()
    }

    /// The same if there is no value of it.
    pub fn note<T>(&mut self, column: &'static str, value: Option<T>) -> Option<T> {
        self.damage.note(column, value)
    }

    /// The columns that could not be read.
    #[must_use]
    pub fn damage(self) -> Damage {
        self.damage
    }
}
