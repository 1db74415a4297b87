//! Whether the lists that were begun go on, and which are due and not made: what a process says of work that hangs without an error.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::time::Instant;

use super::App;
use super::current::State;
use crate::domain::{Kind, Scope};

/// A step of a list takes less, or fails: each has a time limit of the database or of a connection.
pub(crate) const STALLED: Duration = Duration::from_secs(60);

/// What is being done, and when it last went on.
#[derive(Default)]
pub(crate) struct Progress(Mutex<Works>);

#[derive(Default)]
struct Works {
    next: u64,
    running: BTreeMap<u64, (String, Instant)>,
}

/// A piece of work, until it is dropped.
pub(crate) struct Work<'a> {
    progress: &'a Progress,
    id: u64,
}

impl Progress {
    pub(crate) fn begin(&self, what: String) -> Work<'_> {
        let mut works = self.works();
        let id = works.next;
        works.next += 1;
        works.running.insert(id, (what, Instant::now()));
        Work { progress: self, id }
    }

    /// Work that has not gone on for [`STALLED`].
    pub(crate) fn stalled(&self) -> Option<String> {
        self.stalled_at(Instant::now())
    }

    fn stalled_at(&self, now: Instant) -> Option<String> {
        let works = self.works();
        let rested = |since: &Instant| now.saturating_duration_since(*since);
        let mut stalled = works
            .running
            .values()
            .filter(|(_, since)| rested(since) >= STALLED);
        stalled.next().map(|(what, since)| {
            let seconds = rested(since).as_secs();
            format!("{what} were begun, and have not gone on for {seconds} seconds")
        })
    }

    fn works(&self) -> MutexGuard<'_, Works> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Work<'_> {
    /// It has done a step.
    pub(crate) fn goes_on(&self) {
        if let Some((_, since)) = self.progress.works().running.get_mut(&self.id) {
            *since = Instant::now();
        }
    }
}

impl Drop for Work<'_> {
    fn drop(&mut self) {
        self.progress.works().running.remove(&self.id);
    }
}

/// Since when which lists are due, as this process saw it, with the number of the one that is out.
#[derive(Default)]
pub(crate) struct Overdue(Mutex<BTreeMap<(Scope, Kind), (u64, OffsetDateTime)>>);

/// How long a list may be due until that is a fault: one of many entries is written for minutes, and rests as long.
fn tolerated(kind: Kind) -> time::Duration {
    match kind {
        Kind::Complete => time::Duration::minutes(10),
        Kind::Delta => time::Duration::minutes(2),
    }
}

impl App {
    /// Notes which lists are due. Answers those that have been for too long, whichever process should have made them.
    pub(crate) fn overdue(&self, state: &State, now: OffsetDateTime) -> Vec<String> {
        let mut seen = self.overdue.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut due = BTreeMap::new();
        for scope_state in state.scopes.iter().filter(|_| state.known) {
            for kind in [Kind::Complete, Kind::Delta] {
                // Without any list it is missing, which is said elsewhere.
                let Some(list) = scope_state.current(kind) else {
                    continue;
                };
                if scope_state.due(kind, self.config.interval(kind), now) > now {
                    continue;
                }
                let key = (scope_state.scope.clone(), kind);
                let before = seen.get(&key).filter(|(number, _)| *number == list.number);
                let since = before.map_or(now, |(_, since)| now.min(*since));
                due.insert(key, (list.number, since));
            }
        }
        *seen = due;
        let late = seen
            .iter()
            .filter(|((_, kind), (_, since))| now - *since >= tolerated(*kind));
        late.map(|((scope, kind), (_, since))| {
            let (path, since) = (scope.path(*kind), kit::clock::rfc3339(*since));
            format!("{path} is due since {since}, and is not made")
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_does_not_go_on_is_stalled_until_it_ends() {
        let progress = Progress::default();
        let begun = Instant::now();
        let (first, second) = (progress.begin("a".to_owned()), progress.begin("b".to_owned()));
        assert_eq!(progress.stalled_at(begun), None);
        let later = Instant::now() + STALLED;
        assert!(progress.stalled_at(later).unwrap().starts_with("a were begun"));
        while Instant::now() + STALLED <= later {
            first.goes_on();
        }
        first.goes_on();
        let stalled = progress.stalled_at(later).unwrap();
        assert!(stalled.starts_with("b were begun"), "{stalled}");
        drop(second);
        assert_eq!(progress.stalled_at(later), None);
        assert!(progress.stalled_at(later + STALLED).is_some());
    }
}
