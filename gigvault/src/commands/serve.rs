//! `up`, `serve`, `bootstrap`, `migrate`: settings from file, environment and flags, then the wiring.

use std::collections::BTreeSet;
use std::io::IsTerminal as _;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use kit::config::{Loaded, Origin, Secret};
use serde::Serialize;
use serde_json::json;

use super::runtime;
use crate::cli::{Bootstrap, Migrate, Serve, Up};
use crate::output::Output;
use crate::wiring::{self, Plan, Service, Settings};

pub(super) fn up(arguments: Up) -> anyhow::Result<()> {
    let flags = Flags {
        config: arguments.config,
        listen: arguments.listen,
        https_port: arguments.https_port,
        mtls_port: arguments.mtls_port,
        http_port: arguments.http_port,
        grpc_port: arguments.grpc_port,
        ldap_port: arguments.ldap_port,
        metrics_port: arguments.metrics_port,
        public_http_url: arguments.public_http_url,
        data_dir: arguments.data_dir,
        database_url: arguments.database_url,
        redis_url: arguments.redis_url,
        log: arguments.log.filter(),
        quiet: std::io::stderr().is_terminal(),
        alone: true,
    };
    let settings = flags.load()?;
    let plan = Plan {
        settings,
        services: Service::ALL.into_iter().collect(),
        first_start: true,
        ready_file: arguments.ready_file,
        reload: Arc::new(move || flags.load()),
    };
    runtime(0)?.block_on(wiring::run(plan))
}

pub(super) fn serve(arguments: Serve) -> anyhow::Result<()> {
    let flags = Flags {
        log: arguments.log.filter(),
        ..Flags::of_file(arguments.config)
    };
    let plan = Plan {
        settings: flags.load()?,
        services: arguments.services.into_iter().collect(),
        first_start: false,
        ready_file: arguments.ready_file,
        reload: Arc::new(move || flags.load()),
    };
    runtime(0)?.block_on(wiring::run(plan))
}

pub(super) fn bootstrap(arguments: Bootstrap, output: Output) -> anyhow::Result<()> {
    let settings = Flags {
        data_dir: arguments.data_dir,
        database_url: arguments.database_url,
        ..Flags::of_file(arguments.config)
    }
    .load()?;
    if arguments.new_admin_token {
        let path = runtime(0)?
            .block_on(wiring::new_admin_token(&settings))?
            .display()
            .to_string();
        return output.one(&json!({"admin_token": path}), &[("new API key in", path.clone())]);
    }
    let wiring::Bootstrapped {
        data_dir: dir,
        accepted,
    } = runtime(0)?.block_on(wiring::bootstrap(
        settings,
        &arguments.identity,
        wiring::Accept {
            older: arguments.accept_restored,
            lost_revocations: arguments.accept_lost_revocations,
        },
    ))?;
    let identities: Vec<String> = arguments
        .identity
        .iter()
        .map(|name| dir.join("identities").join(name).display().to_string())
        .collect();
    let lines: Vec<String> = accepted.iter().map(accepted_line).collect();
    let whole = Done {
        data_dir: dir.display().to_string(),
        identities: &identities,
        accepted: arguments.accept_restored.then_some(&accepted),
    };
    output.one(
        &whole,
        &[
            ("data directory", dir.display().to_string()),
            ("identities", identities.join(", ")),
            ("accepted", lines.join("\n")),
        ],
    )
}

/// What `bootstrap` answers a program.
#[derive(Serialize)]
struct Done<'a> {
    data_dir: String,
    identities: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted: Option<&'a Vec<wiring::Accepted>>,
}

/// `ca: older than it was, found at 12, seen at 57; goes on from 1099511627776`
fn accepted_line(one: &wiring::Accepted) -> String {
    let age = match one.older {
        Some(true) if one.found_at == 0 => "made again",
        Some(true) => "older than it was",
        Some(false) => "not older than it was",
        None => "not known to be older by this data directory",
    };
    let before = match one.seen_at {
        Some(mark) => format!("seen at {mark}"),
        None => "how far it was is not known".to_owned(),
    };
    format!(
        "{}: {age}, found at {}, {before}; goes on from {}",
        one.database, one.found_at, one.now_at
    )
}

pub(super) fn migrate(arguments: Migrate) -> anyhow::Result<()> {
    let settings = Flags::of_file(arguments.config).load()?;
    let mut services: BTreeSet<Service> = arguments.services.into_iter().collect();
    if services.is_empty() {
        services.extend(Service::ALL);
    }
    runtime(1)?.block_on(wiring::migrate(&settings, &services))
}

/// The file and the flags that settings are made of, besides the environment. Kept, since SIGHUP reads them again.
#[derive(Default)]
struct Flags {
    config: Option<PathBuf>,
    listen: Option<IpAddr>,
    https_port: Option<u16>,
    mtls_port: Option<u16>,
    http_port: Option<u16>,
    grpc_port: Option<u16>,
    ldap_port: Option<u16>,
    metrics_port: Option<u16>,
    public_http_url: Option<String>,
    data_dir: Option<PathBuf>,
    database_url: Option<String>,
    redis_url: Option<String>,
    log: Option<String>,
    /// A person looks on, and a banner says what there is to know: without a filter from anywhere only warnings are logged.
    quiet: bool,
    /// The whole installation is this process, and small: what costs little there is on.
    alone: bool,
}

impl Flags {
    fn of_file(config: Option<PathBuf>) -> Self {
        Self {
            config,
            ..Self::default()
        }
    }

    /// Checked settings: defaults, under the file, under the environment, under the flags.
    fn load(&self) -> anyhow::Result<Settings> {
        let Loaded {
            mut settings,
            mut origin,
        } = kit::config::load::<Settings>(self.config.as_deref())?;
        settings.file.clone_from(&self.config);
        let listen = &mut settings.listen;
        let mut from = Flag(&mut origin);
        from.set("--listen", "listen.address", &mut listen.address, &self.listen);
        from.set(
            "--https-port",
            "listen.https_port",
            &mut listen.https_port,
            &self.https_port,
        );
        from.set(
            "--mtls-port",
            "listen.mtls_port",
            &mut listen.mtls_port,
            &self.mtls_port,
        );
        from.set(
            "--http-port",
            "listen.http_port",
            &mut listen.http_port,
            &self.http_port,
        );
        from.set(
            "--grpc-port",
            "listen.grpc_port",
            &mut listen.grpc_port,
            &self.grpc_port,
        );
        from.set(
            "--ldap-port",
            "listen.ldap_port",
            &mut listen.ldap_port,
            &self.ldap_port,
        );
        from.set(
            "--metrics-port",
            "listen.metrics_port",
            &mut listen.metrics_port,
            &self.metrics_port,
        );
        let url = &mut listen.public_http_url;
        from.set(
            "--public-http-url",
            "listen.public_http_url",
            url,
            &self.public_http_url,
        );
        from.set("--data-dir", "data_dir", &mut settings.data_dir, &self.data_dir);
        let database = self.database_url.as_deref().map(Secret::resolve);
        let database = database.transpose().context("--database-url")?.map(Some);
        from.set(
            "--database-url",
            "database.url",
            &mut settings.database.url,
            &database,
        );
        let redis = self.redis_url.as_deref().map(|url| settings.redis.at(url));
        let redis = redis.transpose().context("--redis-url")?;
        from.set("--redis-url", "redis.addresses", &mut settings.redis, &redis);
        let filter = &mut settings.telemetry.filter;
        from.set("--log", "telemetry.filter", filter, &self.log);
        if self.quiet && !origin.is_set("telemetry.filter") {
            "warn".clone_into(filter);
        }
        if self.alone {
            settings.crl.immediate.get_or_insert(true);
        }
        let secret = ["database.url", "redis.addresses"];
        let url = secret.into_iter().filter_map(|field| origin.flag(field));
        // The data directory is named with its flag.
        let variables = origin.variables().filter(|name| *name != "GIGVAULT_DATA_DIR");
        settings.beside = url.chain(variables).map(str::to_owned).collect();
        origin.refuse(settings.check())?;
        settings.origin = origin;
        Ok(settings)
    }
}

struct Flag<'a>(&'a mut Origin);

impl Flag<'_> {
    fn set<T: Clone>(&mut self, flag: &'static str, name: &'static str, field: &mut T, given: &Option<T>) {
        if let Some(value) = given {
            *field = value.clone();
            self.0.set_by_flag(name, flag);
        }
    }
}

/// The settings of a file, checked as every command checks them.
pub(super) fn load(file: PathBuf) -> anyhow::Result<Settings> {
    Flags::of_file(Some(file)).load()
}
