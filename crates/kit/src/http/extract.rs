//! Strict readers of requests, each of whose refusals is a problem document that names the input.
//!
//! [`Json`] and [`Raw`] are the only ways to a request's body. Both give it to an authenticated caller: a handler takes
//! `Allow<…>` before them. A route that is open to anybody says so: [`Unauthenticated`]`<Json<…>>`. [`Json`] and
//! [`Query`] refuse members and parameters that the type does not have, whether or not the type asks for that. A body
//! that cannot be parsed is 400; one that can, but is not what the path takes, is 422.

use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::openapi::path::{Parameter, ParameterIn};
use vocabulary::ProblemType;

use super::body::{self, Admitted};
use super::{json, query};
use crate::dry_run::{BodyDigest, TakenParameter};
use crate::error::FAILED;
use crate::problem::Problem;

/// A JSON body, in and out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json<T>(pub T);

/// A body as it came.
#[derive(Clone, Debug, Default)]
pub struct Raw(pub Bytes);

/// A body from anybody, for routes whose callers prove who they are inside of it, or not at all. It is read from the
/// smaller part of the memory that such callers have.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unauthenticated<E>(pub E);

/// Query parameters.
#[derive(Clone, Copy, Debug, Default)]
pub struct Query<T>(pub T);

/// What [`Query`] reads on a route that takes no query parameters: `_: Query<NoParameters>`.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct NoParameters {}

impl utoipa::IntoParams for NoParameters {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        Vec::new()
    }
}

/// The body of a verb that takes nothing: an empty object.
#[derive(Clone, Copy, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NoMembers {}

/// Parameters in the path.
#[derive(Clone, Copy, Debug, Default)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned> Json<T> {
    /// Reads a whole body, strictly.
    ///
    /// # Errors
    /// What is wrong with it, in words of JSON, and where.
    pub fn read(body: &[u8]) -> Result<Self, Problem> {
        json::from_slice(body).map(Self)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

impl<S: Send + Sync> FromRequest<S> for Raw {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let body = body::take(&parts, body).await?;
        if let Some(digest) = parts.extensions.get::<BodyDigest>() {
            digest.set(&body);
        }
        Ok(Self(body))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !media_type(request.headers()).eq_ignore_ascii_case("application/json") {
            let detail = "the body has to be sent as Content-Type: application/json, said once";
            return Err(Problem::new(ProblemType::UnsupportedMediaType, detail));
        }
        if !is_utf8(request.headers()) {
            return Err(Problem::new(
                ProblemType::UnsupportedMediaType,
                "JSON is read as UTF-8 only; send the body so, and no other charset in Content-Type",
            ));
        }
        let Raw(body) = Raw::from_request(request, state).await?;
        Self::read(&body)
    }
}

impl<S: Send + Sync, E: FromRequest<S>> FromRequest<S> for Unauthenticated<E> {
    type Rejection = E::Rejection;

    async fn from_request(mut request: Request, state: &S) -> Result<Self, E::Rejection> {
        if request.extensions().get::<Admitted>().is_none() {
            request.extensions_mut().insert(Admitted::Anybody);
        }
        E::from_request(request, state).await.map(Self)
    }
}

/// Type and subtype of the body, without parameters; empty if there is no such header, or more than one: a proxy before us may
/// have believed the other.
pub(super) fn media_type(headers: &HeaderMap) -> &str {
    if headers.get_all(CONTENT_TYPE).iter().nth(1).is_some() {
        return "";
    }
    let media_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    media_type.split(';').next().unwrap_or_default().trim()
}

/// Whether the body is not said to be in another charset. JSON has none but UTF-8 (RFC 8259 section 8.1), and its media
/// type no such parameter; what says so is right all the same.
fn is_utf8(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return true;
    };
    let charset = |parameter: &str| {
        let (name, value) = parameter.split_once('=')?;
        let named = name.trim().eq_ignore_ascii_case("charset");
        named.then(|| value.trim().trim_matches('"').to_ascii_lowercase())
    };
    let mut charsets = value.split(';').skip(1).filter_map(charset);
    charsets.all(|charset| matches!(charset.as_str(), "utf-8" | "utf8" | "us-ascii"))
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let mut pairs = query::pairs(parts.uri.query().unwrap_or_default());
        // Another extractor reads that one.
        if let Some(taken) = parts.extensions.get::<TakenParameter>() {
            pairs.retain(|(name, _)| name != taken.0);
        }
        query::read(&pairs).map(Self)
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        path.map(|axum::extract::Path(value)| Self(value))
            .map_err(|rejection| match rejection {
                PathRejection::FailedToDeserializePathParams(failed) => misshapen(failed.kind()),
                _ => Problem::new(ProblemType::Internal, FAILED),
            })
    }
}

// axum's own words name the Rust type.
fn misshapen(kind: &ErrorKind) -> Problem {
    let refuse = |detail: String| Problem::new(ProblemType::InvalidRequest, detail);
    match kind {
        ErrorKind::ParseErrorAtKey { key, value, .. } => {
            refuse(format!("path parameter {key}: {value:?} is not of its form")).at(key.as_str())
        }
        ErrorKind::InvalidUtf8InPathParam { key } => {
            refuse(format!("path parameter {key} is not UTF-8")).at(key.as_str())
        }
        _ => refuse("a part of the path is not of its form".to_owned()).at("path"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_charset_is_told_from_utf_8() {
        let said = |value: &'static str| {
            is_utf8(&HeaderMap::from_iter([(
                CONTENT_TYPE,
                http::HeaderValue::from_static(value),
            )]))
        };
        assert!(is_utf8(&HeaderMap::new()));
        for good in [
            "application/json",
            "application/json; charset=UTF-8",
            "application/json;charset=\"utf-8\"",
            "application/json; version=1",
        ] {
            assert!(said(good), "{good}");
        }
        for bad in [
            "application/json; charset=iso-8859-1",
            "application/json; Charset=\"utf-16\"",
            "application/json; charset=utf-16",
            "application/json; charset=utf-8; charset=latin1",
        ] {
            assert!(!said(bad), "{bad}");
        }
    }

    #[test]
    fn two_media_types_are_none() {
        let once = HeaderMap::from_iter([(CONTENT_TYPE, http::HeaderValue::from_static("application/json"))]);
        let mut twice = once.clone();
        twice.append(CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
        assert_eq!((media_type(&once), media_type(&twice)), ("application/json", ""));
    }
}
