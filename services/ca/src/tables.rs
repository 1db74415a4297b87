//! Every query of the CA service.

// A new variant is decided on here, rather than falling under what was right for the others.
#![warn(clippy::wildcard_enum_match_arm)]

use store::StoreError;

use crate::error::Error;

pub(crate) mod authorities;
pub(crate) mod beside;
pub(crate) mod certificates;
pub(crate) mod commit;
pub(crate) mod compromised;
pub(crate) mod health;
pub(crate) mod identities;
pub(crate) mod issuance_facts;
pub(crate) mod names;
pub(crate) mod ocsp_queries;
pub(crate) mod revocations;
pub(crate) mod search;

/// What the database says of a query, so that `?` is enough.
impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        StoreError::from(error).into()
    }
}

/// The schema of this service.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// The table that a first start writes to: empty, it says that this service was never used.
pub const FIRST_TABLE: &str = "authorities";
