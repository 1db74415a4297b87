//! Services whose certificate was revoked.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use rustls_pki_types::CertificateDer;
use tokio::sync::watch;
use x509::Certificate;
use x509::serial::Serial;

/// Serial numbers of certificates that no service takes any more; clones share them. They need no issuer beside them: services trust
/// one CA alone (`docs/adr/0007`).
///
/// By default it is known that there are none. A process that is to be told says so ([`await_word`](Self::await_word)); until it is, it
/// takes no peer, but for the one that tells.
#[derive(Clone, Debug, Default)]
pub struct RevokedPeers(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// None while they are not known.
    known: watch::Sender<Option<BTreeSet<Serial>>>,
    /// Whether they are known to be up to date.
    current: watch::Sender<bool>,
    teller: OnceLock<Box<str>>,
    /// The process's own: those that a service refused for it.
    own: Mutex<BTreeSet<Serial>>,
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            known: watch::Sender::new(Some(BTreeSet::new())),
            current: watch::Sender::new(false),
            teller: OnceLock::new(),
            own: Mutex::default(),
        }
    }
}

impl RevokedPeers {
    /// From now on it is not known which there are, until [`replace`](Self::replace) says so.
    pub fn await_word(&self) {
        self.0.known.send_replace(None);
    }

    /// The service of that name is the one that tells: it is called before anything is known.
    pub fn are_told_by(&self, service: &str) {
        // Of two names in the settings for one service there is none.
        let _same = self.0.teller.set(service.into());
    }

    /// Whether that is who tells.
    pub(crate) fn is_teller(&self, service: &str) -> bool {
        self.0.teller.get().is_some_and(|teller| **teller == *service)
    }

    /// From now on it is these. Connections of those that are new among them end.
    pub fn replace(&self, serials: BTreeSet<Serial>) {
        // A hold may have ended.
        self.own().clear();
        self.0.known.send_if_modified(|known| {
            let modified = known.as_ref() != Some(&serials);
            *known = Some(serials);
            modified
        });
    }

    /// Whether who tells of changes is heard now.
    pub fn set_current(&self, current: bool) {
        self.0.current.send_replace(current);
    }

    /// Whether it is known which there are, as of now or of before.
    #[must_use]
    pub fn are_known(&self) -> bool {
        self.0.known.borrow().is_some()
    }

    /// Whether they are up to date.
    #[must_use]
    pub fn are_current(&self) -> bool {
        self.are_known() && *self.0.current.borrow()
    }

    /// Returns once it is known which there are.
    pub async fn until_known(self) {
        // The sender is in `self`, so that it does not end.
        let mut changes = self.0.known.subscribe();
        let _known = changes.wait_for(Option::is_some).await;
    }

    /// Whether that certificate is among them. One whose serial number cannot be read is not to be taken either.
    #[must_use]
    pub fn contains(&self, certificate: &CertificateDer<'_>) -> bool {
        serial(certificate).is_none_or(|serial| self.has(&serial))
    }

    /// Whether a peer that shows that certificate is taken. None is while it is not known which are revoked.
    #[must_use]
    pub fn admit(&self, certificate: &CertificateDer<'_>) -> bool {
        self.are_known() && !self.contains(certificate)
    }

    /// Returns once that certificate is among them.
    pub async fn until_among(self, certificate: CertificateDer<'static>) {
        let Some(serial) = serial(&certificate) else {
            return;
        };
        let among =
            |known: &Option<BTreeSet<Serial>>| known.as_ref().is_some_and(|known| known.contains(&serial));
        let mut changes = self.0.known.subscribe();
        let _among = changes.wait_for(among).await;
    }

    /// The serial number of that certificate, if it is among them.
    #[must_use]
    pub(crate) fn serial_of(&self, certificate: &CertificateDer<'_>) -> Option<Serial> {
        serial(certificate).filter(|serial| self.has(serial))
    }

    /// A certificate of this process is among them, whether the others are known or not.
    pub(crate) fn add_own(&self, serial: Serial) {
        self.own().insert(serial);
    }

    fn has(&self, serial: &Serial) -> bool {
        let known = self.0.known.borrow();
        known.as_ref().is_some_and(|known| known.contains(serial)) || self.own().contains(serial)
    }

    fn own(&self) -> MutexGuard<'_, BTreeSet<Serial>> {
        self.0.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes whenever they are others.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<Option<BTreeSet<Serial>>> {
        self.0.known.subscribe()
    }
}

fn serial(certificate: &CertificateDer<'_>) -> Option<Serial> {
    Certificate::from_der(certificate).ok()?.serial().proper().ok()
}
