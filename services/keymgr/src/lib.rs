#![doc = include_str!("../README.md")]

mod app;
mod config;
mod domain;
mod error;
mod grpc;
mod jobs;
mod rest;
mod store;
mod unlock;

use std::sync::Arc;

use ::store::Db;
use keys::SoftwareStore;
use kit::auth::Authenticator;
use kit::clock::SharedClock;
use proto::keymgr::v1::keymgr_server::KeymgrServer;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;

pub use app::{App, GenerateRequest, SignRequest, Signatures};
pub use config::{Backends, Config, Software};
pub use domain::{Key, KeyName, Purpose};
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
    /// Who callers of the REST surface are.
    pub authenticator: Arc<dyn Authenticator>,
}

/// The key manager.
#[derive(Clone)]
pub struct Keymgr {
    app: App,
    authenticator: Arc<dyn Authenticator>,
}

impl Keymgr {
    /// Checks the settings and opens the key-encryption key; the first start records which one it is.
    ///
    /// # Errors
    /// [`Error::Config`], [`Error::WrongKek`], [`Error::Key`] for an unusable key-encryption key file,
    /// [`Error::Store`].
    pub async fn build(config: Config, deps: Deps) -> Result<Self, Error> {
        kit::config::refuse_first(config.check()).map_err(Error::Config)?;
        let kek = unlock::unlock(&deps.db, &config.kek_source()?).await?;
        let backend = Arc::new(SoftwareStore::new(kek));
        let app = App::new(deps.db, deps.clock, backend, &config);
        Ok(Self {
            app,
            authenticator: deps.authenticator,
        })
    }

    /// The use cases, for the wiring and for tests.
    #[must_use]
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Routes below `/api/v1` with their OpenAPI document.
    #[must_use]
    pub fn rest(&self) -> OpenApiRouter {
        rest::router(self.app.clone(), Arc::clone(&self.authenticator))
    }

    /// The gRPC service; [`ALLOW`] says who may call what.
    #[must_use]
    pub fn grpc(&self) -> KeymgrServer<impl proto::keymgr::v1::keymgr_server::Keymgr + use<>> {
        KeymgrServer::new(grpc::Grpc::new(self.app.clone())).max_decoding_message_size(kit::grpc::MAX_MESSAGE)
    }

    /// Background work until `stop`.
    pub async fn jobs(&self, stop: CancellationToken) {
        jobs::run(&self.app, stop).await;
    }

    /// Whether the database answers and takes writes.
    ///
    /// # Errors
    /// [`Error::Store`] when it does not.
    pub async fn ready(&self) -> Result<(), Error> {
        Ok(self.app.db().ready().await?)
    }
}
