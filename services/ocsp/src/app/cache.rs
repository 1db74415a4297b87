//! Signed responses in memory.
//!
//! A response is kept with what it says, and served only while that is what is known of the certificate: the cache never decides
//! what a status is. Simultaneous requests for a response that is not there make it once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use moka::future::Cache;
use time::OffsetDateTime;
use tokio::time::Instant;
use vocabulary::metric;
use x509::Serial;
use x509::ocsp::{CertId, HashAlgorithm};

use super::sign::Signed;
use super::standing::Standing;
use crate::config::Config;
use crate::domain::{Issuer, Revocation};

/// Which response: one for each spelling of the CertID, since a response repeats it octet for octet. The spellings of one
/// certificate are few: two hashes, each with NULL or without.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    issuer: Arc<str>,
    serial: Serial,
    hash: HashAlgorithm,
    usual: bool,
}

impl Key {
    /// That of a CertID of this issuer.
    pub(super) fn of(issuer: &Issuer, serial: Serial, id: &CertId) -> Option<Self> {
        let hash = id.hash_algorithm()?;
        Some(Self {
            issuer: Arc::clone(&issuer.name),
            serial,
            hash,
            usual: CertId::new(issuer.ids(), hash, id.serial()).der() == id.der(),
        })
    }

    /// All that a certificate can have.
    fn all_of(issuer: &Arc<str>, serial: Serial) -> impl Iterator<Item = Self> {
        let issuer = Arc::clone(issuer);
        let spellings = HashAlgorithm::ALL
            .into_iter()
            .flat_map(|hash| [(hash, true), (hash, false)]);
        spellings.map(move |(hash, usual)| Self {
            issuer: Arc::clone(&issuer),
            serial,
            hash,
            usual,
        })
    }
}

/// A response about one certificate that may be given again.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) signed: Signed,
    /// What it says: nothing is `good`.
    pub(super) revocation: Option<Revocation>,
    /// Before the status was looked up.
    pub(super) read_at: Instant,
    renewing: AtomicBool,
}

impl Kept {
    pub(super) fn new(signed: Signed, revocation: Option<Revocation>, read_at: Instant) -> Self {
        Self {
            signed,
            revocation,
            read_at,
            renewing: AtomicBool::new(false),
        }
    }

    /// False: another task is at it.
    pub(super) fn begin_renewal(&self) -> bool {
        !self.renewing.swap(true, Ordering::SeqCst)
    }

    pub(super) fn end_renewal(&self) {
        self.renewing.store(false, Ordering::SeqCst);
    }

    pub(super) fn standing(&self) -> Standing {
        self.revocation.map_or(Standing::Good, Standing::Revoked)
    }

    /// Whether it has not reached half of its validity: from then on another one is made.
    pub(super) fn is_young(&self, now: OffsetDateTime) -> bool {
        now < self.signed.this_update + (self.signed.next_update - self.signed.this_update) / 2
    }

    /// Whether clients would still take it.
    pub(super) fn is_valid(&self, now: OffsetDateTime) -> bool {
        now < self.signed.next_update
    }
}

/// Responses by certificate.
pub(super) struct Responses(Cache<Key, Arc<Kept>>);

impl Responses {
    pub(super) fn new(config: &Config) -> Self {
        let cache = Cache::builder()
            .max_capacity(config.cache.max_entries)
            .time_to_live(config.validity);
        Self(cache.build())
    }

    pub(super) async fn find(&self, key: &Key) -> Option<Arc<Kept>> {
        self.0.get(key).await
    }

    /// The one that there is, or the one that `make` makes: once, for all who ask for it at the moment. What `make` fails with is
    /// not kept.
    pub(super) async fn find_or_make<E: Send + Sync + 'static>(
        &self,
        key: Key,
        make: impl Future<Output = Result<Arc<Kept>, E>>,
    ) -> Result<Arc<Kept>, Arc<E>> {
        let made = self.0.try_get_with(key, make).await;
        metrics::gauge!(metric::CACHE_ENTRIES, "cache" => "ocsp-responses").set(self.0.entry_count() as f64);
        made
    }

    pub(super) async fn put(&self, key: Key, kept: Arc<Kept>) {
        self.0.insert(key, kept).await;
    }

    pub(super) async fn remove(&self, key: &Key) {
        self.0.invalidate(key).await;
    }

    /// Forgets what was said of a certificate.
    pub(super) async fn forget(&self, issuer: &Arc<str>, serial: Serial) {
        for key in Key::all_of(issuer, serial) {
            self.0.invalidate(&key).await;
        }
    }
}
