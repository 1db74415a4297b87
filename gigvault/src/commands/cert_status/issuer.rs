//! Who issued the certificate, and which addresses may be asked about it.

use anyhow::Context;
use client::{Reach, RelyingParty};
use x509::bundle::Bundle;
use x509::{Certificate, Pointers};

use super::refusal;
use crate::cli::{CertStatus, Connection};
use crate::connection;

/// URLs that are tried.
const MOST: usize = 4;

/// The issuer, and how its certificates are asked about.
pub(super) struct FoundIssuer {
    pub(super) certificate: Certificate,
    pub(super) party: RelyingParty,
    pub(super) notes: Vec<String>,
}

/// Among `near`, then among the CAs of the server if there is one, then at the URLs in the certificate. What may be asked does not
/// depend on where the issuer was found.
pub(super) async fn find(
    certificate: &Certificate,
    near: Vec<Certificate>,
    arguments: &CertStatus,
    connection: &Connection,
) -> anyhow::Result<FoundIssuer> {
    let issued = |issuer: &Certificate| certificate.verify_signed_by(issuer).is_ok();
    let near = near.into_iter().find(issued);
    let mut notes = Vec::new();
    let server = connection::find(connection).ok();
    // The server has nothing to add to an issuer that is given and to addresses that are allowed.
    let of_server = match (&server, arguments.allow_private && near.is_some()) {
        (Some(_), false) => authorities(connection, &mut notes).await.into_iter().find(issued),
        _ => None,
    };
    let mut reach = match arguments.allow_private || of_server.is_some() {
        // The URLs in the certificate were written by the server's own CA.
        true => Reach::private(),
        false => Reach::public(),
    };
    // What the server of the data directory serves to relying parties.
    if let Some(local) = server.as_ref().and_then(|server| server.local.as_ref()) {
        reach = reach.and(&local.http);
    }
    let party = RelyingParty::new(reach)?;
    let found = match near.or(of_server) {
        Some(found) => found,
        None => fetched(certificate, &party, &mut notes).await?,
    };
    Ok(FoundIssuer {
        certificate: found,
        party,
        notes,
    })
}

/// The CAs of the server, and those above them; none, and a note, if the server does not tell.
async fn authorities(connection: &Connection, notes: &mut Vec<String>) -> Vec<Certificate> {
    match ask_for_authorities(connection).await {
        Ok(all) => all,
        Err(error) => {
            notes.push(format!(
                "the CAs of the server were not looked at: {}",
                crate::exit::text(&error)
            ));
            Vec::new()
        }
    }
}

async fn ask_for_authorities(connection: &Connection) -> anyhow::Result<Vec<Certificate>> {
    let client = connection::builder(connection)?.once().build()?;
    let mut all = Vec::new();
    for ca in client.cas().list().items().all().await? {
        for pem in [&ca.certificate, &ca.chain] {
            all.extend(Bundle::read(pem.as_bytes()).unwrap_or_default().certificates);
        }
    }
    Ok(all)
}

async fn fetched(
    certificate: &Certificate,
    party: &RelyingParty,
    notes: &mut Vec<String>,
) -> anyhow::Result<Certificate> {
    const GIVE: &str = "give the certificate of the issuer with --chain";
    let access = Pointers::of(certificate).access;
    let urls = access.context(GIVE)?.ca_issuers;
    let mut failed = None;
    for url in urls.iter().take(MOST) {
        match party.issuer(url, certificate).await {
            Ok(found) => {
                notes.push(format!(
                    "the issuer is from {url}; whether it is one to trust is not looked at (`gigvault cert verify`)"
                ));
                return Ok(found);
            }
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    let left = match urls.len().saturating_sub(MOST) {
        0 => String::new(),
        left => format!(" at the first {MOST} URLs, and {left} more were not asked"),
    };
    let missing = format!(
        "the certificate of its issuer, {}, was not found{left}; {GIVE}",
        certificate.issuer()
    );
    match failed {
        Some(error) => Err(anyhow::anyhow!(refusal::text(&error)).context(missing)),
        None => anyhow::bail!("{missing}: the certificate does not say where it is"),
    }
}
