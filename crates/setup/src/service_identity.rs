//! The identity of a service: made by the process that has the CA at its start, renewed by each process for itself.

use std::sync::Arc;

use kit::clock::SharedClock;
use kit::identity_renewal::{is_due, key_and_csr};
use kit::tls::{Identity, IdentityFiles, SpiffeId};
use tokio_util::sync::CancellationToken;
use x509::{Certificate, DistinguishedName, San};

use crate::error::Error;
use crate::issuer::Issuer;

/// `spiffe://<trust-domain>/svc/<name>` as a subject alternative name.
///
/// # Errors
/// [`Error::Request`] for a trust domain or name that no URI can hold.
pub fn name_of(trust_domain: &str, service: &str) -> Result<San, Error> {
    let id = format!("uri:spiffe://{trust_domain}/svc/{service}");
    id.parse()
        .map_err(|reason| Error::Request(format!("{id}: {reason}")))
}

/// Names that no service may have: that of the API, and those that stand for something else in the directory of identities or
/// in the tables of who may call what.
const RESERVED: [&str; 3] = [crate::API, "https", kit::peer::PROCESS];

/// Whether a service may go by this name: it names a directory and a certificate.
///
/// # Errors
/// [`Error::Request`] says why not.
pub fn check_name(name: &str) -> Result<(), Error> {
    let refused = |why: &str| {
        Err(Error::Request(format!(
            "the identity name {name:?} {why}; choose another"
        )))
    };
    if RESERVED.contains(&name) {
        return refused("is reserved for the HTTPS certificate or the process itself");
    }
    match format!("spiffe://a/svc/{name}").parse::<SpiffeId>() {
        Ok(id) if id.service() == name => Ok(()),
        _ => refused("is not of lower-case letters, digits, and hyphens"),
    }
}

/// Makes the identity if it is missing, used up, revoked, of another name, without its key, or not from the services CA, and sees to
/// it that this CA is the only one that it trusts.
///
/// # Errors
/// Where there is none afterwards.
pub async fn ensure(
    issuer: &Issuer,
    name: &San,
    files: &IdentityFiles,
    clock: &SharedClock,
) -> Result<(), Error> {
    match make_if_needed(issuer, name, files, clock).await {
        // It is renewed in the background too. A CA that is suspended or expired must not keep the server from its start:
        // it could not be looked up, revoked or resumed then.
        Err(error) if found(name, files, clock).is_some() => {
            tracing::warn!(
                cause = kit::error::chain(&error),
                "the service identity was not renewed; the old one stays"
            );
            Ok(())
        }
        done => done,
    }
}

async fn make_if_needed(
    issuer: &Issuer,
    name: &San,
    files: &IdentityFiles,
    clock: &SharedClock,
) -> Result<(), Error> {
    let services = issuer.services_ca().await?;
    trust_alone(&services, files)?;
    if let Some(certificate) = found(name, files, clock)
        && certificate.verify_signed_by(&services).is_ok()
        && !is_due(&certificate, clock.now())
        && !issuer.is_revoked(&certificate).await?
    {
        return Ok(());
    }
    let names = std::slice::from_ref(name);
    let (key, csr) = key_and_csr(&DistinguishedName::default(), names).map_err(Error::Request)?;
    let chain = issuer.issue(csr).await?;
    write(files, &chain, &key)
}

/// The certificate in the files, if its key is there too and it is for this name and no other.
fn found(name: &San, files: &IdentityFiles, clock: &SharedClock) -> Option<Certificate> {
    let identity = Identity::from_files(files.clone(), Arc::clone(clock)).ok()?;
    let certificate = Certificate::from_der(&identity.leaf()).ok()?;
    (certificate.sans() == std::slice::from_ref(name)).then_some(certificate)
}

/// Only the services CA is trusted, not its root: under that, users have certificates too.
fn trust_alone(services: &Certificate, files: &IdentityFiles) -> Result<(), Error> {
    let pem = services.pem();
    if std::fs::read(&files.roots).is_ok_and(|roots| roots == pem.as_bytes()) {
        return Ok(());
    }
    if let Some(folder) = files.roots.parent() {
        files::private_dir(folder)?;
    }
    Ok(files::replace(&files.roots, pem.as_bytes(), 0o644)?)
}

/// Renews `identity` at two thirds of its life, and when it is revoked, until `stop`.
pub async fn renew(issuer: Issuer, identity: Identity, clock: SharedClock, stop: CancellationToken) {
    let issue = move |csr: Vec<u8>| {
        let issuer = issuer.clone();
        async move { Ok(issuer.issue(csr).await?.into_bytes()) }
    };
    kit::identity_renewal::run(identity, clock, issue, stop).await;
}

pub(crate) fn write(files: &IdentityFiles, chain: &str, key: &str) -> Result<(), Error> {
    let written = files.write(chain.as_bytes(), key.as_bytes());
    written.map_err(|source| Error::Identity {
        path: files.certificate.clone(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_reserved_or_no_single_word_is_no_identity() {
        for name in [
            "api", "https", "process", "", "..", "../x", "a/b", "CA", "a b", "ca\n",
        ] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
        for name in ["ca", "keymgr", "gigvault", "node-7"] {
            check_name(name).unwrap();
        }
    }
}
