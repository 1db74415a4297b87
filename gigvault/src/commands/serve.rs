//! `up`, `serve`, `bootstrap`, `migrate`: settings from file, environment and flags, then the wiring.

use std::collections::BTreeSet;
use std::path::Path;

use kit::config::Secret;
use serde_json::json;

use super::runtime;
use crate::cli::{Bootstrap, Migrate, Serve, Up};
use crate::output::Output;
use crate::wiring::{self, Plan, Service, Settings};

pub(super) fn up(arguments: Up) -> anyhow::Result<()> {
    let mut settings = load(arguments.config.as_deref())?;
    let listen = &mut settings.listen;
    set(&mut listen.address, arguments.listen);
    set(&mut listen.https_port, arguments.https_port);
    set(&mut listen.http_port, arguments.http_port);
    set(&mut listen.grpc_port, arguments.grpc_port);
    set(&mut listen.metrics_port, arguments.metrics_port);
    set(&mut listen.public_http_url, arguments.public_http_url);
    set(&mut settings.data_dir, arguments.data_dir);
    if let Some(url) = &arguments.database_url {
        settings.database.url = Some(Secret::resolve(url)?);
    }
    if arguments.ldap_port.is_some_and(|port| port != 0) {
        super::cert::note("--ldap-port: this version has no LDAP service; nothing listens there");
    }
    if arguments.redis_url.is_some() {
        super::cert::note("--redis-url: this version uses no Redis; nothing connects there");
    }
    let plan = Plan {
        settings,
        services: Service::ALL.into_iter().collect(),
        first_start: true,
        ready_file: arguments.ready_file,
    };
    runtime(0)?.block_on(wiring::run(plan))
}

pub(super) fn serve(arguments: Serve) -> anyhow::Result<()> {
    let plan = Plan {
        settings: load(arguments.config.as_deref())?,
        services: arguments.services.into_iter().collect(),
        first_start: false,
        ready_file: arguments.ready_file,
    };
    runtime(0)?.block_on(wiring::run(plan))
}

pub(super) fn bootstrap(arguments: Bootstrap, output: Output) -> anyhow::Result<()> {
    let mut settings = load(arguments.config.as_deref())?;
    set(&mut settings.data_dir, arguments.data_dir);
    if let Some(url) = &arguments.database_url {
        settings.database.url = Some(Secret::resolve(url)?);
    }
    if arguments.new_admin_token {
        let path = runtime(0)?
            .block_on(wiring::new_admin_token(&settings))?
            .display()
            .to_string();
        return output.one(&json!({"admin_token": path}), &[("new API key in", path.clone())]);
    }
    let dir = runtime(0)?.block_on(wiring::bootstrap(
        settings,
        &arguments.identity,
        arguments.accept_restored,
    ))?;
    let identities: Vec<String> = arguments
        .identity
        .iter()
        .map(|name| dir.join("identities").join(name).display().to_string())
        .collect();
    let whole = json!({"data_dir": dir.display().to_string(), "identities": identities});
    output.one(
        &whole,
        &[
            ("data directory", dir.display().to_string()),
            ("identities", identities.join(", ")),
        ],
    )
}

pub(super) fn migrate(arguments: Migrate) -> anyhow::Result<()> {
    let settings = load(arguments.config.as_deref())?;
    let mut services: BTreeSet<Service> = arguments.services.into_iter().collect();
    if services.is_empty() {
        services.extend(Service::ALL);
    }
    runtime(1)?.block_on(wiring::migrate(&settings, &services))
}

fn load(file: Option<&Path>) -> anyhow::Result<Settings> {
    Ok(kit::config::load(file)?)
}

fn set<T>(field: &mut T, flag: Option<T>) {
    if let Some(value) = flag {
        *field = value;
    }
}
