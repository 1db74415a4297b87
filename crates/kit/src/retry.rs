//! Trying again what failed: pauses that grow, and one line in the log for as long as a problem lasts. For requests, which clients try
//! again: one line a minute.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

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

/// Failures that any number of requests meet: clients decide how often, and each time is not worth a line in the log. A cause is worth
/// one when it is met first, and each minute for as long as it is met.
#[derive(Debug, Default)]
pub struct Failures(Mutex<BTreeMap<String, LoggedCause>>);

#[derive(Debug)]
struct LoggedCause {
    at: Instant,
    /// How often it was met since.
    since: u64,
}

impl Failures {
    /// Most causes that are told apart.
    const MOST: usize = 64;
    /// Time between two lines about one cause.
    const PAUSE: Duration = Duration::from_secs(60);

    /// It failed by this cause. Answers whether to say so in the log: then with how many requests have failed by it since the log said so,
    /// this one included.
    #[must_use]
    pub fn met(&self, cause: &str, now: Instant) -> Option<u64> {
        let mut causes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(told) = causes.get_mut(cause) {
            told.since += 1;
            if now.saturating_duration_since(told.at) < Self::PAUSE {
                return None;
            }
            told.at = now;
            return Some(std::mem::take(&mut told.since));
        }
        if causes.len() >= Self::MOST {
            causes.retain(|_, told| now.saturating_duration_since(told.at) < Self::PAUSE);
        }
        // Texts that differ with each request are not told apart: the log has some of them.
        if causes.len() >= Self::MOST {
            return None;
        }
        causes.insert(cause.to_owned(), LoggedCause { at: now, since: 0 });
        Some(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once_a_minute_and_no_more_causes_than_are_bounded() {
        let failures = Failures::default();
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(failures.met("no disk", start), Some(1));
        for second in 0..50 {
            assert_eq!(failures.met("no disk", after(second)), None);
        }
        assert_eq!(failures.met("no key", after(50)), Some(1));
        assert_eq!(failures.met("no disk", after(60)), Some(51));
        assert_eq!(failures.met("no disk", after(61)), None);
        let told = (0..1000).filter(|number| failures.met(&number.to_string(), after(61)).is_some());
        assert_eq!(told.count(), Failures::MOST - 2);
        assert_eq!(failures.met("another", after(121)), Some(1));
    }

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
