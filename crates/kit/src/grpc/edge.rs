//! What every call of a gRPC service passes first, on a listener and in process alike.
//!
//! In order: ids of the request, allow list, memory and pace of the message, deadline, a guard against panics, metrics,
//! one log event. Nothing of a message is read for a caller that the allow list refuses.
//! A deadline holds until the head of the answer: for a unary call that is all of it, for a stream it is
//! the time until the stream begins. A stream of requests has a longer one, and memory is counted for as much of it as is in memory
//! at once.

use std::collections::HashMap;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use http::{Request, Response};
use metrics::Histogram;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::service::Routes;
use tonic::{Code, Status};
use tower::{Layer, Service};
use vocabulary::metric;

use super::deadline::{self, Requests};
use super::received;
use crate::error::FAILED;
use crate::peer::{AllowTable, Way, check};
use crate::trace::RequestScope;
use crate::transport::InProcess;

/// Label of methods that no table lists.
const UNLISTED: &str = "unlisted";

/// The layer of this module. `service` is a metric label; `allow` says who may call what.
#[must_use]
pub fn edge(service: &'static str, allow: AllowTable) -> Edge {
    Edge {
        allow,
        streams: &[],
        measure: Arc::new(Measure {
            service,
            seconds: RwLock::default(),
        }),
    }
}

/// Routes of one service behind its [`edge`]: for the listener, and for callers in this process.
pub fn routes<S>(service: &'static str, allow: AllowTable, server: S) -> Routes
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
        + NamedService
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send + 'static,
{
    edge(service, allow).routes(server)
}

/// The layer made by [`edge`].
#[derive(Clone)]
pub struct Edge {
    allow: AllowTable,
    streams: &'static [&'static str],
    measure: Arc<Measure>,
}

impl<S> Layer<S> for Edge {
    type Service = Edged<S>;

    fn layer(&self, inner: S) -> Edged<S> {
        Edged {
            inner,
            edge: self.clone(),
        }
    }
}

/// A gRPC service with its edge.
#[derive(Clone)]
pub struct Edged<S> {
    inner: S,
    edge: Edge,
}

impl<S: NamedService> NamedService for Edged<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<Request<Body>> for Edged<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // The instance that is ready is the one to call; the clone waits for its own turn.
        let waiting = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, waiting);
        let edge = self.edge.clone();
        Box::pin(async move {
            let scope = RequestScope::accept(request.headers());
            Ok(scope.run(edge.observed(inner, request)).await)
        })
    }
}

impl Edge {
    /// The methods, as paths, whose requests are streams.
    #[must_use]
    pub fn streaming(self, streams: &'static [&'static str]) -> Self {
        Self { streams, ..self }
    }

    /// Routes of one service behind it.
    pub fn routes<S>(self, server: S) -> Routes
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        Routes::new(self.layer(server))
    }

    fn requests(&self, method: &str) -> Requests {
        match self.streams.contains(&method) {
            true => Requests::Stream,
            false => Requests::One,
        }
    }

    async fn observed<S>(self, inner: S, request: Request<Body>) -> Response<Body>
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    {
        let started = Instant::now();
        let listed = self
            .allow
            .iter()
            .map(|(method, _)| *method)
            .find(|method| *method == request.uri().path());
        let method = listed.unwrap_or(UNLISTED);
        let in_process = request.extensions().get::<InProcess>().is_some();
        let way = match in_process {
            true => Way::InProcess,
            false => Way::Network,
        };
        let peer = request.extensions().get();
        let response = match check(self.allow, request.uri().path(), peer, way) {
            Ok(()) => guarded(inner, request, self.requests(method)).await,
            Err(status) => status.into_http(),
        };
        let code = Status::from_header_map(response.headers()).map_or(Code::Ok, |status| status.code());
        let took = started.elapsed();
        self.measure.record(method, code, took);
        log(method, code, took, in_process);
        response
    }
}

/// A call in this process is a step of its own work: whoever called says what a refusal means, `NotFound` for one.
fn log(method: &'static str, code: Code, took: Duration, in_process: bool) {
    let ms = took.as_secs_f64() * 1000.0;
    if code == Code::Ok || in_process {
        tracing::debug!(method, ms, ?code, "gRPC call");
    } else {
        log_refusal(method, ms, code);
    }
}

fn log_refusal(method: &'static str, ms: f64, code: Code) {
    match code {
        Code::Internal | Code::Unknown => tracing::warn!(method, ms, ?code, "gRPC call"),
        _ => tracing::info!(method, ms, ?code, "gRPC call"),
    }
}

async fn guarded<S>(mut inner: S, request: Request<Body>, requests: Requests) -> Response<Body>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    let Ok(deadline) = deadline::of(request.headers(), requests) else {
        return Status::invalid_argument("grpc-timeout takes up to eight digits and one of H M S m u n")
            .into_http();
    };
    let (request, _holding) = match received::counted(request, requests) {
        Ok(counted) => counted,
        Err(status) => return status.into_http(),
    };
    let answer = AssertUnwindSafe(inner.call(request)).catch_unwind();
    match tokio::time::timeout(deadline, answer).await {
        Ok(Ok(Ok(response))) => response,
        Ok(Err(_panic)) => {
            tracing::error!("a method panicked");
            Status::internal(FAILED).into_http()
        }
        Err(_elapsed) => Status::deadline_exceeded("the service did not answer in time").into_http(),
    }
}

/// `gigvault_grpc_request_seconds{service,method,code}`, handles kept.
struct Measure {
    service: &'static str,
    seconds: RwLock<HashMap<(&'static str, Code), Histogram>>,
}

impl Measure {
    fn record(&self, method: &'static str, code: Code, took: Duration) {
        let key = (method, code);
        if let Some(known) = self
            .seconds
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
        {
            return known.record(took.as_secs_f64());
        }
        let first = metrics::histogram!(
            metric::GRPC_REQUEST_SECONDS,
            "service" => self.service, "method" => method, "code" => format!("{code:?}")
        );
        first.record(took.as_secs_f64());
        self.seconds
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key, first);
    }
}
