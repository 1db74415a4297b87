//! The services of this process, each wired to its peers: in process where the peer is here, over mutual TLS where not.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use futures::FutureExt;
use futures::future::BoxFuture;
use kit::auth::{Authenticator, CachedAuthenticator, Epoch};
use kit::clock::SharedClock;
use kit::health::{CheckError, Health, NotReady};
use kit::peer::PROCESS;
use kit::tls::Identity;
use kit::transport::{Transport, channel, in_process};
use store::StoreError;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::databases::Databases;
use super::layout::DataDir;
use super::listeners;
use super::once::keep_token;
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
            Self::Ca => ca::NAME,
            Self::Keymgr => keymgr::NAME,
            Self::Auth => auth::NAME,
        }
    }

    /// Whom it calls to do its work; identities are asked for by the process. Those that run in the same process are built
    /// before it.
    fn calls(self) -> &'static [Self] {
        match self {
            Self::Ca => &[Self::Auth, Self::Keymgr],
            Self::Keymgr => &[Self::Auth],
            Self::Auth => &[],
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

    /// Its routes below `/api/v1` as they are documented.
    pub(crate) fn openapi(self) -> utoipa::openapi::OpenApi {
        match self {
            Self::Ca => ca::openapi(),
            Self::Keymgr => keymgr::openapi(),
            Self::Auth => auth::openapi(),
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
    /// Advances when a credential is revoked in this process.
    pub(crate) revocations: Epoch,
    /// Ends what would go on for ever.
    pub(crate) stop: CancellationToken,
}

/// A service that was built.
struct Built {
    which: Service,
    parts: kit::service::Service,
    /// What it makes at a first start, once the hierarchy is there; done again, it changes nothing.
    first_start: Option<BoxFuture<'static, anyhow::Result<()>>>,
}

/// Those that run here.
pub(crate) struct Services {
    built: Vec<Built>,
    authenticator: Option<Arc<dyn Authenticator>>,
}

impl Services {
    /// Builds those that are wanted, those that others call first.
    pub(crate) async fn build(
        environment: &Environment<'_>,
        wanted: &BTreeSet<Service>,
    ) -> anyhow::Result<Self> {
        let mut services = Self {
            built: Vec::new(),
            authenticator: None,
        };
        for service in in_build_order(wanted) {
            let built = match service {
                Service::Auth => environment.auth(),
                Service::Keymgr => environment.keymgr(&mut services).await,
                Service::Ca => environment.ca(&mut services).await,
            };
            services.built.push(built.context(service.name())?);
        }
        Ok(services)
    }

    /// Whether it runs here.
    pub(crate) fn has(&self, service: Service) -> bool {
        self.built.iter().any(|built| built.which == service)
    }

    /// The way from `caller` to `callee`.
    pub(crate) fn transport(
        &self,
        environment: &Environment<'_>,
        caller: &'static str,
        callee: Service,
    ) -> anyhow::Result<Transport> {
        match self.built.iter().find(|built| built.which == callee) {
            Some(here) => Ok(in_process(here.parts.grpc.clone(), caller)),
            None => environment.remote(callee),
        }
    }

    /// Who knows callers: `auth`, here or elsewhere.
    pub(crate) fn authenticator(
        &mut self,
        environment: &Environment<'_>,
    ) -> anyhow::Result<Arc<dyn Authenticator>> {
        if let Some(known) = &self.authenticator {
            return Ok(Arc::clone(known));
        }
        let auth = auth::Remote::new(self.transport(environment, PROCESS, Service::Auth)?);
        let cached = CachedAuthenticator::new(Arc::new(auth), Arc::clone(&environment.clock));
        let cached: Arc<dyn Authenticator> = Arc::new(cached.within(environment.revocations.clone()));
        self.authenticator = Some(Arc::clone(&cached));
        Ok(cached)
    }

    /// Lets each make what it needs at a first start.
    pub(crate) async fn first_start(&mut self) -> anyhow::Result<()> {
        for built in &mut self.built {
            if let Some(step) = built.first_start.take() {
                step.await.context(built.parts.name)?;
            }
        }
        Ok(())
    }

    /// What must answer for this process to be ready.
    pub(crate) fn register(&self, health: &Health, databases: &Databases) -> anyhow::Result<()> {
        for built in &self.built {
            let (db, name) = (databases.of(built.which)?, databases.name(built.which));
            health.register(format!("{} database", built.parts.name), move || {
                let (db, name) = (db.clone(), name.clone());
                async move { db.ready().await.map_err(|error| reason(name, error)) }
            });
            for check in built.parts.readiness.clone() {
                health.register(check.name, move || {
                    let check = check.clone();
                    async move { check.ask().await }
                });
            }
        }
        Ok(())
    }

    /// Starts their background work, until `stop`.
    pub(crate) fn start_jobs(&mut self, jobs: &mut JoinSet<()>, stop: &CancellationToken) {
        for job in self.built.iter_mut().flat_map(|built| built.parts.jobs.drain(..)) {
            jobs.spawn(job.run(stop.clone()));
        }
    }

    /// What each serves.
    pub(crate) fn into_parts(self) -> impl Iterator<Item = kit::service::Service> {
        self.built.into_iter().map(|built| built.parts)
    }
}

/// Those that are called before those that call.
fn in_build_order(wanted: &BTreeSet<Service>) -> Vec<Service> {
    fn visit(service: Service, wanted: &BTreeSet<Service>, order: &mut Vec<Service>) {
        if order.contains(&service) {
            return;
        }
        for callee in service.calls().iter().filter(|callee| wanted.contains(callee)) {
            visit(*callee, wanted, order);
        }
        order.push(service);
    }
    let mut order = Vec::new();
    for service in wanted {
        visit(*service, wanted, &mut order);
    }
    order
}

impl Environment<'_> {
    /// The way to a service in another process.
    fn remote(&self, service: Service) -> anyhow::Result<Transport> {
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

    fn auth(&self) -> anyhow::Result<Built> {
        let deps = auth::Deps {
            db: self.databases.of(Service::Auth)?,
            clock: Arc::clone(&self.clock),
            revocations: self.revocations.clone(),
        };
        let auth = auth::Auth::build(self.settings.auth.clone(), deps)?;
        let parts = auth.service();
        let keep = keep_token(self.data.admin_token());
        let first_admin = async move {
            auth.ensure_first_admin(keep).await?;
            Ok(())
        };
        Ok(Built {
            which: Service::Auth,
            parts,
            first_start: Some(first_admin.boxed()),
        })
    }

    async fn keymgr(&self, services: &mut Services) -> anyhow::Result<Built> {
        let mut config = self.settings.keymgr.clone();
        let software = &mut config.backends.software;
        if software.kek_file.is_none() && software.passphrase_file.is_none() {
            let path = self.data.kek();
            if self.founding {
                create_kek(&path).with_context(|| format!("key-encryption key {}", path.display()))?;
            }
            software.kek_file = Some(path);
        }
        let deps = keymgr::Deps {
            db: self.databases.of(Service::Keymgr)?,
            clock: Arc::clone(&self.clock),
            authenticator: services.authenticator(self)?,
        };
        Ok(Built {
            which: Service::Keymgr,
            parts: keymgr::Keymgr::build(config, deps).await?.service(),
            first_start: None,
        })
    }

    async fn ca(&self, services: &mut Services) -> anyhow::Result<Built> {
        let deps = ca::Deps {
            db: self.databases.of(Service::Ca)?,
            clock: Arc::clone(&self.clock),
            keymgr: services.transport(self, ca::NAME, Service::Keymgr)?,
            authenticator: services.authenticator(self)?,
            public_http_url: self.public_http_url.clone(),
            stop: self.stop.clone(),
            trust_domain: self.settings.identity.trust_domain.clone(),
            api_names: listeners::api_names(&self.settings.listen, &self.public_http_url)?,
        };
        Ok(Built {
            which: Service::Ca,
            parts: ca::Ca::build(self.settings.ca.clone(), deps).await?.service(),
            first_start: None,
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_called_is_built_before_its_callers() {
        let all: BTreeSet<Service> = Service::ALL.into_iter().collect();
        let order = in_build_order(&all);
        assert_eq!(order.len(), all.len());
        for (place, service) in order.iter().enumerate() {
            for callee in service.calls() {
                let callee = order.iter().position(|other| other == callee).unwrap();
                assert!(callee < place, "{service:?} is built before one that it calls");
            }
        }
        let two = BTreeSet::from([Service::Ca, Service::Keymgr]);
        assert_eq!(in_build_order(&two), [Service::Keymgr, Service::Ca]);
    }
}
