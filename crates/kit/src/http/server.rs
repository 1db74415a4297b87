//! The accept loop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::{Connection, End, Handler, run};
use super::limits::Limits;
use super::linger::Lingering;
use crate::peer::Peer;
use crate::tls::TlsSource;

/// Serves `router` on `listener` until `stop`, then drains: idle connections close at once, running requests
/// have [`Limits::drain`] to end.
///
/// `tls` is asked for its configuration at each accept, so that a new certificate needs no new connection
/// to wait for; without it the listener speaks plain HTTP/1.1.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<dyn TlsSource>>,
    router: Router,
    limits: Limits,
    stop: CancellationToken,
) {
    let slots = Arc::new(Semaphore::new(limits.connections));
    let end = End {
        stop: stop.clone(),
        kill: CancellationToken::new(),
    };
    let host = Arc::new(Host {
        tls,
        router,
        limits,
        end,
    });
    let tracker = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = accept(&listener, &slots) => accepted,
        };
        let Some((stream, remote, slot)) = accepted else {
            continue;
        };
        // Without it small answers wait for the other side's delayed acknowledgement.
        let _best_effort = stream.set_nodelay(true);
        let stream = Lingering::new(stream, slot, tracker.clone());
        let host = Arc::clone(&host);
        tracker.spawn(async move { host.connection(stream, remote).await });
    }
    drop(listener);
    drain(&tracker, &host).await;
}

async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, remote)) => Some((stream, remote, slot)),
        Err(error) => {
            // Out of file descriptors, mostly: they come back when connections end.
            tracing::warn!(%error, "a connection could not be accepted");
            sleep(Duration::from_millis(50)).await;
            None
        }
    }
}

async fn drain(tracker: &TaskTracker, host: &Host) {
    tracker.close();
    if timeout(host.limits.drain, tracker.wait()).await.is_err() {
        tracing::warn!(
            connections = tracker.len(),
            "requests still running at the end of the drain are cut off"
        );
        host.end.kill.cancel();
        tracker.wait().await;
    }
}

struct Host {
    tls: Option<Arc<dyn TlsSource>>,
    router: Router,
    limits: Limits,
    end: End,
}

impl Host {
    async fn connection(&self, stream: Lingering, remote: SocketAddr) {
        let Some(tls) = &self.tls else {
            let handler = self.handler(remote, false, Peer::default());
            return run(stream, false, handler, &self.limits, &self.end).await;
        };
        let acceptor = TlsAcceptor::from(tls.server_config());
        let handshake = timeout(self.limits.handshake, acceptor.accept(stream));
        let handshaken = tokio::select! {
            () = self.end.stop.cancelled() => return,
            handshaken = handshake => handshaken,
        };
        let stream = match handshaken {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return tracing::info!(%remote, %error, "TLS handshake refused"),
            Err(_) => return tracing::info!(%remote, "TLS handshake took too long"),
        };
        let (_, session) = stream.get_ref();
        let leaf = session.peer_certificates().and_then(<[_]>::first);
        let peer = leaf.map_or_else(Peer::default, |leaf| tls.peer(leaf));
        let h2 = session.alpn_protocol() == Some(b"h2");
        run(
            stream,
            h2,
            self.handler(remote, true, peer),
            &self.limits,
            &self.end,
        )
        .await;
    }

    fn handler(&self, remote: SocketAddr, tls: bool, peer: Peer) -> Handler {
        Handler::new(self.router.clone(), Connection { remote, tls }, peer)
    }
}
