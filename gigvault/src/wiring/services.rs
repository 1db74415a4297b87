//! The services of this process, each wired to its peers: in process where the peer is here, over mutual TLS where not.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use auth::Auth;
use ca::Ca;
use keymgr::Keymgr;
use kit::auth::{Authenticator, CachedAuthenticator};
use kit::clock::SharedClock;
use kit::grpc::edge;
use kit::health::{CheckError, Health, NotReady};
use kit::tls::Identity;
use kit::transport::{Transport, channel, in_process};
use proto::keymgr::v1::ListRequest;
use proto::keymgr::v1::keymgr_client::KeymgrClient;
use store::StoreError;
use tokio_util::sync::CancellationToken;
use tower::Layer;

use super::databases::Databases;
use super::layout::DataDir;
use super::listeners;
use super::settings::Settings;

/// A service that this binary can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Service {
    /// Certificate authority.
    Ca,
    /// Key manager.
    Keymgr,
    /// Authentication.
    Auth,
}

impl Service {
    /// All of them: what `up` runs.
    pub(crate) const ALL: [Self; 3] = [Self::Ca, Self::Keymgr, Self::Auth];

    /// Its name in configuration, databases and identities.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ca => "ca",
            Self::Keymgr => "keymgr",
            Self::Auth => "auth",
        }
    }

    /// The table that a first start writes to: empty, it says that the service was never used.
    pub(crate) fn first_table(self) -> &'static str {
        match self {
            Self::Ca => "authorities",
            Self::Keymgr => "keys",
            Self::Auth => "api_keys",
        }
    }

    /// Its schema.
    pub(crate) fn migrations(self) -> &'static sqlx::migrate::Migrator {
        match self {
            Self::Ca => &ca::MIGRATIONS,
            Self::Keymgr => &keymgr::MIGRATIONS,
            Self::Auth => &auth::MIGRATIONS,
        }
    }
}

/// What the services share.
pub(crate) struct Environment<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) data: &'a DataDir,
    pub(crate) clock: SharedClock,
    pub(crate) databases: &'a Databases,
    /// Whether what is missing may be made: only until a first start has ended.
    pub(crate) founding: bool,
    /// Who this process is to services elsewhere; none while everything is here.
    pub(crate) identity: Option<Identity>,
    /// Base of the URLs in certificates.
    pub(crate) public_http_url: String,
    /// Ends what would go on for ever.
    pub(crate) stop: CancellationToken,
}

/// Those that run here.
pub(crate) struct Services {
    pub(crate) auth: Option<Auth>,
    pub(crate) keymgr: Option<Keymgr>,
    pub(crate) ca: Option<Ca>,
    /// The way to keymgr as `ca` takes it.
    pub(crate) keymgr_for_ca: Option<Transport>,
    /// Who knows callers: `auth`, here or elsewhere.
    pub(crate) authenticator: Arc<dyn Authenticator>,
    /// Time, as they have it.
    pub(crate) clock: SharedClock,
}

impl Services {
    /// Opens databases and builds, those that others need first.
    pub(crate) async fn build(
        environment: &Environment<'_>,
        wanted: &BTreeSet<Service>,
    ) -> anyhow::Result<Self> {
        let auth = match wanted.contains(&Service::Auth) {
            true => Some(environment.auth().await?),
            false => None,
        };
        let authenticator = environment.authenticator(auth.as_ref())?;
        let keymgr = match wanted.contains(&Service::Keymgr) {
            true => Some(environment.keymgr(Arc::clone(&authenticator)).await?),
            false => None,
        };
        let mut services = Self {
            auth,
            keymgr,
            ca: None,
            keymgr_for_ca: None,
            authenticator: Arc::clone(&authenticator),
            clock: Arc::clone(&environment.clock),
        };
        if wanted.contains(&Service::Ca) {
            let transport = match &services.keymgr {
                Some(here) => in_process(
                    edge("keymgr", keymgr::ALLOW).layer(here.grpc()),
                    Service::Ca.name(),
                ),
                None => environment.remote(Service::Keymgr)?,
            };
            services.keymgr_for_ca = Some(transport.clone());
            services.ca = Some(environment.ca(transport, authenticator).await?);
        }
        Ok(services)
    }

    /// Names of those that run here.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        let here = |service: &Service| match service {
            Service::Ca => self.ca.is_some(),
            Service::Keymgr => self.keymgr.is_some(),
            Service::Auth => self.auth.is_some(),
        };
        Service::ALL.into_iter().filter(here).map(Service::name).collect()
    }

    /// What must answer for this process to be ready.
    pub(crate) fn register(&self, health: &Health, databases: &Databases) {
        if let Some(auth) = self.auth.clone() {
            let name = databases.name(Service::Auth);
            health.register("auth database", move || {
                let (auth, name) = (auth.clone(), name.clone());
                async move { auth.ready().await.map_err(|error| reason(name, error)) }
            });
        }
        if let Some(keymgr) = self.keymgr.clone() {
            let name = databases.name(Service::Keymgr);
            health.register("keymgr database", move || {
                let (keymgr, name) = (keymgr.clone(), name.clone());
                async move { keymgr.ready().await.map_err(|error| reason(name, error)) }
            });
        }
        if let Some(keymgr) = self.keymgr_for_ca.clone() {
            health.register("keymgr", move || {
                let mut keymgr = KeymgrClient::new(keymgr.clone());
                async move {
                    let first = ListRequest {
                        limit: 1,
                        ..ListRequest::default()
                    };
                    Ok(keymgr.list(first).await.map(drop)?)
                }
            });
        }
        if let Some(ca) = self.ca.clone() {
            let name = databases.name(Service::Ca);
            health.register("ca database", move || {
                let (ca, name) = (ca.clone(), name.clone());
                async move { ca.ready().await.map_err(|error| reason(name, error)) }
            });
        }
    }
}

impl Environment<'_> {
    /// The way to a service in another process.
    pub(crate) fn remote(&self, service: Service) -> anyhow::Result<Transport> {
        let name = service.name();
        let peer = self.settings.peers.get(name).ok_or_else(|| {
            anyhow!("{name} does not run in this process, and `peers.{name}` does not say where it does")
        })?;
        let identity = self
            .identity
            .as_ref()
            .with_context(|| format!("no identity to call {name} with"))?;
        Ok(channel(
            &peer.url,
            peer.identity.as_deref().unwrap_or(name),
            identity,
        )?)
    }

    async fn auth(&self) -> anyhow::Result<Auth> {
        let deps = auth::Deps {
            db: self.databases.of(Service::Auth)?,
            clock: Arc::clone(&self.clock),
        };
        Auth::build(self.settings.auth.clone(), deps).context("auth")
    }

    fn authenticator(&self, here: Option<&Auth>) -> anyhow::Result<Arc<dyn Authenticator>> {
        let clock = Arc::clone(&self.clock);
        Ok(Arc::new(match here {
            Some(here) => CachedAuthenticator::new(here.authenticator(), clock).within(here.revocations()),
            None => CachedAuthenticator::new(Arc::new(auth::Remote::new(self.remote(Service::Auth)?)), clock),
        }))
    }

    async fn keymgr(&self, authenticator: Arc<dyn Authenticator>) -> anyhow::Result<Keymgr> {
        let mut config = self.settings.keymgr.clone();
        let software = &mut config.backends.software;
        if software.kek_file.is_none() && software.passphrase_file.is_none() {
            let path = self.data.kek();
            if self.founding {
                create_kek(&path).with_context(|| format!("key-encryption key {}", path.display()))?;
            }
            software.kek_file = Some(path);
        }
        let db = self.databases.of(Service::Keymgr)?;
        let deps = keymgr::Deps {
            db,
            clock: Arc::clone(&self.clock),
            authenticator,
        };
        Keymgr::build(config, deps).await.context("keymgr")
    }

    async fn ca(&self, keymgr: Transport, authenticator: Arc<dyn Authenticator>) -> anyhow::Result<Ca> {
        let deps = ca::Deps {
            db: self.databases.of(Service::Ca)?,
            clock: Arc::clone(&self.clock),
            keymgr,
            authenticator,
            public_http_url: self.public_http_url.clone(),
            stop: self.stop.clone(),
            trust_domain: self.settings.identity.trust_domain.clone(),
            api_names: listeners::api_names(&self.settings.listen, &self.public_http_url)?,
        };
        Ca::build(self.settings.ca.clone(), deps).await.context("ca")
    }
}

/// A database that does not answer, by the name that operators know it by.
#[derive(Debug, thiserror::Error)]
#[error("{name}")]
struct Failing<E: std::error::Error + 'static> {
    name: String,
    #[source]
    source: E,
}

/// A failure of a readiness check; callers see why a database is unavailable, and nothing else. The log also says which.
fn reason<E: std::error::Error + Send + Sync + 'static>(name: String, error: E) -> CheckError {
    let cause = StoreError::cause_of(&error);
    let source = Box::new(Failing { name, source: error });
    match cause {
        Some(cause) => Box::new(NotReady {
            reason: cause.to_string(),
            source,
        }),
        None => source,
    }
}

/// An empty file is what earlier versions left on a full disk: it has sealed nothing.
fn create_kek(path: &Path) -> anyhow::Result<()> {
    match std::fs::metadata(path) {
        Ok(found) if found.len() > 0 => return Ok(()),
        Ok(_) => std::fs::remove_file(path)?,
        Err(_) => {}
    }
    keys::KeyEncryptionKey::create_file(path)?;
    Ok(())
}
