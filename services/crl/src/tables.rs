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

use store::StoreError;

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
