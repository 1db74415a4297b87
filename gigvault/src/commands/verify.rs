//! `cert verify`: path validation offline.

use std::path::Path;

use anyhow::{Context, anyhow};
use serde_json::json;
use x509::bundle::Bundle;
use x509::path::{self, Purpose};
use x509::{Certificate, Eku};

use super::{files, now};
use crate::cli::{Connection, Verify};
use crate::connection;
use crate::exit::{Usage, say};
use crate::output::Output;

pub(super) fn run(arguments: &Verify, connection: &Connection, output: Output) -> anyhow::Result<()> {
    let roots = match &connection.ca_file {
        Some(path) => read(path)?,
        None => {
            let roots = connection::find(connection)
                .ok()
                .and_then(|server| server.roots)
                .ok_or_else(|| Usage("no root to verify against: give --ca-file".to_owned()))?;
            let given = "the root certificates".to_owned();
            Given::read(&roots.read()?, given)?
        }
    };
    let own = read_first(&arguments.file)?;
    let more = arguments.untrusted.as_deref().map(read).transpose()?;
    let mut passed_over = Vec::new();
    for given in [Some(&roots), Some(&own), more.as_ref()].into_iter().flatten() {
        passed_over.extend(given.passed_over());
    }
    let (leaf, beside) = own.bundle.certificates.split_first().context("no certificate")?;
    let more = more.map(|more| more.bundle.certificates).unwrap_or_default();
    let above = [beside, more.as_slice()].concat();
    let purpose = Purpose {
        time: now(),
        usage: match arguments.purpose.as_str() {
            "server" => Some(Eku::ServerAuth),
            "client" => Some(Eku::ClientAuth),
            _ => None,
        },
    };
    let issuers = path::validate(leaf, &above, &roots.bundle.certificates, &purpose).with_context(|| {
        let more = match passed_over.as_slice() {
            [] => String::new(),
            passed => format!(" (not read: {})", passed.join("; ")),
        };
        format!("the certificate does not verify{more}")
    })?;
    // A failure names them itself.
    passed_over
        .iter()
        .for_each(|passed| say(&format!("note: {passed}; it is passed over")));
    path::notes(std::iter::once(leaf).chain(&issuers))
        .iter()
        .for_each(|text| say(&format!("note: {text}")));
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

/// What one input holds, and its name for messages.
pub(super) struct Given {
    pub(super) origin: String,
    pub(super) bundle: Bundle,
}

impl Given {
    fn read(content: &[u8], origin: String) -> anyhow::Result<Self> {
        let bundle = Bundle::read(content).with_context(|| origin.clone())?;
        Ok(Self { origin, bundle })
    }

    /// What could not be read, and why.
    pub(super) fn passed_over(&self) -> impl Iterator<Item = String> {
        let unreadable = self.bundle.unreadable.iter().map(ToString::to_string);
        let others = self.bundle.passed.iter().map(ToString::to_string);
        unreadable
            .chain(others)
            .map(|passed| format!("{}, {passed}", self.origin))
    }
}

/// The same of a file whose first certificate is what is asked about: that one has to be readable.
pub(super) fn read_first(path: &Path) -> anyhow::Result<Given> {
    let own = read(path)?;
    if let Some(first) = own.bundle.unreadable.iter().find(|passed| passed.number == 1) {
        return Err(anyhow!("{}: {}", own.origin, first.source));
    }
    if let Some(before) = own.bundle.passed.iter().find(|passed| passed.is_before_all) {
        return Err(anyhow!(
            "{}, {before}, before the first certificate; it may be the one that is meant: repair or remove it",
            own.origin
        ));
    }
    Ok(own)
}

/// The certificates of a file, whatever form they have.
pub(super) fn read(path: &Path) -> anyhow::Result<Given> {
    let origin = match files::is_stream(path) {
        true => "standard input".to_owned(),
        false => path.display().to_string(),
    };
    Given::read(&files::read(path)?, origin)
}
