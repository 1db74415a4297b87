//! The connection that there is, and its successors.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use kit::retry::Retry;
use redis_client::aio::MultiplexedConnection;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use vocabulary::metric;

use crate::config::Config;
use crate::dial::{Dialed, dial};
use crate::guard::Allowance;

/// Pause after a failure: first, and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));
/// A connection that is in use for so long works.
const LASTING: Duration = Duration::from_secs(2);

/// A connection in use.
pub(crate) struct Live {
    pub(crate) connection: MultiplexedConnection,
    /// What the server may answer.
    pub(crate) allowance: Allowance,
    /// Told once it is of no use any more.
    lost: Notify,
}

impl Live {
    /// Gives it up: the next command fails at once, until there is another.
    pub(crate) fn give_up(&self) {
        self.allowance.give_up();
        self.lost.notify_one();
    }
}

/// What the handles and the keeper share.
pub(crate) struct Shared {
    pub(crate) config: Config,
    live: ArcSwapOption<Live>,
    last: Mutex<Last>,
}

#[derive(Default)]
struct Last {
    address: String,
    failure: Option<String>,
}

impl Shared {
    pub(crate) fn new(config: Config) -> Self {
        metrics::gauge!(metric::REDIS_CONNECTED).set(0.0);
        Self {
            config,
            live: ArcSwapOption::empty(),
            last: Mutex::default(),
        }
    }

    pub(crate) fn live(&self) -> Option<Arc<Live>> {
        self.live.load_full()
    }

    /// Where it is connected to, or why it is not.
    pub(crate) fn state(&self) -> Result<String, String> {
        let last = self.last();
        match (&last.failure, self.live.load().is_some()) {
            (_, true) => Ok(last.address.clone()),
            (Some(failure), false) => Err(failure.clone()),
            (None, false) => Err("no connection was made yet".to_owned()),
        }
    }

    /// Keeps a connection for as long as it runs.
    pub(crate) async fn keep(&self) {
        let mut retry = Retry::new("connection to Redis", PAUSES);
        loop {
            let failure = match dial(&self.config).await {
                Ok(dialed) => self.use_until_it_ends(dialed, &mut retry).await,
                Err(error) => kit::error::chain(&error),
            };
            self.last().failure = Some(failure.clone());
            sleep(retry.failed_by(failure)).await;
        }
    }

    /// Answers why it ended.
    async fn use_until_it_ends(&self, dialed: Dialed, retry: &mut Retry) -> String {
        let Dialed {
            connection,
            driver,
            allowance,
            address,
        } = dialed;
        let is_other = self.last().address != address;
        *self.last() = Last {
            address: address.clone(),
            failure: None,
        };
        match is_other {
            true => tracing::info!(address, "connected to Redis"),
            false => tracing::debug!(address, "connected to Redis again"),
        }
        let live = Arc::new(Live {
            connection,
            allowance,
            lost: Notify::new(),
        });
        self.live.store(Some(Arc::clone(&live)));
        metrics::gauge!(metric::REDIS_CONNECTED).set(1.0);
        let ended = async {
            tokio::select! {
                () = driver => {}
                () = live.lost.notified() => {}
            }
        };
        tokio::pin!(ended);
        // One that answers the first question only is a failure that lasts, and is tried less often too.
        if timeout(LASTING, &mut ended).await.is_err() {
            retry.works();
            ended.await;
        }
        self.live.store(None);
        metrics::gauge!(metric::REDIS_CONNECTED).set(0.0);
        match live.allowance.excess() {
            Some(excess) => format!("{address} {excess}"),
            None => format!("the connection to {address} ended, or it answered too late"),
        }
    }

    // A panic while the lock was held leaves two texts that are whole.
    fn last(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
