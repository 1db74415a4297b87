//! Whether a client still takes what it asked for.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use super::body::Pace;

/// Time that a client may let us wait. Waiting uses it up, what the client takes refills it, up to the grace.
#[derive(Debug)]
pub(super) struct Patience {
    pace: Pace,
    left: Duration,
    waiting: Option<Instant>,
}

impl Patience {
    pub(super) const fn new(pace: Pace) -> Self {
        Self {
            pace,
            left: pace.grace,
            waiting: None,
        }
    }

    /// The client has to take something now. Returns until when.
    pub(super) fn wait(&mut self, now: Instant) -> Instant {
        let since = *self.waiting.get_or_insert(now);
        since + self.left
    }

    /// It took this many bytes, or there was nothing to take.
    pub(super) fn moved(&mut self, now: Instant, bytes: usize) {
        if let Some(since) = self.waiting.take() {
            let earned = self.pace.allowance(bytes).saturating_sub(self.pace.grace);
            let left = self
                .left
                .saturating_sub(now.saturating_duration_since(since))
                .saturating_add(earned);
            self.left = left.min(self.pace.grace);
        }
    }
}

/// [`Patience`] of a socket.
#[derive(Debug)]
pub(super) struct Flow {
    patience: Patience,
    end: Option<Pin<Box<Sleep>>>,
}

impl Flow {
    pub(super) const fn new(pace: Pace) -> Self {
        Self {
            patience: Patience::new(pace),
            end: None,
        }
    }

    pub(super) fn moved(&mut self, bytes: usize) {
        self.patience.moved(Instant::now(), bytes);
        self.end = None;
    }

    /// The socket takes nothing now: ready when it has not for too long.
    pub(super) fn stalled(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let end = self.patience.wait(Instant::now());
        let wait = || Box::pin(sleep_until(end));
        self.end.get_or_insert_with(wait).as_mut().poll(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace {
        grace: Duration::from_secs(10),
        rate: 1000,
    };

    fn after(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn a_client_that_takes_enough_is_waited_for_again() {
        let (start, mut patience) = (Instant::now(), Patience::new(PACE));
        for round in 0..100 {
            assert!(patience.wait(after(start, 5 * round)) > after(start, 5 * round + 5));
            patience.moved(after(start, 5 * round + 5), 5000);
        }
    }

    #[test]
    fn a_client_that_takes_too_little_uses_its_time_up() {
        let (start, mut patience) = (Instant::now(), Patience::new(PACE));
        let mut second = 0;
        while patience.wait(after(start, second)) >= after(start, second + 1) && second < 60 {
            second += 1;
            patience.moved(after(start, second), 100);
        }
        assert!((10..=12).contains(&second), "{second}");
    }

    #[test]
    fn time_without_anything_to_take_does_not_count() {
        let (start, mut patience) = (Instant::now(), Patience::new(PACE));
        patience.wait(start);
        patience.moved(after(start, 0), 10);
        patience.moved(after(start, 3600), 10);
        assert!(patience.wait(after(start, 3600)) >= after(start, 3609));
    }
}
