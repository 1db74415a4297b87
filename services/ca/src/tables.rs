//! Every query of the CA service.

// A new variant is decided on here, rather than falling under what was right for the others.
#![warn(clippy::wildcard_enum_match_arm)]

pub(crate) mod authorities;
pub(crate) mod beside;
pub(crate) mod certificates;
pub(crate) mod commit;
pub(crate) mod compromised;
pub(crate) mod names;
pub(crate) mod search;
pub(crate) mod standing;

/// The schema of this service.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// The table that a first start writes to: empty, it says that this service was never used.
pub const FIRST_TABLE: &str = "authorities";
