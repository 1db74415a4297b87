//! Wake-ups for the change feed. They carry no data and may be lost: the feed also polls.
//!
//! In one process, a commit wakes subscribers directly. Between replicas on PostgreSQL a wake-up is a NOTIFY,
//! sent after the commit by one task that merges bursts: inside the transaction it would take a lock that makes
//! all commits of the database wait for one another, and so would end group commit.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use data_encoding::HEXLOWER;
use sqlx::PgPool;
use sqlx::postgres::{PgListener, PgNotification};
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;

use crate::id;
use crate::postgres::Pg;

/// Least time between two notifications of one process.
const NOTIFY_PAUSE: Duration = Duration::from_millis(5);
/// Pause after the listener's connection failed.
const LISTEN_PAUSE: Duration = Duration::from_secs(1);

pub(crate) struct Signal {
    woken: Arc<watch::Sender<()>>,
    remote: Option<Remote>,
}

struct Remote {
    pg: Pg,
    channel: String,
    /// Names this process in the payload, so that it does not wake itself twice.
    origin: String,
    raised: Arc<Notify>,
    notifier: OnceLock<AbortHandle>,
    listener: OnceLock<AbortHandle>,
}

impl Signal {
    /// Wakes within this process only.
    pub(crate) fn local() -> Self {
        Self {
            woken: Arc::new(watch::Sender::new(())),
            remote: None,
        }
    }

    pub(crate) fn postgres(pg: Pg, schema: &str) -> Self {
        let remote = Remote {
            pg,
            channel: format!("gigvault_{schema}_outbox"),
            origin: origin(),
            raised: Arc::new(Notify::new()),
            notifier: OnceLock::new(),
            listener: OnceLock::new(),
        };
        Self {
            woken: Arc::new(watch::Sender::new(())),
            remote: Some(remote),
        }
    }

    /// Says that events were committed.
    pub(crate) fn raise(&self) {
        self.woken.send_replace(());
        if let Some(remote) = &self.remote {
            remote.raised.notify_one();
            remote
                .notifier
                .get_or_init(|| tokio::spawn(remote.notifier()).abort_handle());
        }
    }

    /// Changes whenever events may have been committed, here or elsewhere.
    pub(crate) fn listen(&self) -> watch::Receiver<()> {
        if let Some(remote) = &self.remote {
            remote.listen_to_others(&self.woken);
        }
        self.woken.subscribe()
    }

    pub(crate) fn close(&self) {
        if let Some(remote) = &self.remote {
            remote.stop();
        }
    }
}

impl Remote {
    fn notifier(&self) -> impl Future<Output = ()> + Send + use<> {
        let (pg, channel) = (self.pg.clone(), self.channel.clone());
        let (origin, raised) = (self.origin.clone(), Arc::clone(&self.raised));
        async move {
            // One notification for all commits of a pause. A lost one costs time only: subscribers poll as well.
            loop {
                raised.notified().await;
                if let Err(error) = pg.notify(&channel, &origin).await {
                    tracing::debug!(%error, channel, "feed notification not sent; subscribers will poll");
                }
                tokio::time::sleep(NOTIFY_PAUSE).await;
            }
        }
    }

    /// Behind a pooler that shares sessions there is nothing to listen on: subscribers poll.
    fn listen_to_others(&self, woken: &Arc<watch::Sender<()>>) {
        if let Some(pool) = self.pg.listening() {
            self.listener
                .get_or_init(|| tokio::spawn(self.listener(pool.clone(), Arc::clone(woken))).abort_handle());
        }
    }

    fn listener(
        &self,
        pool: PgPool,
        woken: Arc<watch::Sender<()>>,
    ) -> impl Future<Output = ()> + Send + use<> {
        let (channel, origin) = (self.channel.clone(), self.origin.clone());
        async move {
            loop {
                if let Err(error) = listen(&pool, &channel, &origin, &woken).await {
                    tracing::debug!(%error, channel, "feed listener lost its connection; subscribers will poll");
                }
                tokio::time::sleep(LISTEN_PAUSE).await;
            }
        }
    }

    fn stop(&self) {
        for task in [&self.notifier, &self.listener] {
            if let Some(handle) = task.get() {
                handle.abort();
            }
        }
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.stop();
    }
}

fn origin() -> String {
    let mut random = [0; 16];
    id::fill(&mut random);
    HEXLOWER.encode(&random)
}

/// Passes notifications on until the connection fails. A new or regained connection counts as a wake-up, because
/// something may have been missed in the meantime.
async fn listen(
    pool: &PgPool,
    channel: &str,
    origin: &str,
    woken: &watch::Sender<()>,
) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(channel).await?;
    woken.send_replace(());
    // Our own commits have woken their subscribers in this process already.
    loop {
        let notification = listener.try_recv().await?;
        if notification.as_ref().map(PgNotification::payload) != Some(origin) {
            woken.send_replace(());
        }
    }
}
