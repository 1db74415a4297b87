//! The layer around every REST route.
//!
//! In order: ids of the request, a place among the requests of its peer, what RFC 9110 and RFC 9112 demand, route and method, the
//! operation's declaration (query parameters, headers, body), a time limit, a guard against panics, the net of problem documents,
//! whether the client takes a form of the answer, wants it as it is, and does not have it already, metrics, one log event, headers.
//! The body stays unread: see [`super::body`]. It is one layer and one future on purpose: at thousands of requests a second each
//! further layer costs an allocation per request and route.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::extract::{MatchedPath, Request};
use axum::response::{IntoResponse, Response};
use axum::routing::Route;
use futures::FutureExt;
use http::header::{
    ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use http_body_util::BodyExt;
use tower::ServiceExt;
use vocabulary::ProblemType;

use super::accept::accepts;
use super::answer::AnswerMemory;
use super::body::{self, BodyMemory, Closed, Gate, Pace, Terms};
use super::connection::Connection;
use super::declared::{Declaration, Declared, Operation};
use super::etag::Conditions;
use super::measure::Measure;
use super::message::{self, Refusal};
use super::places::{Place, Places};
use super::public::PublicRoutes;
use super::quota::PeerKey;
use super::site::Site;
use super::unread::Unread;
use super::{lists, net};
use crate::error::FAILED;
use crate::problem::Problem;
use crate::trace::{CORRELATION_ID, RequestScope};

/// Label and log value of requests that match no route.
const UNMATCHED: &str = "unmatched";
/// How long an HTTP/2 request without a length may take to say that it has no body.
const NO_BODY: Duration = Duration::from_millis(500);
const MIB: usize = 1024 * 1024;

/// Gives `router` everything of this module with the usual limits, where no route takes query parameters or a body. Call
/// it last, once, on the whole router.
pub fn standard_layers(router: Router, service: &'static str) -> Site {
    Edge::new(service).around(router)
}

/// The layer of [`standard_layers`] with declarations and limits of one's own.
#[derive(Clone, Debug)]
pub struct Edge {
    service: &'static str,
    declared: Declared,
    body: usize,
    pace: Pace,
    time: Duration,
    memory: BodyMemory,
    answers: AnswerMemory,
    places: Places,
    unread: Unread,
}

impl Edge {
    /// Bodies of at most 256 KiB, 64 MiB of them together and 16 MiB of one client; 30 seconds a request; 512 requests
    /// at a time as [`Self::requests_per_peer`] counts them. `service` is a metric label.
    #[must_use]
    pub fn new(service: &'static str) -> Self {
        Self {
            service,
            declared: Declared::default(),
            body: super::BODY_LIMIT,
            pace: Pace::default(),
            time: Duration::from_secs(30),
            memory: BodyMemory::new(64 * MIB, 16 * MIB),
            answers: AnswerMemory::new(64 * MIB, 16 * MIB),
            places: Places::new(512),
            unread: Unread::new(),
        }
    }

    /// What the operations take: query parameters and bodies that are not in here are refused.
    #[must_use]
    pub fn declared(self, declared: Declared) -> Self {
        Self { declared, ..self }
    }

    /// Memory for the bodies of all requests.
    #[must_use]
    pub fn body_memory(self, memory: BodyMemory) -> Self {
        Self { memory, ..self }
    }

    /// Memory for large answers that wait to be read.
    #[must_use]
    pub fn answer_memory(self, answers: AnswerMemory) -> Self {
        Self { answers, ..self }
    }

    /// The slowest that a body may come; what is slower is answered 408.
    #[must_use]
    pub fn pace(self, pace: Pace) -> Self {
        Self { pace, ..self }
    }

    /// Most requests of the strangers of one client address, of its callers with a credential, and of one principal, at a time;
    /// more are answered 429. A request counts until its answer was taken.
    #[must_use]
    pub fn requests_per_peer(self, each: usize) -> Self {
        Self {
            places: Places::new(each),
            ..self
        }
    }

    /// Most bytes of a request body; more are answered 413.
    #[must_use]
    pub fn body_limit(self, bytes: usize) -> Self {
        Self { body: bytes, ..self }
    }

    /// Longest time until the head of the answer; more is answered 503.
    #[must_use]
    pub fn time_limit(self, time: Duration) -> Self {
        Self { time, ..self }
    }

    /// Puts the layer around every route of `router`.
    pub fn around(self, router: Router) -> Site {
        let measure = Arc::new(Measure::new(self.service));
        let edge = Arc::new(self);
        let layer = tower::layer::layer_fn(move |route: Route| {
            let (edge, measure) = (Arc::clone(&edge), Arc::clone(&measure));
            tower::service_fn(move |request| {
                let (edge, measure) = (Arc::clone(&edge), Arc::clone(&measure));
                let route = route.clone();
                async move { edge.serve(&measure, route, request).await }
            })
        });
        Site::rest(router.layer(layer))
    }

    /// Puts the layer around routes that bring their declarations.
    #[must_use]
    pub fn around_public(self, routes: PublicRoutes) -> Site {
        let (router, declared) = routes.add_to(Router::new(), self.declared.clone());
        self.declared(declared).around(router)
    }

    async fn serve(&self, measure: &Measure, route: Route, request: Request) -> Result<Response, Infallible> {
        let scope = RequestScope::accept(request.headers());
        let correlation_id = scope.correlation_id();
        let connection = request.extensions().get::<Connection>().copied();
        let mut response = scope.run(self.observed(measure, route, request)).await;
        let headers = response.headers_mut();
        headers.insert(HeaderName::from_static(CORRELATION_ID), correlation_id);
        protect(headers, connection.is_some_and(|connection| connection.tls));
        Ok(response)
    }

    async fn observed(&self, measure: &Measure, route: Route, request: Request) -> Response {
        let started = Instant::now();
        let matched = request.extensions().get::<MatchedPath>().cloned();
        let peer = peer(request.extensions());
        let (method, version) = (request.method().clone(), request.version());
        let choosy = request.headers().contains_key(ACCEPT) && self.negotiates(matched.as_ref(), &method);
        let accept = choosy.then(|| request.headers().clone());
        let conditions = Conditions::of(request.headers());
        let (response, unread, place) = self.counted(route, matched.as_ref(), request).await;
        let mut response = net::catch(response);
        if let Some(accept) = accept {
            response = acceptable(&accept, response);
        }
        // For HEAD there still is the body of GET here, which is left out behind this.
        if matches!(method, Method::GET | Method::HEAD)
            && let Some(template) = &matched
        {
            response = conditions.answer(template.as_str(), response).await;
        }
        if method.is_safe() {
            let principal = place.as_ref().and_then(Place::principal);
            response = self.answers.hold(peer, principal, response);
        }
        if let Some(place) = place {
            response = place.until_taken(response);
        }
        match unread {
            Some(rest) if version == Version::HTTP_2 => self.unread.drain(peer, rest),
            Some(_) => {
                // RFC 9112 section 9.6: the rest of the body is not a request.
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(CONNECTION, close);
            }
            None => {}
        }
        let template = matched.as_ref().map_or(UNMATCHED, MatchedPath::as_str);
        let took = started.elapsed();
        measure.record(template, response.status().as_u16(), took);
        log(&method, template, response.status(), took);
        response
    }

    /// Whether the Accept header decides what is answered. RFC 9110 section 12.5.1 lets a server pass it over: where there is
    /// only one form, clients get it whatever they ask for. What changes something is done and answered in any case.
    fn negotiates(&self, matched: Option<&MatchedPath>, method: &Method) -> bool {
        let known = matched
            .filter(|_| method.is_safe())
            .map(|template| self.declared.find(template.as_str(), method));
        matches!(known, Some(Declaration::Operation(operation)) if operation.is_negotiated())
    }

    /// The answer, what it leaves unread of the body, and the place of the request.
    async fn counted(
        &self,
        route: Route,
        matched: Option<&MatchedPath>,
        request: Request,
    ) -> (Response, Option<Body>, Option<Place>) {
        let shows = request.headers().contains_key(AUTHORIZATION);
        let place = self
            .places
            .enter(peer(request.extensions()), request.extensions().get(), shows);
        let (parts, mut body) = request.into_parts();
        let unread = |body: Body| Some(body).filter(|body| !body.is_end_stream());
        let place = match place {
            Ok(place) => place,
            Err(problem) => return (problem.into_response(), unread(body), None),
        };
        let admitted = match self.admit(matched, &parts, &mut body).await {
            Ok(admitted) => admitted,
            Err(refusal) => {
                let mut response = refusal.problem.into_response();
                response.headers_mut().extend(refusal.header);
                return (response, unread(body), Some(place));
            }
        };
        let (request, gate) = self.shut_in(parts, body, admitted, place);
        let response = self.guarded(route, request, &gate).await;
        lists::made(&gate, response.body().size_hint().lower());
        (response, gate.unread(), gate.place())
    }

    /// Refuses what no route takes and what this one does not declare; answers whether it is for a page of a list, and how large its
    /// body may be.
    async fn admit(
        &self,
        matched: Option<&MatchedPath>,
        parts: &Parts,
        body: &mut Body,
    ) -> Result<(bool, usize), Box<Refusal>> {
        static PLAIN: Operation = Operation::PLAIN;
        message::check(parts)?;
        let known = matched.map(|template| self.declared.find(template.as_str(), &parts.method));
        let operation = match known {
            Some(Declaration::Operation(operation)) => Some(operation),
            Some(Declaration::Undeclared) => Some(&PLAIN),
            // The route itself says 404 or 405.
            Some(Declaration::OtherMethod) | None => None,
        };
        let declared = operation.and_then(Operation::body_limit);
        let limit = declared.unwrap_or(self.body);
        if let Some(operation) = operation {
            if !operation.takes_body() && brings_body(parts.version, body).await {
                let detail = "this path and method take no body";
                return Err(Problem::new(ProblemType::BodyTooLarge, detail).into());
            }
            operation.check(parts, !body.is_end_stream())?;
            if body.size_hint().lower() > limit as u64 {
                return Err(body::too_large(limit).into());
            }
        }
        Ok((operation.is_some_and(Operation::lists), limit))
    }

    /// The request with its body behind a gate.
    fn shut_in(
        &self,
        mut parts: Parts,
        body: Body,
        (lists, limit): (bool, usize),
        place: Place,
    ) -> (Request, Gate) {
        let terms = Terms {
            peer: peer(&parts.extensions),
            memory: self.memory.clone(),
            places: self.places.clone(),
            place,
            limit,
            pace: self.pace,
            lists,
        };
        let gate = Gate::new(body, terms);
        parts.extensions.insert(gate.clone());
        (Request::from_parts(parts, Body::new(Closed)), gate)
    }

    async fn guarded(&self, route: Route, request: Request, gate: &Gate) -> Response {
        let answer = AssertUnwindSafe(route.oneshot(request)).catch_unwind();
        match tokio::time::timeout(self.time, answer).await {
            Ok(Ok(Ok(response))) => response,
            Ok(Err(_panic)) => {
                tracing::error!("a handler panicked");
                Problem::new(ProblemType::Internal, FAILED).into_response()
            }
            Err(_elapsed) if gate.is_reading() => body::stalled(self.pace).into_response(),
            Err(_elapsed) => Problem::new(
                ProblemType::Timeout,
                "the service did not answer in time; try again",
            )
            .retry_after(Duration::from_secs(2))
            .into_response(),
        }
    }
}

fn peer(extensions: &Extensions) -> PeerKey {
    extensions.get().map_or_else(PeerKey::default, Connection::peer)
}

/// Whether there is a body. Over HTTP/2 a request without one may end its stream in a frame of its own.
async fn brings_body(version: Version, body: &mut Body) -> bool {
    if body.is_end_stream() {
        return false;
    }
    if version != Version::HTTP_2 || body.size_hint().upper().is_some() {
        return true;
    }
    match tokio::time::timeout(NO_BODY, body.frame()).await {
        Ok(None) => false,
        Ok(Some(Ok(frame))) => !frame.data_ref().is_some_and(bytes::Bytes::is_empty) || !body.is_end_stream(),
        _ => true,
    }
}

/// The answer, or 406 if the client takes none of its forms. Problems are sent whatever it takes: better a reason in
/// another form than none.
fn acceptable(accept: &HeaderMap, response: Response) -> Response {
    let content_type = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    match content_type {
        Some(content_type) if response.status().is_success() && !accepts(accept, content_type) => {
            let detail = format!("the answer is {content_type}, which the Accept header does not take");
            Problem::new(ProblemType::NotAcceptable, detail).into_response()
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
