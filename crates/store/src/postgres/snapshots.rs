//! How many snapshots may be read at a time. Who reads one writes by another connection in the meantime, so one is always left for
//! that.

use std::sync::Arc;
use std::time::Duration;

use sqlx::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

pub(super) struct Snapshots {
    places: Arc<Semaphore>,
    most: usize,
    patience: Duration,
}

impl Snapshots {
    /// Of a pool with that many connections. `patience`: how long a place is waited for.
    pub(super) fn new(connections: u32, patience: Duration) -> Self {
        let most = usize::try_from(connections.saturating_sub(1)).unwrap_or(1).max(1);
        Self {
            places: Arc::new(Semaphore::new(most)),
            most,
            patience,
        }
    }

    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// Waits for a place as long as for a connection: who holds one may be waiting for the caller.
    pub(super) async fn place(&self) -> Result<OwnedSemaphorePermit, Error> {
        let place = timeout(self.patience, Arc::clone(&self.places).acquire_owned()).await;
        place
            .map_err(|_| Error::PoolTimedOut)?
            // Nothing closes the semaphore.
            .map_err(|_| Error::PoolClosed)
    }
}
