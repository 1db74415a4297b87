//! The identity that HTTPS is served with: from configured files, or from our own CA where it runs here.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use kit::clock::SharedClock;
use kit::health::{CheckError, Health, NotReady};
use kit::peer::PROCESS;
use kit::tls::{IdentityFiles, RevokedPeers, ServerIdentity};
use setup::https::{PendingIdentity, SelfIssuedHttps};
use time::OffsetDateTime;
use tokio::sync::watch;
use x509::{Certificate, San, rfc3339};

use super::https_names;
use super::identities::{self, Identities};
use super::services::{Environment, Service, Services};

/// None where this process has neither files nor a CA to make them. A first start does not go on without a certificate;
/// any other waits for the keymgr that signs it.
pub(crate) async fn identity(
    environment: &Environment<'_>,
    services: &Services,
    revoked: &RevokedPeers,
) -> anyhow::Result<Option<PendingIdentity>> {
    let listen = &environment.settings.listen;
    if let Some(tls) = &listen.tls {
        let identity =
            ServerIdentity::from_files(tls.files(), Arc::clone(&environment.clock)).context("listen.tls")?;
        tokio::spawn(identity.clone().watch(environment.stop.clone()));
        return Ok(Some(watch::channel(Some(identity)).1));
    }
    if !services.has(Service::Ca) {
        tracing::warn!("no HTTPS: set listen.tls.certificate and listen.tls.key, or run ca in this process");
        return Ok(None);
    }
    let own = SelfIssuedHttps {
        issuer: identities::issuer(environment, services, PROCESS)?,
        names: names(environment)?,
        files: IdentityFiles::new(&environment.data.identity("https"), "tls", PathBuf::new()),
        clock: Arc::clone(&environment.clock),
        revoked: revoked.clone(),
    };
    let started = own.start(environment.founding, environment.stop.clone()).await;
    Ok(Some(started.context("the HTTPS certificate")?))
}

/// A process whose own certificates are not valid now, at either end, is not ready.
pub(crate) fn register(
    health: &Health,
    https: Option<&PendingIdentity>,
    identities: &Identities,
    clock: &SharedClock,
) {
    if let Some(https) = https.cloned() {
        let clock = Arc::clone(clock);
        health.register("HTTPS certificate", move || {
            let checked = match &*https.borrow() {
                Some(identity) => check_valid(&identity.leaf(), clock.now()),
                None => Err("keymgr has not signed it yet".into()),
            };
            std::future::ready(checked)
        });
    }
    for (caller, identity) in identities.all() {
        let name = match caller {
            PROCESS => "service identity".to_owned(),
            service => format!("service identity of {service}"),
        };
        let peers = identity.clone();
        health.register(format!("revoked services known to {name}"), move || {
            std::future::ready(identities::check_known(&peers))
        });
        let (identity, clock) = (identity.clone(), Arc::clone(clock));
        health.register(name, move || {
            let checked = match identity.is_revoked() {
                true => Err(revoked()),
                false => check_valid(&identity.leaf(), clock.now()),
            };
            std::future::ready(checked)
        });
    }
}

/// Told to whoever asks: nothing else outside the log says why no other service takes this one.
fn revoked() -> CheckError {
    let reason = "it is revoked or on hold: make another with `gigvault bootstrap --identity NAME`";
    Box::new(NotReady {
        reason: reason.to_owned(),
        source: reason.into(),
    })
}

fn check_valid(leaf: &[u8], now: OffsetDateTime) -> Result<(), CheckError> {
    let certificate = Certificate::from_der(leaf)?;
    match certificate.validity().contains(now) {
        true => Ok(()),
        false => Err(format!(
            "it is valid from {} to {}, and it is {}",
            rfc3339(certificate.not_before()),
            rfc3339(certificate.not_after()),
            rfc3339(now)
        )
        .into()),
    }
}

/// The SPIFFE id by which clients know the API, then the names and addresses at which they reach it.
fn names(environment: &Environment<'_>) -> anyhow::Result<Vec<San>> {
    let trust_domain = &environment.settings.identity.trust_domain;
    let api = setup::service_identity::name_of(trust_domain, setup::API).context("identity.trust_domain")?;
    let mut names = vec![api];
    names.extend(https_names::of(
        &environment.settings.listen,
        &environment.public_http_url,
    )?);
    Ok(names)
}
