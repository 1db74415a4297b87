#![doc = include_str!("../README.md")]

mod app;
mod authenticator;
mod config;
mod domain;
mod error;
mod grpc;
mod jobs;
mod rest;
mod store;

use std::sync::Arc;

use ::store::Db;
use kit::auth::Authenticator;
use kit::clock::SharedClock;
use proto::auth::v1::auth_server::AuthServer;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;

pub use app::{App, CreateRequest, Created, Descendants, Revoked};
pub use authenticator::{Local, Remote};
pub use config::Config;
pub use domain::{ApiKey, Name, Prefix, Revocation, Status, Token};
pub use error::Error;
pub use grpc::ALLOW;
pub use kit::idempotency::IdempotencyKey;
pub use store::MIGRATIONS;

/// What the service needs from outside.
pub struct Deps {
    /// Its own database, migrated with [`MIGRATIONS`].
    pub db: Db,
    /// Time.
    pub clock: SharedClock,
}

/// Authentication.
#[derive(Clone)]
pub struct Auth {
    app: App,
    flush: std::time::Duration,
}

impl Auth {
    /// Checks the settings.
    ///
    /// # Errors
    /// [`Error::Config`].
    pub fn build(config: Config, deps: Deps) -> Result<Self, Error> {
        kit::config::refuse_first(config.check()).map_err(Error::Config)?;
        let Config {
            last_used_interval,
            max_validity,
        } = config;
        Ok(Self {
            app: App::new(deps.db, deps.clock, max_validity),
            flush: last_used_interval,
        })
    }

    /// The use cases, for the wiring and for tests.
    #[must_use]
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Advances with every revocation in this process, for a [`kit::auth::CachedAuthenticator`] in front of
    /// [`authenticator`](Self::authenticator).
    #[must_use]
    pub fn revocations(&self) -> kit::auth::Epoch {
        self.app.revocations().clone()
    }

    /// Judges credentials without a detour over gRPC, for REST surfaces in this process. It remembers nothing: a
    /// revoked key is refused at once.
    #[must_use]
    pub fn authenticator(&self) -> Arc<dyn Authenticator> {
        Arc::new(Local::new(self.app.clone()))
    }

    /// Makes the first admin's key where no usable key may make keys, and says whether it did.
    ///
    /// `keep` puts the key where the admin finds it. It runs before the key becomes valid, so a process that dies
    /// between the two leaves a useless file, which the next start overwrites, and never a key that nobody knows.
    ///
    /// # Errors
    /// [`Error::Keep`] when `keep` fails, [`Error::Store`].
    pub async fn ensure_first_admin<F>(&self, keep: F) -> Result<bool, Error>
    where
        F: FnOnce(&SecretString) -> std::io::Result<()> + Send,
    {
        self.app.ensure_first_admin(keep).await
    }

    /// Makes another admin's key, for an installation whose own is lost, and says whether it did: another process may
    /// have done it at the same time. Earlier keys stay as they are.
    ///
    /// # Errors
    /// [`Error::NoAdmin`] where no first admin was ever made, [`Error::Keep`] when `keep` fails, [`Error::Store`].
    pub async fn replace_first_admin<F>(&self, keep: F) -> Result<bool, Error>
    where
        F: FnOnce(&SecretString) -> std::io::Result<()> + Send,
    {
        self.app.replace_first_admin(keep).await
    }

    /// Routes below `/api/v1` with their OpenAPI document.
    #[must_use]
    pub fn rest(&self) -> OpenApiRouter {
        rest::router(self.app.clone(), self.authenticator())
    }

    /// The gRPC service; [`ALLOW`] says who may call what.
    #[must_use]
    pub fn grpc(&self) -> AuthServer<impl proto::auth::v1::auth_server::Auth + use<>> {
        AuthServer::new(grpc::Grpc::new(self.app.clone())).max_decoding_message_size(kit::grpc::MAX_MESSAGE)
    }

    /// Background work until `stop`.
    pub async fn jobs(&self, stop: CancellationToken) {
        jobs::run(&self.app, self.flush, stop).await;
    }

    /// Whether the database answers and takes writes.
    ///
    /// # Errors
    /// [`Error::Store`] when it does not.
    pub async fn ready(&self) -> Result<(), Error> {
        Ok(self.app.db().ready().await?)
    }
}
