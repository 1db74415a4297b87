//! Which installation a database belongs to.
//!
//! Keys, certificates and databases of an installation carry the same id, so that those of two, or half of one, are not
//! taken for a whole. The number of starts tells a database that was restored from a backup: it is behind the others.

use sqlx::AssertSqlSafe;

use crate::{Db, StoreError};

/// Where that is recorded.
pub(crate) const TABLE: &str = "installation";

/// The installation that a database belongs to.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Installation {
    /// Random, 32 hexadecimal digits.
    pub id: String,
    /// How many starts this database took part in.
    pub starts: i64,
}

impl Installation {
    /// The id of a new installation.
    #[must_use]
    pub fn new_id() -> String {
        uuid::Uuid::new_v4().simple().to_string()
    }
}

impl Db {
    /// The installation that this database belongs to. None before the first start, and in a database of an earlier version,
    /// migrated or not.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn installation(&self) -> Result<Option<Installation>, StoreError> {
        let found = crate::read!(self, |c| sqlx::query_as("SELECT id, starts FROM installation")
            .fetch_optional(c)
            .await);
        Ok(if_there(found, self.schema(), TABLE)?.flatten())
    }

    /// The service that this database was last used by, which is the schema that it was opened as. None where no start has
    /// recorded it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn recorded_service(&self) -> Result<Option<String>, StoreError> {
        let found: Result<Option<Option<String>>, _> =
            crate::read!(self, |c| sqlx::query_scalar("SELECT service FROM installation")
                .fetch_optional(c)
                .await);
        Ok(if_there(found, self.schema(), TABLE)?.flatten().flatten())
    }

    /// Whether a table of the service exists and holds a row.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn has_rows(&self, table: &'static str) -> Result<bool, StoreError> {
        let query = format!("SELECT EXISTS (SELECT 1 FROM {table})");
        let found = crate::read!(self, |c| sqlx::query_scalar(AssertSqlSafe(query))
            .fetch_one(c)
            .await);
        Ok(if_there(found, self.schema(), table)?.unwrap_or_default())
    }

    /// Makes the database part of an installation, and records its service and the number of a start. Which installation it is
    /// part of is decided by the statement that stores it: what was read before may be old, since nothing kept another process
    /// from joining in the meantime.
    ///
    /// # Errors
    /// [`StoreError::OtherInstallation`] if it is part of another one; [`StoreError`]. Nothing is recorded then.
    pub async fn join_installation(&self, id: &str, starts: i64) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let joined = crate::tx!(tx, |c| sqlx::query(
            "INSERT INTO installation (only_row, id, starts, service) VALUES (1, $1, $2, $3)
             ON CONFLICT (only_row) DO UPDATE SET starts = excluded.starts, service = excluded.service
             WHERE installation.id = excluded.id"
        )
        .bind(id)
        .bind(starts)
        .bind(self.schema())
        .execute(c)
        .await?
        .rows_affected());
        if joined == 1 {
            return tx.commit().await;
        }
        let other = crate::tx!(tx, |c| sqlx::query_scalar("SELECT id FROM installation")
            .fetch_one(c)
            .await)?;
        Err(StoreError::OtherInstallation(other))
    }
}

/// What was read of a table; `None` where the schema is older than it.
///
/// # Errors
/// [`StoreError::Configuration`] with what to grant to a role that may not read it; the others of the database.
pub(crate) fn if_there<T>(
    found: Result<T, sqlx::Error>,
    schema: &str,
    table: &str,
) -> Result<Option<T>, StoreError> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) if lacks_right(&error).is_some() => Err(StoreError::Configuration(format!(
            "the role of the database URL may not read {table} of schema {schema:?}: as its owner, run GRANT SELECT ON ALL \
             TABLES IN SCHEMA {schema} TO ROLE, with that role in place of ROLE"
        ))),
        Err(error) => Err(error.into()),
    }
}

/// What PostgreSQL says where a role lacks a right.
pub(crate) fn lacks_right(error: &sqlx::Error) -> Option<&str> {
    match error {
        sqlx::Error::Database(cause) if cause.code().as_deref() == Some("42501") => Some(cause.message()),
        _ => None,
    }
}

/// Whether the schema is older than this table or column.
fn is_missing(error: &sqlx::Error) -> bool {
    let Some(database) = error.as_database_error() else {
        return false;
    };
    // PostgreSQL: undefined_table, the schema of a qualified name, undefined_column; SQLite has one code for many faults.
    matches!(database.code().as_deref(), Some("42P01" | "3F000" | "42703"))
        || database.message().starts_with("no such table")
        || database.message().starts_with("no such column")
}
