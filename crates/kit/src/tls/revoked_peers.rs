//! Services whose certificate was revoked.

use std::collections::BTreeSet;
use std::sync::Arc;

use rustls_pki_types::CertificateDer;
use tokio::sync::watch;
use x509::Certificate;
use x509::serial::Serial;

/// Serial numbers of certificates that no service takes any more; clones share them. They need no issuer beside them: services trust
/// one CA alone (`docs/adr/0007`).
#[derive(Clone, Debug, Default)]
pub struct RevokedPeers(Arc<watch::Sender<BTreeSet<Serial>>>);

impl RevokedPeers {
    /// From now on it is these. Connections of those that are new among them end.
    pub fn replace(&self, serials: BTreeSet<Serial>) {
        self.0.send_if_modified(|known| {
            let modified = *known != serials;
            *known = serials;
            modified
        });
    }

    /// Whether that certificate is among them. One whose serial number cannot be read is not to be taken either.
    #[must_use]
    pub fn contains(&self, certificate: &CertificateDer<'_>) -> bool {
        serial(certificate).is_none_or(|serial| self.0.borrow().contains(&serial))
    }

    /// Returns once that certificate is among them.
    pub async fn until_among(self, certificate: CertificateDer<'static>) {
        let Some(serial) = serial(&certificate) else {
            return;
        };
        let mut changes = self.0.subscribe();
        // The sender is in `self`, so that it does not end.
        let _among = changes.wait_for(|known| known.contains(&serial)).await;
    }

    /// Changes whenever they are others.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<BTreeSet<Serial>> {
        self.0.subscribe()
    }
}

fn serial(certificate: &CertificateDer<'_>) -> Option<Serial> {
    Certificate::from_der(certificate).ok()?.serial().proper().ok()
}
