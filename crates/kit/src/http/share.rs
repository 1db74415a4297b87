//! What one caller may take of something that all share.
//!
//! [`Shares`] counts an amount (bytes, connections, requests) and refuses at once; [`Lanes`] counts places and waits
//! for one. Both bound what one key takes and what all take together, so that no caller can use up what the others
//! need.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

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
pub(crate) enum Excess {
    /// The key has its part.
    Own,
    /// All keys together have everything.
    All,
}

/// An amount that keys share.
#[derive(Debug)]
pub(crate) struct Shares<K> {
    each: usize,
    all: usize,
    taken: Mutex<Taken<K>>,
}

#[derive(Debug)]
struct Taken<K> {
    all: usize,
    by: HashMap<K, usize>,
}

impl<K: Eq + Hash + Clone> Shares<K> {
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

    /// `amount` for `key` until the share is dropped; none if that is too much.
    pub(crate) fn take(self: &Arc<Self>, key: &K, amount: usize) -> Result<Share<K>, Excess> {
        self.add(key, amount)?;
        Ok(Share {
            shares: Arc::clone(self),
            key: key.clone(),
            amount,
        })
    }

    fn add(&self, key: &K, amount: usize) -> Result<(), Excess> {
        let mut taken = self.taken();
        let own = taken.by.get(key).copied().unwrap_or_default();
        let (own, all) = (own.saturating_add(amount), taken.all.saturating_add(amount));
        if own > self.each {
            return Err(Excess::Own);
        }
        if all > self.all {
            return Err(Excess::All);
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
pub(crate) struct Share<K: Eq + Hash + Clone> {
    shares: Arc<Shares<K>>,
    key: K,
    amount: usize,
}

impl<K: Eq + Hash + Clone> Share<K> {
    /// Takes `amount` more, or nothing.
    pub(crate) fn more(&mut self, amount: usize) -> Result<(), Excess> {
        self.shares.add(&self.key, amount)?;
        self.amount += amount;
        Ok(())
    }
}

impl<K: Eq + Hash + Clone> Drop for Share<K> {
    fn drop(&mut self) {
        self.shares.give_back(&self.key, self.amount);
    }
}

/// Places that keys wait for.
#[derive(Debug)]
pub(crate) struct Lanes<K> {
    each: usize,
    waiting: Arc<Shares<K>>,
    all: Arc<Semaphore>,
    own: Mutex<HashMap<K, Arc<Semaphore>>>,
}

impl<K: Eq + Hash + Clone> Lanes<K> {
    /// One key has at most `each` places at a time and at most `waiting` callers in places and in the queue together;
    /// all keys have at most `all` places.
    pub(crate) fn new(each: usize, waiting: usize, all: usize) -> Arc<Self> {
        Arc::new(Self {
            each,
            waiting: Shares::new(waiting, usize::MAX),
            all: Arc::new(Semaphore::new(all)),
            own: Mutex::default(),
        })
    }

    /// Waits for a place; `None` at once if the key's queue is full.
    pub(crate) async fn enter(self: &Arc<Self>, key: &K) -> Option<Lane<K>> {
        let queued = self.waiting.take(key, 1).ok()?;
        let lane = self.lane(key);
        let own = Arc::clone(&lane).acquire_owned().await.ok()?;
        let shared = Arc::clone(&self.all).acquire_owned().await.ok()?;
        Some(Lane {
            _place: Some((own, shared)),
            lanes: Arc::clone(self),
            _queued: queued,
        })
    }

    fn lane(&self, key: &K) -> Arc<Semaphore> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        let lane = own
            .entry(key.clone())
            .or_insert_with(|| Arc::new(Semaphore::new(self.each)));
        Arc::clone(lane)
    }

    /// Forgets keys that nobody holds or waits for.
    fn tidy(&self) {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        own.retain(|_, lane| Arc::strong_count(lane) > 1 || lane.available_permits() < self.each);
    }
}

/// A place that is given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Lane<K: Eq + Hash + Clone> {
    // Given back before the keys are tidied: an owned permit keeps its semaphore alive.
    _place: Option<(OwnedSemaphorePermit, OwnedSemaphorePermit)>,
    lanes: Arc<Lanes<K>>,
    _queued: Share<K>,
}

impl<K: Eq + Hash + Clone> Drop for Lane<K> {
    fn drop(&mut self) {
        self._place = None;
        self.lanes.tidy();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_key_leaves_the_rest_to_the_others() {
        let shares = Shares::new(6, 10);
        let mut first = shares.take(&"a", 4).unwrap();
        assert_eq!((first.more(2), first.more(1)), (Ok(()), Err(Excess::Own)));
        assert!(shares.take(&"a", 1).is_err());
        let second = shares.take(&"b", 4).unwrap();
        let third = shares.take(&"c", 1).err();
        assert_eq!(third, Some(Excess::All));
        drop(first);
        assert!(shares.take(&"c", 6).is_ok());
        drop(second);
        assert!(shares.taken().by.is_empty() && shares.taken().all == 0);
    }

    #[test]
    fn a_peer_is_an_ipv4_address_or_an_ipv6_network() {
        let key = |text: &str| PeerKey::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(key("::ffff:10.0.0.1"), key("10.0.0.1"));
        assert_ne!(key("10.0.0.2"), key("10.0.0.1"));
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:0:0:1"));
        assert_ne!(key("2001:db8:0:1::1"), key("2001:db8::1"));
    }

    #[tokio::test]
    async fn a_lane_is_waited_for_and_forgotten_after_use() {
        let lanes = Lanes::new(1, 2, 2);
        let held = lanes.enter(&"a").await.unwrap();
        let waits = {
            let lanes = Arc::clone(&lanes);
            tokio::spawn(async move { lanes.enter(&"a").await.is_some() })
        };
        while lanes.waiting.taken().all < 2 {
            tokio::task::yield_now().await;
        }
        assert!(lanes.enter(&"a").await.is_none(), "its queue is full");
        let other = lanes.enter(&"b").await.unwrap();
        drop(held);
        assert!(waits.await.unwrap());
        drop(other);
        assert!(lanes.own.lock().unwrap().is_empty());
    }
}
