//! `cert verify`: path validation offline.

use std::path::Path;

use anyhow::{Context, anyhow};
use serde_json::json;
use x509::path::{self, Purpose};
use x509::{Certificate, Eku, bundle};

use super::{files, now};
use crate::cli::{Connection, Verify};
use crate::connection;
use crate::exit::Usage;
use crate::output::Output;

pub(super) fn run(arguments: &Verify, connection: &Connection, output: Output) -> anyhow::Result<()> {
    let roots = match &connection.ca_file {
        Some(path) => certificates(path)?,
        None => {
            let roots = connection::find(connection)
                .ok()
                .and_then(|server| server.roots)
                .ok_or_else(|| Usage("no root to verify against: give --ca-file".to_owned()))?;
            bundle::certificates(&roots.read()?).context("reading the root certificates")?
        }
    };
    let mut given = certificates(&arguments.file)?;
    if let Some(path) = &arguments.untrusted {
        given.extend(certificates(path)?);
    }
    let (leaf, above) = given.split_first().context("no certificate")?;
    let purpose = Purpose {
        time: now(),
        usage: match arguments.purpose.as_str() {
            "server" => Some(Eku::ServerAuth),
            "client" => Some(Eku::ClientAuth),
            _ => None,
        },
    };
    let issuers = path::validate(leaf, above, &roots, &purpose).context("the certificate does not verify")?;
    if let Some(host) = &arguments.hostname {
        check_host(leaf, host)?;
    }
    report(leaf, &issuers, output)
}

fn check_host(leaf: &Certificate, host: &str) -> anyhow::Result<()> {
    match path::is_for_host(leaf, host) {
        Some(true) => Ok(()),
        Some(false) => {
            let names: Vec<_> = leaf.sans().iter().map(ToString::to_string).collect();
            let names = match names.as_slice() {
                [] => "it has no alternative names".to_owned(),
                names => format!("it is for {}", names.join(", ")),
            };
            Err(anyhow!("the certificate is not for {host}; {names}"))
        }
        None => Err(Usage(format!("--hostname {host}: neither a DNS name nor an address")).into()),
    }
}

fn report(leaf: &Certificate, issuers: &[Certificate], output: Output) -> anyhow::Result<()> {
    let chain: Vec<String> = issuers
        .iter()
        .map(|issuer| issuer.subject().to_string())
        .collect();
    let whole = json!({
        "valid": true,
        "serial": leaf.serial().to_string(),
        "subject": leaf.subject().to_string(),
        "san": leaf.sans().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "issuers": chain,
        "revocation_checked": false,
    });
    output.one(
        &whole,
        &[
            ("result", "ok".to_owned()),
            ("serial", leaf.serial().to_string()),
            ("subject", leaf.subject().to_string()),
            ("issued by", chain.join(" < ")),
            ("revocation", "not looked at".to_owned()),
        ],
    )
}

/// The certificates of a file, whatever form they have.
fn certificates(path: &Path) -> anyhow::Result<Vec<Certificate>> {
    bundle::certificates(&files::read(path)?).with_context(|| match files::is_stream(path) {
        true => "standard input".to_owned(),
        false => path.display().to_string(),
    })
}
