//! Trying again what failed: pauses that grow, and one line in the log for as long as a problem lasts.

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::error::chain;

/// Work that is tried again until it succeeds.
#[derive(Debug)]
pub struct Retry {
    what: String,
    first: Duration,
    longest: Duration,
    pause: Duration,
    /// It has not succeeded since it failed last.
    fails: bool,
    /// The cause that the log has.
    told: Option<String>,
}

impl Retry {
    /// `what` is for the log, such as `feed of ca`. The pause is the first one after a success, and doubles up to the longest.
    #[must_use]
    pub fn new(what: impl Into<String>, (first, longest): (Duration, Duration)) -> Self {
        Self {
            what: what.into(),
            first,
            longest,
            pause: first,
            fails: false,
            told: None,
        }
    }

    /// For work that has a rhythm of its own: there is no pause to wait for.
    #[must_use]
    pub fn of_rounds(what: impl Into<String>) -> Self {
        Self::new(what, (Duration::ZERO, Duration::ZERO))
    }

    /// It failed. Says so in the log, unless that has this cause already, and answers how long to wait.
    pub fn failed(&mut self, error: &(dyn Error + 'static)) -> Duration {
        self.failed_by(chain(error))
    }

    /// The same for a cause that is text.
    pub fn failed_by(&mut self, cause: String) -> Duration {
        if self.told.as_ref() != Some(&cause) {
            tracing::warn!(what = self.what, cause, "failed; it is tried again");
            self.told = Some(cause);
        }
        self.later()
    }

    /// It was not done this time, about which there is nothing to say. Answers how long to wait.
    pub fn later(&mut self) -> Duration {
        self.fails = true;
        let pause = self.pause;
        self.pause = (pause * 2).min(self.longest);
        pause
    }

    /// It succeeded.
    pub fn works(&mut self) {
        self.pause = self.first;
        self.fails = false;
        if self.told.take().is_some() {
            tracing::info!(what = self.what, "succeeds again");
        }
    }

    /// Whether it has failed since it last succeeded. Asked before the next failure is counted, it tells one that lasts from a single
    /// one.
    #[must_use]
    pub fn lasts(&self) -> bool {
        self.fails
    }
}

/// What a look that is repeated finds wrong: each problem is logged when it is found first, and again if it was gone in the meantime.
#[derive(Debug, Default)]
pub struct Problems(Mutex<BTreeSet<String>>);

impl Problems {
    /// All that the look found this time.
    pub fn are(&self, found: impl IntoIterator<Item = String>) {
        let found: BTreeSet<String> = found.into_iter().collect();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for problem in found.difference(&known) {
            tracing::error!(problem, "found to be wrong");
        }
        *known = found;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_until_it_succeeds() {
        let seconds = Duration::from_secs;
        let mut retry = Retry::new("test", (seconds(1), seconds(5)));
        let error = std::io::Error::other("no disk");
        let pauses: Vec<Duration> = (0..4).map(|_| retry.failed(&error)).collect();
        assert_eq!(pauses, [1, 2, 4, 5].map(seconds));
        assert_eq!(retry.told.as_deref(), Some("no disk"));
        retry.works();
        assert_eq!(retry.told, None);
        assert_eq!(retry.failed(&error), seconds(1));
    }

    #[test]
    fn a_failure_lasts_from_the_first_until_it_succeeds() {
        let seconds = Duration::from_secs;
        for pauses in [(seconds(1), seconds(5)), (seconds(1), seconds(1))] {
            let mut retry = Retry::new("test", pauses);
            assert!(!retry.lasts());
            retry.later();
            assert!(retry.lasts(), "{pauses:?}");
            retry.works();
            assert!(!retry.lasts());
        }
    }
}
