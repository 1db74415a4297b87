//! A few seconds' memory in front of an authenticator.
//!
//! It spares a lookup per request and, by the same token, lets a revoked credential through for at most
//! [`POSITIVE_TTL`], unless an [`Epoch`] says that something was revoked. Keys are SHA-256 digests: the cache never
//! holds a credential. Simultaneous lookups of one credential are one lookup. A failure of the authenticator itself
//! is not remembered.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use moka::Expiry;
use moka::future::Cache;
use vocabulary::metric;
use x509::digest::sha256;

use super::{AuthFault, Authenticator, Caller, Turn};
use crate::clock::SharedClock;

/// How long a good credential is remembered.
pub const POSITIVE_TTL: Duration = Duration::from_secs(5);
/// How long a bad credential is remembered.
pub const NEGATIVE_TTL: Duration = Duration::from_secs(1);
/// Most credentials that are remembered.
const CAPACITY: u64 = 10_000;

/// Counts revocations. Who revokes credentials in this process advances it; what a [`CachedAuthenticator`] that shares
/// it remembered, or began to ask, before is not used again.
#[derive(Clone, Debug, Default)]
pub struct Epoch(Arc<AtomicU64>);

impl Epoch {
    /// Something was revoked.
    pub fn advance(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

// What was remembered in an earlier epoch is not found.
type Key = (u64, [u8; 32]);
// `None`: the credential is not valid.
type Outcome = Option<Arc<Caller>>;

/// An [`Authenticator`] that remembers another one's answers for a short time.
pub struct CachedAuthenticator {
    inner: Arc<dyn Authenticator>,
    clock: SharedClock,
    epoch: Epoch,
    cache: Cache<Key, Outcome>,
}

struct Lifetimes {
    positive: Duration,
    negative: Duration,
}

impl Expiry<Key, Outcome> for Lifetimes {
    fn expire_after_create(&self, _: &Key, outcome: &Outcome, _: Instant) -> Option<Duration> {
        Some(if outcome.is_some() {
            self.positive
        } else {
            self.negative
        })
    }
}

impl CachedAuthenticator {
    /// Remembers for [`POSITIVE_TTL`] and [`NEGATIVE_TTL`]. The clock decides whether a remembered credential
    /// has expired in the meantime.
    #[must_use]
    pub fn new(inner: Arc<dyn Authenticator>, clock: SharedClock) -> Self {
        Self::with_lifetimes(inner, clock, POSITIVE_TTL, NEGATIVE_TTL)
    }

    /// Remembers good credentials for `positive`, bad ones for `negative`.
    #[must_use]
    pub fn with_lifetimes(
        inner: Arc<dyn Authenticator>,
        clock: SharedClock,
        positive: Duration,
        negative: Duration,
    ) -> Self {
        let expiry = Lifetimes { positive, negative };
        let cache = Cache::builder()
            .max_capacity(CAPACITY)
            .expire_after(expiry)
            .build();
        let epoch = Epoch::default();
        Self {
            inner,
            clock,
            epoch,
            cache,
        }
    }

    /// Forgets when this epoch advances.
    #[must_use]
    pub fn within(self, epoch: Epoch) -> Self {
        Self { epoch, ..self }
    }

    async fn lookup(&self, token: &str, turn: Turn<'_>) -> Result<Caller, AuthFault> {
        if !self.inner.is_well_formed(token) {
            return Err(AuthFault::Invalid);
        }
        let key = (self.epoch.now(), sha256(token.as_bytes()));
        let outcome = match self.cache.get(&key).await {
            Some(outcome) => outcome,
            None => self.ask(key, token, turn).await?,
        };
        match outcome {
            Some(caller) if caller.expires.is_none_or(|expires| self.clock.now() < expires) => {
                Ok(Caller::clone(&caller))
            }
            _ => Err(AuthFault::Invalid),
        }
    }

    async fn ask(&self, key: Key, token: &str, turn: Turn<'_>) -> Result<Outcome, AuthFault> {
        let ask = async {
            let _held = turn.await?;
            match self.inner.authenticate(token).await {
                Ok(caller) => Ok(Some(Arc::new(caller))),
                Err(AuthFault::Invalid) => Ok(None),
                Err(fault) => Err(fault),
            }
        };
        let outcome = self.cache.try_get_with(key, ask).await;
        metrics::gauge!(metric::CACHE_ENTRIES, "cache" => "credentials").set(self.cache.entry_count() as f64);
        outcome.map_err(|shared: Arc<AuthFault>| match *shared {
            AuthFault::TooMany => AuthFault::TooMany,
            AuthFault::Unavailable { why, .. } => AuthFault::Unavailable {
                why,
                source: Box::new(shared),
            },
            AuthFault::Missing | AuthFault::Malformed | AuthFault::Invalid | AuthFault::Denied(_) => {
                AuthFault::Unavailable {
                    why: "the answer makes no sense",
                    source: Box::new(shared),
                }
            }
        })
    }
}

impl Authenticator for CachedAuthenticator {
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Caller, AuthFault>> {
        self.lookup(token, Box::pin(async { Ok(Box::new(()) as Box<dyn Send>) }))
            .boxed()
    }

    fn is_well_formed(&self, token: &str) -> bool {
        self.inner.is_well_formed(token)
    }

    fn authenticate_in_turn<'a>(
        &'a self,
        token: &'a str,
        turn: Turn<'a>,
    ) -> BoxFuture<'a, Result<Caller, AuthFault>> {
        self.lookup(token, turn).boxed()
    }
}
