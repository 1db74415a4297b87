//! Which jobs a process works on: requesters take turns.

use std::collections::HashMap;
use std::time::Duration;

use store::jobs::{Form, Waiting};
use store::{StoreError, lease};
use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Worker;
use super::run::{TERM, lease_of};
use crate::retry::Retry;

/// How often a process looks for jobs that another one accepted or left.
const LOOK: Duration = Duration::from_secs(3);
/// Jobs that a process works on at a time: a long one does not keep the short ones waiting.
const AT_ONCE: usize = 4;
/// Most of these of one requester: whoever has many long ones does not keep others waiting.
const OF_ONE_REQUESTER: usize = 2;
/// Jobs that are looked at for one that no process works on.
const LOOKED_AT: u32 = 64;

/// The jobs that this process works on.
#[derive(Default)]
struct UnderWay {
    tasks: JoinSet<()>,
    jobs: HashMap<Id, Waiting>,
}

impl UnderWay {
    /// Whether there is room for it. What was asked to end only ends, and waits for none of those that are done.
    fn takes(&self, job: &Waiting) -> bool {
        let here = || self.jobs.values().filter(|other| other.canceled == job.canceled);
        let of_requester = here().filter(|other| other.requester == job.requester);
        let share = job.canceled || of_requester.count() < OF_ONE_REQUESTER;
        !self.has(job.id) && share && here().count() < AT_ONCE
    }

    fn has(&self, job: Uuid) -> bool {
        self.jobs.values().any(|other| other.id == job)
    }

    fn begin(&mut self, job: Waiting, work: impl Future<Output = ()> + Send + 'static) {
        let task = self.tasks.spawn(work).id();
        self.jobs.insert(task, job);
    }

    /// Waits for the end of one. None if there is none.
    async fn next(&mut self) -> Option<()> {
        let task = match self.tasks.join_next_with_id().await? {
            Ok((task, ())) => task,
            Err(panicked) => panicked.id(),
        };
        self.jobs.remove(&task);
        Some(())
    }
}

impl Worker {
    /// Does the service's jobs until `stop`. Every replica runs this; each job is done by one of them.
    pub async fn run(self, stop: CancellationToken) {
        let holder = Uuid::new_v4().to_string();
        let mut under_way = UnderWay::default();
        let mut log = Retry::of_rounds(format!("look for jobs of {}", self.jobs.service));
        loop {
            match self.take(&holder, &mut under_way, &stop).await {
                Ok(()) => log.works(),
                Err(error) => {
                    let _looked_for_again_all_the_same = log.failed(&error);
                }
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.jobs.woken.notified() => {}
                Some(()) = under_way.next() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
        // Each ends after the item that it is at, and gives its lease back.
        while under_way.next().await.is_some() {}
    }

    /// Takes jobs that no process works on.
    async fn take(
        &self,
        holder: &str,
        under_way: &mut UnderWay,
        stop: &CancellationToken,
    ) -> Result<(), StoreError> {
        let works = self.works.iter();
        let known: Vec<Form<'_>> = works.map(|work| (work.kind(), work.format())).collect();
        for waiting in store::jobs::waiting(&self.jobs.db, &known, LOOKED_AT).await? {
            if !under_way.takes(&waiting) {
                continue;
            }
            let job = waiting.id;
            if let Some(lease) = lease::take(&self.jobs.db, &lease_of(job), holder, TERM).await? {
                let (worker, stop) = (self.clone(), stop.clone());
                under_way.begin(waiting, async move { worker.under_lease(job, lease, stop).await });
            }
        }
        Ok(())
    }
}
