//! One connection: its protocol, its requests, its end.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::future::RouteFuture;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::Limits;
use crate::peer::Peer;

/// How long a connection that has had no request may take to end.
const UNUSED: Duration = Duration::from_millis(500);

/// How a request came; in the extensions of every request.
#[derive(Clone, Copy, Debug)]
pub struct Connection {
    /// The other end.
    pub remote: SocketAddr,
    /// Whether it came over TLS.
    pub tls: bool,
}

/// When a connection has to end.
#[derive(Clone, Debug)]
pub(super) struct End {
    /// Finish what runs, take nothing new.
    pub(super) stop: CancellationToken,
    /// Cut it off.
    pub(super) kill: CancellationToken,
}

/// What a connection's requests are served with.
#[derive(Clone)]
pub(super) struct Handler {
    router: Router,
    connection: Connection,
    peer: Peer,
    begun: Arc<AtomicBool>,
}

impl Handler {
    pub(super) fn new(router: Router, connection: Connection, peer: Peer) -> Self {
        Self {
            router,
            connection,
            peer,
            begun: Arc::default(),
        }
    }
}

impl Service<Request<Incoming>> for Handler {
    type Response = Response<axum::body::Body>;
    type Error = Infallible;
    type Future = RouteFuture<Infallible>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        self.begun.store(true, Ordering::Relaxed);
        request.extensions_mut().insert(self.connection);
        request.extensions_mut().insert(self.peer.clone());
        tower::Service::call(&mut self.router.clone(), request)
    }
}

/// Serves HTTP/2 where TLS settled on it, else HTTP/1.1. The two are told apart before the first byte, so
/// that no client can sit in between.
pub(super) async fn run<S>(stream: S, h2: bool, handler: Handler, limits: &Limits, end: &End)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let begun = Arc::clone(&handler.begun);
    let io = TokioIo::new(stream);
    if h2 {
        drive(http2(limits).serve_connection(io, handler), &begun, limits, end).await;
    } else {
        drive(http1(limits).serve_connection(io, handler), &begun, limits, end).await;
    }
}

async fn drive<C: GracefulConnection>(connection: C, begun: &AtomicBool, limits: &Limits, end: &End) {
    let unused = async |wait: Duration| {
        sleep(wait).await;
        if begun.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    };
    let mut connection = pin!(connection);
    tokio::select! {
        _ended = connection.as_mut() => return,
        () = end.stop.cancelled() => {}
        () = sleep(limits.age) => {}
        () = unused(limits.head) => {}
    }
    connection.as_mut().graceful_shutdown();
    // hyper waits for the first request of a connection that is told to end before it: not for long.
    tokio::select! {
        _ended = connection => {}
        () = end.kill.cancelled() => {}
        () = unused(UNUSED) => {}
    }
}

fn http1(limits: &Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_header_size(limits.head_bytes as usize);
    builder
}

// Rapid reset and CONTINUATION floods are bounded by h2's own defaults (20 pending resets, 5 frames); a
// slow reader is found by the ping.
fn http2(limits: &Limits) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(limits.head_bytes)
        .keep_alive_interval(limits.head)
        .keep_alive_timeout(limits.handshake);
    builder
}
