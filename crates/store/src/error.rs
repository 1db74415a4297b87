//! What can go wrong with a database, sorted by what a caller can do about it.
//!
//! Messages name no values of rows and no credentials. The driver's error is kept as the source.

use std::borrow::Cow;
use std::io;
use std::time::Duration;

use sqlx::error::DatabaseError;
use sqlx::migrate::MigrateError;
use sqlx::postgres::PgDatabaseError;

use crate::Damage;

/// An error of the store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database cannot do it now and may be able to later; nothing is wrong with the request.
    #[error("database unavailable: {cause}")]
    Unavailable {
        /// Why.
        cause: Cause,
        /// The driver's error.
        #[source]
        source: sqlx::Error,
    },
    /// A row like this exists already: a unique constraint was violated.
    #[error("conflict with an existing row: {constraint}")]
    Conflict {
        /// The constraint as `table(column, column)`, the same on both databases; where the database does not
        /// tell the columns (an index on an expression), the constraint's own name.
        constraint: String,
        /// The driver's error.
        #[source]
        source: sqlx::Error,
    },
    /// The database was migrated by a newer version of the program.
    #[error(
        "the database of {schema:?} has migration {version}, which this program does not know: it was used by a \
         newer version; run that version or a later one, or restore a backup"
    )]
    Newer {
        /// The service.
        schema: String,
        /// The unknown migration.
        version: i64,
    },
    /// A migration failed, or its text changed after it was applied. No migration of the run was applied.
    #[error("migration of the database of {schema:?} failed: {source}")]
    Migration {
        /// The service.
        schema: String,
        /// The reason.
        #[source]
        source: MigrateError,
    },
    /// The handle was configured wrongly.
    #[error("{0}")]
    Configuration(String),
    /// What the database holds or a program bound does not have the expected form.
    #[error("unexpected content in the database: {0}")]
    Corrupt(String),
    /// A row of which something cannot be read. The text names the object and the columns, and is for whoever may see the object.
    #[error("{0}")]
    Damaged(String),
    /// A feed cursor cannot be used: the events behind it are pruned, or it comes from another history.
    #[error("feed cursor {cursor} cannot be continued: {reason}; take a new snapshot and start from there")]
    Cursor {
        /// The cursor as text.
        cursor: String,
        /// Why.
        reason: &'static str,
    },
    /// The database is part of another installation than the one that was to join it.
    #[error("the database belongs to installation {0}")]
    OtherInstallation(String),
    /// Another process took the work of that name over; nothing of this transaction is to be committed.
    #[error("the lease {0:?} was taken over by another process")]
    LeaseLost(String),
    /// A mistake in the program: an event of a type that the service did not declare. Subscribers would not look for it there.
    #[error("the service {schema:?} does not declare events of type {event:?}: add the type to its EVENTS")]
    UndeclaredEvent {
        /// The service.
        schema: String,
        /// The type, such as `certificate.issued`.
        event: &'static str,
    },
    /// A mistake in the program: an event with other members than its type declares. Subscribers would look for them in vain.
    #[error("an event {0:?} is not as `vocabulary` declares it: {1}")]
    UndeclaredMembers(&'static str, String),
    /// A value is too long for the database, such as for a row of an index. Whoever stores it has to refuse it before.
    #[error("a value is too long for the database")]
    TooLong(#[source] sqlx::Error),
    /// A mistake in the program: the database refused the statement itself.
    #[error("database error: {0}")]
    Internal(#[source] sqlx::Error),
}

/// Why a database is unavailable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// No connection could be made, or an existing one broke.
    Unreachable,
    /// The server is starting, stopping, or recovering.
    Restarting,
    /// No connection was free or could be made in time.
    NoConnection,
    /// The server takes no more connections.
    TooManyConnections,
    /// No space left.
    DiskFull,
    /// Reading or writing the disk failed.
    Storage,
    /// The file is not a whole database any more.
    Damaged,
    /// The database accepts no writes: a standby, a read-only file or file system.
    ReadOnly,
    /// Another transaction was in the way: lock, deadlock or serialization failure. Repeat the transaction.
    Busy,
    /// The statement took too long.
    Timeout,
}

impl Cause {
    /// When it makes sense to try again.
    #[must_use]
    pub fn retry_after(self) -> Duration {
        Duration::from_secs(match self {
            Self::NoConnection | Self::TooManyConnections | Self::Busy | Self::Timeout => 1,
            Self::Unreachable | Self::Restarting => 2,
            Self::ReadOnly => 5,
            Self::DiskFull | Self::Storage | Self::Damaged => 30,
        })
    }

    fn text(self) -> &'static str {
        match self {
            Self::Unreachable => "no connection to the server",
            Self::Restarting => "the server is starting or stopping",
            Self::NoConnection => {
                "no connection was free in time; the server is down or all connections are busy"
            }
            Self::TooManyConnections => "the server takes no more connections",
            Self::DiskFull => "no space left on its disk: make room there",
            Self::Storage => "its disk cannot be read or written: see the log of the operating system",
            Self::Damaged => "its file is damaged: restore it from a backup",
            Self::ReadOnly => "it takes no writes: make its files, its file system, or its server writable",
            Self::Busy => "another transaction was in the way",
            Self::Timeout => "the statement took too long",
        }
    }
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.text())
    }
}

impl StoreError {
    /// Whether the same request may succeed later.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    /// Whether what is stored is at fault: trying again meets the same.
    #[must_use]
    pub fn is_of_content(&self) -> bool {
        use sqlx::Error::{ColumnDecode, Decode};
        matches!(
            self,
            Self::Corrupt(_)
                | Self::Damaged(_)
                | Self::TooLong(_)
                | Self::Internal(ColumnDecode { .. } | Decode(_))
        )
    }

    /// That those columns of the row of an object, such as `certificate 01ab`, cannot be read.
    #[must_use]
    pub fn damaged(columns: impl Into<Damage>, object: &str) -> Self {
        let columns = columns.into();
        Self::Damaged(format!(
            "what the database holds of {object} is damaged: {columns} cannot be read; restore it from a backup"
        ))
    }

    /// Leaves a row that cannot be read out of a list, with a line in the log: it hides none of the others.
    ///
    /// # Errors
    /// Any other error.
    pub fn left_out<T>(self) -> Result<Option<T>, Self> {
        match self {
            Self::Damaged(problem) => {
                tracing::error!(problem, "a row is left out of a list");
                Ok(None)
            }
            error => Err(error),
        }
    }

    /// Why the database is unavailable, where an error or one of its sources says that it is.
    #[must_use]
    pub fn cause_of(error: &(dyn std::error::Error + 'static)) -> Option<Cause> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(Self::Unavailable { cause, .. }) = error.downcast_ref() {
                return Some(*cause);
            }
            next = error.source();
        }
        None
    }

    /// When to try again, for errors that pass.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable { cause, .. } => Some(cause.retry_after()),
            _ => None,
        }
    }

    /// Whether this is a violation of that unique constraint, named `table(column, column)` with the columns in
    /// the order of the constraint: `is_unique_violation("certificates(issuer, serial)")`.
    #[must_use]
    pub fn is_unique_violation(&self, constraint: &str) -> bool {
        matches!(self, Self::Conflict { constraint: name, .. } if name == constraint)
    }
}

/// program_limit_exceeded of PostgreSQL and SQLITE_TOOBIG.
const TOO_LONG: [&str; 2] = ["54000", "18"];

impl From<sqlx::Error> for StoreError {
    fn from(source: sqlx::Error) -> Self {
        if let sqlx::Error::Database(error) = &source {
            if error.is_unique_violation() {
                return Self::Conflict {
                    constraint: constraint_name(error.as_ref()),
                    source,
                };
            }
            if error.code().is_some_and(|code| TOO_LONG.contains(&&*code)) {
                return Self::TooLong(source);
            }
        }
        match cause(&source) {
            Some(cause) => Self::Unavailable { cause, source },
            None => Self::Internal(source),
        }
    }
}

fn cause(error: &sqlx::Error) -> Option<Cause> {
    match error {
        sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => Some(Cause::NoConnection),
        sqlx::Error::WorkerCrashed | sqlx::Error::Tls(_) => Some(Cause::Unreachable),
        sqlx::Error::Io(error) => Some(io_cause(error)),
        sqlx::Error::Database(error) => {
            let code = error.code()?;
            match error.try_downcast_ref::<PgDatabaseError>() {
                Some(_) => postgres_cause(&code),
                None => sqlite_cause(&code),
            }
        }
        _ => None,
    }
}

fn io_cause(error: &io::Error) -> Cause {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Cause::DiskFull,
        io::ErrorKind::ReadOnlyFilesystem => Cause::ReadOnly,
        io::ErrorKind::TimedOut => Cause::Timeout,
        _ => Cause::Unreachable,
    }
}

/// SQLSTATE codes, PostgreSQL documentation appendix A.
fn postgres_cause(code: &str) -> Option<Cause> {
    Some(match code {
        "53100" => Cause::DiskFull,
        "53300" => Cause::TooManyConnections,
        "53000" | "53200" | "53400" => Cause::Busy,
        "25006" => Cause::ReadOnly,
        "40001" | "40P01" | "55P03" | "55006" => Cause::Busy,
        "57014" | "25P03" | "57P05" => Cause::Timeout,
        "57P01" | "57P02" | "57P03" => Cause::Restarting,
        "58030" => Cause::Storage,
        _ if code.starts_with("08") => Cause::Unreachable,
        _ => return None,
    })
}

/// SQLite result codes; the low byte is the primary code (sqlite.org/rescode.html).
fn sqlite_cause(code: &str) -> Option<Cause> {
    /// SQLITE_IOERR_SHMSIZE: the shared memory file of the WAL could not grow.
    const SHM_SIZE: u32 = 10 | (19 << 8);
    let code: u32 = code.parse().ok()?;
    Some(match code & 0xff {
        _ if code == SHM_SIZE => Cause::DiskFull,
        5 | 6 => Cause::Busy,
        8 => Cause::ReadOnly,
        10 | 14 => Cause::Storage,
        11 | 26 => Cause::Damaged,
        13 => Cause::DiskFull,
        _ => return None,
    })
}

/// Brings both databases to `table(column, column)`. PostgreSQL tells table and columns apart from the
/// constraint's name ("Key (a, b)=(1, 2) already exists." in whatever language); SQLite has no names, only
/// "UNIQUE constraint failed: t.a, t.b".
fn constraint_name(error: &dyn DatabaseError) -> String {
    match error.try_downcast_ref::<PgDatabaseError>() {
        Some(error) => {
            let columns = error.detail().and_then(columns_of_detail);
            match (error.table(), columns) {
                (Some(table), Some(columns)) => format!("{table}({columns})"),
                _ => error.constraint().unwrap_or("unknown").to_owned(),
            }
        }
        None => sqlite_constraint(error.message()).into_owned(),
    }
}

fn columns_of_detail(detail: &str) -> Option<&str> {
    let (_, rest) = detail.split_once('(')?;
    Some(rest.split_once(")=(")?.0)
}

fn sqlite_constraint(message: &str) -> Cow<'_, str> {
    let Some((_, columns)) = message.split_once("failed: ") else {
        return Cow::Borrowed(message);
    };
    let Some((table, _)) = columns.split_once('.') else {
        return Cow::Borrowed(columns);
    };
    let names: Vec<_> = columns
        .split(", ")
        .map(|c| c.split_once('.').map_or(c, |(_, name)| name))
        .collect();
    Cow::Owned(format!("{table}({})", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints_have_one_name_on_both_databases() {
        assert_eq!(
            columns_of_detail("Key (issuer, serial)=(1, \\x00) already exists."),
            Some("issuer, serial")
        );
        assert_eq!(
            columns_of_detail("Schlüssel »(name)=(a)(b)« existiert bereits."),
            Some("name")
        );
        assert_eq!(
            sqlite_constraint("UNIQUE constraint failed: certs.issuer, certs.serial"),
            "certs(issuer, serial)"
        );
        assert_eq!(
            sqlite_constraint("UNIQUE constraint failed: index 'by_lower_name'"),
            "index 'by_lower_name'"
        );
    }

    #[test]
    fn extended_sqlite_codes_count_as_their_primary_code() {
        assert_eq!(sqlite_cause("261"), Some(Cause::Busy)); // SQLITE_BUSY_RECOVERY
        assert_eq!(sqlite_cause("13"), Some(Cause::DiskFull));
        assert_eq!(sqlite_cause("4874"), Some(Cause::DiskFull));
        assert_eq!(sqlite_cause("778"), Some(Cause::Storage)); // SQLITE_IOERR_WRITE
        assert_eq!(sqlite_cause("267"), Some(Cause::Damaged)); // SQLITE_CORRUPT_VTAB
        assert_eq!(sqlite_cause("26"), Some(Cause::Damaged)); // SQLITE_NOTADB
        assert_eq!(sqlite_cause("1032"), Some(Cause::ReadOnly)); // SQLITE_READONLY_DBMOVED
        assert_eq!(sqlite_cause("1"), None);
    }

    #[test]
    fn a_server_that_goes_away_is_unavailable_and_a_bad_statement_is_not() {
        assert_eq!(postgres_cause("57P01"), Some(Cause::Restarting));
        assert_eq!(postgres_cause("53100"), Some(Cause::DiskFull));
        assert_eq!(postgres_cause("08006"), Some(Cause::Unreachable));
        assert_eq!(postgres_cause("42P01"), None);
        let refused = sqlx::Error::Io(io::ErrorKind::ConnectionRefused.into());
        let error = StoreError::from(refused);
        assert!(error.is_unavailable());
        assert_eq!(error.retry_after(), Some(Duration::from_secs(2)));
        assert!(!StoreError::from(sqlx::Error::RowNotFound).is_unavailable());
    }
}
