//! The use cases, one a file. No axum, tonic or SQL in here.

// A new variant is decided on here, rather than falling under what was right for the others.
#![warn(clippy::wildcard_enum_match_arm)]

mod binding;
mod generate;
mod get;
mod list;
mod loaded;
mod sign;
mod usage;
mod workers;

pub use generate::GenerateRequest;
pub use sign::SignRequest;

use std::sync::Arc;

use keys::KeyStore;
use kit::clock::SharedClock;
use kit::dry_run::Previews;
use kit::heavy::HeavyWork;
use store::Db;

use loaded::Loaded;
use usage::Usage;
use workers::Workers;

use crate::config::Config;

/// What the use cases share.
#[derive(Clone)]
pub struct App {
    db: Db,
    clock: SharedClock,
    backend: Arc<dyn KeyStore>,
    loaded: Loaded,
    workers: Workers,
    usage: Usage,
    heavy: HeavyWork,
    max_batch: usize,
    previews: Previews,
}

impl App {
    pub(crate) fn new(db: Db, clock: SharedClock, backend: Arc<dyn KeyStore>, config: &Config) -> Self {
        let loaded = Loaded::new(config.max_loaded_keys);
        Self {
            previews: Previews::new(db.clone(), Arc::clone(&clock)),
            db,
            clock,
            backend,
            loaded,
            workers: Workers::new(),
            usage: Usage::new(config.max_signatures_per_second),
            heavy: HeavyWork::default(),
            max_batch: config.max_batch,
        }
    }

    /// The database of the service.
    pub(crate) fn db(&self) -> &Db {
        &self.db
    }
}
