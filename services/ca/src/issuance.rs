//! Group commit: requests that wait at the same time share one signing call and one transaction.
//!
//! One task takes all that waits, has it signed, commits it, answers, and takes what has arrived in the meantime: a group
//! is as large as the wait was long, and the costs of call, transaction and disk are shared by all of it. A request
//! that finds the task idle goes through alone, at once: nothing ever waits for company. The order is fixed: sign,
//! make durable, answer. A certificate that could not be stored is never handed out, and a process that dies in
//! between has answered none of them.

// A new variant is decided on here, rather than falling under what was right for the others.
#![warn(clippy::wildcard_enum_match_arm)]

mod sign;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use kit::clock::SharedClock;
use kit::error::{Common, Fault, Kind};
use lint::Linted;
use rules::Approved;
use store::Db;
use tokio::sync::{mpsc, oneshot};
use vocabulary::metric;

pub(crate) use sign::Keymgr;

use crate::authorities::Authorities;
use crate::config::Config;
use crate::domain::issuance_facts::Basis;
use crate::domain::signed::{Record, Signed};
use crate::domain::{Authority, Issued};
use crate::error::Error;
use crate::tables::commit::{self, Verdict};
use crate::tables::issuance_facts;

/// A certificate to be signed, with proof that it may be, and what to record beside it.
pub(crate) struct IssuanceJob {
    /// Allowed by its profile and clean of lint: there is no other way to fill this field.
    pub(crate) certificate: Linted<Approved>,
    pub(crate) authority: Arc<Authority>,
    /// The shard that its CRL distribution point names; 0 for the complete CRL.
    pub(crate) crl_shard: u32,
    /// Whether it is signed while its CA is suspended.
    pub(crate) despite_suspension: bool,
    pub(crate) record: Record,
}

impl IssuanceJob {
    pub(crate) fn basis(&self) -> Basis {
        Basis {
            authority: Arc::clone(&self.authority),
            key: self.certificate.get().public_key().material_id(),
            replaces: self.record.replaces,
            asked_by: self.record.asked_by.clone(),
            despite_suspension: self.despite_suspension,
        }
    }
}

/// What became of a job.
pub(crate) enum Outcome {
    /// Signed and durable.
    Stored(Box<Issued>),
    /// Its idempotency key belonged to another request by then; the certificate was dropped.
    ClaimLost,
}

type Answer = oneshot::Sender<Result<Outcome, Error>>;

/// The entrance to the queue.
#[derive(Clone)]
pub(crate) struct Issuance {
    queue: mpsc::Sender<(IssuanceJob, Answer)>,
    depth: metrics::Gauge,
}

impl Issuance {
    /// Starts the task. It ends when the last `Issuance` is dropped and the queue is empty.
    pub(crate) fn start(
        db: Db,
        keymgr: Keymgr,
        clock: SharedClock,
        authorities: Arc<Authorities>,
        config: &Config,
    ) -> Self {
        // A channel without places would panic.
        let (queue, jobs) = mpsc::channel(config.queue.max(1));
        let committer = Committer {
            db,
            keymgr,
            clock,
            authorities,
        };
        tokio::spawn(committer.run(jobs, config.max_batch.max(1)));
        let depth = metrics::gauge!(metric::QUEUE_DEPTH, "queue" => "issuance");
        Self { queue, depth }
    }

    /// Signs and stores; returns when the certificate is durable.
    pub(crate) async fn submit(&self, job: IssuanceJob) -> Result<Outcome, Error> {
        let (answer, done) = oneshot::channel();
        let depth = self.queue.max_capacity() - self.queue.capacity();
        self.depth
            .set(f64::from(u32::try_from(depth).unwrap_or(u32::MAX)));
        self.queue
            .try_send((job, answer))
            .map_err(|refused| match refused {
                mpsc::error::TrySendError::Full(_) => Error::Overloaded,
                mpsc::error::TrySendError::Closed(_) => Error::Stopping,
            })?;
        done.await
            .map_err(|_| Error::internal("a group was dropped before it was answered"))?
    }
}

/// Takes one group after the other from the queue to the answers.
struct Committer {
    db: Db,
    keymgr: Keymgr,
    clock: SharedClock,
    authorities: Arc<Authorities>,
}

impl Committer {
    async fn run(self, mut jobs: mpsc::Receiver<(IssuanceJob, Answer)>, max_batch: usize) {
        let size = metrics::histogram!(metric::ISSUANCE_GROUP_SIZE);
        let mut group = Vec::new();
        while jobs.recv_many(&mut group, max_batch).await > 0 {
            size.record(f64::from(u32::try_from(group.len()).unwrap_or(u32::MAX)));
            let group = AssertUnwindSafe(self.group(std::mem::take(&mut group)));
            if group.catch_unwind().await.is_err() {
                tracing::error!(
                    "signing or storing a group panicked; its requests were answered with an error"
                );
            }
        }
    }

    async fn group(&self, group: Vec<(IssuanceJob, Answer)>) {
        let group = self.screen(group).await;
        let signed = sign::sign(&self.keymgr, group, self.clock.now()).await;
        if signed.is_empty() {
            return;
        }
        let (mut signed, answers): (Vec<Signed>, Vec<Answer>) = signed.into_iter().unzip();
        match self.commit(&signed).await {
            Ok(stored) => answer(signed, answers, stored),
            // One row that the database refuses must not cost the others their certificates.
            Err(error) if signed.len() > 1 && error.kind() == Kind::Internal => {
                tracing::warn!(error = %error, "a group could not be stored; storing its certificates one by one");
                for (signed, waiting) in signed.drain(..).zip(answers) {
                    match self.commit(std::slice::from_ref(&signed)).await {
                        Ok(stored) => answer(vec![signed], vec![waiting], stored),
                        Err(error) => fail(vec![waiting], error),
                    }
                }
            }
            Err(error) => fail(answers, error),
        }
    }

    /// Answers those that cannot be issued as things are, before anything is signed; the rest goes on. Whether they may be
    /// stored is decided again, finally, in the transaction.
    async fn screen(&self, group: Vec<(IssuanceJob, Answer)>) -> Vec<(IssuanceJob, Answer)> {
        let bases: Vec<Basis> = group.iter().map(|(job, _)| job.basis()).collect();
        let now = self.clock.now();
        let mut facts = match issuance_facts::read(&self.db, &bases, now).await {
            Ok(facts) => facts,
            Err(error) => {
                fail(group.into_iter().map(|(_, answer)| answer).collect(), error);
                return Vec::new();
            }
        };
        self.authorities.sync_suspended(&facts.suspended).await;
        let mut sound = Vec::with_capacity(group.len());
        for ((job, answer), basis) in group.into_iter().zip(bases) {
            match facts.next_refusal(&basis, now) {
                None => sound.push((job, answer)),
                Some(refusal) => {
                    if let Some(asker) = &basis.asked_by {
                        tracing::warn!(identity = asker.identity, shown = %asker.serial, cause = %refusal, "no identity was issued");
                    }
                    let _gone = answer.send(Err(refusal));
                }
            }
        }
        sound
    }

    /// Stores a group, or nothing of it. Two replicas may record the same key for the first time in the same moment;
    /// the second tries again.
    async fn commit(&self, group: &[Signed]) -> Result<Vec<Verdict>, Error> {
        const TRIES: u32 = 5;
        let mut tried = 0;
        // Nothing of the group was stored, so it may be tried again whole. The pause lets the other transaction end.
        loop {
            tried += 1;
            match commit::commit(&self.db, group, self.clock.now()).await {
                Err(Error::Common(Common::Store(error)))
                    if error.is_unique_violation("certificates(spki_sha256, key_use)") && tried < TRIES =>
                {
                    tokio::time::sleep(Duration::from_millis(u64::from(tried))).await;
                }
                result => return result,
            }
        }
    }
}

/// Tells each of a group what became of it. A requester that went away finds its certificate in the inventory; a
/// certificate that was refused is dropped here, signature and all.
fn answer(group: Vec<Signed>, answers: Vec<Answer>, verdicts: Vec<Verdict>) {
    for ((signed, answer), verdict) in group.into_iter().zip(answers).zip(verdicts) {
        let outcome = match verdict {
            Verdict::Stored => Ok(Outcome::Stored(Box::new(signed.issued))),
            Verdict::ClaimLost => Ok(Outcome::ClaimLost),
            Verdict::Refused(error) => {
                let Issued { serial, ca, .. } = signed.issued;
                tracing::warn!(%serial, %ca, cause = %error, "signed certificate discarded: refused at commit");
                metrics::counter!(metric::CERTIFICATES_DISCARDED_TOTAL, "ca" => ca.to_string()).increment(1);
                Err(error)
            }
        };
        let _gone = answer.send(outcome);
    }
}

/// One failure for all of a group.
fn fail(answers: Vec<Answer>, error: Error) {
    let error: Arc<dyn Fault> = Arc::new(error);
    for answer in answers {
        let _gone = answer.send(Err(Common::Shared(Arc::clone(&error)).into()));
    }
}
