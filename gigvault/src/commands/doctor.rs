//! `doctor`: looks at a deployment as a user of it would, and says what is wrong and how to fix it.

mod api;
mod directory;
mod endpoints;
mod fixes;
mod local;
mod pointers;

use std::borrow::Cow;
use std::path::Path;

use client::ServerInfo;
use serde::Serialize;

use super::{now, times};
use crate::cli::Connection;
use crate::connection::advice::{self, Unfound};
use crate::connection::{self, Server};
use crate::output::{Column, Output, wrap};

/// More than this between the clocks, and certificates look not yet valid or already expired.
const CLOCK_SKEW: time::Duration = time::Duration::seconds(60);
/// Server certificates are renewed before they come this close to their end.
const SERVER_WARNING: time::Duration = time::Duration::days(7);

#[derive(Serialize)]
struct Report {
    healthy: bool,
    checks: Vec<Check>,
}

#[derive(Serialize)]
struct Check {
    check: Cow<'static, str>,
    result: &'static str,
    detail: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    fix: String,
}

/// Each check as a line, and below it what was found and what to do, broken at words.
fn sentences(checks: &[Check], width: usize, output: Output) -> String {
    const INDENT: usize = 4;
    let mut text = String::new();
    for check in checks {
        let result = output.paint(check.result, check.result.to_owned());
        text.push_str(&format!("{}: {result}\n", check.check));
        let fix = match check.fix.is_empty() {
            true => String::new(),
            false => format!("FIX: {}", check.fix),
        };
        for part in [&check.detail, &fix].into_iter().filter(|part| !part.is_empty()) {
            for line in wrap(
                &rootca::cli::printable(part),
                width.saturating_sub(INDENT).max(20),
            ) {
                text.push_str(&format!("{:INDENT$}{line}\n", ""));
            }
        }
    }
    text
}

pub(super) async fn run(connection: &Connection, output: Output) -> anyhow::Result<()> {
    let mut checks = Vec::new();
    let dir = connection::data_dir();
    // A server may have been told where the link points to; a start takes no link.
    let local = dir.as_deref().map(|dir| match dir.is_symlink() {
        true => std::fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned()),
        false => dir.to_owned(),
    });
    if let Some(dir) = &local {
        checks.push(local::modes(dir));
        checks.push(local::installation(dir, now()).await);
        checks.push(local::identities(dir, now()));
    }
    let without_api = dir.as_deref().filter(|_| connection.url.is_none());
    let without_api = without_api.and_then(connection::local_server);
    if let Some(server) = without_api.filter(|server| !server.serves_https()) {
        beside_no_api(&server, dir.as_deref(), &mut checks).await;
        return show(checks, output);
    }
    match (connection::find(connection), client_of(connection)) {
        (Ok(server), Ok(client)) => {
            remote(&client, (&server, connection), dir.as_deref(), &mut checks).await;
        }
        (Ok(server), Err(error)) => {
            let again = dir.as_deref().filter(|_| connection.ca_file.is_none());
            let again = again.map_or_else(String::new, |dir| {
                format!("if root.crt is damaged, {}; else ", advice::root_again(dir))
            });
            let otherwise = format!("{again}give --url and --ca-file of the server");
            let fix = fixes::of_connection(&error, &otherwise);
            checks.push(failed("client", what(&error), &fix));
            checks.extend(endpoints::beside_api(server.local.as_ref(), dir.as_deref()).await);
        }
        (Err(error), _) => {
            let fix = fixes::of_connection(&error, "name the server by --url and --ca-file");
            checks.push(failed("server", what(&error), &fix));
        }
    }
    show(checks, output)
}

/// A client that tells how it is now, and waits for nothing to get better.
fn client_of(connection: &Connection) -> anyhow::Result<client::Client> {
    Ok(connection::builder(connection)?.once().build()?)
}

/// A process of services that serves no HTTPS is not faulty: what it serves is looked at.
async fn beside_no_api(server: &ServerInfo, dir: Option<&Path>, checks: &mut Vec<Check>) {
    // Its identity may be kept elsewhere than in the data directory.
    let beside = endpoints::beside_api(Some(server), None).await;
    if beside.iter().all(|check| check.result == "failed") {
        let nothing = format!(
            "the process of this data directory does not run: nothing answers at {} and {}",
            server.grpc, server.metrics
        );
        let fix = dir.map_or_else(|| "start it".to_owned(), advice::start);
        checks.push(failed("server", nothing, &fix));
        return;
    }
    checks.push(warning(
        "server",
        "the process of this data directory serves no HTTPS: the API is not looked at".to_owned(),
        "give the --url and --ca-file of the process that serves it",
    ));
    checks.extend(beside);
}

/// What is wrong, without what to do about it, which is a fix of its own.
fn what(error: &anyhow::Error) -> String {
    match error.downcast_ref::<Unfound>() {
        Some(unfound) => unfound.what.clone(),
        None => crate::exit::text(error),
    }
}

fn show(checks: Vec<Check>, output: Output) -> anyhow::Result<()> {
    let healthy = checks.iter().all(|check| check.result != "failed");
    let report = Report { healthy, checks };
    let row = |check: &Check| {
        vec![
            check.check.to_string(),
            check.result.to_owned(),
            check.detail.clone(),
            check.fix.clone(),
        ]
    };
    const COLUMNS: [Column; 4] = [
        Column::whole("check", 0),
        Column::whole("result", 0),
        Column::text("what", 0),
        Column::text("fix", 0),
    ];
    match output.width() {
        // Sentences do not fit into columns, and cut off they are of no use.
        Some(width) => output.own(&sentences(&report.checks, width, output))?,
        None => output.list(&report, &COLUMNS, report.checks.iter().map(row))?,
    }
    if healthy {
        Ok(())
    } else {
        anyhow::bail!("the deployment has problems")
    }
}

async fn remote(
    client: &client::Client,
    (server, connection): (&Server, &Connection),
    dir: Option<&Path>,
    checks: &mut Vec<Check>,
) {
    let probe = client.readyz().await;
    match &probe {
        Ok(probe) if probe.status == 200 => checks.push(ok("server", format!("{} is ready", server.url))),
        Ok(probe) => checks.push(endpoints::not_ready(&server.url, probe.readiness.as_ref())),
        Err(error) => {
            let start = match (&server.local, dir) {
                (Some(_), Some(dir)) => advice::start(dir),
                _ => {
                    "start it on its machine, with `gigvault up` or `gigvault serve` as it was started before"
                        .to_owned()
                }
            };
            let start = format!("{start}, or correct --url");
            let fix = match error {
                client::Error::Untrusted { .. } => {
                    "give the root that this server was set up with: --ca-file with root.crt of its data directory, or where \
                     listen.tls is set, that of the certificate there"
                }
                client::Error::CaCertificate { .. } => crate::exit::NO_SERVER_CERTIFICATE,
                client::Error::OtherPort { .. } => "give the HTTPS port: --url https://host:port",
                client::Error::NotTheApi { .. } => {
                    "find out what listens there; if it is a proxy or listen.tls, say --server-identity name"
                }
                _ => &start,
            };
            checks.push(failed("server", chain(error), fix));
            return;
        }
    }
    if let Ok(probe) = &probe {
        checks.push(clock(probe));
        checks.push(certificate(probe));
    }
    checks.extend(endpoints::beside_api(server.local.as_ref(), dir).await);
    let readiness = probe.ok().and_then(|probe| probe.readiness);
    let here = readiness.map(|readiness| readiness.services).unwrap_or_default();
    let ldap = server.local.as_ref().map(|local| local.ldap.as_str());
    let ldap = ldap.filter(|url| !url.is_empty());
    checks.extend(api::look(client, connection, (here, ldap)).await);
}

fn clock(probe: &client::Probe) -> Check {
    match probe.date {
        Some(theirs) if (theirs - now()).abs() > CLOCK_SKEW => failed(
            "clock",
            format!(
                "server and this machine differ by {} s",
                (theirs - now()).abs().whole_seconds()
            ),
            "set both clocks by NTP: certificates look not yet valid or expired otherwise",
        ),
        Some(_) => ok("clock", "agrees with this machine".to_owned()),
        None => warning("clock", "the server does not tell its time".to_owned(), ""),
    }
}

fn certificate(probe: &client::Probe) -> Check {
    let parsed = probe
        .certificate
        .as_deref()
        .and_then(|der| x509::Certificate::from_der(der).ok());
    match parsed {
        Some(certificate) if !certificate.validity().contains(now()) => failed(
            "certificate",
            format!(
                "the server's is valid from {} to {}",
                times::minute(certificate.not_before()),
                times::minute(certificate.not_after())
            ),
            "set the clocks; ours are then made again within a minute, those of listen.tls have to be replaced",
        ),
        Some(certificate) if certificate.not_after() - now() < SERVER_WARNING => warning(
            "certificate",
            format!(
                "the server's ends on {}",
                times::until(certificate.not_after(), now())
            ),
            "ours renew themselves: see the server's log; those of listen.tls have to be replaced",
        ),
        Some(certificate) => ok(
            "certificate",
            format!(
                "the server's is good until {}",
                times::until(certificate.not_after(), now())
            ),
        ),
        None => warning(
            "certificate",
            "the server shows none".to_owned(),
            "give its HTTPS port: --url https://host:port",
        ),
    }
}

/// The client's errors name their cause themselves.
fn chain(error: &client::Error) -> String {
    error.to_string()
}

fn ok(check: &'static str, detail: String) -> Check {
    Check {
        check: check.into(),
        result: "ok",
        detail,
        fix: String::new(),
    }
}

fn warning(check: &'static str, detail: String, fix: &str) -> Check {
    Check {
        check: check.into(),
        result: "warning",
        detail,
        fix: fix.to_owned(),
    }
}

fn failed(check: &'static str, detail: String, fix: &str) -> Check {
    Check {
        check: check.into(),
        result: "failed",
        detail,
        fix: fix.to_owned(),
    }
}
