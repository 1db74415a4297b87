//! Who follows ca and makes the lists: the holder of one lease, so that one process does. Every transaction of it holds the lease; a
//! process that was stopped for a while, or cut off, commits nothing any more.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use kit::error::chain;
use kit::feed::{Following, follow};
use store::lease::{self, Lease};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use vocabulary::service;

use super::replica::Replica;
use crate::app::App;
use crate::domain::{Kind, Scope};
use crate::error::Error;
use crate::tables::pruning;

/// What the lease is called.
const NAME: &str = "lists";
/// How long a process that died keeps the others from it.
const TERM: Duration = Duration::from_secs(10);
/// How often the others ask for it, and how soon is tried again what failed.
const AGAIN: Duration = Duration::from_secs(1);
/// Longest pause of a scope whose lists cannot be made.
const LONGEST: Duration = Duration::from_secs(4);
/// How often ca says that nothing has happened.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// Longest time until it is looked at again whether a list is due: clocks are set.
const LOOK: Duration = Duration::from_secs(60);
/// Complete lists that are written at a time; each has a connection for its two passes.
const AT_ONCE: usize = 3;

pub(super) async fn run(app: App, stop: CancellationToken) {
    let holder = Uuid::new_v4().to_string();
    while !stop.is_cancelled() {
        match lease::take(&app.db, NAME, &holder, TERM).await {
            Ok(Some(lease)) => {
                let publisher = Publisher {
                    app: app.clone(),
                    lease: lease.clone(),
                };
                let work = lease.keep(&app.db, TERM, Box::pin(publisher.work(&stop)));
                stop.run_until_cancelled(work).await;
                if let Err(error) = lease.release(&app.db).await {
                    tracing::debug!(cause = %error, "lease of lists could not be given back; it ends by itself");
                }
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(cause = %error, "lease of lists could not be asked for"),
        }
        stop.run_until_cancelled(sleep(AGAIN)).await;
    }
}

struct Publisher {
    app: App,
    lease: Lease,
}

impl Publisher {
    async fn work(&self, stop: &CancellationToken) {
        while let Err(error) = pruning::unfinished(&self.app.db, &self.lease).await {
            tracing::warn!(cause = %error, "unfinished lists could not be removed");
            sleep(AGAIN).await;
        }
        tokio::join!(
            Box::pin(self.follow(stop.clone())),
            Box::pin(self.deltas()),
            Box::pin(self.complete_lists()),
            Box::pin(super::directory::run(&self.app, &self.lease))
        );
    }

    async fn follow(&self, stop: CancellationToken) {
        let mut replica = Replica::new(self.app.clone(), self.lease.clone());
        let following = Following {
            service: service::CA,
            heartbeat: HEARTBEAT,
        };
        let ca = self.app.ca.clone();
        let watch = |request| {
            let mut ca = ca.clone();
            async move { ca.watch(request).await }
        };
        follow(following, watch, &mut replica, stop).await;
    }

    /// Makes deltas, one after the other: each takes as long as there are changes.
    async fn deltas(&self) {
        let mut changes = self.app.changes();
        let mut failures = Failures::default();
        loop {
            changes.mark_unchanged();
            let wait = match self.due_deltas(&mut failures).await {
                Ok(wait) => wait,
                Err(error) => {
                    let wait = failed(&error, "deltas");
                    sleep(wait).await;
                    continue;
                }
            };
            wait_for(&mut changes, wait).await;
        }
    }

    /// A scope that fails keeps no other from its delta.
    async fn due_deltas(&self, failures: &mut Failures) -> Result<Duration, Error> {
        let mut wait = LOOK;
        for scope in self
            .due(Kind::Delta, &mut wait, |scope| failures.rest(scope))
            .await?
        {
            match Box::pin(self.app.generate(&self.lease, &scope, false)).await {
                Ok(_) => failures.forget(&scope),
                Err(error) => wait = wait.min(failures.note(&scope, &error)),
            }
        }
        Ok(wait)
    }

    /// Makes complete lists, of several scopes at a time, and of each one at a time. A scope that fails has no place until it is tried
    /// again.
    async fn complete_lists(&self) {
        let mut changes = self.app.changes();
        let (mut running, mut busy) = (FuturesUnordered::new(), BTreeSet::new());
        let mut failures = Failures::default();
        loop {
            changes.mark_unchanged();
            let mut wait = LOOK;
            let rest = |scope: &Scope| match busy.contains(scope) {
                true => Some(LOOK),
                false => failures.rest(scope),
            };
            match self.due(Kind::Complete, &mut wait, rest).await {
                Ok(due) => {
                    for scope in due.into_iter().take(AT_ONCE.saturating_sub(running.len())) {
                        busy.insert(scope.clone());
                        running.push(self.complete_list(scope));
                    }
                }
                Err(error) => wait = failed(&error, "complete lists"),
            }
            tokio::select! {
                Some((scope, made)) = running.next(), if !running.is_empty() => {
                    match made {
                        Ok(()) => failures.forget(&scope),
                        Err(error) => {
                            failures.note(&scope, &error);
                        }
                    }
                    busy.remove(&scope);
                }
                () = wait_for(&mut changes, wait) => {}
            }
        }
    }

    /// Makes one, and then rests for as long as that took: where changes do not end, the other half of the time is for the rest of the
    /// process.
    async fn complete_list(&self, scope: Scope) -> (Scope, Result<(), Error>) {
        let begun = Instant::now();
        let made = Box::pin(self.app.generate(&self.lease, &scope, true)).await;
        if made.is_ok() {
            sleep(begun.elapsed()).await;
        }
        (scope, made.map(drop))
    }

    /// Scopes whose list of that kind is to be made now; `wait` is shortened to when the next will be. A delta needs a complete list
    /// before it; a scope that `rest` has a time for is left out for that long.
    async fn due(
        &self,
        kind: Kind,
        wait: &mut Duration,
        rest: impl Fn(&Scope) -> Option<Duration>,
    ) -> Result<Vec<Scope>, Error> {
        let state = self.app.state().await?;
        let now = self.app.clock.now();
        let mut due = Vec::new();
        if !state.known {
            return Ok(due);
        }
        for standing in state.standings {
            let waits = kind == Kind::Delta && standing.complete.is_none();
            if waits {
                continue;
            }
            if let Some(rest) = rest(&standing.scope) {
                *wait = rest.min(*wait);
                continue;
            }
            let at = standing.due(kind, self.app.config.interval(kind), now);
            match Duration::try_from(at - now) {
                Ok(later) if !later.is_zero() => *wait = later.min(*wait),
                _ => due.push(standing.scope),
            }
        }
        Ok(due)
    }
}

/// Scopes whose list could not be made: each is tried again after a pause of its own, which doubles.
#[derive(Default)]
struct Failures(BTreeMap<Scope, Failure>);

struct Failure {
    pause: Duration,
    until: Instant,
}

impl Failures {
    /// How long that scope is to rest; `None` if it is its turn.
    fn rest(&self, scope: &Scope) -> Option<Duration> {
        let left = self.0.get(scope)?.until.checked_duration_since(Instant::now())?;
        (!left.is_zero()).then_some(left)
    }

    /// Answers its pause.
    fn note(&mut self, scope: &Scope, error: &Error) -> Duration {
        let before = self.0.get(scope).map(|failure| failure.pause);
        let pause = before.map_or(AGAIN, |pause| (pause * 2).min(LONGEST));
        let cause = chain(error);
        match before {
            None => tracing::warn!(%scope, cause, "CRL could not be made; tried again until it is"),
            Some(_) => tracing::debug!(%scope, cause, "CRL could not be made"),
        }
        let until = Instant::now() + pause;
        self.0.insert(scope.clone(), Failure { pause, until });
        pause
    }

    fn forget(&mut self, scope: &Scope) {
        self.0.remove(scope);
    }
}

fn failed(error: &Error, what: &'static str) -> Duration {
    tracing::warn!(cause = chain(error), what, "CRLs could not be made; tried again");
    AGAIN
}

/// Waits until something has changed, at most that long.
async fn wait_for(changes: &mut watch::Receiver<()>, most: Duration) {
    // Elapsed or changed, the next step is the same; the sender lives as long as the application.
    let _ = timeout(most, changes.changed()).await;
}
