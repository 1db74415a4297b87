//! The cores that no other client needs now.
//!
//! A client whose bucket is empty may still go on where that takes nothing from callers who come first: those with a
//! credential, and addresses that have used little. While such a caller is about, one core is kept free for what it asks
//! next, and one more for each of its requests under way; otherwise all cores are free. Whoever goes on in this way does so
//! one poll at a time and on as many cores as are free, so that a caller who comes finds no more than one poll per core before it.

use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep};

/// How long a caller is about after it did something.
const ABOUT: Duration = Duration::from_millis(50);
/// How long after a request its next is waited for: a caller who asks again at once is not slowed down in between.
const NEXT: Duration = Duration::from_millis(5);
/// How often is looked whether a core has become free.
const LOOK: Duration = Duration::from_millis(2);

/// Number of cores of this machine.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// Who comes first, and the cores that they leave.
#[derive(Debug)]
pub(super) struct Spare {
    cores: usize,
    begun: Instant,
    /// Requests under way of callers who come first.
    requests: AtomicUsize,
    /// Microseconds after `begun` at which a caller who comes first was last served; 0 before any was.
    seen: AtomicU64,
    /// Cores that are lent now.
    lent: AtomicUsize,
    /// Those who look for a free core.
    line: Arc<Semaphore>,
}

impl Spare {
    pub(super) fn new(cores: usize) -> Arc<Self> {
        Arc::new(Self {
            cores,
            begun: Instant::now(),
            requests: AtomicUsize::new(0),
            seen: AtomicU64::new(0),
            lent: AtomicUsize::new(0),
            line: Arc::new(Semaphore::new(cores)),
        })
    }

    /// The line of one client address: as many of it look for a core as there are cores.
    pub(super) fn line_of_one(&self) -> Arc<Semaphore> {
        Arc::new(Semaphore::new(self.cores))
    }

    /// This many requests of a caller who comes first have begun.
    pub(super) fn begin(&self, requests: usize, now: Instant) {
        self.requests.fetch_add(requests, Ordering::AcqRel);
        self.seen(now);
    }

    /// This many of them have ended.
    pub(super) fn end(&self, requests: usize, now: Instant) {
        self.requests.fetch_sub(requests, Ordering::AcqRel);
        self.seen(now);
    }

    /// A caller who comes first is served.
    pub(super) fn seen(&self, now: Instant) {
        let since = u64::try_from(now.saturating_duration_since(self.begun).as_micros()).unwrap_or(u64::MAX);
        self.seen.fetch_max(since.saturating_add(1), Ordering::AcqRel);
    }

    /// How long no caller who comes first was served; none if none ever was.
    fn quiet(&self, now: Instant) -> Option<Duration> {
        let seen = self.seen.load(Ordering::Acquire).checked_sub(1)?;
        let now = now.saturating_duration_since(self.begun);
        Some(now.saturating_sub(Duration::from_micros(seen)))
    }

    /// Whether no caller who comes first is about.
    pub(super) fn is_idle(&self, now: Instant) -> bool {
        self.requests.load(Ordering::Acquire) == 0 && self.quiet(now).is_none_or(|quiet| quiet >= ABOUT)
    }

    /// Cores that those who come first leave.
    fn free(&self, now: Instant) -> usize {
        if self.is_idle(now) {
            return self.cores;
        }
        let under_way = self.requests.load(Ordering::Acquire);
        let expected = under_way == 0 && self.quiet(now).is_some_and(|quiet| quiet < NEXT);
        self.cores
            .saturating_sub(under_way.saturating_add(1 + usize::from(expected)))
    }

    /// Waits for a free core. `own` is the line of the client address, so that addresses take turns and not connections.
    pub(super) async fn core(self: &Arc<Self>, own: &Arc<Semaphore>) -> Option<Core> {
        let of_peer = Arc::clone(own).acquire_owned().await.ok()?;
        let of_all = Arc::clone(&self.line).acquire_owned().await.ok()?;
        while !self.lend(Instant::now()) {
            sleep(LOOK).await;
        }
        Some(Core {
            spare: Arc::clone(self),
            _lines: [of_peer, of_all],
        })
    }

    fn lend(&self, now: Instant) -> bool {
        let free = self.free(now);
        let one_more = |lent| (lent < free).then_some(lent + 1);
        self.lent
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more)
            .is_ok()
    }
}

/// A core that is lent until this is dropped.
pub(in crate::http) struct Core {
    spare: Arc<Spare>,
    _lines: [OwnedSemaphorePermit; 2],
}

impl Drop for Core {
    fn drop(&mut self) {
        self.spare.lent.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn spare(cores: usize) -> (Arc<Spare>, impl Fn(Duration) -> Instant) {
        let spare = Spare::new(cores);
        let begun = spare.begun;
        (spare, move |after| begun + after)
    }

    #[tokio::test]
    async fn all_cores_are_free_while_nobody_else_is_about() {
        let (spare, at) = spare(4);
        assert_eq!(spare.free(at(Duration::ZERO)), 4);
        spare.seen(at(ABOUT));
        assert_eq!(spare.free(at(ABOUT)), 2, "for what comes next, and at once");
        assert_eq!(spare.free(at(ABOUT + NEXT)), 3);
        assert!(!spare.is_idle(at(ABOUT + NEXT)));
        assert_eq!(spare.free(at(2 * ABOUT)), 4);
        assert!(spare.is_idle(at(2 * ABOUT)));
    }

    #[tokio::test]
    async fn a_core_is_kept_for_each_request_under_way() {
        let (spare, at) = spare(4);
        spare.begin(2, at(Duration::ZERO));
        assert_eq!(spare.free(at(10 * ABOUT)), 1, "however long it takes");
        assert!(!spare.is_idle(at(10 * ABOUT)));
        spare.begin(7, at(10 * ABOUT));
        assert_eq!(spare.free(at(10 * ABOUT)), 0);
        spare.end(9, at(10 * ABOUT));
        assert_eq!(spare.free(at(10 * ABOUT)), 2);
        assert!(spare.is_idle(at(11 * ABOUT)));
    }

    #[tokio::test]
    async fn cores_are_lent_to_addresses_in_turn() {
        let (spare, _) = spare(1);
        let (one, other) = (spare.line_of_one(), spare.line_of_one());
        let held = spare.core(&one).await.unwrap();
        let mut many: Vec<_> = (0..3).map(|_| Box::pin(spare.core(&one))).collect();
        assert!(many.iter_mut().all(|next| next.now_or_never().is_none()));
        let mut single = Box::pin(spare.core(&other));
        assert!(single.as_mut().now_or_never().is_none());
        drop(held);
        let first = many[0].as_mut().now_or_never();
        assert!(
            first.is_none(),
            "the other address was there before it in the line of all"
        );
        assert!(single.as_mut().now_or_never().flatten().is_some());
        assert!(many[0].as_mut().now_or_never().flatten().is_some());
    }

    #[tokio::test]
    async fn who_waits_goes_on_when_the_others_are_gone() {
        let (spare, _) = spare(1);
        spare.begin(1, Instant::now());
        let own = spare.line_of_one();
        let mut waits = Box::pin(spare.core(&own));
        assert!(waits.as_mut().now_or_never().is_none());
        spare.end(1, Instant::now());
        assert!(waits.await.is_some());
    }
}
