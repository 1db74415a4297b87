//! Entity tags (RFC 9110 section 8.8.3), and the conditions that clients make with them (section 13).

use axum::body::HttpBody;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use data_encoding::HEXLOWER;
use http::header::{CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body_util::BodyExt;
use serde::Serialize;
use x509::digest::sha256;

use super::query::refuse;
use crate::problem::Problem;

/// The paths whose answers get a tag.
const API: &str = "/api/v1/";
/// Longest condition that is looked at, in octets.
const MAX_CONDITION: usize = 4_096;

/// Tells one state of a resource from another, for one caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityTag(String);

impl EntityTag {
    /// The tag of an answer, as the edge makes it of the answer's JSON.
    #[must_use]
    pub fn of(state: &impl Serialize) -> Self {
        Self::of_bytes(&serde_json::to_vec(state).unwrap_or_default())
    }

    /// 128 bits of SHA-256, as a strong tag.
    fn of_bytes(bytes: &[u8]) -> Self {
        let short: Vec<u8> = sha256(bytes).into_iter().take(16).collect();
        Self(format!("\"{}\"", HEXLOWER.encode(&short)))
    }

    fn header(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&self.0).ok()
    }
}

/// The state in which a client saw what it changes: header `If-Match`. A route that takes it declares it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IfMatch(Option<Condition>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Condition {
    Any,
    Tags(Vec<String>),
}

impl IfMatch {
    /// Whether the client did not say.
    #[must_use]
    pub const fn is_absent(&self) -> bool {
        self.0.is_none()
    }

    /// Whether the resource is in the state that the client saw; yes, where it did not say.
    #[must_use]
    pub fn holds(&self, current: &EntityTag) -> bool {
        match &self.0 {
            None | Some(Condition::Any) => true,
            // Strong comparison: a weak tag matches nothing.
            Some(Condition::Tags(tags)) => tags.contains(&current.0),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        if !parts.headers.contains_key(IF_MATCH) {
            return Ok(Self::default());
        }
        let texts = parts.headers.get_all(IF_MATCH).iter();
        let condition = condition(texts).ok_or_else(|| {
            let detail = "header If-Match: takes the ETag of an earlier answer, in its quotes, or *";
            refuse(detail.to_owned()).at("If-Match")
        })?;
        Ok(Self(Some(condition)))
    }
}

/// A list of tags, or `*`; `None` for what is neither.
fn condition<'a>(values: impl Iterator<Item = &'a HeaderValue>) -> Option<Condition> {
    let mut tags = Vec::new();
    for value in values {
        let text = value.to_str().ok().filter(|text| text.len() <= MAX_CONDITION)?;
        if text.trim() == "*" {
            return Some(Condition::Any);
        }
        // No tag of ours has a comma in it, so that a list may be cut at them.
        for tag in text.split(',').map(str::trim).filter(|tag| !tag.is_empty()) {
            let opaque = tag.strip_prefix("W/").unwrap_or(tag);
            let quoted = opaque.len() >= 2 && opaque.starts_with('"') && opaque.ends_with('"');
            tags.push(quoted.then(|| tag.to_owned())?);
        }
    }
    (!tags.is_empty()).then_some(Condition::Tags(tags))
}

/// What a client has already.
pub(super) fn known(headers: &HeaderMap) -> Option<Vec<HeaderValue>> {
    let values = headers.get_all(IF_NONE_MATCH).iter().cloned();
    headers.contains_key(IF_NONE_MATCH).then(|| values.collect())
}

/// Gives an answer of the API its tag, and leaves its body out where the client has
/// it already.
pub(super) async fn tag(template: &str, known: Option<&[HeaderValue]>, response: Response) -> Response {
    if !template.starts_with(API) || response.status() != StatusCode::OK {
        return response;
    }
    let response = tag_by_body(response).await;
    let Some(current) = response.headers().get(ETAG).and_then(|tag| tag.to_str().ok()) else {
        return response;
    };
    // Weak comparison.
    let has = match known.and_then(|known| condition(known.iter())) {
        Some(Condition::Any) => true,
        Some(Condition::Tags(tags)) => tags
            .iter()
            .any(|tag| tag.strip_prefix("W/").unwrap_or(tag) == current),
        None => false,
    };
    if !has {
        return response;
    }
    let mut unchanged = StatusCode::NOT_MODIFIED.into_response();
    if let Some(tag) = response.headers().get(ETAG) {
        unchanged.headers_mut().insert(ETAG, tag.clone());
    }
    unchanged
}

/// Only what is in memory already: a stream is neither held nor read twice.
async fn tag_by_body(response: Response) -> Response {
    let json = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
    if !json || response.body().size_hint().exact().is_none_or(|bytes| bytes == 0) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    match body.collect().await {
        Ok(whole) => {
            let bytes = whole.to_bytes();
            if let Some(tag) = EntityTag::of_bytes(&bytes).header() {
                parts.headers.insert(ETAG, tag);
            }
            Response::from_parts(parts, bytes.into())
        }
        Err(error) => {
            tracing::error!(%error, "an answer in memory could not be read");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(texts: &[&'static str]) -> Vec<HeaderValue> {
        texts.iter().map(|text| HeaderValue::from_static(text)).collect()
    }

    fn if_match(texts: &[&'static str]) -> Option<IfMatch> {
        condition(values(texts).iter()).map(|condition| IfMatch(Some(condition)))
    }

    #[test]
    fn a_write_is_for_the_state_that_was_seen() {
        let (now, before) = (EntityTag::of(&1), EntityTag::of(&2));
        let seen = IfMatch(Some(Condition::Tags(vec![now.0.clone()])));
        assert!(seen.holds(&now) && !seen.holds(&before));
        assert!(IfMatch::default().holds(&now));
        assert!(if_match(&["*"]).unwrap().holds(&now));
        let weak = IfMatch(Some(Condition::Tags(vec![format!("W/{}", now.0)])));
        assert!(!weak.holds(&now));
    }

    #[test]
    fn a_list_of_tags_is_read_and_what_is_none_is_not() {
        let two = Condition::Tags(vec!["\"a\"".to_owned(), "W/\"b\"".to_owned()]);
        assert_eq!(condition(values(&["\"a\" , W/\"b\""]).iter()), Some(two.clone()));
        assert_eq!(condition(values(&["\"a\"", "W/\"b\""]).iter()), Some(two));
        for bad in ["a", "\"a", "\"", "", "\"a\",b"] {
            assert_eq!(if_match(&[bad]), None, "{bad}");
        }
    }

    async fn answered(known: &[&'static str], json: &'static str) -> (StatusCode, Option<String>, usize) {
        let response = ([(CONTENT_TYPE, "application/json")], json).into_response();
        let response = tag("/api/v1/things", Some(&values(known)), response).await;
        let tag = response
            .headers()
            .get(ETAG)
            .map(|tag| tag.to_str().unwrap().to_owned());
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, tag, bytes.len())
    }

    #[tokio::test]
    async fn what_the_client_has_is_not_sent_again() {
        let (status, first, length) = answered(&["\"other\""], "{}").await;
        assert_eq!((status, length), (StatusCode::OK, 2));
        let known: &'static str = Box::leak(format!("W/{}", first.clone().unwrap()).into_boxed_str());
        assert_eq!(
            answered(&[known], "{}").await,
            (StatusCode::NOT_MODIFIED, first, 0)
        );
        assert_eq!(answered(&[known], "[]").await.0, StatusCode::OK);
    }
}
