//! Who follows ca and makes the lists: the holder of one lease, so that one process does. Every transaction of it holds the lease; a
//! process that was stopped for a while, or cut off, commits nothing any more.

mod rest;

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use kit::feed::{Following, follow};
use kit::retry::{Problems, Retry};
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
use crate::tables::{pruning, scopes};
use rest::Rest;

/// What the lease is called.
const NAME: &str = "lists";
/// How long a process that died keeps the others from it.
const TERM: Duration = Duration::from_secs(10);
/// How often the others ask for it.
const AGAIN: Duration = Duration::from_secs(1);
/// How soon is tried again what failed: at first, and later.
const PAUSES: (Duration, Duration) = (AGAIN, Duration::from_secs(4));
/// How often ca says that nothing has happened.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// Longest time until it is looked at again whether a list is due: clocks are set.
const LOOK: Duration = Duration::from_secs(60);
/// Most complete lists that are written at a time; each has a connection for its two passes.
const AT_ONCE: usize = 3;
/// Time between two looks whether work goes on.
const WATCHED: Duration = Duration::from_secs(5);

pub(super) async fn run(app: App, stop: CancellationToken) {
    let holder = Uuid::new_v4().to_string();
    let mut retry = Retry::new("lease of lists", PAUSES);
    while !stop.is_cancelled() {
        let mut pause = AGAIN;
        match lease::take(&app.db, NAME, &holder, TERM).await {
            Ok(Some(lease)) => {
                retry.works();
                let publisher = Publisher {
                    app: app.clone(),
                    lease: lease.clone(),
                    damaged: Problems::default(),
                };
                let work = lease.keep(&app.db, TERM, Box::pin(publisher.work(&stop)));
                let work = async {
                    tokio::select! {
                        _ = work => {}
                        () = until_stalled(&app) => {}
                    }
                };
                stop.run_until_cancelled(work).await;
                if let Err(error) = lease.release(&app.db).await {
                    tracing::debug!(cause = %error, "lease of lists could not be given back; it ends by itself");
                }
            }
            Ok(None) => retry.works(),
            Err(error) => pause = retry.failed(&error),
        }
        stop.run_until_cancelled(sleep(pause)).await;
    }
}

/// Returns once work hangs. It is left where it is then, and begins again, here or in another process: no list is to wait for a
/// person who looks at the log.
async fn until_stalled(app: &App) {
    loop {
        sleep(WATCHED).await;
        if let Some(stalled) = app.progress.stalled() {
            tracing::error!(
                stalled,
                "lists do not go on; all that are not out are begun again"
            );
            return;
        }
    }
}

struct Publisher {
    app: App,
    lease: Lease,
    /// Rows that cannot be read.
    damaged: Problems,
}

impl Publisher {
    async fn work(&self, stop: &CancellationToken) {
        let mut retry = Retry::new("removal of unfinished lists", PAUSES);
        while let Err(error) = pruning::unfinished(&self.app.db, &self.lease).await {
            sleep(retry.failed(&error)).await;
        }
        tokio::join!(
            Box::pin(self.follow(stop.clone())),
            Box::pin(self.deltas()),
            Box::pin(self.complete_lists()),
            Box::pin(super::directory::run(&self.app, &self.lease)),
            Box::pin(self.requests()),
            Box::pin(super::self_check::run(&self.app))
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

    /// Looks whether another process was asked for lists: it cannot wake this one.
    async fn requests(&self) {
        loop {
            match scopes::is_any_requested(&self.app.db).await {
                Ok(true) => self.app.wake(),
                Ok(false) => {}
                Err(error) => tracing::debug!(cause = %error, "requests for lists could not be looked at"),
            }
            sleep(AGAIN).await;
        }
    }

    /// Makes deltas, one after the other: each takes as long as there are changes.
    async fn deltas(&self) {
        let mut changes = self.app.changes();
        let mut failures = Failures::default();
        let mut retry = Retry::new("look for deltas that are due", PAUSES);
        loop {
            changes.mark_unchanged();
            match self.due_deltas(&mut failures).await {
                Ok(wait) => {
                    retry.works();
                    wait_for(&mut changes, wait).await;
                }
                Err(error) => sleep(retry.failed(&error)).await,
            }
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
                Err(error) => wait = wait.min(failures.note(&scope, Kind::Delta, &error)),
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
        let mut retry = Retry::new("look for complete lists that are due", PAUSES);
        // Scopes whose last rest was cut short.
        let mut cut = BTreeSet::new();
        // A place is left to the deltas, where there are several.
        let at_once = self.app.db.most_snapshots().saturating_sub(1).clamp(1, AT_ONCE);
        loop {
            changes.mark_unchanged();
            let mut wait = LOOK;
            let rest = |scope: &Scope| match busy.contains(scope) {
                true => Some(LOOK),
                false => failures.rest(scope),
            };
            let mut ended = Vec::new();
            match beside(
                &mut running,
                &mut ended,
                self.due(Kind::Complete, &mut wait, rest),
            )
            .await
            {
                Ok(due) => {
                    retry.works();
                    for scope in due.into_iter().take(at_once.saturating_sub(busy.len())) {
                        busy.insert(scope.clone());
                        let was_cut = cut.remove(&scope);
                        running.push(self.complete_list(scope, was_cut));
                    }
                }
                Err(error) => wait = retry.failed(&error),
            }
            if ended.is_empty() {
                tokio::select! {
                    Some(list) = running.next(), if !running.is_empty() => ended.push(list),
                    () = wait_for(&mut changes, wait) => {}
                }
            }
            for (scope, made) in ended {
                let was_cut = match made {
                    Ok(was_cut) => {
                        failures.forget(&scope);
                        was_cut
                    }
                    Err(error) => {
                        failures.note(&scope, Kind::Complete, &error);
                        false
                    }
                };
                busy.remove(&scope);
                cut.extend(was_cut.then_some(scope));
            }
        }
    }

    /// Makes one, and then rests for as long as that took. Answers whether the rest was cut short.
    async fn complete_list(&self, scope: Scope, was_cut: bool) -> (Scope, Result<bool, Error>) {
        let rest = Rest::after(self.app.compromises());
        let begun = Instant::now();
        let made = match Box::pin(self.app.generate(&self.lease, &scope, true)).await {
            Ok(_) => Ok(rest.take(begun.elapsed(), was_cut).await),
            Err(error) => Err(error),
        };
        (scope, made)
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
        self.damaged.are(state.damaged);
        let mut due = Vec::new();
        if !state.known {
            return Ok(due);
        }
        for scope_state in state.scopes {
            let waits = kind == Kind::Delta && scope_state.complete.is_none();
            if waits {
                continue;
            }
            if let Some(rest) = rest(&scope_state.scope) {
                *wait = rest.min(*wait);
                continue;
            }
            let at = scope_state.due(kind, self.app.config.interval(kind), now);
            match Duration::try_from(at - now) {
                Ok(later) if !later.is_zero() => *wait = later.min(*wait),
                _ => due.push(scope_state.scope),
            }
        }
        Ok(due)
    }
}

/// Scopes whose list could not be made, each with when that is tried again: after a pause of its own.
#[derive(Default)]
struct Failures(BTreeMap<Scope, (Retry, Instant)>);

impl Failures {
    /// How long that scope is to rest; `None` if it is its turn.
    fn rest(&self, scope: &Scope) -> Option<Duration> {
        let (_, until) = self.0.get(scope)?;
        let left = until.checked_duration_since(Instant::now())?;
        (!left.is_zero()).then_some(left)
    }

    /// Answers its pause.
    fn note(&mut self, scope: &Scope, kind: Kind, error: &Error) -> Duration {
        let now = Instant::now();
        let first = || {
            (
                Retry::new(format!("{} CRL of {scope}", kind.as_str()), PAUSES),
                now,
            )
        };
        let (retry, until) = self.0.entry(scope.clone()).or_insert_with(first);
        let pause = retry.failed(error);
        *until = now + pause;
        pause
    }

    fn forget(&mut self, scope: &Scope) {
        if let Some((mut retry, _)) = self.0.remove(scope) {
            retry.works();
        }
    }
}

/// Does that while what runs goes on: it may have what this waits for, such as a connection. What ends in the meantime is put into
/// `ended`.
async fn beside<W: Future, T>(
    running: &mut FuturesUnordered<W>,
    ended: &mut Vec<W::Output>,
    work: impl Future<Output = T>,
) -> T {
    let mut work = pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            Some(end) = running.next(), if !running.is_empty() => ended.push(end),
        }
    }
}

/// Waits until something has changed, at most that long.
async fn wait_for(changes: &mut watch::Receiver<()>, most: Duration) {
    // Elapsed or changed, the next step is the same; the sender lives as long as the application.
    let _ = timeout(most, changes.changed()).await;
}
