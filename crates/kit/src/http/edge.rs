//! What stands around every REST route, in one layer.
//!
//! In order: ids of the request, size and time limits, a guard against panics, the net of problem
//! documents, whether the client takes the answer, metrics, one log event, headers. It is one layer and one
//! future on purpose: at thousands of requests a second each further layer costs an allocation per request and
//! route.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::body::HttpBody as _;
use axum::extract::{MatchedPath, Request};
use axum::response::{IntoResponse, Response};
use axum::routing::Route;
use bytes::BytesMut;
use futures::FutureExt;
use http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::BodyExt;
use tokio::sync::{Semaphore, SemaphorePermit};
use tower::ServiceExt;

use super::accept::accepts;
use super::connection::Connection;
use super::measure::Measure;
use super::net;
use crate::error::Kind;
use crate::problem::Problem;
use crate::trace::{CORRELATION_ID, Scope};

/// Label and log value of requests that match no route.
const UNMATCHED: &str = "unmatched";
/// Bytes beyond the limit that are read and dropped, so that the refusal arrives.
const PASSED_OVER: usize = 1024 * 1024;

/// What all bodies of a process together may take while they are read and answered.
static MEMORY: BodyMemory = BodyMemory::new(64 * 1024 * 1024);

/// Bytes of memory that requests share for their bodies. One limit a request does not bound a process: thousands of
/// connections can each send most of a body and then wait.
#[derive(Debug)]
pub struct BodyMemory(Semaphore);

impl BodyMemory {
    /// So many bytes.
    #[must_use]
    pub const fn new(bytes: u32) -> Self {
        Self(Semaphore::const_new(bytes as usize))
    }

    /// `bytes` more for a request; none are left if that is `false`.
    fn take<'a>(&'a self, held: &mut Option<SemaphorePermit<'a>>, bytes: usize) -> bool {
        let Ok(bytes) = u32::try_from(bytes) else {
            return false;
        };
        let Ok(more) = self.0.try_acquire_many(bytes) else {
            return false;
        };
        match held {
            Some(held) => held.merge(more),
            None => *held = Some(more),
        }
        true
    }
}

/// Gives `router` everything of this module with the usual limits. Call it last, once, on the whole router.
pub fn standard_layers(router: Router, service: &'static str) -> Router {
    Edge::new(service).around(router)
}

/// The layer of [`standard_layers`] with limits of one's own.
#[derive(Clone, Copy, Debug)]
pub struct Edge {
    service: &'static str,
    body: usize,
    time: Duration,
    memory: &'static BodyMemory,
}

impl Edge {
    /// Bodies of at most 256 KiB, 30 seconds a request. `service` is a metric label.
    #[must_use]
    pub const fn new(service: &'static str) -> Self {
        Self {
            service,
            body: 256 * 1024,
            time: Duration::from_secs(30),
            memory: &MEMORY,
        }
    }

    /// Takes bodies from this memory instead of the one that the process shares.
    #[must_use]
    pub const fn body_memory(self, memory: &'static BodyMemory) -> Self {
        Self { memory, ..self }
    }

    /// Most bytes of a request body; more are answered 413.
    #[must_use]
    pub const fn body_limit(self, bytes: usize) -> Self {
        Self { body: bytes, ..self }
    }

    /// Longest time until the head of the answer; more is answered 503.
    #[must_use]
    pub const fn time_limit(self, time: Duration) -> Self {
        Self { time, ..self }
    }

    /// Puts the layer around every route of `router`.
    pub fn around(self, router: Router) -> Router {
        let measure = Arc::new(Measure::new(self.service));
        router.layer(tower::layer::layer_fn(move |route: Route| {
            let measure = Arc::clone(&measure);
            tower::service_fn(move |request| self.serve(Arc::clone(&measure), route.clone(), request))
        }))
    }

    async fn serve(
        self,
        measure: Arc<Measure>,
        route: Route,
        request: Request,
    ) -> Result<Response, Infallible> {
        let scope = Scope::accept(request.headers());
        let correlation_id = scope.correlation_id();
        let tls = request
            .extensions()
            .get::<Connection>()
            .is_some_and(|connection| connection.tls);
        let mut response = scope.run(self.observed(&measure, route, request)).await;
        let headers = response.headers_mut();
        headers.insert(HeaderName::from_static(CORRELATION_ID), correlation_id);
        protect(headers, tls);
        Ok(response)
    }

    async fn observed(self, measure: &Measure, route: Route, request: Request) -> Response {
        let started = Instant::now();
        let matched = request.extensions().get::<MatchedPath>().cloned();
        let method = request.method().clone();
        // What changes something is done and answered, whatever the client would rather read.
        let choosy = method.is_safe() && request.headers().contains_key(ACCEPT);
        let accept = choosy.then(|| request.headers().clone());
        let mut response = net::catch(self.guarded(route, request).await);
        if let Some(accept) = accept {
            response = acceptable(&accept, response);
        }
        let template = matched.as_ref().map_or(UNMATCHED, MatchedPath::as_str);
        let took = started.elapsed();
        measure.record(template, response.status().as_u16(), took);
        log(&method, template, response.status(), took);
        response
    }

    async fn guarded(self, route: Route, request: Request) -> Response {
        let answer = async {
            match self.read(request).await {
                Ok((request, _held)) => route.oneshot(request).await,
                Err(problem) => Ok(problem.into_response()),
            }
        };
        let answer = AssertUnwindSafe(answer).catch_unwind();
        match tokio::time::timeout(self.time, answer).await {
            Ok(Ok(Ok(response))) => response,
            Ok(Err(_panic)) => {
                tracing::error!("a handler panicked");
                Problem::new(
                    Kind::Internal,
                    "internal",
                    "the service failed; its log has the cause",
                )
                .into_response()
            }
            Err(_elapsed) => Problem::new(
                Kind::Unavailable,
                "timeout",
                "the service did not answer in time; try again",
            )
            .retry_after(Duration::from_secs(2))
            .into_response(),
        }
    }

    // The whole body before anything answers: an HTTP/2 client that is answered while it still sends may take the
    // reset of its stream for a failure and drop the answer.
    // Its memory is held until the answer is there.
    async fn read(self, request: Request) -> Result<(Request, Option<SemaphorePermit<'static>>), Problem> {
        if request.body().is_end_stream() {
            return Ok((request, None));
        }
        let (parts, mut body) = request.into_parts();
        let (mut whole, mut length) = (BytesMut::new(), 0_usize);
        let (mut held, mut full) = (None, false);
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_broken| {
                Problem::new(
                    Kind::Invalid,
                    "invalid-request",
                    "the body could not be read to its end",
                )
            })?;
            let Ok(data) = frame.into_data() else { continue };
            length = length.saturating_add(data.len());
            if length <= self.body {
                full = full || !self.memory.take(&mut held, data.len());
                if full {
                    (whole, held) = (BytesMut::new(), None);
                } else {
                    whole.extend_from_slice(&data);
                }
            } else if length > self.body.saturating_add(PASSED_OVER) {
                break;
            }
        }
        if length > self.body {
            let detail = format!("the body is larger than the {} bytes that are taken", self.body);
            return Err(Problem::new(Kind::TooLarge, "body-too-large", detail));
        }
        if full {
            let detail = "too many request bodies are being read; try again";
            return Err(
                Problem::new(Kind::Unavailable, "unavailable", detail).retry_after(Duration::from_secs(1))
            );
        }
        Ok((Request::from_parts(parts, Body::from(whole.freeze())), held))
    }
}

/// The answer, or 406 if the client takes no such thing. Problems are sent whatever it takes: better a reason in
/// another form than none.
fn acceptable(accept: &HeaderMap, response: Response) -> Response {
    let content_type = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    match content_type {
        Some(content_type) if response.status().is_success() && !accepts(accept, content_type) => {
            let detail = format!("the answer is {content_type}, which the Accept header does not take");
            Problem::with_status(StatusCode::NOT_ACCEPTABLE, "not-acceptable", &detail).into_response()
        }
        _ => response,
    }
}

fn log(method: &Method, route: &str, status: StatusCode, took: Duration) {
    let (status, ms) = (status.as_u16(), took.as_secs_f64() * 1000.0);
    match status {
        500.. => tracing::warn!(%method, route, status, ms, "request"),
        400.. => tracing::info!(%method, route, status, ms, "request"),
        _ => tracing::debug!(%method, route, status, ms, "request"),
    }
}

// What a handler sets itself stays: the console needs scripts, published CRLs may be cached.
fn protect(headers: &mut HeaderMap, tls: bool) {
    const DEFAULTS: [(HeaderName, HeaderValue); 4] = [
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (
            CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
        ),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    for (name, value) in DEFAULTS {
        headers.entry(name).or_insert(value);
    }
    if tls {
        // RFC 6797 section 7.2: not over plain HTTP.
        headers.insert(
            STRICT_TRANSPORT_SECURITY,
            const { HeaderValue::from_static("max-age=31536000") },
        );
    }
}
