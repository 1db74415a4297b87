//! Who issued the certificate, and which addresses may be asked about it.

use anyhow::Context as _;
use client::{Reach, RelyingParty};
use x509::bundle::Bundle;
use x509::{Certificate, Pointers};

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

/// Among `near`, then among the CAs of the server if there is one, then at the URLs in the certificate.
pub(super) async fn find(
    certificate: &Certificate,
    near: Vec<Certificate>,
    arguments: &CertStatus,
    connection: &Connection,
) -> anyhow::Result<FoundIssuer> {
    let mut reach = match arguments.allow_private {
        true => Reach::private(),
        false => Reach::public(),
    };
    // What the server of the data directory serves to relying parties.
    let server = connection::find(connection).ok();
    if let Some(local) = server.as_ref().and_then(|server| server.local.as_ref()) {
        reach = reach.and(&local.http);
    }
    let issued = |issuer: &Certificate| certificate.verify_signed_by(issuer).is_ok();
    let near = near.into_iter().find(issued);
    let mut notes = Vec::new();
    if near.is_none() && server.is_some() {
        match authorities(connection).await {
            Ok(all) => {
                if let Some(found) = all.into_iter().find(issued) {
                    // The URLs in it were written by the server's own CA.
                    let party = RelyingParty::new(Reach::private())?;
                    return Ok(FoundIssuer {
                        certificate: found,
                        party,
                        notes,
                    });
                }
            }
            Err(error) => notes.push(format!(
                "the CAs of the server were not looked at: {}",
                crate::exit::text(&error)
            )),
        }
    }
    let party = RelyingParty::new(reach)?;
    let found = match near {
        Some(near) => near,
        None => fetched(certificate, &party, &mut notes).await?,
    };
    Ok(FoundIssuer {
        certificate: found,
        party,
        notes,
    })
}

/// The CAs of the server, and those above them.
async fn authorities(connection: &Connection) -> anyhow::Result<Vec<Certificate>> {
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
    let urls = Pointers::of(certificate).ca_issuers;
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
    let missing = format!(
        "the certificate of its issuer, {}, was not found; {GIVE}",
        certificate.issuer()
    );
    match failed {
        Some(error) => Err(error).context(missing),
        None => anyhow::bail!("{missing}: the certificate does not say where it is"),
    }
}
