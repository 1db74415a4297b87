//! Arguments of `up`, `serve`, `bootstrap`, `migrate`, `config`.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::wiring::Service;

/// What a server logs to stderr.
#[derive(Args)]
pub(crate) struct Log {
    /// Log events that pass this filter, such as `info,ca=debug` [default: what telemetry.filter says, else info; `up` on a
    /// terminal: warn].
    #[arg(long, value_name = "FILTER")]
    log: Option<String>,
    /// The same as `--log info`; -vv is `--log debug`.
    #[arg(short, long, action = clap::ArgAction::Count, conflicts_with = "log")]
    verbose: u8,
}

impl Log {
    /// What was asked for, if anything was.
    pub(crate) fn filter(self) -> Option<String> {
        match self.verbose {
            0 => self.log,
            1 => Some("info".to_owned()),
            _ => Some("debug".to_owned()),
        }
    }
}

/// Everything in one process.
#[derive(Args)]
#[command(
    after_help = "The first start makes a development root, an issuing CA and a first admin in the data directory; \
the next finds them. Flags win over the environment (GIGVAULT_<SECTION>__<FIELD>), that over the file.

Examples:
  gigvault up
  gigvault up --data-dir /var/lib/gigvault
  gigvault up --listen 0.0.0.0 --public-http-url http://pki.example.test:8080
  gigvault up --database-url postgres://gigvault@127.0.0.1/gigvault
  gigvault up --database-url file:/etc/gigvault/database-url
  gigvault up --https-port 0 --ready-file ready.json    a free port, in the file"
)]
pub(crate) struct Up {
    /// Where state is stored [default: gigvault-data].
    #[arg(long)]
    pub(crate) data_dir: Option<PathBuf>,
    /// Address of every port [default: 127.0.0.1].
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<IpAddr>,
    /// REST and documentation [default: 8443; 0 picks a free port].
    #[arg(long)]
    pub(crate) https_port: Option<u16>,
    /// The same as HTTPS, for clients that show a certificate [default: 8444].
    #[arg(long)]
    pub(crate) mtls_port: Option<u16>,
    /// What certificates point to [default: 8080].
    #[arg(long)]
    pub(crate) http_port: Option<u16>,
    /// Base of the URLs in certificates [default: where plain HTTP listens].
    #[arg(long, value_name = "URL")]
    pub(crate) public_http_url: Option<String>,
    /// gRPC between services, mutual TLS [default: 9443].
    #[arg(long)]
    pub(crate) grpc_port: Option<u16>,
    /// LDAP, read-only: CRLs and CA certificates [default: 3890].
    #[arg(long)]
    pub(crate) ldap_port: Option<u16>,
    /// Prometheus metrics [default: 9090].
    #[arg(long)]
    pub(crate) metrics_port: Option<u16>,
    /// PostgreSQL instead of SQLite: `postgres://user@host/database`. If it has a password, give a reference to the URL instead,
    /// `file:PATH` or `env:NAME`: other users of this machine see what is written here.
    #[arg(long)]
    pub(crate) database_url: Option<String>,
    /// Redis, which processes share responses through: `redis://[user[:password]@]host[:port]`, or a reference to that, `file:PATH`
    /// or `env:NAME`, where it has a password. For TLS and Sentinel there is section `redis` of the configuration.
    #[arg(long)]
    pub(crate) redis_url: Option<String>,
    /// YAML file.
    #[arg(long)]
    pub(crate) config: Option<PathBuf>,
    /// Write where it listens, as JSON, when ready. Overwrites the ready file of an earlier start, and no other file.
    #[arg(long, value_name = "PATH")]
    pub(crate) ready_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) log: Log,
}

/// Services as their own process.
#[derive(Args)]
#[command(
    after_help = "Services that run elsewhere are listed in section `peers` of the configuration.

Examples:
  gigvault serve keymgr --config keymgr.yaml
  gigvault serve ca auth --config ca.yaml --ready-file ready.json"
)]
pub(crate) struct Serve {
    /// Which services.
    #[arg(required = true, value_enum)]
    pub(crate) services: Vec<Service>,
    /// YAML file.
    #[arg(long)]
    pub(crate) config: Option<PathBuf>,
    /// Write where it listens, as JSON, when ready. Overwrites the ready file of an earlier start, and no other file.
    #[arg(long, value_name = "PATH")]
    pub(crate) ready_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) log: Log,
}

/// Once, before the first `serve`.
#[derive(Args)]
#[command(
    after_help = "Does what the first `up` does, and writes an identity for each service named. What is there \
already stays as it is, so that it can be run again.

Examples:
  gigvault bootstrap --config ca.yaml \\
      --identity ca --identity keymgr --identity auth
  gigvault bootstrap --config auth.yaml --new-admin-token
  gigvault bootstrap --data-dir /var/lib/gigvault --accept-restored"
)]
pub(crate) struct Bootstrap {
    /// YAML file.
    #[arg(long)]
    pub(crate) config: Option<PathBuf>,
    /// Where state is stored, instead of what the file says.
    #[arg(long)]
    pub(crate) data_dir: Option<PathBuf>,
    /// PostgreSQL, instead of what the file says: a URL, or better a reference to it, `file:PATH` or `env:NAME`.
    #[arg(long)]
    pub(crate) database_url: Option<String>,
    /// Write a new API key of a root-admin into `admin.token`, for when the old one is lost, and do nothing else. The
    /// server must not be running.
    #[arg(long, conflicts_with = "identity")]
    pub(crate) new_admin_token: bool,
    /// Go on with databases that were restored from a backup and are older than they were, and with a damaged `high-water`;
    /// says which databases were accepted. What was issued and revoked since then is not in them.
    #[arg(long)]
    pub(crate) accept_restored: bool,
    /// With it, also without crl.db where that alone had what was revoked before an older ca.db was accepted: such certificates count as
    /// valid then, until they are revoked again.
    #[arg(long, requires = "accept_restored")]
    pub(crate) accept_lost_revocations: bool,
    /// Make the first identity of this service, in `identities/NAME` of the data directory.
    #[arg(long, value_name = "NAME")]
    pub(crate) identity: Vec<String>,
}

/// Databases to the current schema.
#[derive(Args)]
#[command(
    after_help = "Safe to run from several places at once. `serve` does it too where `database.migrate` is on.

Examples:
  gigvault migrate --config ca.yaml
  gigvault migrate ca auth --config ca.yaml"
)]
pub(crate) struct Migrate {
    /// Which services; all if none.
    #[arg(value_enum)]
    pub(crate) services: Vec<Service>,
    /// YAML file.
    #[arg(long)]
    pub(crate) config: Option<PathBuf>,
}

/// Configuration.
#[derive(Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print the configuration that a process would run with, or that a server runs with.
    #[command(after_help = "Examples:
  gigvault config show --defaults
  gigvault config show --config ca.yaml
  gigvault config show --running             with the source of each value")]
    Show {
        /// YAML file.
        #[arg(long)]
        config: Option<PathBuf>,
        /// The defaults, not what file and environment say.
        #[arg(long)]
        defaults: bool,
        /// Ask the server what it runs with, and where each value came from. Secrets are shown as references.
        #[arg(long, conflicts_with_all = ["config", "defaults"])]
        running: bool,
    },
    /// Print which service answers which paths, for whatever forwards requests.
    #[command(
        after_help = "`process` is not a service: each process answers these paths for itself, such as its status. They \
are not forwarded; ask each process at its own URL. /api/openapi.json and /api/docs are in no row: \
they show the routes of the process that answers. The row with the longest prefix decides. `*` is \
any text: /api/v1/jobs/ca-* are the jobs of ca. `match` of the JSON says the same. /ca, /crl, /ocsp, and \
/roots.pem are what relying parties ask for at `public_http_url`, over plain HTTP: `listener` of the \
JSON is http.

Examples:
  gigvault config routes
  gigvault config routes -o json"
    )]
    Routes,
    /// Check a file and the environment, and say what is wrong where.
    #[command(after_help = "Examples:
  gigvault config validate ca.yaml")]
    Validate {
        /// YAML file.
        config: PathBuf,
    },
}
