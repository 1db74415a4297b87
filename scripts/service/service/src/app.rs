//! The use cases, one a file. No axum, tonic or SQL in here.

// A new variant is decided on here, rather than falling under what was right for the others.
#![warn(clippy::wildcard_enum_match_arm)]

mod list;

use store::Db;

/// What the use cases share.
#[derive(Clone)]
pub struct App {
    db: Db,
}

impl App {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }
}
