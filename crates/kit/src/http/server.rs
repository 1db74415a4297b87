//! Listeners that speak HTTP: from the socket over TLS to the requests.

use std::future::pending;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use rustls_pki_types::CertificateDer;
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::rustls::server::Acceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use super::connection::{Connection, End, Handler, Shown, run};
use super::cpu::{ConnectionCpu, Metered, admitted};
use super::limits::Limits;
use super::linger::Lingering;
use super::listener::accept_all;
use super::quota::{KeyedPermit, KeyedSemaphore, PeerKey, Shares};
use super::site::{Protocol, Site};
use crate::peer::PeerCertificate;
use crate::tls::TlsSource;

/// How long the place of a handshake rests: with 32 places, a client address has 320 handshakes a second.
const HANDSHAKE_REST: Duration = Duration::from_millis(100);
/// How long a handshake keeps its place. The work is done by then; a client that does not go on delays no other.
const HANDSHAKE_PLACE: Duration = Duration::from_millis(250);

/// Serves `site` on `listener` until `stop`, then drains: idle connections close at once, running requests
/// have [`Limits::drain`] to end.
///
/// `tls` is asked for its configuration at each accept, so that a new certificate needs no new connection
/// to wait for; without it the listener speaks plain HTTP/1.1.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<dyn TlsSource>>,
    site: Site,
    limits: Limits,
    stop: CancellationToken,
) {
    let end = End::new(stop);
    let handshakes = || {
        let places = Shares {
            each: limits.handshakes_per_peer,
            all: limits.handshakes,
        };
        KeyedSemaphore::new(places, Shares::each(limits.connections))
    };
    let host = Arc::new(Host {
        tls,
        site,
        handshakes: handshakes(),
        known_handshakes: handshakes(),
        limits,
        end,
    });
    let (limits, end) = (host.limits.clone(), host.end.clone());
    accept_all(listener, &limits, &end, |stream, remote| {
        let host = Arc::clone(&host);
        async move { host.connection(stream, remote).await }
    })
    .await;
}

/// A handshake takes about a millisecond of a core. Its place rests, so that one client cannot have all of the cores for
/// handshakes, one after the other.
fn rest(turn: Option<KeyedPermit<PeerKey>>) {
    tokio::spawn(async move {
        sleep(HANDSHAKE_REST).await;
        drop(turn);
    });
}

fn refused(remote: SocketAddr, why: &str) {
    tracing::info!(%remote, why, "connection refused");
}

struct Host {
    tls: Option<Arc<dyn TlsSource>>,
    site: Site,
    handshakes: Arc<KeyedSemaphore<PeerKey>>,
    /// Those of addresses where callers with a credential are known: they do not wait for others.
    known_handshakes: Arc<KeyedSemaphore<PeerKey>>,
    limits: Limits,
    end: End,
}

impl Host {
    async fn connection(&self, stream: Lingering, remote: SocketAddr) {
        // A plain-text connection takes no credential: it could be read on the way.
        let cpu = self.limits.cpu.connection(remote.into(), self.tls.is_some());
        let Some(tls) = &self.tls else {
            let handler = self.handler(Connection { remote, tls: false }, Shown::default(), cpu);
            return run(stream, false, handler, &self.limits, &self.end).await;
        };
        let handshake = async {
            // Before it has a place among the handshakes, which others wait for.
            timeout(self.limits.handshake, admitted(&cpu)).await.ok()?;
            Metered::begun(self.handshake(tls.as_ref(), stream, remote, &cpu), &cpu).await
        };
        let handshaken = tokio::select! {
            () = self.end.stop.cancelled() => return,
            handshaken = handshake => handshaken,
        };
        let Some(stream) = handshaken else { return };
        let (_, session) = stream.get_ref();
        let leaf = session.peer_certificates().and_then(<[_]>::first);
        let Some(shown) = self.shown(tls.as_ref(), leaf).await else {
            return refused(remote, "it is not known yet which services are revoked");
        };
        let h2 = session.alpn_protocol() == Some(b"h2");
        if !h2 && matches!(self.site.protocol, Protocol::Grpc(_)) {
            return refused(remote, "gRPC needs HTTP/2");
        }
        let revoked = match leaf {
            Some(leaf) => tls.revoked(leaf.clone().into_owned()),
            None => pending().boxed(),
        };
        let handler = self.handler(Connection { remote, tls: true }, shown, cpu);
        tokio::select! {
            () = run(stream, h2, handler, &self.limits, &self.end) => {}
            () = revoked => tracing::warn!(%remote, "connection cut off: the certificate of the client is revoked"),
        }
    }

    /// Who the client is; `None` for one with a certificate while it is not known which are revoked. Without a certificate it is not a
    /// peer.
    async fn shown(&self, tls: &dyn TlsSource, leaf: Option<&CertificateDer<'_>>) -> Option<Shown> {
        let Some(leaf) = leaf else {
            return Some(Shown::default());
        };
        timeout(self.limits.handshake, tls.ready()).await.ok()?;
        Some(Shown {
            peer: tls.peer(leaf),
            certificate: Some(PeerCertificate(leaf.as_ref().into())),
        })
    }

    async fn handshake(
        &self,
        tls: &dyn TlsSource,
        stream: Lingering,
        remote: SocketAddr,
        cpu: &ConnectionCpu,
    ) -> Option<TlsStream<Lingering>> {
        let handshake = timeout(self.limits.handshake, async {
            // To read the ClientHello costs next to nothing, and a client may let us wait for it: no place for that.
            let hello = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
            let places = match cpu.is_of_known_address() {
                true => &self.known_handshakes,
                false => &self.handshakes,
            };
            let turn = places.enter(&remote.into(), self.limits.handshake).await.ok();
            let mut handshaken = pin!(hello.into_stream(tls.server_config()));
            let soon = timeout(HANDSHAKE_PLACE, handshaken.as_mut()).await;
            rest(turn);
            match soon {
                Ok(handshaken) => handshaken,
                Err(_elapsed) => handshaken.await,
            }
        });
        match handshake.await {
            Ok(Ok(stream)) => return Some(stream),
            Ok(Err(error)) => tracing::info!(%remote, %error, "TLS handshake refused"),
            Err(_) => tracing::info!(%remote, "TLS handshake took too long"),
        }
        None
    }

    fn handler(&self, connection: Connection, shown: Shown, cpu: Arc<ConnectionCpu>) -> Handler {
        Handler::new(self.site.clone(), connection, shown, cpu, self.limits.answer)
    }
}
