//! Certificates that GigVault issues to itself: service identities and the HTTPS certificate.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use ca::{App, IssueRequest, Protocol, Requester, Rights, Scope, Visibility};
use keys::{Signer, SoftwareKey};
use kit::identity_renewal::is_due;
use kit::tls::IdentityFiles;
use time::OffsetDateTime;
use x509::csr::Csr;
use x509::{Certificate, DistinguishedName, KeyAlgorithm, San};
use zeroize::Zeroizing;

use super::bootstrap::SERVICES;
use super::layout::{DataDir, private};
use super::settings::Settings;

/// The profile of service identities and of the HTTPS certificate.
pub(crate) const PROFILE: &str = "service-identity";

/// Name of the API in its SPIFFE id: what clients require of the HTTPS certificate (`docs/adr/0008`). No service may
/// have it.
pub(crate) const API: &str = "api";

/// The files of a service's identity.
pub(crate) fn files(settings: &Settings, data: &DataDir, name: &str) -> IdentityFiles {
    let configured = &settings.identity.directory;
    let folder: PathBuf = if configured.as_os_str().is_empty() {
        data.identity(name)
    } else {
        configured.clone()
    };
    IdentityFiles::new(&folder, "tls", folder.join("roots.pem"))
}

/// Makes the identity of a service if it is missing or used up. Only for the process that has the CA: others renew theirs
/// over gRPC.
pub(crate) async fn ensure_service(
    app: &App,
    settings: &Settings,
    files: &IdentityFiles,
    name: &str,
    now: OffsetDateTime,
) -> anyhow::Result<()> {
    if read(&files.certificate).is_some_and(|certificate| !is_due(&certificate, now)) && files.key.exists() {
        return Ok(());
    }
    let id = format!("spiffe://{}/svc/{name}", settings.identity.trust_domain);
    let (key, csr) = key_and_csr(&[format!("uri:{id}").parse()?])?;
    let issued = issue_service(app, csr, validity(settings)?).await;
    let chain = match issued.with_context(|| format!("the identity of {name}")) {
        Ok(chain) => chain,
        // It is renewed in the background too. A CA that is suspended must not keep the server from its start: nobody
        // could resume it then.
        Err(error) if files.certificate.exists() && files.key.exists() => {
            tracing::warn!(
                error = format!("{error:#}"),
                "the identity was not renewed; the old one stays"
            );
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    if let Some(folder) = files.certificate.parent() {
        private(folder)?;
    }
    // Only the services CA is trusted, not its root: under that, users have certificates too.
    let services = app.authorities().by_name(SERVICES).await?;
    ::files::replace(&files.roots, services.certificate.pem().as_bytes(), 0o644)?;
    Ok(files.write(chain.as_bytes(), key.as_bytes())?)
}

/// Makes the HTTPS certificate for these names if it is missing, used up, of other names, or not from the services CA:
/// users can have certificates of the other CAs, whatever their names say. One of an earlier version is replaced.
pub(crate) async fn ensure_https(
    app: &App,
    names: &[San],
    files: &IdentityFiles,
    now: OffsetDateTime,
) -> anyhow::Result<bool> {
    let services = app.authorities().by_name(SERVICES).await?;
    let fits = |certificate: &Certificate| {
        let has = |name| certificate.sans().contains(name);
        names.iter().all(has)
            && certificate.sans().iter().all(|name| names.contains(name))
            && certificate.verify_signed_by(&services.certificate).is_ok()
    };
    let good = |certificate: &Certificate| fits(certificate) && !is_due(certificate, now);
    if read(&files.certificate).is_some_and(|certificate| good(&certificate)) && files.key.exists() {
        return Ok(false);
    }
    let (key, csr) = key_and_csr(names)?;
    let chain = issue(app, SERVICES, PROFILE, csr, None)
        .await
        .context("the HTTPS certificate")?;
    if let Some(folder) = files.certificate.parent() {
        private(folder)?;
    }
    files.write(chain.as_bytes(), key.as_bytes())?;
    Ok(true)
}

/// Configured life of service identities.
pub(crate) fn validity(settings: &Settings) -> anyhow::Result<Option<Duration>> {
    match settings.identity.validity.as_str() {
        "" => Ok(None),
        text => Ok(Some(
            kit::config::span::parse(text)
                .map_err(anyhow::Error::msg)
                .context("identity.validity")?,
        )),
    }
}

/// The certificate of a service for its CSR, PEM.
pub(crate) async fn issue_service(
    app: &App,
    csr: Vec<u8>,
    validity: Option<Duration>,
) -> anyhow::Result<String> {
    issue(app, SERVICES, PROFILE, csr, validity).await
}

/// A key and a CSR for these names: PKCS#8 PEM and DER.
fn key_and_csr(sans: &[San]) -> anyhow::Result<(Zeroizing<String>, Vec<u8>)> {
    let key = SoftwareKey::generate(KeyAlgorithm::P256)?;
    let algorithm = key.algorithm();
    let subject = DistinguishedName::default();
    let csr = Csr::build(&subject, sans, key.public_key(), algorithm, |message| {
        key.sign(message, algorithm)
    })?;
    Ok((keys::to_pem(&key)?, csr))
}

/// Leaf and CAs above it, PEM.
async fn issue(
    app: &App,
    ca: &str,
    profile: &str,
    csr: Vec<u8>,
    validity: Option<Duration>,
) -> anyhow::Result<String> {
    let requester = Requester {
        subject: "gigvault".to_owned(),
        issues: Scope::Bootstrap,
        sees: Visibility::All,
        rights: Rights::default(),
        on_behalf: false,
    };
    let request = IssueRequest {
        csr,
        profile: profile.to_owned(),
        ca: Some(ca.to_owned()),
        validity,
        subject: None,
        sans: None,
        protocol: Protocol::Internal,
        idempotency_key: None,
    };
    let issued = app.issue(&requester, request).await?;
    Ok(x509::pem::encode("CERTIFICATE", &issued.der) + &app.chain_pem(&issued.ca).await?)
}

fn read(path: &Path) -> Option<Certificate> {
    Certificate::from_pem(&std::fs::read(path).ok()?).ok()
}
