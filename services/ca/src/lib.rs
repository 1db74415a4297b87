#![doc = include_str!("../README.md")]

mod app;
mod authorities;
mod config;
mod doctor;
mod domain;
mod error;
mod grpc;
mod issuance;
mod jobs;
mod parse;
mod rest;
mod tables;

use std::sync::Arc;
use std::time::Duration;

use kit::auth::Authenticator;
use kit::clock::SharedClock;
use kit::dry_run::Previews;
use kit::feed::Watch;
use kit::jobs::Jobs;
use kit::service::{Check, Service};
use kit::transport::Transport;
use proto::ca::v1::ca_server::CaServer;
use proto::crl::v1::crl_client::CrlClient;
use proto::keymgr::v1::ListRequest;
use proto::keymgr::v1::keymgr_client::KeymgrClient;
use proto::ocsp::v1::ocsp_client::OcspClient;
use store::Db;
use tokio_util::sync::CancellationToken;
use vocabulary::{EventType, service};

pub use app::{
    App, HealthUnknown, HoldOutcome, IssueRequest, KeyUnknown, NewAuthority, ProfileScope, RenewRequest,
    Report, Requester, RevokeMany, RevokeRequest, Revoked, Rights, SameKey, Selection, Visibility,
};
pub use authorities::Authorities;
pub use config::Config;
pub use domain::{
    Asker, Authority, AuthorityKey, Capacity, Damaged, Descendants, Health, Issued, IssuerHealth,
    KeySignatures, LintVerdict, OcspHealth, OcspResponder, Protocol, Query, Revocation, SanSuffix, Seen,
    Span, Status, Suspension, Typed, USER_PROFILES,
};
pub use error::Error;
pub use grpc::ALLOW;
pub use kit::idempotency::IdempotencyKey;
pub use rest::{openapi, public_operations};
pub use tables::{FIRST_TABLE, MIGRATIONS};

/// Its name among services.
pub const NAME: &str = service::CA;

/// The types of events that it writes; an append of another is refused.
pub const EVENTS: &[EventType] = &[
    EventType::CertificateIssued,
    EventType::CertificateRenewed,
    EventType::CertificateHeld,
    EventType::CertificateReleased,
    EventType::CertificateRevoked,
    EventType::CertificateRevocationAmended,
    EventType::CaCreated,
    EventType::CaSuspended,
    EventType::CaResumed,
    EventType::CaHealthChanged,
    EventType::JobProgress,
];

/// All CAs, by name, as a start reads and checks them; the service need not run.
///
/// # Errors
/// `Common::Store`; `Common::Internal` if a stored CA cannot be read.
pub async fn stored_authorities(db: &Db) -> Result<Vec<Arc<Authority>>, Error> {
    authorities::stored(db).await
}

/// What the service needs from outside.
pub struct Deps {
    /// Its own database, migrated with [`MIGRATIONS`].
    pub db: Db,
    /// Time.
    pub clock: SharedClock,
    /// The way to keymgr.
    pub keymgr: Transport,
    /// The way to crl.
    pub crl: Transport,
    /// The way to ocsp.
    pub ocsp: Transport,
    /// Who callers of the REST surface are.
    pub authenticator: Arc<dyn Authenticator>,
    /// Where relying parties fetch CRLs, OCSP responses and CA certificates: `http://` URL without a trailing slash. It
    /// is written into every certificate.
    pub public_http_url: String,
    /// Ends streams that would go on forever.
    pub stop: CancellationToken,
    /// Trust domain of service identities (`spiffe://<trust-domain>/svc/<name>`).
    pub trust_domain: String,
    /// Life of these identities; the default of their profile if none.
    pub identity_validity: Option<Duration>,
    /// Host names and addresses on which the API is reached; only GigVault itself gets certificates for them.
    pub api_names: Vec<x509::San>,
}

/// The certificate authority.
#[derive(Clone)]
pub struct Ca {
    app: App,
    authenticator: Arc<dyn Authenticator>,
    feed: Watch,
    trust_domain: String,
    /// Ends streams.
    stop: CancellationToken,
}

impl Ca {
    /// Loads CAs and profiles and starts the task that signs and commits.
    ///
    /// # Errors
    /// `Common::Config`; `Common::Store`; `Common::Internal` if a stored CA cannot be read.
    pub async fn build(config: Config, deps: Deps) -> Result<Self, Error> {
        kit::config::refuse_first(config.check())?;
        let profiles = rules::Profiles::with_configured(config.profiles.clone())
            .map_err(|error| kit::config::SettingFault::hiding("ca.profiles", error.to_string()))?;
        let reserved_names = rules::ReservedNames::new(&deps.trust_domain, &deps.api_names);
        let deps = Deps {
            db: deps.db.declaring(EVENTS),
            ..deps
        };
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
            keymgr.clone(),
            deps.clock.clone(),
            Arc::clone(&authorities),
            &config,
        );
        let feed = Watch::new(deps.db.clone(), deps.stop.clone());
        let app = App {
            previews: Previews::new(deps.db.clone(), Arc::clone(&deps.clock)),
            jobs: Jobs::new(NAME, deps.db.clone(), Arc::clone(&deps.clock)),
            db: deps.db,
            started: deps.clock.now(),
            clock: deps.clock,
            authorities,
            profiles: Arc::new(profiles),
            issuance,
            keymgr,
            crl: CrlClient::new(deps.crl),
            ocsp: OcspClient::new(deps.ocsp),
            config: Arc::new(config),
            identity_validity: deps.identity_validity,
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

    /// What a process runs and serves of it.
    pub fn service(&self) -> Service {
        let grpc = grpc::Grpc {
            app: self.app.clone(),
            feed: self.feed.clone(),
            trust_domain: self.trust_domain.clone(),
            stop: self.stop.clone(),
        };
        let grpc = CaServer::new(grpc).max_decoding_message_size(kit::grpc::MAX_MESSAGE);
        Service {
            name: NAME,
            rest: rest::router(self.app.clone(), Arc::clone(&self.authenticator)),
            public: rest::public(self.app.clone()),
            ldap: None,
            grpc: kit::grpc::routes(NAME, ALLOW, grpc),
            readiness: vec![self.keymgr_answers()],
            doctor: doctor::checks(&self.app),
            jobs: jobs::all(&self.app),
            events: EVENTS,
            feed: self.feed.clone(),
            workers: vec![jobs::worker(&self.app)],
        }
    }

    fn keymgr_answers(&self) -> Check {
        let keymgr = self.app.keymgr.clone();
        Check::new(service::KEYMGR, move || {
            let mut keymgr = keymgr.clone();
            async move {
                let first = ListRequest {
                    limit: 1,
                    ..ListRequest::default()
                };
                Ok(keymgr.list(first).await.map(drop)?)
            }
        })
    }
}
