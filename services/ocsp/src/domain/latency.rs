//! How long answers take: enough to say within which time 95 of 100 of the last minutes were made. Metrics have all of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use time::OffsetDateTime;

/// Powers of two microseconds, up to half an hour.
const STEPS: usize = 32;

/// Answers by time, of this window and the one before it.
pub(crate) struct Latency(ArcSwap<Windows>);

struct Windows {
    current: Arc<Window>,
    before: Arc<Window>,
}

struct Window {
    since: OffsetDateTime,
    counts: [AtomicU64; STEPS],
}

/// What was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LatencySummary {
    pub(crate) answers: u64,
    /// The time within which 95 of 100 were made, to within a factor of two; `None` without any.
    pub(crate) p95: Option<Duration>,
    pub(crate) since: OffsetDateTime,
}

impl Window {
    fn new(since: OffsetDateTime) -> Arc<Self> {
        Arc::new(Self {
            since,
            counts: std::array::from_fn(|_| AtomicU64::new(0)),
        })
    }
}

impl Latency {
    pub(crate) fn new(now: OffsetDateTime) -> Self {
        let window = Window::new(now);
        Self(ArcSwap::from_pointee(Windows {
            current: window,
            before: Window::new(now),
        }))
    }

    pub(crate) fn record(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let step = (u64::BITS - micros.leading_zeros()) as usize;
        let windows = self.0.load();
        if let Some(count) = windows.current.counts.get(step.min(STEPS - 1)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Begins the next window; the one before the last is forgotten.
    pub(crate) fn turn(&self, now: OffsetDateTime) {
        let before = Arc::clone(&self.0.load().current);
        self.0.store(Arc::new(Windows {
            current: Window::new(now),
            before,
        }));
    }

    pub(crate) fn counted(&self) -> LatencySummary {
        let windows = self.0.load();
        let both = windows.current.counts.iter().zip(&windows.before.counts);
        let counts: Vec<u64> = both
            .map(|(now, before)| now.load(Ordering::Relaxed) + before.load(Ordering::Relaxed))
            .collect();
        let answers: u64 = counts.iter().sum();
        let (mut within, wanted) = (0, answers - answers / 20);
        let step = counts.iter().position(|count| {
            within += count;
            answers > 0 && within >= wanted
        });
        // What is counted at a step is below its power of two.
        let p95 = step.map(|step| Duration::from_micros(1 << step));
        LatencySummary {
            answers,
            p95,
            since: windows.before.since,
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2027-01-02 03:04:05 UTC);

    #[test]
    fn of_a_hundred_answers_five_may_take_longer() {
        let latency = Latency::new(NOW);
        assert_eq!(latency.counted().p95, None);
        for _ in 0..95 {
            latency.record(Duration::from_micros(100));
        }
        for _ in 0..5 {
            latency.record(Duration::from_millis(80));
        }
        assert_eq!(latency.counted().p95, Some(Duration::from_micros(128)));
        latency.record(Duration::from_secs(3));
        latency.record(Duration::MAX);
        let counted = latency.counted();
        assert_eq!((counted.answers, counted.since), (102, NOW));
        assert!(counted.p95 > Some(Duration::from_millis(80)), "{counted:?}");
    }

    #[test]
    fn what_is_two_windows_old_is_forgotten() {
        let latency = Latency::new(NOW);
        latency.record(Duration::from_millis(1));
        latency.turn(NOW + Duration::from_secs(1));
        assert_eq!((latency.counted().answers, latency.counted().since), (1, NOW));
        latency.turn(NOW + Duration::from_secs(2));
        let counted = latency.counted();
        assert_eq!(
            (counted.answers, counted.since),
            (0, NOW + Duration::from_secs(1))
        );
    }
}
