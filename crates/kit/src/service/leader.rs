//! Periodic work that one of several replicas does.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use store::lease::{self, Lease};
use store::{Db, StoreError};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::job::RoundError;

/// How long a process that died at the work keeps the others from it.
const TERM: Duration = lease::LONGEST_TERM;

/// Whose round it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It was done here.
    Own,
    /// It is not due, another process is at it, or it was left at a stop.
    Other,
}

/// Who may do a round: one holder of the lease of that name, once in its time.
pub(super) struct Leader {
    db: Db,
    holder: String,
    round: Box<dyn FnMut(Lease) -> BoxFuture<'static, Result<(), RoundError>> + Send>,
}

impl Leader {
    pub(super) fn new<F, R, E>(db: Db, mut round: F) -> Self
    where
        F: FnMut(Lease) -> R + Send + 'static,
        R: Future<Output = Result<(), E>> + Send + 'static,
        E: std::error::Error + Send + Sync + 'static,
    {
        Self {
            db,
            holder: Uuid::new_v4().to_string(),
            round: Box::new(move |lease| round(lease).map(|done| done.map_err(RoundError::from)).boxed()),
        }
    }

    /// Does the round of `name` if it is due and no other replica is at it. A stop ends it where it is, however much is left: what
    /// its transactions have not committed is undone, as where the lease is lost, and the next process goes on at once.
    pub(super) async fn round(
        &mut self,
        name: &str,
        every: Duration,
        stop: &CancellationToken,
    ) -> Result<Turn, RoundError> {
        // The timer and the database measure time by themselves: a tick that comes a little early is not one too many.
        let due = every - every / 10;
        let lease = lease::take_if_due(&self.db, name, &self.holder, (TERM, due)).await?;
        let Some(lease) = lease else {
            return Ok(Turn::Other);
        };
        // Kept while the round runs, however long it takes. A lost lease ends the round: another replica has begun its own.
        let round = (self.round)(lease.clone());
        let round = stop.run_until_cancelled(lease.keep(&self.db, TERM, round)).await;
        // Of a round that did not come to its end, the next to ask may try at once.
        match round {
            Some(Some(Ok(()))) => {
                lease.done(&self.db).await?;
                Ok(Turn::Own)
            }
            Some(Some(Err(error))) => {
                lease.release(&self.db).await?;
                Err(error)
            }
            Some(None) => Err(StoreError::LeaseLost(name.to_owned()).into()),
            None => {
                lease.release(&self.db).await?;
                Ok(Turn::Other)
            }
        }
    }
}
