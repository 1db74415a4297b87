//! Signed responses in memory.
//!
//! A response is kept with what it says, and served only while that is what is known of the certificate: the cache never decides
//! what a status is. Simultaneous requests for a response that is not there make it once.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use moka::future::Cache;
use time::OffsetDateTime;
use tokio::time::Instant;
use vocabulary::metric;
use x509::Serial;
use x509::ocsp::{CertId, HashAlgorithm};

use super::certificate_status::CertificateStatus;
use super::sign::Signed;
use crate::config::Config;
use crate::domain::{Issuer, Revocation};

/// Which response: one for each spelling of the CertID, since a response repeats it octet for octet. The spellings of one
/// certificate are few: two hashes, each with NULL or without.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) issuer: Arc<str>,
    pub(super) serial: Serial,
    pub(super) hash: HashAlgorithm,
    /// Whether the CertID is spelled as GigVault spells it.
    pub(super) usual: bool,
}

/// Where a response comes from: label of the metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Memory,
    Redis,
    Signed,
}

impl Source {
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Redis => "redis",
            Self::Signed => "signed",
        }
    }
}

/// Which responses of others are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    /// Those that hold.
    Any,
    /// Those in the first half of their life: in the place of an older one.
    Young,
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

/// As a part of a name in Redis.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let spelling = if self.usual { "" } else { "-null" };
        write!(f, "{}:{}{spelling}", self.serial, self.hash)
    }
}

/// A response about one certificate that may be given again.
#[derive(Debug)]
pub(super) struct CachedResponse {
    pub(super) signed: Signed,
    /// What it says: nothing is `good`.
    pub(super) revocation: Option<Revocation>,
    /// Before the status was looked up.
    pub(super) read_at: Instant,
    /// Where it came from when it was put into memory.
    pub(super) source: Source,
    renewing: AtomicBool,
    asked_for: AtomicBool,
}

impl CachedResponse {
    pub(super) fn new(
        signed: Signed,
        revocation: Option<Revocation>,
        (read_at, source): (Instant, Source),
    ) -> Self {
        Self {
            signed,
            revocation,
            read_at,
            source,
            renewing: AtomicBool::new(false),
            asked_for: AtomicBool::new(false),
        }
    }

    /// A client got it.
    pub(super) fn note_asked_for(&self) {
        // Once it is set, it is only read: the line stays in the caches of all cores.
        if !self.asked_for.load(Ordering::Relaxed) {
            self.asked_for.store(true, Ordering::Relaxed);
        }
    }

    /// False: another task is at it.
    pub(super) fn begin_renewal(&self) -> bool {
        !self.renewing.swap(true, Ordering::SeqCst)
    }

    pub(super) fn end_renewal(&self) {
        self.renewing.store(false, Ordering::SeqCst);
    }

    pub(super) fn status(&self) -> CertificateStatus {
        CertificateStatus::known(self.revocation)
    }

    /// Whether it was asked for, and is in the last quarter of its validity.
    fn is_old(&self, now: OffsetDateTime) -> bool {
        let life = self.signed.next_update - self.signed.this_update;
        self.asked_for.load(Ordering::Relaxed) && now >= self.signed.next_update - life / 4
    }

    /// Whether clients would take it: still, and already. One that was made by a clock that was ahead is not valid yet.
    pub(super) fn is_valid(&self, now: OffsetDateTime) -> bool {
        self.signed.produced_at.max(self.signed.this_update) <= now && now < self.signed.next_update
    }
}

/// Responses by certificate.
pub(super) struct Responses(Cache<Key, Arc<CachedResponse>>);

impl Responses {
    pub(super) fn new(config: &Config) -> Self {
        let cache = Cache::builder()
            .max_capacity(config.cache.max_entries)
            .time_to_live(config.validity);
        Self(cache.build())
    }

    pub(super) async fn find(&self, key: &Key) -> Option<Arc<CachedResponse>> {
        self.0.get(key).await
    }

    /// The one that there is, or the one that `make` makes: once, for all who ask for it at the moment. What `make` fails with is
    /// not kept.
    pub(super) async fn find_or_make<E: Send + Sync + 'static>(
        &self,
        key: Key,
        make: impl Future<Output = Result<Arc<CachedResponse>, E>>,
    ) -> Result<Arc<CachedResponse>, Arc<E>> {
        let made = self.0.try_get_with(key, make).await;
        metrics::gauge!(metric::CACHE_ENTRIES, "cache" => "ocsp-responses").set(self.0.entry_count() as f64);
        made
    }

    /// Those that will soon be of no use, and would be missed.
    pub(super) fn old(&self, now: OffsetDateTime, most: usize) -> Vec<(Key, Arc<CachedResponse>)> {
        let old = self
            .0
            .iter()
            .filter(|(_, kept)| kept.is_valid(now) && kept.is_old(now));
        old.take(most)
            .map(|(key, kept)| (Key::clone(&key), kept))
            .collect()
    }

    pub(super) async fn put(&self, key: Key, kept: Arc<CachedResponse>) {
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
