#![doc = include_str!("../README.md")]

mod app;
mod config;
mod domain;
mod error;
mod grpc;
mod rest;
mod tables;

use std::sync::Arc;

use kit::auth::Authenticator;
use kit::feed::Watch;
use kit::http::PublicRoutes;
use kit::service::Service;
use proto::sample::v1::sample_server::SampleServer;
use store::Db;
use tokio_util::sync::CancellationToken;
use vocabulary::{EventType, service};

pub use app::App;
pub use config::Config;
pub use domain::{Item, Name};
pub use error::Error;
pub use grpc::ALLOW;
pub use kit::http::no_public_operations as public_operations;
pub use rest::openapi;
pub use tables::{FIRST_TABLE, MIGRATIONS};

/// Its name among services.
pub const NAME: &str = service::SAMPLE;

/// The types of events that it writes; an append of another is refused.
pub const EVENTS: &[EventType] = &[];

/// What the service needs from outside.
pub struct Deps {
    /// Its own database, migrated with [`MIGRATIONS`].
    pub db: Db,
    /// Who callers of the REST surface are.
    pub authenticator: Arc<dyn Authenticator>,
    /// Ends streams that would go on forever.
    pub stop: CancellationToken,
}

/// The service.
#[derive(Clone)]
pub struct Sample {
    app: App,
    authenticator: Arc<dyn Authenticator>,
    feed: Watch,
}

impl Sample {
    /// Checks the settings.
    ///
    /// # Errors
    /// `Common::Config`.
    pub fn build(config: &Config, deps: Deps) -> Result<Self, Error> {
        kit::config::refuse_first(config.check())?;
        let db = deps.db.declaring(EVENTS);
        Ok(Self {
            feed: Watch::new(db.clone(), deps.stop),
            app: App::new(db),
            authenticator: deps.authenticator,
        })
    }

    /// What a process runs and serves of it.
    #[must_use]
    pub fn service(&self) -> Service {
        let grpc = grpc::Grpc {
            app: self.app.clone(),
            feed: self.feed.clone(),
        };
        let grpc = SampleServer::new(grpc).max_decoding_message_size(kit::grpc::MAX_MESSAGE);
        Service {
            name: NAME,
            rest: rest::router(self.app.clone(), Arc::clone(&self.authenticator)),
            public: PublicRoutes::new(),
            ldap: None,
            grpc: kit::grpc::routes(NAME, ALLOW, grpc),
            readiness: Vec::new(),
            doctor: Vec::new(),
            jobs: Vec::new(),
            events: EVENTS,
            feed: self.feed.clone(),
            workers: Vec::new(),
        }
    }
}
