//! Doing jobs: one process each, item by item, each item with its note in one transaction.

use std::time::Duration;

use futures::FutureExt;
use store::jobs::{self, Item, ItemState, Job, State};
use store::lease::{self, Lease};
use store::{StoreError, outbox};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use vocabulary::metric;

use super::{Failure, ItemDone, Jobs, Work, Worker, progress};
use crate::trace::RequestScope;

/// How long a process that stopped renewing keeps the others waiting.
const TERM: Duration = Duration::from_secs(10);
/// Three renewals fit into a term: one may be lost.
const RENEW: Duration = Duration::from_secs(3);
/// How often a process looks for jobs that another one accepted or left.
const LOOK: Duration = Duration::from_secs(3);
/// Jobs that a process works on at a time: a long one does not keep the short ones waiting.
const AT_ONCE: usize = 4;
/// Items that are read at a time.
const ITEMS: u32 = 100;
/// An event says how far a job is after this many items.
const EVENT_EVERY: i64 = 100;
/// How long a job and its results are kept once it has ended.
const KEPT: time::Duration = time::Duration::days(30);

/// Why a process leaves a job.
enum Left {
    /// It has ended.
    Ended,
    /// The process stops, or a dependency does not answer: it is gone on with later.
    Later,
}

/// What stops a step of a job.
enum Interrupted {
    Store(StoreError),
    Failure(Failure),
}

impl From<StoreError> for Interrupted {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Failure> for Interrupted {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl Worker {
    /// Does the service's jobs until `stop`. Every replica runs this; each job is done by one of them.
    pub async fn run(self, stop: CancellationToken) {
        let holder = Uuid::new_v4().to_string();
        let mut under_way = JoinSet::new();
        loop {
            if under_way.len() < AT_ONCE
                && let Err(error) = self.take(&holder, &mut under_way, &stop).await
            {
                let cause = crate::error::chain(&error);
                tracing::warn!(
                    service = self.jobs.service,
                    cause,
                    "jobs could not be looked for; trying again"
                );
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.jobs.woken.notified() => {}
                Some(_) = under_way.join_next() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
        // Each ends after the item that it is at, and gives its lease back.
        while under_way.join_next().await.is_some() {}
    }

    /// Takes jobs that no process works on.
    async fn take(
        &self,
        holder: &str,
        under_way: &mut JoinSet<()>,
        stop: &CancellationToken,
    ) -> Result<(), StoreError> {
        const LOOKED_AT: u32 = 64;
        for job in jobs::unfinished(&self.jobs.db, LOOKED_AT).await? {
            if under_way.len() >= AT_ONCE {
                return Ok(());
            }
            if let Some(lease) = lease::take(&self.jobs.db, &lease_of(job), holder, TERM).await? {
                let (worker, stop) = (self.clone(), stop.clone());
                under_way.spawn(async move { worker.under_lease(job, lease, stop).await });
            }
        }
        Ok(())
    }

    /// Works on a job as long as the lease is held.
    async fn under_lease(self, job: Uuid, lease: Lease, stop: CancellationToken) {
        // Its events and log lines belong to the request that asked for it.
        let work = match self.scope_of(job).await {
            Some(scope) => scope.run(self.work_on(job, &lease, &stop)).boxed(),
            None => self.work_on(job, &lease, &stop).boxed(),
        };
        tokio::select! {
            left = work => {
                if let Left::Later = left {
                    tracing::debug!(job = %self.jobs.id(job), "job is left for later");
                }
                self.release(job, &lease).await;
            }
            // What is under way would not commit any more.
            () = self.until_lost(job, &lease) => {}
        }
    }

    /// Renews the lease until another process has it.
    async fn until_lost(&self, job: Uuid, lease: &Lease) {
        loop {
            tokio::time::sleep(RENEW).await;
            let cause = match lease.renew(&self.jobs.db, TERM).await {
                Ok(true) => continue,
                Ok(false) => break,
                Err(error) => crate::error::chain(&error),
            };
            tracing::warn!(job = %self.jobs.id(job), cause, "the lease of a job could not be renewed; trying again");
        }
        tracing::warn!(job = %self.jobs.id(job), "another process took this job over");
    }

    async fn release(&self, job: Uuid, lease: &Lease) {
        if let Err(error) = lease.release(&self.jobs.db).await {
            let cause = crate::error::chain(&error);
            tracing::warn!(job = %self.jobs.id(job), cause, "the lease of a job could not be given back; it ends by itself");
        }
    }

    async fn scope_of(&self, job: Uuid) -> Option<RequestScope> {
        let job = jobs::get(&self.jobs.db, job).await.ok()??;
        let mut headers = http::HeaderMap::new();
        let ids = [
            (crate::trace::CORRELATION_ID, job.correlation_id),
            (crate::trace::TRACEPARENT, job.traceparent),
        ];
        for (name, value) in ids {
            if let Some(value) = value.and_then(|value| value.parse().ok()) {
                headers.insert(name, value);
            }
        }
        Some(RequestScope::accept(&headers))
    }

    async fn work_on(&self, id: Uuid, lease: &Lease, stop: &CancellationToken) -> Left {
        // A job that cannot go on now is not failed: it goes on from its last step when what it needs is back.
        loop {
            let cause = match self.steps(id, lease, stop).await {
                Ok(left) => return left,
                // The renewal notices it too, and ends this.
                Err(Interrupted::Store(error)) => crate::error::chain(&error),
                Err(Interrupted::Failure(Failure::Unavailable(error))) => crate::error::chain(&*error),
                Err(Interrupted::Failure(Failure::Final(text))) => {
                    match self.end(id, lease, (State::Failed, Some(&text))).await {
                        Ok(()) => return Left::Ended,
                        Err(error) => crate::error::chain(&error),
                    }
                }
            };
            tracing::warn!(job = %self.jobs.id(id), cause, "a job cannot go on now; trying again");
            tokio::select! {
                () = stop.cancelled() => return Left::Later,
                () = tokio::time::sleep(RENEW) => {}
            }
        }
    }

    async fn steps(&self, id: Uuid, lease: &Lease, stop: &CancellationToken) -> Result<Left, Interrupted> {
        let Some(job) = self.begin(id, lease).await? else {
            return Ok(Left::Ended);
        };
        let Some(work) = self.work(&job.kind) else {
            // A newer program accepted it; a replica of that one does it.
            return Ok(Left::Later);
        };
        self.collect(work, job, lease).await?;
        loop {
            let items = jobs::pending(&self.jobs.db, id, ITEMS).await?;
            if items.is_empty() {
                self.end(id, lease, (State::Done, None)).await?;
                return Ok(Left::Ended);
            }
            for item in items {
                if stop.is_cancelled() {
                    return Ok(Left::Later);
                }
                if !self.one_item(work, id, &item, lease).await? {
                    self.end(id, lease, (State::Canceled, None)).await?;
                    return Ok(Left::Ended);
                }
            }
        }
    }

    /// The job, if it has not ended.
    async fn begin(&self, id: Uuid, lease: &Lease) -> Result<Option<Job>, StoreError> {
        let now = self.jobs.clock.now();
        let mut tx = self.jobs.db.begin().await?;
        lease.hold(&mut tx).await?;
        let Some(job) = jobs::hold(&mut tx, id).await?.filter(|job| job.ended.is_none()) else {
            return Ok(None);
        };
        if jobs::start(&mut tx, id, now).await? {
            let event = progress(self.jobs.service, &job, State::Running.as_str(), now);
            outbox::append(&mut tx, &[event], now).await?;
        }
        tx.commit().await?;
        Ok(Some(job))
    }

    /// Finds all objects that are not known yet, page by page; each page is durable with the place of the next.
    async fn collect(&self, work: &dyn Work, mut job: Job, lease: &Lease) -> Result<(), Interrupted> {
        while !job.collected && job.cancel_asked.is_none() {
            let found = work.collect(&job, job.collect_cursor.as_deref()).await?;
            let mut tx = self.jobs.db.begin().await?;
            lease.hold(&mut tx).await?;
            jobs::add_items(&mut tx, job.id, &found.objects).await?;
            jobs::collected_to(&mut tx, job.id, found.next.as_deref()).await?;
            tx.commit().await?;
            let Some(now) = jobs::get(&self.jobs.db, job.id).await? else {
                return Ok(());
            };
            job = now;
        }
        Ok(())
    }

    /// False if the job is to end.
    async fn one_item(
        &self,
        work: &dyn Work,
        id: Uuid,
        item: &Item,
        lease: &Lease,
    ) -> Result<bool, Interrupted> {
        let mut tx = self.jobs.db.begin().await?;
        lease.hold(&mut tx).await?;
        let job = jobs::hold(&mut tx, id).await?;
        let Some(job) = job.filter(|job| job.cancel_asked.is_none() && job.ended.is_none()) else {
            return Ok(false);
        };
        match work.item(&job, &mut tx, &item.object).await {
            Ok(ItemDone::Done(after)) => {
                self.note(tx, &job, item, (ItemState::Done, None)).await?;
                after();
            }
            Ok(ItemDone::Skipped(why)) => {
                self.note(tx, &job, item, (ItemState::Skipped, Some(&why)))
                    .await?;
            }
            Err(Failure::Final(why)) => {
                // What it did to its object is undone; the note is all that stays.
                tx.rollback().await?;
                let mut tx = self.jobs.db.begin().await?;
                lease.hold(&mut tx).await?;
                self.note(tx, &job, item, (ItemState::Failed, Some(&why))).await?;
            }
            Err(failure) => return Err(failure.into()),
        }
        Ok(true)
    }

    async fn note(
        &self,
        mut tx: store::Tx,
        job: &Job,
        item: &Item,
        outcome: (ItemState, Option<&str>),
    ) -> Result<(), StoreError> {
        let now = self.jobs.clock.now();
        jobs::finish_item(&mut tx, (job.id, item.position), outcome, now).await?;
        if (item.position + 1) % EVENT_EVERY == 0 {
            let event = progress(self.jobs.service, job, State::Running.as_str(), now);
            outbox::append(&mut tx, &[event], now).await?;
        }
        tx.commit().await
    }

    async fn end(
        &self,
        id: Uuid,
        lease: &Lease,
        (state, why): (State, Option<&str>),
    ) -> Result<(), StoreError> {
        let now = self.jobs.clock.now();
        let mut tx = self.jobs.db.begin().await?;
        lease.hold(&mut tx).await?;
        let job = jobs::hold(&mut tx, id).await?;
        let Some(job) = job.filter(|job| job.ended.is_none()) else {
            return Ok(());
        };
        // Asked to end while its objects were being found, it has none left and is not done. Asked after its last one, it is.
        let state = match state {
            State::Done if !job.collected => State::Canceled,
            state => state,
        };
        jobs::end(&mut tx, id, (state, why), now).await?;
        outbox::append(
            &mut tx,
            &[progress(self.jobs.service, &job, state.as_str(), now)],
            now,
        )
        .await?;
        tx.commit().await?;
        tracing::info!(job = %self.jobs.id(id), kind = job.kind, state = state.as_str(), "job ended");
        metrics::counter!(metric::JOBS_TOTAL, "service" => self.jobs.service, "kind" => job.kind, "state" => state.as_str())
            .increment(1);
        Ok(())
    }
}

impl Jobs {
    /// Deletes jobs that ended a month ago, as the one that holds `lease`.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn prune(&self, lease: &Lease) -> Result<(), StoreError> {
        let before = self.clock.now() - KEPT;
        while jobs::prune(&self.db, lease, lease_of, before).await? {}
        Ok(())
    }
}

fn lease_of(job: Uuid) -> String {
    format!("job {job}")
}
