#![doc = include_str!("../README.md")]

mod app;
mod config;
mod doctor;
mod domain;
mod error;
mod grpc;
mod jobs;
mod rest;
mod tables;
mod unlock;

use std::sync::Arc;

use keys::SoftwareStore;
use kit::auth::Authenticator;
use kit::clock::SharedClock;
use kit::feed::Watch;
use kit::http::PublicRoutes;
use kit::service::Service;
use proto::keymgr::v1::keymgr_server::KeymgrServer;
use store::Db;
use tokio_util::sync::CancellationToken;
use vocabulary::{EventType, service};

pub use app::{App, CrlSigning, GenerateRequest, SignCrlRequest, SignRequest};
pub use config::{Backends, Config, KekSource, Software};
pub use domain::{Caller, Key, KeyName, Purpose, Signatures};
pub use error::Error;
pub use grpc::{ALLOW, STREAMS};
pub use kit::http::no_public_operations as public_operations;
pub use kit::idempotency::IdempotencyKey;
pub use rest::openapi;
pub use tables::{FIRST_TABLE, MIGRATIONS};

/// Its name among services.
pub const NAME: &str = service::KEYMGR;

/// The types of events that it writes; an append of another is refused.
pub const EVENTS: &[EventType] = &[EventType::KeyGenerated];

/// Refuses the key-encryption key in a file where the database was set up with another one; the service need not run.
///
/// # Errors
/// [`Error::WrongKek`], [`Error::LostKek`]; [`Error::Key`] for a file that cannot be used; `Common::Store`.
pub async fn check_kek(db: &Db, file: &std::path::Path) -> Result<(), Error> {
    unlock::check(db, file).await
}

/// The public side of the key of that name, if there is one; the service need not run.
///
/// # Errors
/// `Common::Store`, also for a row that cannot be read.
pub async fn stored_key(db: &Db, name: &KeyName) -> Result<Option<Key>, Error> {
    Ok(tables::find(db, name).await?)
}

/// What the service needs from outside.
pub struct Deps {
    /// Its own database, migrated with [`MIGRATIONS`].
    pub db: Db,
    /// Time.
    pub clock: SharedClock,
    /// Who callers of the REST surface are.
    pub authenticator: Arc<dyn Authenticator>,
    /// Ends streams that would go on forever.
    pub stop: CancellationToken,
}

/// The key manager.
#[derive(Clone)]
pub struct Keymgr {
    app: App,
    kek: KekSource,
    authenticator: Arc<dyn Authenticator>,
    feed: Watch,
}

impl Keymgr {
    /// Checks the settings and opens the key-encryption key; the first start records which one it is.
    ///
    /// # Errors
    /// `Common::Config`, [`Error::WrongKek`], [`Error::Key`] for an unusable key-encryption key file,
    /// `Common::Store`.
    pub async fn build(config: Config, deps: Deps) -> Result<Self, Error> {
        kit::config::refuse_first(config.check())?;
        let source = config.kek_source()?;
        let deps = Deps {
            db: deps.db.declaring(EVENTS),
            ..deps
        };
        let kek = unlock::unlock(&deps.db, &source).await?;
        let backend = Arc::new(SoftwareStore::new(kek));
        let feed = Watch::new(deps.db.clone(), deps.stop);
        let app = App::new(deps.db, deps.clock, backend, &config);
        Ok(Self {
            app,
            kek: source,
            authenticator: deps.authenticator,
            feed,
        })
    }

    /// The use cases, for the wiring and for tests.
    #[must_use]
    pub fn app(&self) -> &App {
        &self.app
    }

    /// What a process runs and serves of it.
    #[must_use]
    pub fn service(&self) -> Service {
        let grpc = grpc::Grpc {
            app: self.app.clone(),
            feed: self.feed.clone(),
        };
        let grpc = KeymgrServer::new(grpc).max_decoding_message_size(kit::grpc::MAX_MESSAGE);
        Service {
            name: NAME,
            rest: rest::router(self.app.clone(), Arc::clone(&self.authenticator)),
            public: PublicRoutes::new(),
            ldap: None,
            grpc: kit::grpc::edge(NAME, ALLOW).streaming(STREAMS).routes(grpc),
            readiness: Vec::new(),
            doctor: doctor::checks(&self.app, &self.kek),
            jobs: jobs::all(&self.app),
            events: EVENTS,
            feed: self.feed.clone(),
            workers: Vec::new(),
        }
    }
}
