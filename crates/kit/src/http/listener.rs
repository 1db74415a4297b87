//! The accept loop of every listener, whatever is spoken on it.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::TaskTracker;
use vocabulary::metric;

use super::connection::End;
use super::limits::Limits;
use super::linger::{Lingering, Slot};
use super::quota::{PeerKey, Quotas};

/// How long accepting pauses after it failed, and how often that is logged.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
const ACCEPT_WARNING: Duration = Duration::from_secs(5);
/// Kernel memory for what a client has not taken yet. Without a bound the kernel would keep up to 4 MiB of it, and notice
/// late that a slow client reads.
const SEND_BUFFER: usize = 128 * 1024;

/// Serves the connections of `listener`, as many at a time as the limits allow, until [`End::stop`]. Then those that are open have
/// [`Limits::drain`] to end, and [`End::kill`] tells the rest.
pub(super) async fn accept_all<S, F>(listener: TcpListener, limits: &Limits, end: &End, serve: S)
where
    S: Fn(Lingering, SocketAddr) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let mut admission = Admission::new(limits);
    let tracker = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = end.stop.cancelled() => break,
            accepted = admission.accept(&listener) => accepted,
        };
        let Some((stream, remote, slot)) = accepted else {
            continue;
        };
        // Without it small answers wait for the other side's delayed acknowledgment.
        let _best_effort = stream.set_nodelay(true);
        let _best_effort = rustix::net::sockopt::set_socket_send_buffer_size(&stream, SEND_BUFFER);
        let stream = Lingering::new(stream, slot, tracker.clone(), limits.answer);
        tracker.spawn(serve(stream, remote));
    }
    drop(listener);
    drain(&tracker, limits.drain, end).await;
}

/// The limits on connections: of the listener and of each client address.
struct Admission {
    all: Arc<Semaphore>,
    per_peer: Arc<Quotas<PeerKey>>,
    /// When it was last said that the system gives no connection.
    warned: Option<Instant>,
}

impl Admission {
    fn new(limits: &Limits) -> Self {
        Self {
            all: Arc::new(Semaphore::new(limits.connections)),
            per_peer: Quotas::new(limits.connections_per_peer, limits.connections),
            warned: None,
        }
    }

    async fn accept(&mut self, listener: &TcpListener) -> Option<(TcpStream, SocketAddr, Slot)> {
        let of_all = Arc::clone(&self.all).acquire_owned().await.ok()?;
        let (stream, remote) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, mostly: they come back when connections end.
                if self.warned.is_none_or(|last| last.elapsed() > ACCEPT_WARNING) {
                    self.warned = Some(Instant::now());
                    tracing::warn!(%error, "a connection could not be accepted");
                }
                sleep(ACCEPT_PAUSE).await;
                return None;
            }
        };
        match self.per_peer.take(&remote.into(), 1) {
            Ok(of_peer) => {
                let slot = Slot {
                    _of_all: of_all,
                    _of_peer: of_peer,
                };
                Some((stream, remote, slot))
            }
            Err(_excess) => {
                metrics::counter!(metric::CONNECTIONS_REFUSED_TOTAL, "reason" => "peer").increment(1);
                tracing::debug!(%remote, "connection refused: the client has as many as it may have");
                let _best_effort = stream.set_zero_linger();
                None
            }
        }
    }
}

async fn drain(tracker: &TaskTracker, longest: Duration, end: &End) {
    tracker.close();
    if timeout(longest, tracker.wait()).await.is_err() {
        tracing::warn!(
            connections = tracker.len(),
            "requests still running at the end of the drain are cut off"
        );
        end.kill.cancel();
        tracker.wait().await;
    }
}
