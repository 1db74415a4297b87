//! Which request this is: W3C Trace Context and correlation id, in and out.
//!
//! [`RequestScope::accept`] reads the headers of a request and [`RequestScope::run`] makes it the current one for the
//! handler's task; [`inject`] writes the current one into the headers of a call to a peer; [`current`] is
//! what goes into an outbox event. HTTP and gRPC use the same headers, in process as over the wire.
//! Tasks that a handler spawns have no current request: hand them [`current`] as a value.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use store::outbox::NewEvent;
use tracing::Instrument;
use vocabulary::EventType;

use crate::w3c;

/// Header and gRPC metadata key of the correlation id, in requests and answers.
pub const CORRELATION_ID: &str = "x-correlation-id";
pub(crate) const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";

/// Longest correlation id that is taken from a caller.
const MAX_CORRELATION_ID: usize = 128;

tokio::task_local! {
    static CURRENT: Arc<Ids>;
}

/// What an event or a log line keeps of the request that caused it. Both are absent outside of requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceContext {
    /// W3C `traceparent` of the span that served the request.
    pub traceparent: Option<String>,
    /// What the caller named it, or else the trace id.
    pub correlation_id: Option<String>,
}

#[derive(Debug)]
struct Ids {
    traceparent: HeaderValue,
    tracestate: Option<HeaderValue>,
    correlation_id: HeaderValue,
}

/// The request that this task serves.
#[must_use]
pub fn current() -> TraceContext {
    let text = |value: &HeaderValue| value.to_str().ok().map(str::to_owned);
    CURRENT
        .try_with(|ids| TraceContext {
            traceparent: text(&ids.traceparent),
            correlation_id: text(&ids.correlation_id),
        })
        .unwrap_or_default()
}

/// An event that the current request causes.
pub fn event(kind: EventType, subject: impl Into<String>, data: serde_json::Value) -> NewEvent {
    let trace = current();
    NewEvent {
        kind,
        subject: subject.into(),
        data,
        correlation_id: trace.correlation_id,
        traceparent: trace.traceparent,
    }
}

/// Writes the current request's ids into the headers of a call to a peer. Outside of requests it does nothing.
pub fn inject(headers: &mut HeaderMap) {
    let _outside = CURRENT.try_with(|ids| {
        headers.insert(TRACEPARENT, ids.traceparent.clone());
        headers.insert(CORRELATION_ID, ids.correlation_id.clone());
        if let Some(state) = &ids.tracestate {
            headers.insert(TRACESTATE, state.clone());
        }
    });
}

/// A request that was received, before it is served.
#[derive(Clone, Debug)]
pub struct RequestScope(Arc<Ids>);

impl RequestScope {
    /// Continues the caller's trace, or starts one where the headers have none that is well-formed.
    #[must_use]
    pub fn accept(headers: &HeaderMap) -> Self {
        let caller = w3c::parent(headers);
        let tracestate = caller.and_then(|_| w3c::state(headers));
        let span = w3c::Span::child_of(caller);
        let correlation_id = match headers.get(CORRELATION_ID) {
            Some(id) if acceptable(id) => id.clone(),
            _ => span.trace_id_header(),
        };
        Self(Arc::new(Ids {
            traceparent: span.header(),
            tracestate,
            correlation_id,
        }))
    }

    /// For the answer's `x-correlation-id`.
    #[must_use]
    pub fn correlation_id(&self) -> HeaderValue {
        self.0.correlation_id.clone()
    }

    /// Runs `future` as this request. Its log lines carry the ids.
    pub async fn run<F: Future>(self, future: F) -> F::Output {
        let trace_id = self
            .0
            .traceparent
            .to_str()
            .ok()
            .and_then(|text| text.get(3..35))
            .unwrap_or_default();
        let correlation_id = self.0.correlation_id.to_str().unwrap_or_default();
        let span = tracing::info_span!("request", correlation_id, trace_id);
        CURRENT.scope(self.0, future.instrument(span)).await
    }
}

// What gets into logs, events and headers must not be able to forge any of them.
fn acceptable(id: &HeaderValue) -> bool {
    let bytes = id.as_bytes();
    (1..=MAX_CORRELATION_ID).contains(&bytes.len())
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
            .collect()
    }

    #[tokio::test]
    async fn a_callers_trace_goes_on_with_a_span_of_our_own() {
        let incoming = headers(&[
            (
                "traceparent",
                "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            ),
            ("tracestate", "congo=t61rcWkgMzE"),
            ("x-correlation-id", "order-7"),
        ]);
        let out = RequestScope::accept(&incoming)
            .run(async {
                let mut out = HeaderMap::new();
                inject(&mut out);
                assert_eq!(
                    current().traceparent.as_deref(),
                    Some(out["traceparent"].to_str().unwrap())
                );
                out
            })
            .await;
        let traceparent = out["traceparent"].to_str().unwrap();
        assert!(traceparent.starts_with("00-0af7651916cd43dd8448eb211c80319c-"));
        assert!(traceparent.ends_with("-01"));
        assert!(!traceparent.contains("b7ad6b7169203331"));
        assert_eq!(out["tracestate"], "congo=t61rcWkgMzE");
        assert_eq!(out["x-correlation-id"], "order-7");
    }

    #[tokio::test]
    async fn a_correlation_id_that_could_forge_a_log_line_is_replaced_by_the_trace_id() {
        for bad in ["", "a b", "a\tb", "{\"a\"}", &"x".repeat(129)] {
            let context = RequestScope::accept(&headers(&[("x-correlation-id", bad)]))
                .run(async { current() })
                .await;
            let id = context.correlation_id.unwrap();
            assert_eq!(context.traceparent.unwrap().get(3..35), Some(id.as_str()));
        }
    }

    #[test]
    fn outside_of_requests_there_is_nothing_to_say() {
        assert_eq!(current(), TraceContext::default());
        let mut out = HeaderMap::new();
        inject(&mut out);
        assert!(out.is_empty());
    }
}
