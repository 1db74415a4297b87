//! Long work that survives the process that began it.
//!
//! A request that would take too long is accepted as a job: it is stored with its items in one transaction and answered 202
//! with the job's place. One process at a time does it, under a lease whose fence is looked at in the transaction of each
//! item: an item and the note that it is done commit together, so that each is done once, whichever process dies or is late.
//!
//! A service says what its kinds of work do ([`Work`]) and hands its process one [`Worker`]. The process serves
//! `/api/v1/jobs` for all its services ([`routes`]) and runs each ([`Worker::run`]).

mod admit;
mod cancel;
mod kept;
mod object;
pub mod rest;
mod run;
mod turns;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;
use serde_json::Value;
use store::jobs::Job;
use store::outbox::NewEvent;
use store::{Damage, Db, IdempotencyClaim, Tx};
use time::OffsetDateTime;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::clock::SharedClock;
use crate::dry_run::Previews;
use crate::error::{Common, Fault, Kind};
use crate::idempotency;

pub use admit::NotStored;
pub use object::{JobAction, JobId, JobObject};
pub use rest::routes;

/// Damaged jobs that the log of a process names: each is remembered, so that it is named once.
const MOST_REPORTED: usize = 1000;

/// What one kind of job does.
pub trait Work: Send + Sync {
    /// Stable name, such as `certificates.revoke`.
    fn kind(&self) -> &'static str;

    /// The newest form of requests that this program can read, 1 at first. A member that is added, left out, or taken otherwise
    /// makes a new one: an earlier program that passed it over would do more or less than was asked for.
    fn format(&self) -> i64;

    /// The next objects that a job is to look at, from `cursor` on; the beginning if there is none. Not called for jobs that
    /// were accepted with their items.
    fn collect<'a>(
        &'a self,
        job: &'a Job,
        cursor: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Collected, Failure>>;

    /// Does what is to be done to one object, in `tx` and nowhere else: the runner commits it together with the item.
    fn item<'a>(
        &'a self,
        job: &'a Job,
        tx: &'a mut Tx,
        object: &'a str,
    ) -> BoxFuture<'a, Result<ItemDone, Failure>>;
}

/// Objects of a job, and where to go on.
#[derive(Clone, Debug, Default)]
pub struct Collected {
    /// At most a few hundred.
    pub objects: Vec<String>,
    /// None once there are no more.
    pub next: Option<String>,
}

/// What was done to one object.
pub enum ItemDone {
    /// Done in the transaction.
    Done {
        /// What is to be said of it beside that it is done.
        remark: Option<String>,
        /// Called once that is durable, for counters and logs.
        after: Box<dyn FnOnce() + Send>,
    },
    /// There was nothing to do, and why.
    Skipped(String),
}

/// Why an item or a job does not go on.
#[derive(Debug)]
pub enum Failure {
    /// It cannot be done, and trying again would change nothing. The text is for who asked.
    Final(String),
    /// A dependency does not answer: it is tried again.
    Unavailable(Box<dyn std::error::Error + Send + Sync>),
}

impl<F: Fault + 'static> From<F> for Failure {
    fn from(fault: F) -> Self {
        match fault.kind() {
            Kind::Unavailable => Self::Unavailable(Box::new(fault)),
            Kind::Internal => {
                tracing::error!(cause = crate::error::chain(&fault), "an item of a job failed");
                Self::Final(fault.public().into_owned())
            }
            Kind::Invalid
            | Kind::Unauthenticated
            | Kind::Denied
            | Kind::NotFound
            | Kind::Conflict
            | Kind::Changed
            | Kind::TooLarge
            | Kind::Unprocessable
            | Kind::RateLimited => Self::Final(fault.public().into_owned()),
        }
    }
}

/// A job to accept.
#[derive(Clone, Debug)]
pub struct JobRequest {
    /// [`Work::kind`].
    pub kind: &'static str,
    /// Who asks.
    pub requester: String,
    /// What is asked for, and by whose rights: the work reads it back.
    pub request: Value,
    /// The form of that: the oldest [`Work::format`] of a program that does the same by it.
    pub format: i64,
    /// The objects, where they are known; else [`Work::collect`] finds them.
    pub objects: Option<Vec<String>>,
    /// What makes the request have one effect if it is repeated.
    pub claim: Option<IdempotencyClaim>,
}

/// The jobs of one service.
#[derive(Clone)]
pub struct Jobs {
    service: &'static str,
    db: Db,
    clock: SharedClock,
    previews: Previews,
    /// Wakes the runner of this process; those of others look every few seconds.
    woken: Arc<Notify>,
    /// Damaged jobs that the log of this process has named.
    reported: Arc<Mutex<HashSet<Uuid>>>,
}

impl Jobs {
    /// Those of that service, in its database.
    #[must_use]
    pub fn new(service: &'static str, db: Db, clock: SharedClock) -> Self {
        Self {
            service,
            previews: Previews::new(db.clone(), Arc::clone(&clock)),
            db,
            clock,
            woken: Arc::default(),
            reported: Arc::default(),
        }
    }

    /// Who does them.
    #[must_use]
    pub fn worker(self, works: Vec<Box<dyn Work>>) -> Worker {
        Worker {
            jobs: self,
            works: works.into(),
        }
    }

    /// The service that they belong to: the first part of their ids.
    #[must_use]
    pub fn service(&self) -> &'static str {
        self.service
    }

    /// The id of one of them outside of this service.
    #[must_use]
    pub fn id(&self, job: Uuid) -> JobId {
        JobId {
            service: self.service.to_owned(),
            job,
        }
    }

    /// The job that the same request was accepted as before.
    ///
    /// # Errors
    /// [`Common::IdempotencyConflict`] if its key was used for another request; those of the database.
    pub async fn before(&self, request: &JobRequest) -> Result<Option<Uuid>, Common> {
        idempotency::earlier(request.claim, async |key| {
            store::jobs::by_claim(&self.db, key).await
        })
        .await
    }

    /// Logs what cannot be read of a job, once: the next read of a list meets it again. `of` says of which part of it.
    fn report_damage(&self, job: Uuid, damage: &Damage, of: &str) {
        if damage.is_none() {
            return;
        }
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        if reported.len() < MOST_REPORTED && reported.insert(job) {
            tracing::error!(job = %self.id(job), damage = format_args!("{damage}{of}"), "a job in the database cannot be read");
        }
    }

    /// Tells the runner of this process that there is something to do.
    pub fn wake(&self) {
        self.woken.notify_one();
    }
}

/// The jobs of one service and what does them: part of its [`Service`](crate::service::Service).
#[derive(Clone)]
pub struct Worker {
    jobs: Jobs,
    works: Arc<[Box<dyn Work>]>,
}

impl Worker {
    /// The jobs, for the routes of the process.
    #[must_use]
    pub fn jobs(&self) -> &Jobs {
        &self.jobs
    }

    fn work(&self, kind: &str) -> Option<&dyn Work> {
        let mut works = self.works.iter();
        works.find(|work| work.kind() == kind).map(AsRef::as_ref)
    }
}

/// The event of a job that moved.
fn progress(service: &str, job: &Job, state: &str, now: OffsetDateTime) -> NewEvent {
    NewEvent {
        kind: vocabulary::EventType::JobProgress,
        subject: format!("{service}-{}", job.id),
        data: serde_json::json!({
            "job": format!("{service}-{}", job.id),
            "kind": job.kind,
            "requester": job.requester,
            "state": state,
            "time": crate::clock::rfc3339(now),
        }),
        correlation_id: job.correlation_id.clone(),
        traceparent: job.traceparent.clone(),
    }
}
