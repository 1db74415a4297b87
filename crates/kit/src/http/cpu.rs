//! CPU time that callers without a credential may use.
//!
//! Limits on connections and on requests at a time bound how many things one client begins, not what they cost: a client
//! that sends one cheap request after the other keeps every core busy. So the time that the requests of one client address
//! take is measured and comes out of a token bucket. When the bucket is empty the connections of that address take
//! turns, one at a time, as fast as it fills again; what they send in the meantime waits in the network. All such
//! addresses together have a second bucket, so that many of them leave half of the cores to callers who are known.
//!
//! A connection is exempt once a request on it has shown a valid credential. What it has used until then is given back:
//! clients with credentials are not slowed down by others behind the same address. For the same reason a new
//! TLS connection may overdraw the bucket until one of its requests was answered without a valid credential, or it has
//! used more than a request takes.
//!
//! The time is that of the thread while it polls a connection: handshakes, frames, requests, and answers of every
//! protocol are in it, whatever route they are for. [`Metered`] is the only place that polls them.
//!
//! A connection waits before a handshake and between requests, never while one runs: that may hold a lock or a connection of
//! a database, which others would wait for.

mod bucket;
mod metered;

use std::collections::HashMap;
use std::fmt;
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bucket::Bucket;
pub(super) use metered::{Metered, MeteredExecutor, admitted};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::quota::PeerKey;

/// Part of all cores that one client address may use, in percent.
const PER_PEER: u8 = 10;
/// Part of all cores that the addresses may use together, in percent.
const TOGETHER: u8 = 50;
/// A connection is new until it has used so much: more than a handshake and a request take.
const NEW: Duration = Duration::from_millis(50);
/// What the kernel and the accept loop spend on a connection, which is not measured.
pub(super) const CONNECTION: Duration = Duration::from_micros(50);
/// What a look-up of a credential costs on the threads of the database, which is not measured.
pub(crate) const LOOK_UP: Duration = Duration::from_micros(100);
/// From this many addresses on, those whose bucket is full are forgotten whenever their number has doubled.
const TIDY: usize = 1024;

/// The CPU time of callers without a credential. Clones share it: one for all listeners of a process.
#[derive(Clone)]
pub struct CpuBudget(Arc<Budget>);

struct Budget {
    per_peer: f64,
    all: Mutex<Bucket>,
    /// As that of [`PeerCpu`], for the addresses.
    turn: Arc<Semaphore>,
    peers: Mutex<Peers>,
}

struct Peers {
    by: HashMap<PeerKey, Arc<PeerCpu>>,
    tidy_at: usize,
}

/// The part of one client address.
struct PeerCpu {
    bucket: Mutex<Bucket>,
    /// Whose connection is served next while the bucket is empty: first come, first served.
    turn: Arc<Semaphore>,
}

impl Default for CpuBudget {
    fn default() -> Self {
        Self::new(PER_PEER)
    }
}

impl fmt::Debug for CpuBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CpuBudget")
            .field("per_peer", &self.0.per_peer)
            .finish()
    }
}

impl CpuBudget {
    /// One client address may use `percent` of all cores, and all of them together half, or as much if that is more.
    #[must_use]
    pub fn new(percent: u8) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get) as f64;
        let part = |percent: u8| cores * f64::from(percent.max(1)) / 100.0;
        Self(Arc::new(Budget {
            per_peer: part(percent),
            all: Mutex::new(Bucket::full(part(percent.max(TOGETHER)), Instant::now())),
            turn: Arc::new(Semaphore::new(1)),
            peers: Mutex::new(Peers {
                by: HashMap::new(),
                tidy_at: TIDY,
            }),
        }))
    }

    /// The account of a new connection. `may_authenticate` where a client can show a credential on it.
    pub(super) fn connection(&self, peer: PeerKey, may_authenticate: bool) -> Arc<ConnectionCpu> {
        let cpu = ConnectionCpu {
            budget: self.clone(),
            peer: self.peer(peer),
            used: AtomicU64::new(0),
            exempt: AtomicBool::new(false),
            overdraws: AtomicBool::new(may_authenticate),
            running: AtomicUsize::new(0),
        };
        cpu.charge(CONNECTION);
        Arc::new(cpu)
    }

    /// How long until something of the part of all client addresses is left.
    fn wait(&self, overdraws: bool) -> Duration {
        lock(&self.0.all).wait(overdraws, Instant::now())
    }

    fn peer(&self, key: PeerKey) -> Arc<PeerCpu> {
        let now = Instant::now();
        let mut peers = lock(&self.0.peers);
        if peers.by.len() >= peers.tidy_at {
            peers
                .by
                .retain(|_, peer| Arc::strong_count(peer) > 1 || !lock(&peer.bucket).is_full(now));
            peers.tidy_at = (2 * peers.by.len()).max(TIDY);
        }
        let peer = peers.by.entry(key).or_insert_with(|| {
            Arc::new(PeerCpu {
                bucket: Mutex::new(Bucket::full(self.0.per_peer, now)),
                turn: Arc::new(Semaphore::new(1)),
            })
        });
        Arc::clone(peer)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What one connection uses; in the extensions of its requests.
pub(crate) struct ConnectionCpu {
    budget: CpuBudget,
    peer: Arc<PeerCpu>,
    /// Nanoseconds, given back when the caller is known.
    used: AtomicU64,
    exempt: AtomicBool,
    overdraws: AtomicBool,
    /// Requests that a handler works on.
    running: AtomicUsize,
}

/// A request that a handler works on, until it is dropped.
pub(super) struct RunningRequest(Arc<ConnectionCpu>);

impl RunningRequest {
    pub(super) fn begin(cpu: &Arc<ConnectionCpu>) -> Self {
        cpu.running.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(cpu))
    }
}

impl Drop for RunningRequest {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::AcqRel);
    }
}

impl ConnectionCpu {
    /// A credential of this connection is valid: nothing of it is counted any more.
    pub(crate) fn authenticated(&self) {
        if !self.exempt.swap(true, Ordering::AcqRel) {
            let used = Duration::from_nanos(self.used.swap(0, Ordering::AcqRel));
            self.add(used.as_secs_f64());
        }
    }

    /// A credential of this connection is not valid, or not any more.
    pub(crate) fn refused(&self) {
        self.exempt.store(false, Ordering::Release);
    }

    /// A request was answered. If none has shown a valid credential yet, the connection waits like any other from now on.
    pub(super) fn answered(&self) {
        self.overdraws.store(false, Ordering::Relaxed);
    }

    /// Counts time that was used elsewhere.
    pub(crate) fn charge(&self, time: Duration) {
        if !self.is_exempt() {
            let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
            let before = self.used.fetch_add(nanoseconds, Ordering::AcqRel);
            if u128::from(before) + time.as_nanos() > NEW.as_nanos() {
                self.overdraws.store(false, Ordering::Relaxed);
            }
            self.add(-time.as_secs_f64());
        }
    }

    fn is_exempt(&self) -> bool {
        self.exempt.load(Ordering::Acquire)
    }

    fn add(&self, seconds: f64) {
        let now = Instant::now();
        lock(&self.peer.bucket).add(seconds, now);
        lock(&self.budget.0.all).add(seconds, now);
    }

    /// How long until something of the part of its client address is left for the connection.
    fn wait_for_own(&self) -> Duration {
        let overdraws = self.overdraws.load(Ordering::Relaxed);
        lock(&self.peer.bucket).wait(overdraws, Instant::now())
    }

    /// The same for the part of all client addresses.
    fn wait_for_all(&self) -> Duration {
        self.budget.wait(self.overdraws.load(Ordering::Relaxed))
    }

    fn may_go_on(&self) -> bool {
        self.wait_for_own().is_zero() && self.wait_for_all().is_zero()
    }

    fn is_running(&self) -> bool {
        self.running.load(Ordering::Acquire) > 0
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    fn peer(last: u8) -> PeerKey {
        IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)).into()
    }

    /// A budget of one core's half for an address.
    fn budget() -> CpuBudget {
        let now = Instant::now();
        CpuBudget(Arc::new(Budget {
            per_peer: 0.5,
            all: Mutex::new(Bucket::full(1.0, now)),
            turn: Arc::new(Semaphore::new(1)),
            peers: Mutex::new(Peers {
                by: HashMap::new(),
                tidy_at: TIDY,
            }),
        }))
    }

    fn seconds(count: f64) -> Duration {
        Duration::from_secs_f64(count)
    }

    #[tokio::test]
    async fn an_address_that_has_used_its_part_waits_and_no_other_does() {
        let budget = budget();
        let (one, other) = (
            budget.connection(peer(1), false),
            budget.connection(peer(2), false),
        );
        one.charge(seconds(1.5));
        assert!(
            one.wait_for_own() > seconds(0.9) && one.wait_for_own() < seconds(1.1),
            "{:?}",
            one.wait_for_own()
        );
        assert_eq!(other.wait_for_own(), Duration::ZERO);
        let second = budget.connection(peer(1), false);
        assert!(
            second.wait_for_own() > seconds(0.9),
            "another connection does not help"
        );
    }

    #[tokio::test]
    async fn a_caller_with_a_credential_does_not_pay_for_others_at_its_address() {
        let budget = budget();
        let hostile = budget.connection(peer(1), true);
        hostile.charge(seconds(0.04));
        budget.connection(peer(1), false).charge(seconds(1.46));
        assert_eq!(
            hostile.wait_for_own(),
            Duration::ZERO,
            "it may show a credential yet"
        );
        let silent = budget.connection(peer(1), true);
        silent.charge(seconds(0.06));
        assert!(silent.wait_for_own() > Duration::ZERO, "it has had its time");
        hostile.answered();
        assert!(hostile.wait_for_own() > Duration::ZERO);
        let honest = budget.connection(peer(1), true);
        assert_eq!(honest.wait_for_own(), Duration::ZERO, "a new one may overdraw");
        honest.charge(seconds(0.04));
        honest.authenticated();
        let before = hostile.wait_for_own();
        honest.charge(seconds(10.0));
        assert!(
            honest.is_exempt() && hostile.wait_for_own() <= before,
            "nothing is counted"
        );
        assert!(before < seconds(1.13), "what it used was given back: {before:?}");
        hostile.charge(seconds(1.0));
        let late = budget.connection(peer(1), true);
        assert!(late.wait_for_own() > Duration::ZERO, "the overdraft is bounded");
    }

    #[tokio::test]
    async fn all_addresses_together_have_a_part() {
        let budget = budget();
        for number in 1..=3 {
            budget.connection(peer(number), false).charge(seconds(0.9));
        }
        assert!(!budget.connection(peer(4), false).may_go_on());
    }

    #[tokio::test]
    async fn addresses_are_forgotten_when_their_part_is_whole() {
        let budget = budget();
        let held = budget.connection(peer(1), false);
        budget.connection(peer(2), false).charge(seconds(0.9));
        budget.connection(peer(3), false);
        tokio::time::sleep(seconds(0.02)).await;
        lock(&budget.0.peers).tidy_at = 0;
        budget.peer(peer(4));
        let known = |last| lock(&budget.0.peers).by.contains_key(&peer(last));
        assert!(known(1) && known(2) && known(4) && !known(3));
        drop(held);
    }

    #[tokio::test]
    async fn connections_in_debt_are_served_in_turn() {
        let budget = budget();
        let first = budget.connection(peer(1), false);
        first.charge(seconds(1.1));
        let served: Arc<Mutex<Vec<u8>>> = Arc::default();
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..3 {
            let (cpu, served) = (budget.connection(peer(1), false), Arc::clone(&served));
            let work = {
                let cpu = Arc::clone(&cpu);
                async move {
                    lock(&served).push(number);
                    cpu.charge(seconds(0.1));
                }
            };
            tasks.spawn(Metered::between_requests(work, &cpu));
            tokio::task::yield_now().await;
        }
        let begun = Instant::now();
        while tasks.join_next().await.is_some() {}
        assert_eq!(*lock(&served), [0, 1, 2]);
        // A fifth of a second for each.
        assert!(begun.elapsed() >= seconds(0.55), "{:?}", begun.elapsed());
    }
}
