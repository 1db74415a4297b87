//! Inserting many rows with few statements.
//!
//! PostgreSQL gets the columns as arrays in `INSERT … SELECT … FROM UNNEST`: one text and one prepared statement
//! whatever the number of rows, where a list of VALUES would be parsed again for each length. SQLite gets VALUES in
//! chunks whose lengths are powers of two, so that their few statements stay cached.

use sqlx::postgres::{PgArguments, PgHasArrayType};
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{AssertSqlSafe, Encode, Postgres, Sqlite, Type};

use crate::{StoreError, Tx, TxKind};

/// SQLite's SQLITE_MAX_VARIABLE_NUMBER.
const SQLITE_PARAMETERS: usize = 32_766;
/// Longest of SQLite's chunks; the others are the powers of two below it.
const LONGEST_CHUNK: usize = 64;

/// Where rows go: a table, its columns in the order of the row's fields, and what to do about conflicts.
#[derive(Clone, Copy, Debug)]
pub struct Insert {
    table: &'static str,
    columns: &'static [&'static str],
    on_conflict: &'static str,
}

impl Insert {
    /// Inserts into these columns of a table; a conflict is an error.
    #[must_use]
    pub const fn into(table: &'static str, columns: &'static [&'static str]) -> Self {
        Self {
            table,
            columns,
            on_conflict: "",
        }
    }

    /// Adds a clause such as `ON CONFLICT (id) DO NOTHING`.
    #[must_use]
    pub const fn on_conflict(self, clause: &'static str) -> Self {
        Self {
            on_conflict: clause,
            ..self
        }
    }

    fn unnest_sql(&self) -> String {
        let parameters: Vec<_> = (1..=self.columns.len()).map(|n| format!("${n}")).collect();
        format!(
            "INSERT INTO {} ({}) SELECT * FROM UNNEST({}) {}",
            self.table,
            self.columns.join(", "),
            parameters.join(", "),
            self.on_conflict
        )
    }

    fn values_sql(&self, rows: usize) -> String {
        let row = format!("({})", vec!["?"; self.columns.len()].join(", "));
        format!(
            "INSERT INTO {} ({}) VALUES {} {}",
            self.table,
            self.columns.join(", "),
            vec![row.as_str(); rows].join(", "),
            self.on_conflict
        )
    }
}

/// A row to insert: a tuple of up to 32 values that both databases can store.
pub trait Row<'q>: Sized + Send {
    /// Number of fields.
    const FIELDS: usize;

    /// Binds the fields of all rows as one array per field.
    fn bind_columns<'s>(
        rows: Vec<Self>,
        query: Query<'s, Postgres, PgArguments>,
    ) -> Query<'s, Postgres, PgArguments>;

    /// Binds the fields one by one.
    fn bind_fields<'s>(self, query: Query<'s, Sqlite, SqliteArguments>)
    -> Query<'s, Sqlite, SqliteArguments>;
}

/// Inserts the rows and returns how many were inserted. Without rows no statement is sent.
///
/// ```no_run
/// # use store::{StoreError, Tx, bulk::{self, Insert}};
/// # struct Row { id: uuid::Uuid, serial: Vec<u8>, not_after: i64 }
/// const CERTIFICATES: Insert = Insert::into("certificates", &["id", "serial", "not_after"]);
///
/// async fn insert(tx: &mut Tx, rows: &[Row]) -> Result<u64, StoreError> {
///     bulk::insert(tx, &CERTIFICATES, rows.iter().map(|r| (r.id, r.serial.as_slice(), r.not_after))).await
/// }
/// ```
///
/// # Errors
/// Those of the database; [`StoreError::Configuration`] when fields and columns differ in number.
pub async fn insert<'q, R: Row<'q>>(
    tx: &mut Tx,
    into: &Insert,
    rows: impl IntoIterator<Item = R>,
) -> Result<u64, StoreError> {
    if R::FIELDS != into.columns.len() {
        return Err(StoreError::Configuration(format!(
            "insert into {}: {} columns but {} fields",
            into.table,
            into.columns.len(),
            R::FIELDS
        )));
    }
    let rows: Vec<R> = rows.into_iter().collect();
    if rows.is_empty() {
        return Ok(0);
    }
    match tx.kind() {
        TxKind::Pg(connection) => {
            let query = sqlx::query(AssertSqlSafe(into.unnest_sql()));
            Ok(R::bind_columns(rows, query)
                .execute(connection)
                .await?
                .rows_affected())
        }
        TxKind::Lite(connection) => insert_values(connection, into, rows).await,
    }
}

async fn insert_values<'q, R: Row<'q>>(
    connection: &mut sqlx::SqliteConnection,
    into: &Insert,
    rows: Vec<R>,
) -> Result<u64, StoreError> {
    let mut inserted = 0;
    let mut left = rows.len();
    let mut rows = rows.into_iter();
    while left > 0 {
        let length = chunk_length(left, R::FIELDS);
        let mut query = sqlx::query(AssertSqlSafe(into.values_sql(length)));
        for row in rows.by_ref().take(length) {
            query = row.bind_fields(query);
        }
        inserted += query.execute(&mut *connection).await?.rows_affected();
        left -= length;
    }
    Ok(inserted)
}

fn chunk_length(rows: usize, fields: usize) -> usize {
    // A power of two: few different statements, which the cache of prepared statements holds.
    let most = rows
        .min(SQLITE_PARAMETERS / fields.max(1))
        .clamp(1, LONGEST_CHUNK);
    1 << most.ilog2()
}

/// One implementation a tuple length. Each field comes as a type parameter and a name for its column.
macro_rules! tuple_row {
    ($($field:ident $column:ident)+) => {
        impl<'q, $($field),+> Row<'q> for ($($field,)+)
        where
            $($field: Send + PgHasArrayType + Type<Postgres> + Type<Sqlite>
                + Encode<'q, Postgres> + Encode<'q, Sqlite>,)+
        {
            const FIELDS: usize = [$(stringify!($field)),+].len();

            #[expect(non_snake_case, reason = "a value is named like its type parameter")]
            fn bind_columns<'s>(
                rows: Vec<Self>,
                query: Query<'s, Postgres, PgArguments>,
            ) -> Query<'s, Postgres, PgArguments> {
                $(let mut $column: Vec<$field> = Vec::with_capacity(rows.len());)+
                for ($($field,)+) in rows {
                    $($column.push($field);)+
                }
                query$(.bind($column))+
            }

            fn bind_fields<'s>(
                self,
                query: Query<'s, Sqlite, SqliteArguments>,
            ) -> Query<'s, Sqlite, SqliteArguments> {
                let ($($column,)+) = self;
                query$(.bind($column))+
            }
        }
    };
}

macro_rules! tuple_rows {
    () => {};
    ($field:ident $column:ident $($rest:tt)*) => {
        tuple_row!($field $column $($rest)*);
        tuple_rows!($($rest)*);
    };
}

tuple_rows!(
    T1 c1 T2 c2 T3 c3 T4 c4 T5 c5 T6 c6 T7 c7 T8 c8
    T9 c9 T10 c10 T11 c11 T12 c12 T13 c13 T14 c14 T15 c15 T16 c16
    T17 c17 T18 c18 T19 c19 T20 c20 T21 c21 T22 c22 T23 c23 T24 c24
    T25 c25 T26 c26 T27 c27 T28 c28 T29 c29 T30 c30 T31 c31 T32 c32
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlite_chunks_stay_within_the_limit_on_parameters() {
        assert_eq!(chunk_length(1_000, 9), 64);
        assert_eq!(chunk_length(63, 9), 32);
        assert_eq!(chunk_length(3, 9), 2);
        assert_eq!(chunk_length(1, 9), 1);
        assert_eq!(chunk_length(1_000, 1_000), 32);
    }

    #[test]
    fn both_texts_name_the_columns_and_the_conflict_clause() {
        const INSERT: Insert = Insert::into("t", &["a", "b"]).on_conflict("ON CONFLICT (a) DO NOTHING");
        assert_eq!(
            INSERT.unnest_sql(),
            "INSERT INTO t (a, b) SELECT * FROM UNNEST($1, $2) ON CONFLICT (a) DO NOTHING"
        );
        assert_eq!(
            INSERT.values_sql(2),
            "INSERT INTO t (a, b) VALUES (?, ?), (?, ?) ON CONFLICT (a) DO NOTHING"
        );
    }
}
