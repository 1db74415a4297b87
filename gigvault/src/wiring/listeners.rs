//! The sockets of this process, and what is served on each.

mod bind;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use kit::health::Health;
use kit::http::{BodyMemory, CpuBudget, Declared, Edge, PublicRoutes, Site, raise_descriptor_limit, serve};
use kit::metrics::Metrics;
use kit::service::Protocol;
use kit::tls::{Identity, ServerIdentity, TlsSource};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use x509::San;

use super::accepted::AcceptedAuthorities;
use super::https_names;
use super::services::Service;
use super::settings::{Limits, Listen};

/// Bound sockets: their ports are known before anything is built.
pub(crate) struct Listeners {
    https: TcpListener,
    mtls: TcpListener,
    http: TcpListener,
    grpc: TcpListener,
    /// None where no service of this process speaks LDAP.
    ldap: Option<TcpListener>,
    metrics: TcpListener,
}

/// What is served, and with whose certificates.
pub(crate) struct Content {
    pub(crate) routes: Routes,
    /// Of HTTPS; none where this process has none to come.
    pub(crate) https: Option<setup::https::PendingIdentity>,
    /// The CAs whose certificates clients may show.
    pub(crate) accepted: AcceptedAuthorities,
    /// Of gRPC.
    pub(crate) identity: Identity,
    pub(crate) metrics: Metrics,
    pub(crate) health: Health,
}

/// Routes by listener.
pub(crate) struct Routes {
    /// HTTPS.
    pub(crate) rest: Router,
    /// What the operations of `rest` take.
    pub(crate) declared: Declared,
    /// Plain HTTP, and HTTPS as well.
    pub(crate) public: PublicRoutes,
    pub(crate) grpc: tonic::service::Routes,
    /// LDAP.
    pub(crate) ldap: Option<Protocol>,
}

impl Listeners {
    /// Binds the ports, that of LDAP only if one of the services speaks it.
    pub(crate) async fn bind(listen: &Listen, services: &BTreeSet<Service>) -> anyhow::Result<Self> {
        let bind = |port: u16, setting| bind::bind(listen.address, port, setting);
        Ok(Self {
            https: bind(listen.https_port, "https_port").await?,
            mtls: bind(listen.mtls_port, "mtls_port").await?,
            http: bind(listen.http_port, "http_port").await?,
            grpc: bind(listen.grpc_port, "grpc_port").await?,
            ldap: match services.iter().any(|service| service.speaks_ldap()) {
                true => Some(bind(listen.ldap_port, "ldap_port").await?),
                false => None,
            },
            metrics: bind(listen.metrics_port, "metrics_port").await?,
        })
    }

    pub(crate) fn https_url(&self) -> anyhow::Result<String> {
        url("https", &self.https)
    }

    pub(crate) fn mtls_url(&self) -> anyhow::Result<String> {
        url("https", &self.mtls)
    }

    pub(crate) fn http_url(&self) -> anyhow::Result<String> {
        url("http", &self.http)
    }

    pub(crate) fn grpc_url(&self) -> anyhow::Result<String> {
        url("https", &self.grpc)
    }

    /// Empty where nothing speaks LDAP.
    pub(crate) fn ldap_url(&self) -> anyhow::Result<String> {
        self.ldap
            .as_ref()
            .map_or(Ok(String::new()), |ldap| url("ldap", ldap))
    }

    pub(crate) fn metrics_url(&self) -> anyhow::Result<String> {
        url("http", &self.metrics)
    }

    /// Serves until `stop`, then lets what runs finish.
    pub(crate) fn serve(self, content: Content, limits: &Limits, stop: &CancellationToken) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        let Content {
            routes,
            https,
            accepted,
            identity,
            metrics,
            health,
        } = content;
        let each = limits.of_listener(raise_descriptor_limit().share(LISTENERS));
        if let Some(https) = https {
            let rest = routes.rest.merge(health.router());
            let (rest, declared) = routes.public.clone().add_to(rest, routes.declared);
            let site = |name| limits.edge(name).declared(declared.clone()).around(rest.clone());
            let (browsers, devices) = (site("https"), site("mtls"));
            let (pending, each, stop) = (https.clone(), each.clone(), stop.clone());
            tasks.spawn(serve_once_there_is(
                pending,
                self.https,
                browsers,
                each.clone(),
                stop.clone(),
            ));
            tasks.spawn(async move {
                let Some(identity) = once_there_is(https, &stop).await else {
                    return;
                };
                let asking = accepted.ask_for(identity, &stop).await;
                serve(self.mtls, Some(asking), devices, each, stop).await;
            });
        }
        let tls: Arc<dyn TlsSource> = Arc::new(identity);
        let site = Site::grpc(routes.grpc, limits.memory());
        tasks.spawn(serve(self.grpc, Some(tls), site, each.clone(), stop.clone()));
        if let (Some(listener), Some(protocol)) = (self.ldap, routes.ldap) {
            let (each, stop) = (each.clone(), stop.clone());
            tasks.spawn(async move { protocol.serve(listener, each, stop).await });
        }
        let (http, declared) = routes.public.add_to(health.router(), Declared::default());
        let http = limits.edge("http").declared(declared).around(http);
        tasks.spawn(serve(self.http, None, http, each.clone(), stop.clone()));
        let metrics = limits
            .edge("metrics")
            .around(metrics.router().merge(health.router()));
        tasks.spawn(serve(self.metrics, None, metrics, each, stop.clone()));
        tasks
    }
}

/// How many sockets a process listens on: they share its file descriptors.
const LISTENERS: usize = 6;

impl Limits {
    /// Those of one listener, where `most` connections fit into the process.
    fn of_listener(&self, most: usize) -> kit::http::Limits {
        let connections = self.connections.min(most);
        kit::http::Limits {
            connections,
            // One client never has all of them.
            connections_per_peer: self.connections_per_peer.min(connections.div_ceil(2)),
            cpu: CpuBudget::new(self.unauthenticated_cpu_per_peer.get()),
            ..kit::http::Limits::default()
        }
    }

    fn memory(&self) -> BodyMemory {
        BodyMemory::new(mebibytes(self.body_memory), mebibytes(self.body_memory_per_peer))
    }

    fn edge(&self, service: &'static str) -> Edge {
        Edge::new(service)
            .body_memory(self.memory())
            .requests_per_peer(self.requests_per_peer)
    }
}

fn mebibytes(count: u16) -> usize {
    usize::from(count) * 1024 * 1024
}

/// Until there is a certificate, connections wait in the kernel's queue.
async fn serve_once_there_is(
    identity: setup::https::PendingIdentity,
    listener: TcpListener,
    site: Site,
    limits: kit::http::Limits,
    stop: CancellationToken,
) {
    let Some(identity) = once_there_is(identity, &stop).await else {
        return;
    };
    serve(listener, Some(Arc::new(identity)), site, limits, stop).await;
}

async fn once_there_is(
    mut identity: setup::https::PendingIdentity,
    stop: &CancellationToken,
) -> Option<ServerIdentity> {
    tokio::select! {
        () = stop.cancelled() => None,
        // It fails only when its makers are gone: at the stop.
        there = identity.wait_for(Option::is_some) => there.ok().and_then(|identity| identity.clone()),
    }
}

/// The names on which the API is reached, which only GigVault itself gets certificates for: those that our HTTPS
/// certificate covers, and those of the one in `listen.tls`.
pub(crate) fn api_names(listen: &Listen, public_http_url: &str) -> anyhow::Result<Vec<San>> {
    let mut names = https_names::of(listen, public_http_url)?;
    let configured = listen
        .tls
        .as_ref()
        .and_then(|tls| std::fs::read(&tls.certificate).ok())
        .and_then(|pem| x509::Certificate::chain_from_pem(&pem).ok())
        .and_then(|chain| chain.into_iter().next());
    if let Some(certificate) = &configured {
        names.extend(certificate.sans().to_vec());
        // Old clients match it where there are no alternative names.
        let common_names = certificate.subject().common_names();
        let hosts = common_names.iter().filter_map(|text| text.parse().ok());
        names.extend(hosts.map(San::Dns));
    }
    Ok(names)
}

/// The plain HTTP base URL of a process that will listen there.
pub(crate) fn configured_http_url(listen: &Listen) -> String {
    url_of("http", SocketAddr::new(listen.address, listen.http_port))
}

fn url(scheme: &str, listener: &TcpListener) -> anyhow::Result<String> {
    Ok(url_of(scheme, listener.local_addr()?))
}

fn url_of(scheme: &str, address: SocketAddr) -> String {
    // The unspecified address cannot be called.
    let host = match address.ip() {
        ip if ip.is_unspecified() => "localhost".to_owned(),
        std::net::IpAddr::V6(ip) => format!("[{ip}]"),
        std::net::IpAddr::V4(ip) => ip.to_string(),
    };
    format!("{scheme}://{host}:{}", address.port())
}
