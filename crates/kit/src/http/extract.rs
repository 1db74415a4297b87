//! Strict readers of requests, each of whose refusals is a problem document that names the input.
//!
//! [`Json`] and [`Query`] refuse members and parameters that the type does not have, whether or not the type
//! asks for that. A body that can't be parsed is 400; one that can, but is not what the path takes, is 422.

use std::cell::Cell;

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::Kind;
use crate::problem::Problem;

/// Deepest nesting of a JSON body.
const MAX_DEPTH: usize = 32;

/// A JSON body, in and out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json<T>(pub T);

/// Query parameters.
#[derive(Clone, Copy, Debug, Default)]
pub struct Query<T>(pub T);

/// What [`Query`] reads on a route that takes no query parameters: `_: Query<NoParameters>`.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct NoParameters {}

/// Parameters in the path.
#[derive(Clone, Copy, Debug, Default)]
pub struct Path<T>(pub T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let detail = "the body has to be sent as Content-Type: application/json";
            return Err(Problem::with_status(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                detail,
            ));
        }
        let body =
            Bytes::from_request(request, state)
                .await
                .map_err(|rejection| match rejection.status() {
                    StatusCode::PAYLOAD_TOO_LARGE => Problem::new(
                        Kind::TooLarge,
                        "body-too-large",
                        "the body is larger than this service takes",
                    ),
                    _ => Problem::new(
                        Kind::Invalid,
                        "invalid-request",
                        "the body could not be read to its end",
                    ),
                })?;
        json(&body).map(Self)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    if too_deep(body) {
        let detail = format!("the body is nested deeper than {MAX_DEPTH} levels");
        return Err(Problem::new(Kind::Invalid, "invalid-request", detail));
    }
    let unknown = Cell::new(None);
    let mut source = serde_json::Deserializer::from_slice(body);
    let value = serde_ignored::deserialize(&mut source, |path| unknown.set(Some(path.to_string())));
    let value = value
        .and_then(|value| source.end().map(|()| value))
        .map_err(|error| explain::<T>(body, &error))?;
    match unknown.into_inner() {
        Some(path) => Err(unprocessable(format!("there is no member {path:?} in this request")).at(path)),
        None => Ok(value),
    }
}

// The path to the mistake costs time, and only mistakes pay for it: the body is read a second time.
fn explain<T: DeserializeOwned>(body: &[u8], error: &serde_json::Error) -> Problem {
    if !error.is_data() {
        return Problem::new(
            Kind::Invalid,
            "invalid-request",
            format!("the body is not JSON: {error}"),
        );
    }
    let mut source = serde_json::Deserializer::from_slice(body);
    let problem = unprocessable(error.to_string());
    match serde_path_to_error::deserialize::<_, T>(&mut source) {
        Err(located) if located.path().iter().next().is_some() => problem.at(located.path().to_string()),
        _ => problem,
    }
}

fn unprocessable(detail: String) -> Problem {
    Problem::new(Kind::Unprocessable, "invalid-request", detail)
}

fn too_deep(body: &[u8]) -> bool {
    let (mut depth, mut text, mut escaped) = (0_usize, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if text => escaped = true,
            b'"' => text = !text,
            b'{' | b'[' if !text => depth += 1,
            b'}' | b']' if !text => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return true;
        }
    }
    false
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        query(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

fn query<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    let refuse = |detail: String| Problem::new(Kind::Invalid, "invalid-request", detail);
    let source = || serde_urlencoded::Deserializer::new(form_urlencoded::parse(text.as_bytes()));
    let unknown = Cell::new(None);
    let value = serde_ignored::deserialize(source(), |path| unknown.set(Some(path.to_string()))).map_err(
        |error| match serde_path_to_error::deserialize::<_, T>(source()) {
            Err(located) if located.path().iter().next().is_some() => {
                let name = located.path().to_string();
                refuse(format!("query parameter {name}: {error}")).at(name)
            }
            _ => refuse(format!("query: {error}")),
        },
    )?;
    match unknown.into_inner() {
        Some(name) => Err(refuse(format!("there is no query parameter {name:?} here")).at(name)),
        None => Ok(value),
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        path.map(|axum::extract::Path(value)| Self(value))
            .map_err(|rejection| match rejection {
                PathRejection::FailedToDeserializePathParams(failed) => Problem::new(
                    Kind::Invalid,
                    "invalid-request",
                    format!("path: {}", failed.kind()),
                ),
                _ => Problem::new(
                    Kind::Internal,
                    "internal",
                    "the service failed; its log has the cause",
                ),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Body {
        #[expect(dead_code, reason = "only read")]
        csr: String,
        #[serde(default)]
        #[expect(dead_code, reason = "only read")]
        options: Vec<Options>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Options {
        #[expect(dead_code, reason = "only read")]
        days: u16,
    }

    fn refused(body: &str) -> (u16, Option<String>) {
        let problem = json::<Body>(body.as_bytes()).unwrap_err();
        (problem.status, problem.field.map(String::from))
    }

    #[test]
    fn a_mistake_in_a_body_is_named() {
        let field = |name: &str| Some(name.to_owned());
        assert!(json::<Body>(br#"{"csr": "x", "options": [{"days": 3}]}"#).is_ok());
        assert_eq!(refused(r#"{"csr": "x", "admin": true}"#), (422, field("admin")));
        assert_eq!(
            refused(r#"{"csr": "x", "options": [{"days": 1}, {"days": 3, "hours": 1}]}"#).0,
            422
        );
        assert_eq!(
            refused(r#"{"csr": "x", "options": [{"days": 1}, {"days": -3}]}"#),
            (422, field("options[1].days"))
        );
        assert_eq!(refused(r#"{"csr": 7}"#), (422, field("csr")));
        assert_eq!(refused("{}").0, 422);
    }

    #[test]
    fn what_is_not_json_is_malformed() {
        for body in [
            "",
            "{",
            "csr",
            r#"{"csr": "x"} {}"#,
            "\u{0}",
            r#"{"csr": "\ud800"}"#,
        ] {
            assert_eq!(refused(body).0, 400, "{body}");
        }
        assert_eq!(json::<Body>(b"{\"csr\": \"\xff\"}").unwrap_err().status, 400);
    }

    #[test]
    fn depth_is_bounded_and_brackets_in_text_do_not_count() {
        assert_eq!(refused(&"[".repeat(100_000)).0, 400);
        assert!(!too_deep(
            format!("{{\"csr\": \"{}\\\"{}\"}}", "[".repeat(100), "{".repeat(100)).as_bytes()
        ));
        assert!(too_deep(&b"[".repeat(MAX_DEPTH + 1)));
        assert!(!too_deep(&b"[".repeat(MAX_DEPTH)));
        assert!(!too_deep(&b"[]".repeat(1000)));
    }

    #[derive(Debug, Deserialize)]
    struct List {
        #[expect(dead_code, reason = "only read")]
        limit: Option<u16>,
    }

    #[test]
    fn a_mistake_in_a_query_is_named() {
        assert!(query::<List>("limit=5").is_ok());
        assert!(query::<List>("").is_ok());
        for (text, field) in [
            ("limit=5&limt=6", "limt"),
            ("limit=-1", "limit"),
            ("limit=", "limit"),
            ("x%00=1", "x\0"),
        ] {
            let problem = query::<List>(text).unwrap_err();
            assert_eq!(
                (problem.status, problem.field.as_deref()),
                (400, Some(field)),
                "{text}"
            );
        }
        assert_eq!(query::<List>("limit=1&limit=2").unwrap_err().status, 400);
        assert!(query::<NoParameters>("").is_ok());
        let problem = query::<NoParameters>("limit=1").unwrap_err();
        assert_eq!((problem.status, problem.field.as_deref()), (400, Some("limit")));
    }
}
