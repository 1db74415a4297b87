#![doc = include_str!("../README.md")]

mod app;
mod config;
mod domain;
mod error;
mod grpc;
mod issuance;
mod jobs;
mod rest;
mod store;

use std::sync::Arc;
use std::time::Duration;

use ::store::Db;
use ::store::feed::Feed;
use kit::auth::Authenticator;
use kit::clock::SharedClock;
use kit::transport::Transport;
use proto::ca::v1::ca_server::CaServer;
use proto::keymgr::v1::keymgr_client::KeymgrClient;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;

pub use app::{App, Authorities, IssueRequest, NewAuthority, RenewRequest, Requester, RevokeRequest};
pub use app::{Revoked, Rights, SameKey, Scope, Visibility};
pub use config::Config;
pub use domain::{
    Authority, Capacity, Issued, Protocol, Query, Revocation, SanSuffix, Status, Suspension, USER_PROFILES,
};
pub use error::Error;
pub use grpc::ALLOW;
pub use kit::idempotency::IdempotencyKey;
pub use store::MIGRATIONS;

/// How often the feed looks for events that no notification announced.
const FEED_POLL: Duration = Duration::from_secs(1);

/// What the service needs from outside.
pub struct Deps {
    /// Its own database, migrated.
    pub db: Db,
    /// Time.
    pub clock: SharedClock,
    /// The way to keymgr.
    pub keymgr: Transport,
    /// Who callers of the REST surface are.
    pub authenticator: Arc<dyn Authenticator>,
    /// Where relying parties fetch CRLs, OCSP responses and CA certificates: `http://` URL without a trailing slash. It
    /// is written into every certificate.
    pub public_http_url: String,
    /// Ends streams that would go on for ever.
    pub stop: CancellationToken,
    /// Trust domain of service identities (`spiffe://<trust-domain>/svc/<name>`).
    pub trust_domain: String,
    /// Host names and addresses on which the API is reached; only GigVault itself gets certificates for them.
    pub api_names: Vec<x509::San>,
}

/// The certificate authority.
#[derive(Clone)]
pub struct Ca {
    app: App,
    authenticator: Arc<dyn Authenticator>,
    feed: Feed,
    trust_domain: String,
    stop: CancellationToken,
}

impl Ca {
    /// Loads CAs and profiles and starts the task that signs and commits.
    pub async fn build(config: Config, deps: Deps) -> Result<Self, Error> {
        if let Err(fault) = kit::config::refuse_first(config.check()) {
            return Err(Error::invalid("ca", fault));
        }
        let profiles = rules::Profiles::with_configured(config.profiles.clone())
            .map_err(|error| Error::invalid("ca.profiles", error))?;
        let reserved_names = rules::ReservedNames::new(&deps.trust_domain, &deps.api_names);
        let authorities = Authorities::load(
            deps.db.clone(),
            deps.clock.clone(),
            Arc::from(deps.public_http_url),
            Arc::new(reserved_names),
        )
        .await?;
        let authorities = Arc::new(authorities);
        let keymgr = KeymgrClient::new(deps.keymgr);
        let issuance = issuance::Issuance::start(
            deps.db.clone(),
            keymgr,
            deps.clock.clone(),
            Arc::clone(&authorities),
            &config,
        );
        let feed = Feed::new(deps.db.clone(), FEED_POLL);
        let app = App {
            db: deps.db,
            clock: deps.clock,
            authorities,
            profiles: Arc::new(profiles),
            issuance,
            config: Arc::new(config),
        };
        app.record_compromised_keys().await?;
        Ok(Self {
            app,
            authenticator: deps.authenticator,
            feed,
            trust_domain: deps.trust_domain,
            stop: deps.stop,
        })
    }

    /// The use cases, for the wiring and for tests.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Routes below `/api/v1` with their OpenAPI document.
    pub fn rest(&self) -> OpenApiRouter {
        rest::router(self.app.clone(), Arc::clone(&self.authenticator))
    }

    /// Routes of the plain HTTP listener: `/ca/<name>.crt`, `/roots.pem`.
    pub fn public(&self) -> axum::Router {
        rest::public_router(self.app.clone())
    }

    /// The gRPC service; [`ALLOW`] says who may call what.
    pub fn grpc(&self) -> CaServer<impl proto::ca::v1::ca_server::Ca + use<>> {
        let grpc = grpc::Grpc {
            app: self.app.clone(),
            feed: self.feed.clone(),
            trust_domain: self.trust_domain.clone(),
            stop: self.stop.clone(),
        };
        CaServer::new(grpc)
    }

    /// Background work until `stop`.
    pub async fn jobs(&self, stop: CancellationToken) {
        // A first start has made its CAs by now.
        self.app.authorities.warn_without_default(&self.app.config);
        jobs::run(self.app.clone(), stop).await;
    }

    /// Whether the database answers and takes writes.
    pub async fn ready(&self) -> Result<(), Error> {
        Ok(self.app.db.ready().await?)
    }
}
