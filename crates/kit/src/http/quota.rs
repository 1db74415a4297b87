//! What one caller may take of something that all share.
//!
//! [`Quotas`] counts an amount (bytes, connections, requests) and refuses at once; [`KeyedSemaphore`] counts places and waits
//! for one. Both bound what one key takes and what all take together, so that no caller can use up what the others
//! need.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// The network address that a client is counted under: an IPv4 address, or the /64 of an IPv6 address, because a
/// single host commonly owns a whole /64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PeerKey {
    /// One IPv4 address; an IPv4-mapped IPv6 address is the same peer.
    V4(Ipv4Addr),
    /// The first 64 bits of an IPv6 address.
    V6([u16; 4]),
}

impl From<IpAddr> for PeerKey {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Self::V6([a, b, c, d])
            }
        }
    }
}

impl From<SocketAddr> for PeerKey {
    fn from(address: SocketAddr) -> Self {
        address.ip().into()
    }
}

impl Default for PeerKey {
    fn default() -> Self {
        IpAddr::V6(Ipv6Addr::UNSPECIFIED).into()
    }
}

/// Why nothing more is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exceeded {
    /// The key has its part.
    PerKey,
    /// All keys together have everything.
    Total,
}

/// An amount that keys share.
#[derive(Debug)]
pub(crate) struct Quotas<K> {
    each: usize,
    all: usize,
    taken: Mutex<Taken<K>>,
}

#[derive(Debug)]
struct Taken<K> {
    all: usize,
    by: HashMap<K, usize>,
}

impl<K: Eq + Hash + Clone> Quotas<K> {
    /// At most `each` for one key and `all` together.
    pub(crate) fn new(each: usize, all: usize) -> Arc<Self> {
        let taken = Taken {
            all: 0,
            by: HashMap::new(),
        };
        Arc::new(Self {
            each: each.min(all),
            all,
            taken: Mutex::new(taken),
        })
    }

    /// Most that one key has.
    pub(crate) fn each(&self) -> usize {
        self.each
    }

    /// `amount` for `key` until the share is dropped; none if that is too much.
    pub(crate) fn take(self: &Arc<Self>, key: &K, amount: usize) -> Result<Reservation<K>, Exceeded> {
        self.add(key, amount)?;
        Ok(Reservation {
            quotas: Arc::clone(self),
            key: key.clone(),
            amount,
        })
    }

    fn add(&self, key: &K, amount: usize) -> Result<(), Exceeded> {
        let mut taken = self.taken();
        let own = taken.by.get(key).copied().unwrap_or_default();
        let (own, all) = (own.saturating_add(amount), taken.all.saturating_add(amount));
        if own > self.each {
            return Err(Exceeded::PerKey);
        }
        if all > self.all {
            return Err(Exceeded::Total);
        }
        taken.by.insert(key.clone(), own);
        taken.all = all;
        Ok(())
    }

    fn give_back(&self, key: &K, amount: usize) {
        let mut taken = self.taken();
        taken.all = taken.all.saturating_sub(amount);
        let own = taken.by.get(key).copied().unwrap_or_default();
        match own.saturating_sub(amount) {
            0 => taken.by.remove(key),
            left => taken.by.insert(key.clone(), left),
        };
    }

    fn taken(&self) -> MutexGuard<'_, Taken<K>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A part that is given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Reservation<K: Eq + Hash + Clone> {
    quotas: Arc<Quotas<K>>,
    key: K,
    amount: usize,
}

impl<K: Eq + Hash + Clone> Reservation<K> {
    /// Whose it is.
    pub(crate) fn key(&self) -> &K {
        &self.key
    }

    /// Takes `amount` more, or nothing.
    pub(crate) fn more(&mut self, amount: usize) -> Result<(), Exceeded> {
        self.quotas.add(&self.key, amount)?;
        self.amount += amount;
        Ok(())
    }
}

impl<K: Eq + Hash + Clone> Drop for Reservation<K> {
    fn drop(&mut self) {
        self.quotas.give_back(&self.key, self.amount);
    }
}

/// What one key has at most, and all keys together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shares {
    pub(crate) each: usize,
    pub(crate) all: usize,
}

impl Shares {
    /// With a bound for one key only.
    pub(crate) const fn each(each: usize) -> Self {
        Self {
            each,
            all: usize::MAX,
        }
    }
}

/// Places that keys wait for.
#[derive(Debug)]
pub(crate) struct KeyedSemaphore<K> {
    each: usize,
    waiting: Arc<Quotas<K>>,
    all: Arc<Semaphore>,
    own: Mutex<HashMap<K, Arc<Semaphore>>>,
}

impl<K: Eq + Hash + Clone> KeyedSemaphore<K> {
    /// At most `places` at a time, and at most `within` callers in places and queue together.
    pub(crate) fn new(places: Shares, within: Shares) -> Arc<Self> {
        Arc::new(Self {
            each: places.each,
            waiting: Quotas::new(within.each, within.all),
            all: Arc::new(Semaphore::new(places.all)),
            own: Mutex::default(),
        })
    }

    /// Waits for a place, but not for longer than `wait`. The key's own excess is the reason if its part of the queue is full
    /// or others of the same key had its places all the time.
    pub(crate) async fn enter(self: &Arc<Self>, key: &K, wait: Duration) -> Result<KeyedPermit<K>, Exceeded> {
        let until = Instant::now() + wait;
        let queued = self.waiting.take(key, 1)?;
        let own = place(self.semaphore(key), until).await.ok_or(Exceeded::PerKey)?;
        let shared = place(Arc::clone(&self.all), until).await.ok_or(Exceeded::Total)?;
        Ok(KeyedPermit {
            _place: Some((own, shared)),
            places: Arc::clone(self),
            _queued: queued,
        })
    }

    fn semaphore(&self, key: &K) -> Arc<Semaphore> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        let semaphore = own
            .entry(key.clone())
            .or_insert_with(|| Arc::new(Semaphore::new(self.each)));
        Arc::clone(semaphore)
    }

    /// Forgets keys without holders and waiters.
    fn tidy(&self) {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        own.retain(|_, semaphore| {
            Arc::strong_count(semaphore) > 1 || semaphore.available_permits() < self.each
        });
    }
}

async fn place(of: Arc<Semaphore>, until: Instant) -> Option<OwnedSemaphorePermit> {
    timeout_at(until, of.acquire_owned()).await.ok()?.ok()
}

/// A place that is given back when it is dropped.
#[derive(Debug)]
pub(crate) struct KeyedPermit<K: Eq + Hash + Clone> {
    // Given back before the keys are tidied: an owned permit keeps its semaphore alive.
    _place: Option<(OwnedSemaphorePermit, OwnedSemaphorePermit)>,
    places: Arc<KeyedSemaphore<K>>,
    _queued: Reservation<K>,
}

impl<K: Eq + Hash + Clone> Drop for KeyedPermit<K> {
    fn drop(&mut self) {
        self._place = None;
        self.places.tidy();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_key_leaves_the_rest_to_the_others() {
        let quotas = Quotas::new(6, 10);
        let mut first = quotas.take(&"a", 4).unwrap();
        assert_eq!((first.more(2), first.more(1)), (Ok(()), Err(Exceeded::PerKey)));
        assert!(quotas.take(&"a", 1).is_err());
        let second = quotas.take(&"b", 4).unwrap();
        let third = quotas.take(&"c", 1).err();
        assert_eq!(third, Some(Exceeded::Total));
        drop(first);
        assert!(quotas.take(&"c", 6).is_ok());
        drop(second);
        assert!(quotas.taken().by.is_empty() && quotas.taken().all == 0);
    }

    #[test]
    fn a_peer_is_an_ipv4_address_or_an_ipv6_network() {
        let key = |text: &str| PeerKey::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(key("::ffff:10.0.0.1"), key("10.0.0.1"));
        assert_ne!(key("10.0.0.2"), key("10.0.0.1"));
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:0:0:1"));
        assert_ne!(key("2001:db8:0:1::1"), key("2001:db8::1"));
    }

    const WAIT: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn a_place_is_waited_for_and_forgotten_after_use() {
        let places = KeyedSemaphore::new(Shares { each: 1, all: 2 }, Shares { each: 2, all: 3 });
        let held = places.enter(&"a", WAIT).await.unwrap();
        let waits = {
            let places = Arc::clone(&places);
            tokio::spawn(async move { places.enter(&"a", WAIT).await.is_ok() })
        };
        while places.waiting.taken().all < 2 {
            tokio::task::yield_now().await;
        }
        assert!(places.enter(&"a", WAIT).await.is_err(), "its queue is full");
        let other = places.enter(&"b", WAIT).await.unwrap();
        let more = places.enter(&"c", WAIT).await.err();
        assert_eq!(more, Some(Exceeded::Total), "the queue of all is full");
        drop(held);
        assert!(waits.await.unwrap());
        drop(other);
        assert!(places.own.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn who_waited_in_vain_knows_for_whom() {
        const SHORT: Duration = Duration::from_millis(50);
        let places = KeyedSemaphore::new(Shares { each: 1, all: 2 }, Shares::each(64));
        let held = places.enter(&"a", WAIT).await.unwrap();
        assert_eq!(
            places.enter(&"a", SHORT).await.err(),
            Some(Exceeded::PerKey),
            "its own"
        );
        let other = places.enter(&"b", WAIT).await.unwrap();
        assert_eq!(
            places.enter(&"c", SHORT).await.err(),
            Some(Exceeded::Total),
            "all others"
        );
        drop((held, other));
        assert!(places.enter(&"c", WAIT).await.is_ok());
    }
}
