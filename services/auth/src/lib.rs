#![doc = include_str!("../README.md")]

mod app;
mod authenticator;
mod config;
mod doctor;
mod domain;
mod error;
mod grpc;
mod jobs;
mod rest;
mod tables;

use std::sync::Arc;

use kit::auth::{Authenticator, Epoch};
use kit::clock::SharedClock;
use kit::feed::Watch;
use kit::http::PublicRoutes;
use kit::service::Service;
use proto::auth::v1::auth_server::AuthServer;
use store::Db;
use tokio_util::sync::CancellationToken;
use vocabulary::{EventType, service};

pub use app::{App, CreateRequest, Created, Descendants, KeepToken, Revoked};
pub use authenticator::{Local, Remote};
pub use config::Config;
pub use domain::{ApiKey, DamagedKey, Name, Prefix, Revocation, Status, Token};
pub use error::Error;
pub use grpc::ALLOW;
pub use kit::http::no_public_operations as public_operations;
pub use kit::idempotency::IdempotencyKey;
pub use rest::openapi;
pub use tables::{FIRST_TABLE, MIGRATIONS};

/// Its name among services.
pub const NAME: &str = service::AUTH;

/// The types of events that it writes; an append of another is refused.
pub const EVENTS: &[EventType] = &[EventType::ApiKeyCreated, EventType::ApiKeyRevoked];

/// What the service needs from outside.
pub struct Deps {
    /// Its own database, migrated with [`MIGRATIONS`].
    pub db: Db,
    /// Time.
    pub clock: SharedClock,
    /// Advances with every revocation in this process, for [`kit::auth::CachedAuthenticator`]s that share it.
    pub revocations: Epoch,
    /// Ends streams that would go on forever.
    pub stop: CancellationToken,
}

/// Authentication.
#[derive(Clone)]
pub struct Auth {
    app: App,
    flush: std::time::Duration,
    feed: Watch,
}

impl Auth {
    /// Checks the settings.
    ///
    /// # Errors
    /// `Common::Config`.
    pub fn build(config: Config, deps: Deps) -> Result<Self, Error> {
        kit::config::refuse_first(config.check())?;
        let Config {
            last_used_interval,
            max_validity,
        } = config;
        let deps = Deps {
            db: deps.db.declaring(EVENTS),
            ..deps
        };
        Ok(Self {
            feed: Watch::new(deps.db.clone(), deps.stop),
            app: App::new(deps.db, deps.clock, max_validity, deps.revocations),
            flush: last_used_interval,
        })
    }

    /// The use cases, for the wiring and for tests.
    #[must_use]
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Judges credentials without a detour over gRPC, and remembers nothing: a revoked key is refused at once.
    #[must_use]
    pub fn authenticator(&self) -> Arc<dyn Authenticator> {
        Arc::new(Local::new(self.app.clone()))
    }

    /// Makes the first admin's key where no usable key may make keys, and says whether it did.
    ///
    /// # Errors
    /// [`Error::Keep`] when `keep` fails, `Common::Store`.
    pub async fn ensure_first_admin(&self, keep: KeepToken) -> Result<bool, Error> {
        self.app.ensure_first_admin(keep).await
    }

    /// Makes another admin's key, for an installation whose own is lost, and says whether it did: another process may
    /// have done it at the same time. Earlier keys stay as they are.
    ///
    /// # Errors
    /// [`Error::NoAdmin`] where no first admin was ever made, [`Error::Keep`] when `keep` fails, `Common::Store`.
    pub async fn replace_first_admin(&self, keep: KeepToken) -> Result<bool, Error> {
        self.app.replace_first_admin(keep).await
    }

    /// What a process runs and serves of it.
    #[must_use]
    pub fn service(&self) -> Service {
        let grpc = grpc::Grpc {
            app: self.app.clone(),
            feed: self.feed.clone(),
        };
        let grpc = AuthServer::new(grpc).max_decoding_message_size(kit::grpc::MAX_MESSAGE);
        Service {
            name: NAME,
            rest: rest::router(self.app.clone(), self.authenticator()),
            public: PublicRoutes::new(),
            ldap: None,
            grpc: kit::grpc::routes(NAME, ALLOW, grpc),
            readiness: Vec::new(),
            doctor: doctor::checks(&self.app),
            jobs: jobs::all(&self.app, self.flush),
            events: EVENTS,
            feed: self.feed.clone(),
            workers: Vec::new(),
        }
    }
}
