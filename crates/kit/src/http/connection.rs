//! One connection: its protocol, its requests, its end.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::routing::future::RouteFuture;
use http::{Request, Response, Version};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use super::body::Pace;
use super::cpu::{self, Begin, ConnectionCpu, Metered, MeteredExecutor, RunningRequest};
use super::outstanding::{Answer, Outstanding, Running};
use super::own_refusals::Explained;
use super::quota::PeerKey;
use super::site::{Protocol, Site};
use super::{Limits, date};
use crate::clock::{Clock as _, SystemClock};
use crate::peer::{Peer, PeerCertificate};

/// How long a connection that has had no request may take to end.
const UNUSED: Duration = Duration::from_millis(500);
/// How often a connection is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Most bytes of requests that an HTTP/1.1 connection reads ahead.
const READ_AHEAD: usize = 64 * 1024;

/// How a request came; in the extensions of every request.
#[derive(Clone, Copy, Debug)]
pub struct Connection {
    /// The other end.
    pub remote: SocketAddr,
    /// Whether it came over TLS.
    pub tls: bool,
}

impl Connection {
    /// What the other end is counted under.
    #[must_use]
    pub fn peer(&self) -> PeerKey {
        self.remote.into()
    }
}

/// When a connection has to end.
#[derive(Clone, Debug)]
pub(super) struct End {
    /// Finish what runs, take nothing new.
    pub(super) stop: CancellationToken,
    /// Cut it off.
    pub(super) kill: CancellationToken,
}

impl End {
    pub(super) fn new(stop: CancellationToken) -> Self {
        Self {
            stop,
            kill: CancellationToken::new(),
        }
    }
}

/// What the other end showed of itself at the handshake.
#[derive(Clone, Default)]
pub(super) struct Shown {
    pub(super) peer: Peer,
    pub(super) certificate: Option<PeerCertificate>,
}

/// What a connection's requests are served with.
#[derive(Clone)]
pub(super) struct Handler {
    site: Site,
    connection: Connection,
    shown: Shown,
    cpu: Arc<ConnectionCpu>,
    begun: Arc<AtomicBool>,
    outstanding: Arc<Outstanding>,
}

impl Handler {
    pub(super) fn new(
        site: Site,
        connection: Connection,
        shown: Shown,
        cpu: Arc<ConnectionCpu>,
        answer: Pace,
    ) -> Self {
        if shown.peer.name().is_some() {
            cpu.authenticated();
        }
        Self {
            site,
            connection,
            shown,
            cpu,
            begun: Arc::default(),
            outstanding: Outstanding::new(answer),
        }
    }
}

impl Service<Request<Incoming>> for Handler {
    type Response = Response<Answer>;
    type Error = Infallible;
    type Future = Serving;

    fn call(&self, mut request: Request<Incoming>) -> Serving {
        self.begun.store(true, Ordering::Relaxed);
        let windowed = request.version() == Version::HTTP_2;
        let extensions = request.extensions_mut();
        extensions.insert(self.connection);
        extensions.insert(self.shown.peer.clone());
        if let Some(certificate) = &self.shown.certificate {
            extensions.insert(certificate.clone());
        }
        extensions.insert(Arc::clone(&self.cpu));
        if let Protocol::Grpc(memory) = &self.site.protocol {
            extensions.insert(memory.clone());
        }
        Serving {
            route: tower::Service::call(&mut self.site.router.clone(), request),
            running: Some(Running::begin(&self.outstanding)),
            begin: Some(Begin::default()),
            working: None,
            cpu: Arc::clone(&self.cpu),
            windowed,
        }
    }
}

/// A request that is being answered.
pub(super) struct Serving {
    route: RouteFuture<Infallible>,
    running: Option<Running>,
    /// Until its client may begin it: it holds nothing yet that others wait for.
    begin: Option<Begin>,
    working: Option<RunningRequest>,
    cpu: Arc<ConnectionCpu>,
    windowed: bool,
}

impl Future for Serving {
    type Output = Result<Response<Answer>, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let turn = match &mut this.begin {
            Some(begin) => ready!(begin.poll(&this.cpu, context)),
            None => None,
        };
        if this.begin.take().is_some() {
            this.working = Some(RunningRequest::begin(&this.cpu));
        }
        let polled = Pin::new(&mut this.route).poll(context);
        drop(turn);
        let response = ready!(polled)?;
        this.cpu.answered();
        cpu::answered();
        this.working = None;
        let Some(running) = this.running.take() else {
            // Polled again after it was ready, which no caller does.
            return Poll::Pending;
        };
        let windowed = this.windowed;
        let mut answer = response.map(|body| running.answer(body, windowed));
        // The clock of the machine, whatever that of services is set to for a test: it is compared with that of the client.
        date::stamp(answer.headers_mut(), SystemClock::default().now());
        Poll::Ready(Ok(answer))
    }
}

/// Serves HTTP/2 where TLS settled on it, else HTTP/1.1. The two are told apart before the first byte, so
/// that no client can sit in between.
pub(super) async fn run<S>(stream: S, h2: bool, handler: Handler, limits: &Limits, end: &End)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let watch = Watch {
        begun: Arc::clone(&handler.begun),
        outstanding: Arc::clone(&handler.outstanding),
        idle: h2.then_some(limits.idle),
    };
    let cpu = Arc::clone(&handler.cpu);
    if h2 {
        let io = TokioIo::new(stream);
        let connection = http2(limits, &cpu).serve_connection(io, handler);
        drive(Metered::connection(connection, &cpu), &watch, limits, end).await;
    } else {
        let io = TokioIo::new(Explained::new(stream, Arc::clone(&handler.outstanding)));
        let connection = http1(limits).serve_connection(io, handler);
        drive(Metered::connection(connection, &cpu), &watch, limits, end).await;
    }
}

/// What is known of a connection from outside.
struct Watch {
    begun: Arc<AtomicBool>,
    outstanding: Arc<Outstanding>,
    /// How long it may be without a request; HTTP/1.1 has the limit on its heads for that.
    idle: Option<Duration>,
}

impl Watch {
    /// Returns when no request has come within that time.
    async fn unused(&self, wait: Duration) {
        sleep(wait).await;
        if self.begun.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    }

    /// Returns when the client lets an answer wait too long.
    async fn stalled(&self) {
        self.until(|| self.outstanding.is_stalled(Instant::now())).await;
    }

    /// Returns when there was no request for too long.
    async fn idle(&self) {
        let Some(most) = self.idle else {
            return std::future::pending().await;
        };
        self.until(|| self.outstanding.idle(Instant::now()) > most).await;
    }

    async fn until(&self, happened: impl Fn() -> bool) {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !happened() {
            look.tick().await;
        }
    }
}

async fn drive<C: GracefulConnection>(mut connection: Metered<C>, watch: &Watch, limits: &Limits, end: &End) {
    let stalled = || tracing::info!("a client that does not take its answer was cut off");
    tokio::select! {
        _ended = &mut connection => return,
        () = end.stop.cancelled() => connection.exempt(),
        () = sleep(limits.age) => {}
        () = watch.unused(limits.head) => {}
        () = watch.idle() => {}
        () = watch.stalled() => return stalled(),
    }
    connection.inner().graceful_shutdown();
    // hyper waits for the first request of a connection that is told to end before it: not for long.
    tokio::select! {
        _ended = connection => {}
        () = end.kill.cancelled() => {}
        () = sleep(limits.drain) => {}
        () = watch.unused(UNUSED) => {}
        () = watch.stalled() => stalled(),
    }
}

fn http1(limits: &Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(READ_AHEAD)
        .max_header_size(limits.head_bytes as usize);
    builder
}

// Rapid reset and CONTINUATION floods are bounded by h2's own defaults (20 pending resets, 5 frames); a
// connection that is gone is found by the ping.
fn http2(limits: &Limits, cpu: &Arc<ConnectionCpu>) -> http2::Builder<MeteredExecutor> {
    let mut builder = http2::Builder::new(MeteredExecutor(Arc::clone(cpu)));
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(limits.head_bytes)
        .initial_connection_window_size(limits.window)
        .initial_stream_window_size(limits.window / 4)
        .keep_alive_interval(limits.head)
        .keep_alive_timeout(limits.handshake);
    builder
}
