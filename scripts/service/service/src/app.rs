//! The use cases, one a file. No axum, tonic or SQL in here.

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
