#![doc = include_str!("../README.md")]

mod app;
mod config;
mod directory;
mod doctor;
mod domain;
mod error;
mod grpc;
mod jobs;
mod rest;
mod tables;

use kit::clock::SharedClock;
use kit::feed::Watch;
use kit::service::{Check, Service, first_of};
use kit::transport::Transport;
use proto::crl::v1::crl_server::CrlServer;
use store::{Db, StoreError};
use tokio_util::sync::CancellationToken;
use vocabulary::{EventType, service};

pub use app::App;
pub use config::{Config, Directory};
pub use domain::import::Refusal;
pub use domain::{Kind, Publication, Scope};
pub use error::Error;
pub use grpc::{ALLOW, STREAMS};
pub use rest::{openapi, public_operations};
pub use tables::{FIRST_TABLE, MIGRATIONS};

/// Its name among services.
pub const NAME: &str = service::CRL;

/// The types of events that it writes; an append of another is refused.
pub const EVENTS: &[EventType] = &[EventType::CrlPublished];

/// Notes that an older database of ca was accepted: holds that it does not have are lost, and not released. To be called before ca runs
/// on it; the service need not run.
///
/// # Errors
/// `Common::Store`.
pub async fn expect_older_ca(db: &Db) -> Result<(), Error> {
    Ok(tables::snapshots::expect_older_ca(db).await?)
}

/// The complete list of an issuer that is out, as a start reads it; the service need not run. None where there is none, or it cannot be
/// read.
///
/// # Errors
/// `Common::Store`.
pub async fn stored_list(db: &Db, issuer: &str) -> Result<Option<Vec<u8>>, Error> {
    let current = tables::publications::current(db, &Scope::whole(issuer), Kind::Complete).await;
    let Some(list) = current.or_else(StoreError::left_out)? else {
        return Ok(None);
    };
    let (mut content, mut after) = (Vec::new(), -1);
    while let Some((ordinal, piece)) = tables::pieces::next(db, list.id, after).await? {
        content.extend(piece);
        after = ordinal;
    }
    Ok(Some(content))
}

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
    /// Where relying parties fetch CRLs: `http://` URL without a trailing slash, as ca writes it into certificates.
    pub public_http_url: String,
    /// Ends streams that would go on forever.
    pub stop: CancellationToken,
}

/// The service.
#[derive(Clone)]
pub struct Crl {
    app: App,
    feed: Watch,
    stop: CancellationToken,
}

impl Crl {
    /// Checks the settings.
    ///
    /// # Errors
    /// `Common::Config`.
    pub fn build(config: Config, deps: Deps) -> Result<Self, Error> {
        kit::config::refuse_first(config.check())?;
        let db = deps.db.declaring(EVENTS);
        Ok(Self {
            feed: Watch::new(db.clone(), deps.stop.clone()),
            stop: deps.stop,
            app: App::new(
                (db, deps.clock),
                config,
                (deps.ca, deps.keymgr),
                &deps.public_http_url,
            )?,
        })
    }

    /// Makes the lists that are missing, for some seconds at most: a CA has a CRL from the moment at which it can issue.
    pub async fn prepare(&self) {
        jobs::make_missing(&self.app, &self.stop).await;
    }

    /// What a process runs and serves of it.
    #[must_use]
    pub fn service(&self) -> Service {
        let grpc = grpc::Grpc {
            app: self.app.clone(),
            feed: self.feed.clone(),
        };
        let grpc = CrlServer::new(grpc).max_decoding_message_size(kit::grpc::MAX_MESSAGE);
        Service {
            name: NAME,
            rest: rest::router(),
            public: rest::public(self.app.clone()),
            ldap: Some(directory::protocol(self.app.clone())),
            grpc: kit::grpc::edge(NAME, ALLOW).streaming(STREAMS).routes(grpc),
            readiness: vec![self.lists_are_out()],
            doctor: doctor::checks(&self.app),
            jobs: jobs::all(&self.app),
            events: EVENTS,
            feed: self.feed.clone(),
            workers: Vec::new(),
        }
    }

    /// Every certificate has a list that is in force.
    fn lists_are_out(&self) -> Check {
        let app = self.app.clone();
        Check::new("CRLs", move || {
            let app = app.clone();
            async move {
                let mut missing = app.state().await?.missing(app.clock.now());
                // Lists that fail are tried again, and what is out is served; what hangs says nothing by itself.
                missing.extend(app.progress.stalled());
                match missing.is_empty() {
                    true => Ok(()),
                    false => Err(Error::internal(first_of(&missing)).into()),
                }
            }
        })
    }
}
