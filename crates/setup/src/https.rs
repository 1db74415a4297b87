//! The certificate that HTTPS is served with where no files are configured: from the services CA, renewed in the background.
//! The first may have to wait for keymgr; HTTPS is served once there is one.

use std::sync::Arc;
use std::time::Duration;

use kit::clock::SharedClock;
use kit::identity_renewal::{is_due, key_and_csr};
use kit::retry::Retry;
use kit::tls::{IdentityFiles, RevokedPeers, ServerFiles, ServerIdentity};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use x509::{Certificate, DistinguishedName, San};

use crate::error::Error;
use crate::issuer::Issuer;
use crate::service_identity::write;

/// How often a certificate that is there is looked at: the clock may be moved.
const RENEWAL: Duration = Duration::from_secs(60);
/// How often the first one is asked for.
const RETRY: Duration = Duration::from_secs(2);

/// The identity, once there is one.
pub type PendingIdentity = watch::Receiver<Option<ServerIdentity>>;

/// An HTTPS certificate from the services CA.
pub struct SelfIssuedHttps {
    /// The way to that CA.
    pub issuer: Issuer,
    /// All names of the certificate: the API's SPIFFE id, and those at which it is reached.
    pub names: Vec<San>,
    /// Where certificate and key are kept.
    pub files: IdentityFiles,
    /// Time.
    pub clock: SharedClock,
    /// Whose changes it is looked at: it may be among them.
    pub revoked: RevokedPeers,
}

impl SelfIssuedHttps {
    /// Makes or loads the certificate and keeps it renewed until `stop`.
    ///
    /// # Errors
    /// Where none can be made and `must_be_there`; otherwise it is tried again until there is one.
    pub async fn start(self, must_be_there: bool, stop: CancellationToken) -> Result<PendingIdentity, Error> {
        let first = match self.ensure().await {
            Ok(_) => Some(self.load()?),
            Err(error) if must_be_there => return Err(error),
            Err(error) => {
                tracing::warn!(
                    cause = kit::error::chain(&error),
                    "no HTTPS certificate could be made yet; tried again until it is there"
                );
                // The one of an earlier start may still be good.
                self.load().ok()
            }
        };
        let (sender, receiver) = watch::channel(first);
        tokio::spawn(self.keep(sender, stop));
        Ok(receiver)
    }

    /// Makes the certificate if it is missing, used up, revoked, of other names, without its key, or not from the services CA (users
    /// can have certificates of the other CAs, whatever their names say), and says whether it did.
    async fn ensure(&self) -> Result<bool, Error> {
        let services = self.issuer.services_ca().await?;
        let names = &self.names;
        let fits = |certificate: &Certificate| {
            names.iter().all(|name| certificate.sans().contains(name))
                && certificate.sans().iter().all(|name| names.contains(name))
                && certificate.verify_signed_by(&services).is_ok()
        };
        // What loads has its key beside it.
        let found = self.load().ok();
        let found = found.and_then(|identity| Certificate::from_der(&identity.leaf()).ok());
        if let Some(certificate) = found
            && fits(&certificate)
            && !is_due(&certificate, self.clock.now())
            && !self.issuer.is_revoked(&certificate).await?
        {
            return Ok(false);
        }
        let (key, csr) = key_and_csr(&DistinguishedName::default(), names).map_err(Error::Request)?;
        let chain = self.issuer.issue(csr).await?;
        if let Some(folder) = self.files.certificate.parent() {
            files::private_dir(folder)?;
        }
        write(&self.files, &chain, &key)?;
        Ok(true)
    }

    fn load(&self) -> Result<ServerIdentity, Error> {
        let files = ServerFiles {
            certificate: self.files.certificate.clone(),
            key: self.files.key.clone(),
            passphrase: None,
        };
        let loaded = ServerIdentity::from_files(files, Arc::clone(&self.clock));
        loaded.map_err(|source| Error::Identity {
            path: self.files.certificate.clone(),
            source,
        })
    }

    async fn keep(self, identity: watch::Sender<Option<ServerIdentity>>, stop: CancellationToken) {
        let mut revocations = self.revoked.changes();
        let mut log = Retry::of_rounds("renewal of the HTTPS certificate");
        // Without an identity HTTPS refuses every handshake, so the wait is short until there is one.
        loop {
            let pause = match identity.borrow().is_some() {
                true => RENEWAL,
                false => RETRY,
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
                _changed = revocations.changed() => {}
            }
            match self.renew(&identity).await {
                Ok(()) => log.works(),
                Err(error) => {
                    let _the_pause_is_that_of_above = log.failed(&error);
                }
            }
        }
    }

    async fn renew(&self, identity: &watch::Sender<Option<ServerIdentity>>) -> Result<(), Error> {
        let made = self.ensure().await?;
        let served = identity.borrow().clone();
        match served {
            Some(served) if made => {
                let reloaded = served.reload();
                reloaded.map_err(|source| Error::Identity {
                    path: self.files.certificate.clone(),
                    source,
                })?;
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
