//! CPU time that callers without a credential may use.
//!
//! Limits on connections and on requests at a time bound how many things one client begins, not what they cost: a client
//! that sends one cheap request after the other keeps every core busy. So the time that the requests of one client address
//! take is measured and comes out of a token bucket. All such addresses together have a second bucket, so that many of them
//! leave half of the cores to callers who are known.
//!
//! A client whose bucket is empty is held back only as far as others need the cores: [`Spare`] lends it those that
//! no other client uses, and such time costs it no more than it had saved. Otherwise the connections of its address take
//! turns, one at a time, as fast as the bucket fills again; what they send in the meantime waits in the network.
//!
//! A connection is exempt once a request on it has shown a valid credential. What it has used until then is given back:
//! clients with credentials are not slowed down by others behind the same address. For the same reason a new
//! TLS connection may overdraw the bucket until one of its requests was answered without a valid credential, or it has
//! used more than a request takes. From an address where a valid credential was shown in the last day, it does not wait
//! for other addresses at all.
//!
//! The time is that of the thread while it polls a connection: handshakes, frames, requests, and answers of every
//! protocol are in it, whatever route they are for. [`Metered`] is the only place that polls them. Of all addresses together, the time
//! counts for which their polls have a thread, of which there are as many as cores: where other processes use the cores too, a poll
//! takes longer, and half of all threads is half of what the process gets.
//!
//! A task of a client waits before a handshake, before each poll ([`Metered`]), and before a request ([`Begin`]), never from
//! there to the answer: the request may hold a lock or a connection of a database, which others would wait for. An HTTP/1.1
//! connection is one task with its requests. An HTTP/2 connection is one, and each stream another: frames wait
//! whatever its streams do.

mod bucket;
mod metered;
mod spare;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bucket::Bucket;
pub(super) use metered::{Begin, Metered, MeteredExecutor, admitted, answered};
use spare::{Spare, cores};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
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
/// How long an address is known for a caller with a credential. Longer than the age of a connection, and over a night.
const KNOWN: Duration = Duration::from_secs(24 * 3600);
/// From this many addresses on, those whose bucket is full and that are not known are forgotten whenever their number has doubled.
const TIDY: usize = 1024;

/// The CPU time of callers without a credential. Clones share it: one for all listeners of a process.
#[derive(Clone)]
pub struct CpuBudget(Arc<Budget>);

struct Budget {
    per_peer: f64,
    all: Mutex<Bucket>,
    /// As that of [`PeerCpu`], for the addresses.
    turn: Arc<Semaphore>,
    spare: Arc<Spare>,
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
    /// Those that look for a core that no other client needs.
    line: Arc<Semaphore>,
    /// When a valid credential was last shown on a new connection.
    authenticated: Mutex<Option<Instant>>,
}

impl PeerCpu {
    /// Whether callers with a credential come from there.
    fn is_known(&self, now: Instant) -> bool {
        lock(&self.authenticated).is_some_and(|at| now.saturating_duration_since(at) < KNOWN)
    }
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
    /// While others need the cores, one client address may use `percent` of them all, and all addresses together half, or
    /// as much if that is more.
    #[must_use]
    pub fn new(percent: u8) -> Self {
        let part = |percent: u8| cores() as f64 * f64::from(percent.max(1)) / 100.0;
        Self::of(part(percent), part(percent.max(TOGETHER)), cores())
    }

    fn of(per_peer: f64, together: f64, cores: usize) -> Self {
        Self(Arc::new(Budget {
            per_peer,
            all: Mutex::new(Bucket::full(together, Instant::now())),
            turn: Arc::new(Semaphore::new(1)),
            spare: Spare::new(cores),
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
            spent: AtomicU64::new(0),
            exempt: AtomicBool::new(false),
            overdraws: AtomicBool::new(may_authenticate),
            running: Mutex::default(),
            check: Arc::new(Semaphore::new(1)),
        };
        cpu.charge(CONNECTION);
        Arc::new(cpu)
    }

    fn peer(&self, key: PeerKey) -> Arc<PeerCpu> {
        let now = Instant::now();
        let mut peers = lock(&self.0.peers);
        if peers.by.len() >= peers.tidy_at {
            let is_needed = |peer: &PeerCpu| peer.is_known(now) || !lock(&peer.bucket).is_full(now);
            peers
                .by
                .retain(|_, peer| Arc::strong_count(peer) > 1 || is_needed(peer));
            peers.tidy_at = (2 * peers.by.len()).max(TIDY);
        }
        let peer = peers.by.entry(key).or_insert_with(|| {
            Arc::new(PeerCpu {
                bucket: Mutex::new(Bucket::full(self.0.per_peer, now)),
                turn: Arc::new(Semaphore::new(1)),
                line: self.0.spare.line_of_one(),
                authenticated: Mutex::default(),
            })
        });
        Arc::clone(peer)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What one poll costs.
#[derive(Clone, Copy)]
struct Spent {
    /// CPU time of the thread: out of the part of the client address, however busy the machine is.
    used: Duration,
    /// For how long it had the thread, which others waited for: out of the part of all addresses.
    held: Duration,
}

/// What one connection uses; in the extensions of its requests.
pub(crate) struct ConnectionCpu {
    budget: CpuBudget,
    peer: Arc<PeerCpu>,
    /// Nanoseconds that it has used, and those of them that came out of the buckets, which are given back when the caller is
    /// known.
    used: AtomicU64,
    spent: AtomicU64,
    /// Changes only while `running` is locked.
    exempt: AtomicBool,
    overdraws: AtomicBool,
    running: Mutex<Running>,
    /// See [`ConnectionCpu::checks_one`].
    check: Arc<Semaphore>,
}

/// Requests that a handler works on.
#[derive(Default)]
struct Running {
    all: usize,
    /// Those for which a core is kept free.
    first: usize,
}

/// A request that a handler works on, until it is dropped.
pub(super) struct RunningRequest(Arc<ConnectionCpu>);

impl RunningRequest {
    pub(super) fn begin(cpu: &Arc<ConnectionCpu>) -> Self {
        let mut running = lock(&cpu.running);
        running.all += 1;
        if cpu.comes_first() {
            running.first += 1;
            cpu.spare().begin(1, Instant::now());
        }
        drop(running);
        Self(Arc::clone(cpu))
    }
}

impl Drop for RunningRequest {
    fn drop(&mut self) {
        let mut running = lock(&self.0.running);
        running.all -= 1;
        let ended = running.first.saturating_sub(running.all);
        if ended > 0 {
            running.first -= ended;
            self.0.spare().end(ended, Instant::now());
        }
    }
}

/// A request whose caller is not known yet and waits to be. No core is kept free for it until this is dropped.
pub(crate) struct Stranger<'a>(Option<&'a ConnectionCpu>);

impl Drop for Stranger<'_> {
    fn drop(&mut self) {
        let Some(cpu) = self.0 else { return };
        let mut running = lock(&cpu.running);
        // Not if one was kept for all of them since, or the request is over.
        if running.first < running.all {
            running.first += 1;
            cpu.spare().begin(1, Instant::now());
        }
    }
}

impl ConnectionCpu {
    /// Until its caller is known, a request is none of a caller who comes first.
    pub(crate) fn wait_as_stranger(&self) -> Stranger<'_> {
        let mut running = lock(&self.running);
        if self.is_exempt() || running.first == 0 {
            return Stranger(None);
        }
        running.first -= 1;
        self.spare().end(1, Instant::now());
        Stranger(Some(self))
    }

    /// A credential of this connection is valid: nothing of it is counted any more.
    pub(crate) fn authenticated(&self) {
        if !self.set_exempt(true) {
            *lock(&self.peer.authenticated) = Some(Instant::now());
            let spent = Duration::from_nanos(self.spent.swap(0, Ordering::AcqRel)).as_secs_f64();
            let now = Instant::now();
            lock(&self.peer.bucket).add(spent, now);
            lock(&self.budget.0.all).add(spent, now);
        }
    }

    /// A credential of this connection is not valid, or not any more.
    pub(crate) fn refused(&self) {
        self.set_exempt(false);
    }

    /// Whether it was so before.
    fn set_exempt(&self, exempt: bool) -> bool {
        let mut running = lock(&self.running);
        let before = self.exempt.swap(exempt, Ordering::AcqRel);
        let first = if exempt { running.all } else { 0 };
        match (before, exempt) {
            (false, true) => self.spare().begin(first - running.first, Instant::now()),
            (true, false) => self.spare().end(running.first, Instant::now()),
            _ => return before,
        }
        running.first = first;
        before
    }

    fn spare(&self) -> &Arc<Spare> {
        &self.budget.0.spare
    }

    /// A request was answered. If none has shown a valid credential yet, the connection waits like any other from now on.
    pub(super) fn answered(&self) {
        self.overdraws.store(false, Ordering::Relaxed);
    }

    /// Counts time that was used elsewhere.
    pub(crate) fn charge(&self, time: Duration) {
        let spent = Spent {
            used: time,
            held: time,
        };
        self.charge_for(spent, false);
    }

    /// Counts time; that of a core which was `lent` costs what is saved at most, and so does all while no other client is about.
    fn charge_for(&self, time: Spent, lent: bool) {
        if self.is_exempt() {
            return;
        }
        let before = self.used.fetch_add(nanoseconds(time.used), Ordering::AcqRel);
        if u128::from(before) + time.used.as_nanos() > NEW.as_nanos() {
            self.overdraws.store(false, Ordering::Relaxed);
        }
        let spent = match lent || self.spare().is_idle(Instant::now()) {
            true => self.spend_saved(time),
            false => {
                let now = Instant::now();
                lock(&self.peer.bucket).add(-time.used.as_secs_f64(), now);
                lock(&self.budget.0.all).add(-time.held.as_secs_f64(), now);
                time.used
            }
        };
        self.spent.fetch_add(nanoseconds(spent), Ordering::AcqRel);
    }

    fn spend_saved(&self, time: Spent) -> Duration {
        let now = Instant::now();
        lock(&self.budget.0.all).spend_saved(time.held.as_secs_f64(), now);
        let spent = lock(&self.peer.bucket).spend_saved(time.used.as_secs_f64(), now);
        Duration::try_from_secs_f64(spent).unwrap_or_default()
    }

    /// Whether a credential of this connection was valid.
    pub(crate) fn is_exempt(&self) -> bool {
        self.exempt.load(Ordering::Acquire)
    }

    /// The right of one request at a time to have its credential checked, whatever other requests its address has.
    pub(super) fn checks_one(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.check).try_acquire_owned().ok()
    }

    /// Whether its caller comes before those in debt: it has a credential, or has used little.
    fn comes_first(&self) -> bool {
        self.is_exempt() || lock(&self.peer.bucket).is_half_full(Instant::now())
    }

    /// How long until something of the part of its client address is left for the connection.
    fn wait_for_own(&self) -> Duration {
        let overdraws = self.overdraws.load(Ordering::Relaxed);
        lock(&self.peer.bucket).wait(overdraws, Instant::now())
    }

    /// The same for the part of all client addresses. A new connection of a known address does not wait for those of others.
    fn wait_for_all(&self) -> Duration {
        let now = Instant::now();
        match self.overdraws.load(Ordering::Relaxed) {
            true if self.peer.is_known(now) => Duration::ZERO,
            overdraws => lock(&self.budget.0.all).wait(overdraws, now),
        }
    }

    /// Whether callers with a credential come from its address.
    pub(super) fn is_of_known_address(&self) -> bool {
        self.peer.is_known(Instant::now())
    }

    fn may_go_on(&self) -> bool {
        self.wait_for_own().is_zero() && self.wait_for_all().is_zero()
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
