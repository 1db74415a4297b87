//! The certificate that HTTPS is served with: from configured files, or from our own CA where it runs here, renewed in the
//! background. The first may have to wait for keymgr; HTTPS is served once there is one.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use ca::Ca;
use kit::clock::SharedClock;
use kit::health::{CheckError, Health};
use kit::tls::{Identity, IdentityFiles, ServerFiles, ServerIdentity};
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use x509::{Certificate, San};

use super::services::{Environment, Services};
use super::{https_names, identities};

/// How often a certificate that is there is looked at: the clock may be moved.
const RENEWAL: Duration = Duration::from_secs(60);
/// How often the first one is asked for.
const RETRY: Duration = Duration::from_secs(2);

/// The identity, once there is one.
pub(crate) type PendingIdentity = watch::Receiver<Option<ServerIdentity>>;

/// None where this process has neither files nor a CA to make them. A first start does not go on without a certificate;
/// any other waits for the keymgr that signs it.
pub(crate) async fn identity(
    environment: &Environment<'_>,
    services: &Services,
) -> anyhow::Result<Option<PendingIdentity>> {
    let listen = &environment.settings.listen;
    if let Some(tls) = &listen.tls {
        let identity =
            ServerIdentity::from_files(tls.files(), Arc::clone(&environment.clock)).context("listen.tls")?;
        tokio::spawn(identity.clone().watch(environment.stop.clone()));
        return Ok(Some(watch::channel(Some(identity)).1));
    }
    let Some(ca) = services.ca.clone() else {
        tracing::warn!("no HTTPS: set listen.tls.certificate and listen.tls.key, or run ca in this process");
        return Ok(None);
    };
    let own = SelfIssuedHttps {
        ca,
        names: names(environment)?,
        files: IdentityFiles::new(&environment.data.identity("https"), "tls", PathBuf::new()),
        clock: Arc::clone(&environment.clock),
    };
    let first = match own.ensure().await {
        Ok(_) => Some(own.load()?),
        Err(error) if environment.founding => return Err(error),
        Err(error) => {
            tracing::warn!(
                error = format!("{error:#}"),
                "no HTTPS certificate could be made yet; tried again until it is there"
            );
            // The one of an earlier start may still be good.
            own.load().ok()
        }
    };
    let (sender, receiver) = watch::channel(first);
    tokio::spawn(own.keep(sender, environment.stop.clone()));
    Ok(Some(receiver))
}

/// A process whose own certificates are not valid now, at either end, is not ready.
pub(crate) fn register(
    health: &Health,
    https: Option<&PendingIdentity>,
    identity: &Identity,
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
    let (identity, clock) = (identity.clone(), Arc::clone(clock));
    health.register("service identity", move || {
        std::future::ready(check_valid(&identity.leaf(), clock.now()))
    });
}

fn check_valid(leaf: &[u8], now: OffsetDateTime) -> Result<(), CheckError> {
    let certificate = Certificate::from_der(leaf)?;
    match certificate.validity().contains(now) {
        true => Ok(()),
        false => Err(format!(
            "it is valid from {} to {}, and it is {now}",
            certificate.not_before(),
            certificate.not_after()
        )
        .into()),
    }
}

/// The SPIFFE id by which clients know the API, then the names and addresses at which they reach it.
fn names(environment: &Environment<'_>) -> anyhow::Result<Vec<San>> {
    let id = format!(
        "uri:spiffe://{}/svc/{}",
        environment.settings.identity.trust_domain,
        identities::API
    );
    let mut names = vec![id.parse().context("identity.trust_domain")?];
    names.extend(https_names::of(
        &environment.settings.listen,
        &environment.public_http_url,
    )?);
    Ok(names)
}

/// A certificate from the services CA in this process.
struct SelfIssuedHttps {
    ca: Ca,
    names: Vec<San>,
    files: IdentityFiles,
    clock: SharedClock,
}

impl SelfIssuedHttps {
    /// Makes or renews it if that is due, and says whether it did.
    async fn ensure(&self) -> anyhow::Result<bool> {
        identities::ensure_https(self.ca.app(), &self.names, &self.files, self.clock.now()).await
    }

    fn load(&self) -> anyhow::Result<ServerIdentity> {
        let files = ServerFiles {
            certificate: self.files.certificate.clone(),
            key: self.files.key.clone(),
            passphrase: None,
        };
        Ok(ServerIdentity::from_files(files, Arc::clone(&self.clock))?)
    }

    async fn keep(self, identity: watch::Sender<Option<ServerIdentity>>, stop: CancellationToken) {
        loop {
            let pause = match identity.borrow().is_some() {
                true => RENEWAL,
                false => RETRY,
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
            if let Err(error) = self.renew(&identity).await {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "the HTTPS certificate was not renewed"
                );
            }
        }
    }

    async fn renew(&self, identity: &watch::Sender<Option<ServerIdentity>>) -> anyhow::Result<()> {
        let made = self.ensure().await?;
        let served = identity.borrow().clone();
        match served {
            Some(served) if made => {
                served.reload()?;
                tracing::info!("HTTPS certificate renewed");
            }
            Some(_) => {}
            None => {
                identity.send_replace(Some(self.load()?));
                tracing::info!("HTTPS is served");
            }
        }
        Ok(())
    }
}
