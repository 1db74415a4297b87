//! Doing a job: in one process, item by item, each item with its note in one transaction.

use std::time::Duration;

use futures::FutureExt;
use store::jobs::{self, Item, ItemPlace, ItemState, Job, State};
use store::lease::Lease;
use store::{StoreError, outbox};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use vocabulary::metric;

use super::object::unreadable;
use super::{Failure, ItemDone, Work, Worker, progress};
use crate::retry::Retry;
use crate::trace::RequestScope;

/// How long a process that stopped renewing keeps the others waiting.
pub(super) const TERM: Duration = Duration::from_secs(10);
/// How long a job that cannot go on now rests.
const REST: Duration = Duration::from_secs(3);
/// Items that are read at a time.
const ITEMS: u32 = 100;
/// An event says how far a job is after this many items.
const EVENT_EVERY: i64 = 100;

/// Why a process leaves a job.
enum Left {
    /// It has ended.
    Ended,
    /// The process stops, or a dependency does not answer: this process or another goes on with it later.
    Unfinished,
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
    /// Works on a job as long as the lease is held.
    pub(super) async fn under_lease(self, job: Uuid, lease: Lease, stop: CancellationToken) {
        // Its events and log lines belong to the request that asked for it.
        let work = match self.scope_of(job).await {
            Some(scope) => scope.run(self.work_on(job, &lease, &stop)).boxed(),
            None => self.work_on(job, &lease, &stop).boxed(),
        };
        // Once it is lost, what is under way would not commit any more.
        if let Some(left) = lease.keep(&self.jobs.db, TERM, work).await {
            if let Left::Unfinished = left {
                tracing::debug!(job = %self.jobs.id(job), "job is left for later");
            }
            self.release(job, &lease).await;
        }
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
        let left = self.bring_to_its_end(id, lease, stop).await;
        if let Left::Ended = left {
            self.make_room(id, lease, stop).await;
        }
        left
    }

    async fn bring_to_its_end(&self, id: Uuid, lease: &Lease, stop: &CancellationToken) -> Left {
        const UNREADABLE: &str = "what is stored of it cannot be read; the log of the server says what";
        let mut retry = Retry::new(format!("job {}", self.jobs.id(id)), (REST, REST));
        // A job that cannot go on now is not failed: it goes on from its last step when what it needs is back.
        loop {
            let failure = match self.steps(id, lease, stop).await {
                Ok(left) => return left,
                Err(Interrupted::Store(error)) if error.is_of_content() => {
                    let cause = crate::error::chain(&error);
                    tracing::error!(job = %self.jobs.id(id), cause, "a job cannot be read");
                    Ok(UNREADABLE.to_owned())
                }
                // The renewal notices a lost lease too, and ends this.
                Err(Interrupted::Store(error)) => Err(crate::error::chain(&error)),
                Err(Interrupted::Failure(Failure::Unavailable(error))) => Err(crate::error::chain(&*error)),
                Err(Interrupted::Failure(Failure::Final(text))) => Ok(text),
            };
            let cause = match failure {
                Ok(text) => match self
                    .end_early(id, (lease, stop), (State::Failed, Some(&text)))
                    .await
                {
                    Ok(left) => return left,
                    Err(error) => crate::error::chain(&error),
                },
                Err(cause) => cause,
            };
            let rest = retry.failed_by(cause);
            tokio::select! {
                () = stop.cancelled() => return Left::Unfinished,
                () = tokio::time::sleep(rest) => {}
            }
        }
    }

    async fn steps(&self, id: Uuid, lease: &Lease, stop: &CancellationToken) -> Result<Left, Interrupted> {
        let Some(job) = jobs::get(&self.jobs.db, id)
            .await?
            .filter(|job| job.ended.is_none())
        else {
            return Ok(Left::Ended);
        };
        if let Some(failure) = &job.failure {
            let failed = (State::Failed, Some(failure.as_str()));
            return Ok(self.end_early(id, (lease, stop), failed).await?);
        }
        if job.cancel_asked.is_some() {
            // Asked after its last item, it is done.
            let done = job.collected && jobs::progress(&self.jobs.db, id).await?.pending == 0;
            let state = if done { State::Done } else { State::Canceled };
            return Ok(self.end_early(id, (lease, stop), (state, None)).await?);
        }
        let Some(work) = self.work(&job.kind) else {
            // A newer program accepted it; a replica of that one does it.
            return Ok(Left::Unfinished);
        };
        let Some(job) = self.begin(id, lease).await? else {
            return Ok(Left::Ended);
        };
        if !self.collect(work, job, (lease, stop)).await? {
            return Ok(Left::Unfinished);
        }
        loop {
            let items = jobs::pending(&self.jobs.db, id, ITEMS).await?;
            if items.is_empty() {
                self.end(id, lease, (State::Done, None)).await?;
                return Ok(Left::Ended);
            }
            for item in items {
                if stop.is_cancelled() {
                    return Ok(Left::Unfinished);
                }
                if !self.one_item(work, id, &item, lease).await? {
                    return Ok(self.end_early(id, (lease, stop), (State::Canceled, None)).await?);
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

    /// Finds all objects that are not known yet, page by page; each page is durable with the place of the next. False if the
    /// process stops before all are.
    async fn collect(
        &self,
        work: &dyn Work,
        mut job: Job,
        (lease, stop): (&Lease, &CancellationToken),
    ) -> Result<bool, Interrupted> {
        while !job.collected && job.cancel_asked.is_none() {
            if stop.is_cancelled() {
                return Ok(false);
            }
            let found = work.collect(&job, job.collect_cursor.as_deref()).await?;
            let mut tx = self.jobs.db.begin().await?;
            lease.hold(&mut tx).await?;
            jobs::add_items(&mut tx, job.id, &found.objects).await?;
            jobs::collected_to(&mut tx, job.id, found.next.as_deref()).await?;
            tx.commit().await?;
            let Some(now) = jobs::get(&self.jobs.db, job.id).await? else {
                return Ok(true);
            };
            job = now;
        }
        Ok(true)
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
        if let Some(why) = item.unreadable_object().and_then(unreadable) {
            self.note(tx, &job, item, (ItemState::Failed, Some(&why))).await?;
            return Ok(true);
        }
        match work.item(&job, &mut tx, &item.object).await {
            Ok(ItemDone::Done { remark, after }) => {
                self.note(tx, &job, item, (ItemState::Done, remark.as_deref()))
                    .await?;
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
        let place = item.place().unwrap_or(ItemPlace::Position(item.position));
        jobs::finish_item(&mut tx, (job.id, &place), outcome, now).await?;
        // The position of one that cannot be read has no next.
        if item
            .position
            .checked_add(1)
            .is_some_and(|done| done % EVENT_EVERY == 0)
        {
            let event = progress(self.jobs.service, job, State::Running.as_str(), now);
            outbox::append(&mut tx, &[event], now).await?;
        }
        tx.commit().await
    }

    /// Ends a job that may have items that were not looked at: they are dropped, and only counted from then on.
    async fn end_early(
        &self,
        id: Uuid,
        (lease, stop): (&Lease, &CancellationToken),
        (state, why): (State, Option<&str>),
    ) -> Result<Left, StoreError> {
        if !self.drop_pending(id, why, (lease, stop)).await? {
            return Ok(Left::Unfinished);
        }
        self.end(id, lease, (state, why)).await?;
        Ok(Left::Ended)
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
        let job = match jobs::hold(&mut tx, id).await {
            // Whose it is cannot be read: it ends all the same.
            Err(error) if state == State::Failed && error.is_of_content() => None,
            found => match found?.filter(|job| job.ended.is_none()) {
                Some(job) => Some(job),
                None => return Ok(()),
            },
        };
        // Asked to end while its objects were being found, it has none left and is not done.
        let state = match (state, &job) {
            (State::Done, Some(job)) if !job.collected => State::Canceled,
            (state, _) => state,
        };
        jobs::end(&mut tx, id, (state, why), now).await?;
        if let Some(job) = &job {
            let event = progress(self.jobs.service, job, state.as_str(), now);
            outbox::append(&mut tx, &[event], now).await?;
        }
        tx.commit().await?;
        let kind = job.map_or_else(|| "unreadable".to_owned(), |job| job.kind);
        tracing::info!(job = %self.jobs.id(id), kind, state = state.as_str(), "job ended");
        metrics::counter!(metric::JOBS_TOTAL, "service" => self.jobs.service, "kind" => kind, "state" => state.as_str())
            .increment(1);
        Ok(())
    }
}

pub(super) fn lease_of(job: Uuid) -> String {
    format!("job {job}")
}
