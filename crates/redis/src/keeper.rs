//! The connection that there is, and its successors.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use redis_client::aio::MultiplexedConnection;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};
use vocabulary::metric;

use crate::config::Config;
use crate::dial::{Dialed, dial};

/// Pause after a failure: twice as long each time.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A connection in use.
pub(crate) struct Live {
    pub(crate) connection: MultiplexedConnection,
    /// Told once it is of no use any more.
    lost: Notify,
}

impl Live {
    /// Gives it up: the next command fails at once, until there is another.
    pub(crate) fn give_up(&self) {
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
        let mut pause = SHORTEST_PAUSE;
        loop {
            match dial(&self.config).await {
                Ok(dialed) => {
                    let since = Instant::now();
                    self.use_until_it_ends(dialed).await;
                    // One that answers the first question only is tried less often too.
                    if since.elapsed() > LONGEST_PAUSE {
                        pause = SHORTEST_PAUSE;
                    }
                }
                Err(error) => self.failed(kit::error::chain(&error)),
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn use_until_it_ends(&self, dialed: Dialed) {
        let Dialed {
            connection,
            driver,
            address,
        } = dialed;
        tracing::info!(address, "connected to Redis");
        *self.last() = Last {
            address: address.clone(),
            failure: None,
        };
        let live = Arc::new(Live {
            connection,
            lost: Notify::new(),
        });
        self.live.store(Some(Arc::clone(&live)));
        metrics::gauge!(metric::REDIS_CONNECTED).set(1.0);
        tokio::select! {
            () = driver => {}
            () = live.lost.notified() => {}
        }
        self.live.store(None);
        metrics::gauge!(metric::REDIS_CONNECTED).set(0.0);
        self.failed(format!(
            "the connection to {address} ended, or it answered too late"
        ));
    }

    /// Logged once for each cause, not at each attempt.
    fn failed(&self, cause: String) {
        let mut last = self.last();
        if last.failure.as_ref() != Some(&cause) {
            tracing::warn!(cause, "Redis is not used until it answers in time");
            last.failure = Some(cause);
        }
    }

    // A panic while the lock was held leaves two texts that are whole.
    fn last(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
