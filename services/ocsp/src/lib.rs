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

use std::sync::{Arc, Mutex, PoisonError};

use kit::clock::SharedClock;
use kit::feed::Watch;
use kit::service::{Check, Service};
use kit::transport::Transport;
use proto::ocsp::v1::ocsp_server::OcspServer;
use redis::Redis;
use store::Db;
use tokio_util::sync::CancellationToken;
use vocabulary::{EventType, service};

pub use app::{App, Fresh, Reply};
pub use config::{Cache, Config};
pub use domain::{ResponderIdForm, Revocation, Revocations, Revoked, Signing, Unissued};
pub use error::Error;
pub use grpc::ALLOW;
pub use rest::{openapi, public_operations};
pub use tables::{FIRST_TABLE, MIGRATIONS};

/// Its name among services.
pub const NAME: &str = service::OCSP;

/// The types of events that it writes; an append of another is refused.
pub const EVENTS: &[EventType] = &[];

/// What the service needs from outside.
pub struct Deps {
    /// Its own database, migrated with [`MIGRATIONS`].
    pub db: Db,
    /// Time.
    pub clock: SharedClock,
    /// The way to ca.
    pub ca: Transport,
    /// The way to keymgr.
    pub keymgr: Transport,
    /// Where processes of this service share what they sign, if there is such a place.
    pub redis: Option<Redis>,
    /// Ends streams that would go on forever.
    pub stop: CancellationToken,
}

/// The OCSP responder.
#[derive(Clone)]
pub struct Ocsp {
    app: App,
    max_age: std::time::Duration,
    feed: Watch,
    /// Where the feed of `ca` goes on behind a snapshot that was taken before the background work started.
    cursor: Arc<Mutex<Option<String>>>,
}

impl Ocsp {
    /// Checks the settings.
    ///
    /// # Errors
    /// `Common::Config`.
    pub fn build(config: Config, deps: Deps) -> Result<Self, Error> {
        kit::config::refuse_first(config.check())?;
        let db = deps.db.declaring(EVENTS);
        Ok(Self {
            feed: Watch::new(db.clone(), deps.stop),
            max_age: config.max_age,
            app: App::new(config, db, deps.clock, (deps.ca, deps.keymgr), deps.redis),
            cursor: Arc::default(),
        })
    }

    /// Has responders made and loads the revocations, so that the first request is answered. What does not succeed keeps no process
    /// from starting: background work does the same again until it does.
    pub async fn prepare(&self) {
        let looked = self.app.look_after_issuers().await;
        let snapshot = self.app.take_snapshot().await;
        match looked.map(|_done| ()).and(snapshot) {
            Ok(cursor) => *self.cursor.lock().unwrap_or_else(PoisonError::into_inner) = Some(cursor),
            Err(error) => {
                let cause = kit::error::chain(&error);
                tracing::warn!(cause, "OCSP is not ready yet; it is tried again");
            }
        }
    }

    /// The use cases, for tests.
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
        let grpc = OcspServer::new(grpc).max_decoding_message_size(kit::grpc::MAX_MESSAGE);
        let cursor = Arc::clone(&self.cursor);
        Service {
            name: NAME,
            rest: utoipa_axum::router::OpenApiRouter::new(),
            public: rest::public(self.app.clone(), self.max_age),
            ldap: None,
            grpc: kit::grpc::routes(NAME, ALLOW, grpc),
            readiness: vec![self.answers()],
            doctor: doctor::checks(&self.app),
            jobs: jobs::all(&self.app, cursor),
            events: EVENTS,
            feed: self.feed.clone(),
            workers: Vec::new(),
        }
    }

    /// Whether the revocations are loaded and each CA has a responder.
    fn answers(&self) -> Check {
        let app = self.app.clone();
        Check::new("OCSP responders", move || {
            std::future::ready(app.is_ready().map_err(Into::into))
        })
    }
}
