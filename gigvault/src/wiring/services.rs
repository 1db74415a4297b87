//! The services of this process, each wired to its peers: in process where the peer is here, over mutual TLS where not.
//! A module per service makes it from settings and environment.

mod auth;
mod back;
mod ca;
mod crl;
mod keymgr;
mod ocsp;

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Context, anyhow, ensure};
use futures::future::BoxFuture;
use kit::auth::{Authenticator, CachedAuthenticator, Epoch};
use kit::clock::SharedClock;
use kit::health::{CheckError, Health, NotReady};
use kit::jobs::Jobs;
use kit::peer::PROCESS;
use kit::service::DoctorCheck;
use kit::transport::{PendingTransport, Transport, channel, in_process};
use redis::Redis;
use store::{Db, StoreError};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::databases::Databases;
use super::events;
use super::identities::Identities;
use super::layout::DataDir;
use super::settings::Settings;

/// The list of all services: a variant, its crate, and whom it calls to do its work (identities are asked for by the
/// process). Those that run in the same process are built before it.
macro_rules! services {
    ($($(#[$meta:meta])+ $variant:ident $module:ident calls [$($callee:ident),*];)+) => {
        /// A service that this binary can run.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
        pub(crate) enum Service {
            $($(#[$meta])+ $variant,)+
        }

        impl Service {
            /// All of them: what `up` runs.
            pub(crate) const ALL: [Self; [$(stringify!($variant)),+].len()] = [$(Self::$variant),+];

            /// Its name in configuration, databases and identities.
            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$variant => ::$module::NAME,)+ }
            }

            /// Whether it has a listener for LDAP.
            pub(crate) fn speaks_ldap(self) -> bool {
                self == Self::Crl
            }

            /// The services that it calls to do its work.
            pub(crate) fn calls(self) -> &'static [Self] {
                match self { $(Self::$variant => &[$(Self::$callee),*],)+ }
            }

            /// The table that a first start writes to: empty, it says that the service was never used.
            pub(crate) fn first_table(self) -> &'static str {
                match self { $(Self::$variant => ::$module::FIRST_TABLE,)+ }
            }

            /// Its schema.
            pub(crate) fn migrations(self) -> &'static sqlx::migrate::Migrator {
                match self { $(Self::$variant => &::$module::MIGRATIONS,)+ }
            }

            /// Its routes below `/api/v1` as they are documented.
            pub(crate) fn openapi(self) -> utoipa::openapi::OpenApi {
                match self { $(Self::$variant => ::$module::openapi(),)+ }
            }

            /// Its routes outside `/api/v1`, which relying parties and protocols know.
            pub(crate) fn public_operations(self) -> Vec<kit::http::PublicOperation> {
                match self { $(Self::$variant => ::$module::public_operations(),)+ }
            }

            /// The types of events that it writes.
            pub(crate) fn events(self) -> &'static [vocabulary::EventType] {
                match self { $(Self::$variant => ::$module::EVENTS,)+ }
            }

            /// Who may call its gRPC methods.
            #[cfg(test)]
            fn allow(self) -> kit::peer::AllowTable {
                match self { $(Self::$variant => ::$module::ALLOW,)+ }
            }

            async fn build(self, environment: &Environment<'_>, services: &mut Services) -> anyhow::Result<Built> {
                let (parts, first_start) = match self {
                    $(Self::$variant => $module::build(environment, services).await?,)+
                };
                Ok(Built { which: self, parts, first_start })
            }
        }
    };
}

services! {
    /// Certificate authority.
    Ca ca calls [Auth, Keymgr];
    /// Key manager.
    Keymgr keymgr calls [Auth];
    /// Authentication.
    Auth auth calls [];
    /// OCSP responder.
    Ocsp ocsp calls [Ca, Keymgr];
    /// CRLs.
    Crl crl calls [Ca, Keymgr];
}

/// What the services share.
pub(crate) struct Environment<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) data: &'a DataDir,
    pub(crate) clock: SharedClock,
    pub(crate) databases: &'a Databases,
    /// Whether what is missing may be made: only until a first start has ended.
    pub(crate) founding: bool,
    /// Who this process and its services are to those elsewhere; none while everything is here.
    pub(crate) identities: Option<Identities>,
    /// Base of the URLs in certificates.
    pub(crate) public_http_url: String,
    /// Advances when a credential is revoked in this process.
    pub(crate) revocations: Epoch,
    /// Ends what would go on forever.
    pub(crate) stop: CancellationToken,
}

/// A service that was built.
struct Built {
    which: Service,
    parts: kit::service::Service,
    first_start: Option<FirstStart>,
}

/// What a service makes at a first start, once the hierarchy is there; done again, it changes nothing.
type FirstStart = BoxFuture<'static, anyhow::Result<()>>;

/// What the module of a service makes of settings and environment.
type Parts = anyhow::Result<(kit::service::Service, Option<FirstStart>)>;

/// Those that run here.
pub(crate) struct Services {
    built: Vec<Built>,
    authenticator: Option<Arc<dyn Authenticator>>,
    redis: Option<Redis>,
    /// All that will run here.
    wanted: BTreeSet<Service>,
    /// Ways from those that are built to those that are not yet.
    pending: Vec<(&'static str, Service, PendingTransport)>,
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
            redis: None,
            wanted: wanted.clone(),
            pending: Vec::new(),
        };
        for service in in_build_order(wanted) {
            let built = service.build(environment, &mut services).await;
            services.built.push(built.context(service.name())?);
        }
        for (caller, callee, way) in std::mem::take(&mut services.pending) {
            way.set(services.transport(environment, caller, callee)?);
        }
        let declared = services
            .built
            .iter()
            .map(|built| (built.parts.name, built.parts.events));
        events::written(&declared.collect::<Vec<_>>())?;
        for Built { which, parts, .. } in &services.built {
            // Whoever forwards requests goes by what is told, also of services that do not run here.
            let (served, told) = (parts.public.operations(), which.public_operations());
            ensure!(
                served == told,
                "{} serves {served:?} and tells of {told:?}",
                parts.name
            );
        }
        Ok(services)
    }

    /// Whether it runs here.
    pub(crate) fn has(&self, service: Service) -> bool {
        self.built.iter().any(|built| built.which == service)
    }

    /// Names of those that run in this process.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        let here = Service::ALL.into_iter().filter(|service| self.has(*service));
        here.map(Service::name).collect()
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
            None => environment.remote(caller, callee),
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
        let auth = ::auth::Remote::new(self.transport(environment, PROCESS, Service::Auth)?);
        let cached = CachedAuthenticator::new(Arc::new(auth), Arc::clone(&environment.clock));
        let cached: Arc<dyn Authenticator> = Arc::new(cached.within(environment.revocations.clone()));
        self.authenticator = Some(Arc::clone(&cached));
        Ok(cached)
    }

    /// The connection to Redis that services of this process share, where there is one. A start does not wait for it.
    pub(crate) fn redis(&mut self, environment: &Environment<'_>) -> anyhow::Result<Option<Redis>> {
        if self.redis.is_none() {
            self.redis = Redis::new(environment.settings.redis.clone())?;
        }
        Ok(self.redis.clone())
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

    /// The long work of all of them.
    pub(crate) fn long_work(&self) -> Vec<Jobs> {
        let workers = self.built.iter().flat_map(|built| &built.parts.workers);
        workers.map(|worker| worker.jobs().clone()).collect()
    }

    /// Starts their background work, until `stop`.
    pub(crate) fn start_jobs(&mut self, jobs: &mut JoinSet<()>, stop: &CancellationToken) {
        for worker in self.built.iter().flat_map(|built| &built.parts.workers) {
            jobs.spawn(worker.clone().run(stop.clone()));
        }
        for job in self.built.iter_mut().flat_map(|built| built.parts.jobs.drain(..)) {
            jobs.spawn(job.run(stop.clone()));
        }
    }

    /// What each looks at when an operator asks what is wrong, by its name.
    pub(crate) fn doctor(&self) -> Vec<(&'static str, DoctorCheck)> {
        let checks = |built: &Built| {
            let name = built.parts.name;
            let checks = built.parts.doctor.iter().cloned();
            checks.map(|check| (name, check)).collect::<Vec<_>>()
        };
        self.built.iter().flat_map(checks).collect()
    }

    /// The databases in whose outboxes the services here write their events.
    pub(crate) fn feeds(&self) -> Vec<Db> {
        self.built
            .iter()
            .map(|built| built.parts.feed.db().clone())
            .collect()
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
    /// The way of `caller` to a service in another process.
    fn remote(&self, caller: &'static str, service: Service) -> anyhow::Result<Transport> {
        let name = service.name();
        let peer = self.settings.peers.get(name).ok_or_else(|| {
            anyhow!("{name} does not run in this process, and `peers.{name}` does not say where it does")
        })?;
        let identities = self.identities.as_ref();
        let identities = identities.with_context(|| format!("no identity to call {name} with"))?;
        let (own, named) = (identities.of(caller)?, peer.identity.as_deref().unwrap_or(name));
        if service == Service::Ca {
            own.revoked_peers().are_told_by(named);
        }
        Ok(channel(&peer.url, named, own)?)
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

#[cfg(test)]
mod tests;
