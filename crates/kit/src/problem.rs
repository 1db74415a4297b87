//! RFC 9457 problem documents: what REST answers when it does not do what was asked.
//!
//! A [`Problem`] is made from any [`Fault`]; that conversion also logs what an operator must know, once.
//! It carries the correlation id of the request, so that a user's report finds the log lines.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use vocabulary::ProblemType;
use vocabulary::problem::TYPE_BASE;

use crate::dry_run::Difference;
use crate::error::{Fault, report};
use crate::trace;

/// RFC 9457 section 3.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// A problem document (RFC 9457). Kept small: it is the error half of every handler's result.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// Stable URI of the kind of problem.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "https://gigvault.io/problems/not-found")]
    pub kind: Box<str>,
    /// The same for every problem of this type.
    pub title: &'static str,
    /// The HTTP status.
    #[schema(example = 404)]
    pub status: u16,
    /// What failed, and what to do.
    #[schema(value_type = String)]
    pub detail: Box<str>,
    /// Dotted path of the member, parameter or field at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub field: Option<Box<str>>,
    /// Ids of the lints that refused.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(value_type = Vec<String>, required = false)]
    pub lints: Box<[String]>,
    /// What has changed since the preview that the request held to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Difference>>)]
    pub difference: Option<Box<Vec<Difference>>>,
    /// Finds the request in the logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub correlation_id: Option<Box<str>>,
    #[serde(skip)]
    retry_after: Option<Seconds>,
}

/// RFC 9110 section 10.2.3 has whole seconds; zero would mean "at once".
#[derive(Clone, Copy, Debug)]
struct Seconds(u32);

impl From<Duration> for Seconds {
    fn from(wait: Duration) -> Self {
        Self(wait.as_secs_f64().ceil().max(1.0) as u32)
    }
}

impl Problem {
    /// A problem that is not a service's: of the transport or of the framework. Its status is the first of its type.
    #[must_use]
    pub fn new(problem: ProblemType, detail: impl Into<Box<str>>) -> Self {
        Self {
            kind: format!("{TYPE_BASE}{}", problem.slug()).into(),
            title: problem.title(),
            status: problem.statuses().first().copied().unwrap_or(500),
            detail: detail.into(),
            field: None,
            lints: Box::default(),
            difference: None,
            correlation_id: trace::current().correlation_id.map(Into::into),
            retry_after: None,
        }
    }

    /// With another status than the first of its type.
    #[must_use]
    pub(crate) fn status(mut self, status: StatusCode) -> Self {
        self.status = status.as_u16();
        self
    }

    /// Names the input at fault.
    #[must_use]
    pub fn at(mut self, field: impl Into<Box<str>>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Says when to try again (`Retry-After`).
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait.into());
        self
    }
}

impl<F: Fault> From<F> for Problem {
    fn from(fault: F) -> Self {
        report(&fault);
        let shown = fault.shown();
        let status = shown.kind.http();
        debug_assert!(
            shown.problem.statuses().contains(&status.as_u16()),
            "{:?} is documented without the status {status}",
            shown.problem
        );
        let mut problem = Self::new(shown.problem, fault.public()).status(status);
        problem.field = shown.field.map(Into::into);
        problem.lints = shown.lints.into();
        let difference = shown.difference;
        problem.difference = (!difference.is_empty()).then(|| Box::new(difference.to_vec()));
        problem.retry_after = shown.retry_after.map(Into::into);
        problem
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(Seconds(wait)) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(wait));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Kind, Shown};

    #[derive(Debug, thiserror::Error)]
    #[error("try again")]
    struct Broken(#[source] std::io::Error);
    impl Fault for Broken {
        fn shown(&self) -> Shown<'_> {
            Shown::of(Kind::Unavailable)
                .at("csr")
                .retry_after(Duration::from_millis(1200))
        }
    }

    #[tokio::test]
    async fn a_fault_becomes_a_document_without_its_internals() {
        let response = Problem::from(Broken(std::io::Error::other("secret inside"))).into_response();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()[RETRY_AFTER], "2");
        assert_eq!(response.headers()[CONTENT_TYPE], MEDIA_TYPE);
        let body = axum::body::to_bytes(response.into_body(), 4096).await.unwrap();
        let document: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            document,
            serde_json::json!({
                "type": "https://gigvault.io/problems/unavailable", "title": "Temporarily unavailable",
                "status": 503, "detail": "try again", "field": "csr",
            })
        );
    }

    #[test]
    fn an_unauthenticated_problem_names_the_scheme() {
        let response = Problem::new(ProblemType::Unauthenticated, "no").into_response();
        assert_eq!(response.headers()[WWW_AUTHENTICATE], "Bearer");
    }
}
