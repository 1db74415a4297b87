//! A token bucket of seconds.

use std::time::Duration;

use tokio::time::Instant;

/// A bucket holds what it gets in this many seconds, and can be overdrawn by as much.
const BURST: f64 = 2.0;

/// Seconds of CPU time that are spent and come back with time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    /// Seconds of CPU time per second.
    rate: f64,
    left: f64,
    at: Instant,
}

impl Bucket {
    pub(super) fn full(rate: f64, now: Instant) -> Self {
        Self {
            rate,
            left: rate * BURST,
            at: now,
        }
    }

    pub(super) fn add(&mut self, seconds: f64, now: Instant) {
        let come = now.saturating_duration_since(self.at).as_secs_f64() * self.rate;
        let most = self.rate * BURST;
        // What came while the bucket was full is lost, also for time that was used in the meantime.
        self.left = ((self.left + come).min(most) + seconds).min(most);
        self.at = self.at.max(now);
    }

    /// Spends what is there and no more, for time that no other client needed; returns what that was.
    pub(super) fn spend_saved(&mut self, seconds: f64, now: Instant) -> f64 {
        self.add(0.0, now);
        let spent = seconds.min(self.left.max(0.0));
        self.left -= spent;
        spent
    }

    /// How long until something may be spent. Whoever `overdraws` may go as far below nothing as a full bucket is above.
    pub(super) fn wait(&mut self, overdraws: bool, now: Instant) -> Duration {
        self.add(0.0, now);
        let floor = if overdraws { -self.rate * BURST } else { 0.0 };
        match floor - self.left {
            missing if missing > 0.0 => {
                Duration::try_from_secs_f64(missing / self.rate).unwrap_or(Duration::MAX)
            }
            _ => Duration::ZERO,
        }
    }

    /// Whether at least half of what it can hold is left.
    pub(super) fn is_half_full(&mut self, now: Instant) -> bool {
        self.add(0.0, now);
        self.left >= self.rate * BURST / 2.0
    }

    pub(super) fn is_full(&mut self, now: Instant) -> bool {
        self.add(0.0, now);
        self.left >= self.rate * BURST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_spent_comes_back_with_time() {
        let now = Instant::now();
        let after = |seconds| now + Duration::from_secs_f64(seconds);
        let mut bucket = Bucket::full(0.5, now);
        bucket.add(-1.5, now);
        assert_eq!(bucket.wait(false, now), Duration::from_secs(1));
        assert_eq!(bucket.wait(true, now), Duration::ZERO, "as far below as above");
        assert_eq!(bucket.wait(false, after(0.5)), Duration::from_millis(500));
        assert_eq!(bucket.wait(false, after(1.0)), Duration::ZERO);
        assert!(!bucket.is_full(after(2.5)) && bucket.is_full(after(3.0)));
        bucket.add(100.0, after(3.0));
        bucket.add(-2.5, after(3.0));
        assert_eq!(
            bucket.wait(true, after(3.0)),
            Duration::from_secs(1),
            "it never holds more"
        );
    }

    #[test]
    fn time_that_nobody_needed_costs_no_more_than_was_saved() {
        let now = Instant::now();
        let mut bucket = Bucket::full(0.5, now);
        assert!(bucket.is_half_full(now));
        assert!((bucket.spend_saved(0.75, now) - 0.75).abs() < 1e-9);
        assert!(!bucket.is_half_full(now));
        assert!((bucket.spend_saved(100.0, now) - 0.25).abs() < 1e-9);
        assert_eq!(bucket.wait(false, now), Duration::ZERO, "there is no debt");
        bucket.add(-0.5, now);
        assert!(bucket.spend_saved(100.0, now).abs() < 1e-9);
        assert_eq!(
            bucket.wait(false, now),
            Duration::from_secs(1),
            "and none is added"
        );
    }
}
