//! Group commit: requests that wait at the same time share one signing call and one transaction.
//!
//! Two stages work side by side, and each takes all that waits for it: while a group is committed, whatever comes
//! in meanwhile is signed and gathers behind it, to be committed together. A request that finds both stages idle
//! goes through alone, at once: nothing ever waits for company. The order is fixed: sign, make durable, answer.
//! A certificate that could not be stored is never handed out, and a process that dies between the stages has
//! answered nobody.

mod sign;

use std::sync::Arc;
use std::time::Duration;

use kit::clock::SharedClock;
use lint::Linted;
use rules::Approved;
use store::Db;
use tokio::sync::{mpsc, oneshot};
use x509::serial::Serial;

pub(crate) use sign::Keymgr;

use crate::config::Config;
use crate::domain::{Authority, Issued, Protocol};
use crate::error::Error;
use crate::store::commit::{self, Outcome};

/// A certificate to be signed, with proof that it may be, and what to record beside it.
pub(crate) struct Order {
    /// Allowed by its profile and clean of lint: there is no other way to fill this field.
    pub(crate) certificate: Linted<Approved>,
    pub(crate) authority: Arc<Authority>,
    pub(crate) record: Record,
}

/// What the inventory keeps beside the certificate itself.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) requester: String,
    pub(crate) protocol: Protocol,
    pub(crate) replaces: Option<Serial>,
    pub(crate) claim: Option<Claim>,
    pub(crate) trace: kit::trace::TraceContext,
}

/// An idempotency key and the request that it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    /// SHA-256 over requester and key.
    pub(crate) key: [u8; 32],
    /// SHA-256 over the request.
    pub(crate) request: [u8; 32],
}

/// A signed certificate on its way into the database.
pub(crate) struct Signed {
    pub(crate) issued: Issued,
    pub(crate) record: Record,
}

type Answer = oneshot::Sender<Result<Outcome, Error>>;

/// The entrance to the queue.
#[derive(Clone)]
pub(crate) struct Issuance {
    queue: mpsc::Sender<(Order, Answer)>,
    depth: metrics::Gauge,
}

impl Issuance {
    /// Starts both stages. They end when the last `Issuance` is dropped and the queue is empty.
    pub(crate) fn start(db: Db, keymgr: Keymgr, clock: SharedClock, config: &Config) -> Self {
        let max_batch = config.max_batch.max(1);
        let (queue, orders) = mpsc::channel(config.queue.max(1));
        // One group signed ahead is enough to keep the database busy; more would only wait longer.
        let (signed, waiting) = mpsc::channel(max_batch);
        let depth = metrics::gauge!("gigvault_queue_depth", "queue" => "issuance");
        tokio::spawn(sign_stage(orders, signed, keymgr, clock.clone(), max_batch));
        tokio::spawn(commit_stage(waiting, db, clock, max_batch));
        Self { queue, depth }
    }

    /// Signs and stores; returns when the certificate is durable.
    pub(crate) async fn submit(&self, order: Order) -> Result<Outcome, Error> {
        let (answer, done) = oneshot::channel();
        let depth = self.queue.max_capacity() - self.queue.capacity();
        self.depth
            .set(f64::from(u32::try_from(depth).unwrap_or(u32::MAX)));
        self.queue
            .try_send((order, answer))
            .map_err(|refused| match refused {
                mpsc::error::TrySendError::Full(_) => Error::Overloaded,
                mpsc::error::TrySendError::Closed(_) => Error::Stopping,
            })?;
        done.await.map_err(|_| Error::Stopping)?
    }
}

async fn sign_stage(
    mut orders: mpsc::Receiver<(Order, Answer)>,
    signed: mpsc::Sender<(Signed, Answer)>,
    keymgr: Keymgr,
    clock: SharedClock,
    max_batch: usize,
) {
    let mut group = Vec::with_capacity(max_batch);
    while orders.recv_many(&mut group, max_batch).await > 0 {
        for done in sign::sign(&keymgr, std::mem::take(&mut group), clock.now()).await {
            if signed.send(done).await.is_err() {
                return;
            }
        }
    }
}

async fn commit_stage(
    mut waiting: mpsc::Receiver<(Signed, Answer)>,
    db: Db,
    clock: SharedClock,
    max_batch: usize,
) {
    let size = metrics::histogram!("gigvault_issuance_group_size");
    let mut group = Vec::with_capacity(max_batch);
    while waiting.recv_many(&mut group, max_batch).await > 0 {
        size.record(f64::from(u32::try_from(group.len()).unwrap_or(u32::MAX)));
        let (signed, answers): (Vec<Signed>, Vec<Answer>) = group.drain(..).unzip();
        match commit_with_retry(&db, signed, &clock).await {
            Ok(outcomes) => {
                for (answer, outcome) in answers.into_iter().zip(outcomes) {
                    // A requester that went away finds its certificate in the inventory.
                    let _gone = answer.send(Ok(outcome));
                }
            }
            Err(error) => fail(answers, error),
        }
    }
}

/// Two replicas may record the same key for the first time in the same moment; the second tries again.
async fn commit_with_retry(db: &Db, group: Vec<Signed>, clock: &SharedClock) -> Result<Vec<Outcome>, Error> {
    const TRIES: u32 = 5;
    let mut tried = 0;
    loop {
        tried += 1;
        match commit::commit(db, &group, clock.now()).await {
            Err(Error::Store(error))
                if error.is_unique_violation("certificates(spki_sha256, key_use)") && tried < TRIES =>
            {
                tokio::time::sleep(Duration::from_millis(u64::from(tried))).await;
            }
            Err(error) => return Err(error),
            Ok(stored) => {
                let outcome = |(stored, signed): (bool, Signed)| {
                    if stored {
                        Outcome::Stored(Box::new(signed.issued))
                    } else {
                        Outcome::ClaimLost
                    }
                };
                return Ok(stored.into_iter().zip(group).map(outcome).collect());
            }
        }
    }
}

/// One failure for all of a group.
fn fail(answers: Vec<Answer>, error: Error) {
    let error = Arc::new(error);
    for answer in answers {
        let _gone = answer.send(Err(Error::Group(Arc::clone(&error))));
    }
}
