//! The use cases, one a file. No axum, tonic or SQL in here.

// A new variant is decided on here, rather than falling under what was right for the others.
#![warn(clippy::wildcard_enum_match_arm)]

mod binding;
mod generate;
mod get;
mod list;
mod loaded;
mod sign;
mod sign_crl;
mod streams;
mod usage;
mod workers;

pub use generate::GenerateRequest;
pub use sign::SignRequest;
pub use sign_crl::{CrlSigning, SignCrlRequest};

use std::sync::Arc;

use keys::KeyStore;
use kit::clock::SharedClock;
use kit::dry_run::Previews;
use kit::heavy::HeavyWork;
use store::Db;

use loaded::Loaded;
use streams::Streams;
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
    ca_keys_sign_ocsp: bool,
    streams: Streams,
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
            ca_keys_sign_ocsp: config.ca_keys_sign_ocsp,
            streams: Streams::default(),
        }
    }

    /// The database of the service.
    pub(crate) fn db(&self) -> &Db {
        &self.db
    }
}
