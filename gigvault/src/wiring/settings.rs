//! The configuration file: one section per service, where to listen, where the data is stored, who the peers are.

mod check;

use check::MAX_CONNECTIONS;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use kit::config::{Origin, Percent, Secret};
use kit::tls::ServerFiles;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The configuration file that is standard input.
const STDIN: &str = "-";

/// Everything that can be configured. Every field has an environment name, `GIGVAULT_<SECTION>__<FIELD>`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// The file they were read from.
    #[serde(skip)]
    pub(crate) file: Option<PathBuf>,
    /// What else they were made of, as it is called: flags that lead to databases, and environment variables.
    #[serde(skip)]
    pub(crate) beside: Vec<String>,
    /// Where each of them came from.
    #[serde(skip)]
    pub(crate) origin: Origin,
    /// Where state is stored that is not in a database: keys, identities, and the SQLite files.
    pub(crate) data_dir: PathBuf,
    /// Addresses and names.
    pub(crate) listen: Listen,
    /// What one client may take of this process.
    pub(crate) limits: Limits,
    /// Where state is stored.
    pub(crate) database: Database,
    /// What processes share and may lose; without an address, nothing is shared.
    pub(crate) redis: redis::Config,
    /// Logs.
    pub(crate) telemetry: Telemetry,
    /// Who this process is among services.
    pub(crate) identity: Identity,
    /// Services that run in other processes, by name.
    pub(crate) peers: BTreeMap<String, PeerSettings>,
    /// Certificate authority.
    pub(crate) ca: ca::Config,
    /// Key manager.
    pub(crate) keymgr: keymgr::Config,
    /// Authentication.
    pub(crate) auth: auth::Config,
    /// OCSP responder.
    pub(crate) ocsp: ocsp::Config,
    /// CRLs.
    pub(crate) crl: crl::Config,
}

impl Settings {
    /// The flags that name this installation from wherever they are typed.
    pub(crate) fn flags(&self) -> String {
        let named = [
            ("--config", self.file.as_deref()),
            ("--data-dir", Some(&*self.data_dir)),
        ];
        let flags = named.into_iter().filter_map(|(flag, path)| {
            let path = path?;
            if flag == "--config" && path == Path::new(STDIN) {
                return Some(format!("{flag} {STDIN}"));
            }
            let path = std::path::absolute(path).ok()?;
            Some(format!("{flag} {}", files::quoted(&path)))
        });
        flags.collect::<Vec<_>>().join(" ")
    }

    /// What is to be given beside [`flags`](Self::flags), as a part of a sentence: values stay unsaid, they may be secret.
    pub(crate) fn given_beside(&self) -> String {
        let stdin = self.file.as_deref() == Some(Path::new(STDIN));
        let stdin = stdin.then_some("configuration on standard input");
        let beside: Vec<&str> = stdin
            .into_iter()
            .chain(self.beside.iter().map(String::as_str))
            .collect();
        match beside.is_empty() {
            true => String::new(),
            false => format!(" with the same {}", beside.join(", ")),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            file: None,
            beside: Vec::new(),
            origin: Origin::default(),
            data_dir: PathBuf::from("gigvault-data"),
            listen: Listen::default(),
            limits: Limits::default(),
            database: Database::default(),
            redis: redis::Config::default(),
            telemetry: Telemetry::default(),
            identity: Identity::default(),
            peers: BTreeMap::new(),
            ca: ca::Config::default(),
            keymgr: keymgr::Config::default(),
            auth: auth::Config::default(),
            ocsp: ocsp::Config::default(),
            crl: crl::Config::default(),
        }
    }
}

/// One entry of section `peers`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PeerSettings {
    /// `https://host:port` of its gRPC listener.
    pub(crate) url: String,
    /// Name in the identity of the process that it runs in, where that is not its own.
    #[serde(default)]
    pub(crate) identity: Option<String>,
}

/// Section `listen`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Listen {
    /// Address of every port.
    pub(crate) address: IpAddr,
    /// REST, documentation. 0 picks a free port.
    pub(crate) https_port: u16,
    /// The same as HTTPS, for clients that show a certificate: they are asked for one and need not have it. 0 picks a free
    /// port.
    pub(crate) mtls_port: u16,
    /// What certificates point to. 0 picks a free port.
    pub(crate) http_port: u16,
    /// gRPC between services, mutual TLS. 0 picks a free port.
    pub(crate) grpc_port: u16,
    /// LDAP, read-only: CRLs and CA certificates, of a process that runs `crl`. 0 picks a free port.
    pub(crate) ldap_port: u16,
    /// Prometheus. 0 picks a free port.
    pub(crate) metrics_port: u16,
    /// Names and addresses besides localhost and `address` that the HTTPS certificate is made for.
    pub(crate) names: Vec<String>,
    /// Base of the URLs in certificates, `http://`, without a trailing slash; from address and port if empty.
    pub(crate) public_http_url: String,
    /// HTTPS identity from files instead of our own CA.
    pub(crate) tls: Option<TlsFiles>,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            address: IpAddr::from([127, 0, 0, 1]),
            https_port: 8443,
            mtls_port: 8444,
            http_port: 8080,
            grpc_port: 9443,
            ldap_port: 3890,
            metrics_port: 9090,
            names: Vec::new(),
            public_http_url: String::new(),
            tls: None,
        }
    }
}

/// A certificate chain and its key.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsFiles {
    /// PEM, leaf first; or a PKCS#12 file.
    pub(crate) certificate: PathBuf,
    /// PKCS#8, SEC 1 or PKCS#1 in PEM or DER, or PKCS#12, encrypted or not.
    pub(crate) key: PathBuf,
    /// The passphrase of an encrypted key or PKCS#12 file, in a file of mode 0600.
    #[serde(default)]
    pub(crate) passphrase_file: Option<PathBuf>,
}

impl TlsFiles {
    pub(crate) fn files(&self) -> ServerFiles {
        ServerFiles {
            certificate: self.certificate.clone(),
            key: self.key.clone(),
            passphrase: self.passphrase_file.clone(),
        }
    }
}

/// Section `limits`.
///
/// What one client may take of a listener, so that the others are still served. A client is an IPv4 address or an IPv6 /64;
/// all that comes through one proxy is one client.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    /// Most connections of a listener at a time; fewer where the process may not open that many files.
    #[schemars(range(min = 1))]
    pub(crate) connections: usize,
    /// Most connections of one client to a listener, at most half of all.
    #[schemars(range(min = 1))]
    pub(crate) connections_per_peer: usize,
    /// Most requests of one client without a credential, of its callers with one, and of one principal, to a listener at a time,
    /// until their answers are read; more are answered 429.
    #[schemars(range(min = 1))]
    pub(crate) requests_per_peer: usize,
    /// The part of all cores that one client has for what it does without a valid credential, in percent; beyond it, it
    /// waits while others need the cores.
    pub(crate) unauthenticated_cpu_per_peer: Percent,
    /// Memory for the request bodies of a listener, in MiB.
    #[schemars(range(min = 1))]
    pub(crate) body_memory: u16,
    /// The part of it that one client, or one principal, has at most, in MiB.
    #[schemars(range(min = 1))]
    pub(crate) body_memory_per_peer: u16,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            connections_per_peer: 512,
            requests_per_peer: 512,
            unauthenticated_cpu_per_peer: Percent::clamped(10),
            body_memory: 64,
            body_memory_per_peer: 16,
        }
    }
}

/// Section `database`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Database {
    /// `postgres://…`, or a reference to it, `file:PATH` or `env:NAME`; each service has its own schema. Without a URL each
    /// service has a SQLite file in the data directory.
    pub(crate) url: Option<Secret>,
    /// Most connections per service. Without a number 16, on PostgreSQL fewer where the server has less than 102 for ordinary
    /// roles, so that all services fit, and 3 behind a pooler in session mode.
    #[schemars(range(min = 1, max = MAX_CONNECTIONS))]
    pub(crate) max_connections: Option<u32>,
    /// How a pooler in front of PostgreSQL shares sessions: `auto` (found out at the start), `session` (also without a
    /// pooler) or `transaction`.
    pub(crate) pooling: store::Pooling,
    /// Take a PostgreSQL server with `fsync` or `full_page_writes` off, which may lose what was acknowledged.
    pub(crate) allow_unsafe: bool,
    /// Bring the schema up to date at start; else `gigvault migrate` does.
    pub(crate) migrate: bool,
}

impl Default for Database {
    fn default() -> Self {
        Self {
            url: None,
            max_connections: None,
            pooling: store::Pooling::Auto,
            allow_unsafe: false,
            migrate: true,
        }
    }
}

/// Section `telemetry`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Telemetry {
    /// `auto` (pretty on a terminal, else JSON), `json` or `pretty`.
    pub(crate) format: kit::telemetry::Format,
    /// Which events are logged, as `tracing` filters are written: `info`, `info,ca=debug`.
    pub(crate) filter: String,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self {
            format: kit::telemetry::Format::Auto,
            filter: "info".to_owned(),
        }
    }
}

/// Section `identity`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Identity {
    /// Name of this process in the identity that it serves with: that of the first service it runs if empty. Other processes
    /// take no calls from another name than that of a service.
    pub(crate) name: String,
    /// Trust domain of the services: `spiffe://<trust-domain>/svc/<name>`.
    pub(crate) trust_domain: String,
    /// Folder with `tls.crt`, `tls.key` and `roots.pem`; `identities/<name>` in the data directory if empty. Where several services
    /// run in this process, those that call other processes have identities of their own, in folders of their names in it.
    pub(crate) directory: PathBuf,
    /// Life of the identities that `ca` issues to services, where `ca` or `bootstrap` runs: elsewhere it says nothing. The default of
    /// profile `service-identity` if empty. They are renewed at two thirds.
    pub(crate) validity: String,
}

impl Default for Identity {
    fn default() -> Self {
        Self {
            name: String::new(),
            trust_domain: "gigvault.internal".to_owned(),
            directory: PathBuf::new(),
            validity: String::new(),
        }
    }
}
