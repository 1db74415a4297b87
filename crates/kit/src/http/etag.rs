//! Entity tags (RFC 9110 section 8.8.3), and the conditions that clients make with them (section 13).
//!
//! What a service answers below [`API`] and has in memory gets a tag at the edge. A handler that has a better one sets it. The
//! conditions of a read are looked at by the edge alone, those of a write by the handler, which takes [`IfMatch`].

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};
use bytes::Bytes;
use data_encoding::HEXLOWER;
use http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Frame;
use serde::Serialize;
use vocabulary::ProblemType;
use x509::digest::sha256;

use super::query::refuse;
use crate::problem::Problem;

/// The paths whose answers get a tag.
const API: &str = "/api/v1/";

/// Tells one state of a resource from another, for one caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityTag {
    weak: bool,
    /// Between the quotes.
    opaque: Vec<u8>,
}

impl EntityTag {
    /// The tag of an answer, as the edge makes it of the answer's JSON.
    #[must_use]
    pub fn of(state: &impl Serialize) -> Self {
        Self::of_bytes(&serde_json::to_vec(state).unwrap_or_default())
    }

    /// 128 bits of SHA-256, as a strong tag.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self::of_digest(&sha256(bytes))
    }

    /// The first 128 bits of a digest, as a strong tag.
    #[must_use]
    pub fn of_digest(digest: &[u8]) -> Self {
        let short: Vec<u8> = digest.iter().copied().take(16).collect();
        Self {
            weak: false,
            opaque: HEXLOWER.encode(&short).into_bytes(),
        }
    }

    /// The tag that `text` begins with, and what follows it.
    pub(super) fn read(text: &[u8]) -> Option<(Self, &[u8])> {
        let (weak, quoted) = match text.strip_prefix(b"W/") {
            Some(quoted) => (true, quoted),
            None => (false, text),
        };
        let inside = quoted.strip_prefix(b"\"")?;
        // There is no escape: a backslash is a character of the tag.
        let end = inside.iter().position(|byte| !is_etagc(*byte))?;
        let (opaque, behind) = inside.split_at_checked(end)?;
        let tag = Self {
            weak,
            opaque: opaque.to_vec(),
        };
        Some((tag, behind.strip_prefix(b"\"")?))
    }

    fn of_answer(response: &Response) -> Option<Self> {
        match Self::read(response.headers().get(ETAG)?.as_bytes())? {
            (tag, []) => Some(tag),
            _ => None,
        }
    }

    pub(super) fn header(&self) -> Option<HeaderValue> {
        let weak: &[u8] = if self.weak { b"W/" } else { b"" };
        HeaderValue::from_bytes(&[weak, b"\"", &self.opaque, b"\""].concat()).ok()
    }

    /// RFC 9110 section 8.8.3.2: a weak tag matches nothing.
    pub(super) fn is_strongly(&self, other: &Self) -> bool {
        !self.weak && self == other
    }

    /// RFC 9110 section 8.8.3.2.
    fn is_weakly(&self, other: &Self) -> bool {
        self.opaque == other.opaque
    }
}

/// RFC 9110 section 8.8.3: visible ASCII but for the quote, and `obs-text`.
const fn is_etagc(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x7e | 0x80..=0xff)
}

/// The header `ETag`.
impl IntoResponseParts for EntityTag {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        if let Some(tag) = self.header() {
            parts.headers_mut().insert(ETAG, tag);
        }
        Ok(parts)
    }
}

/// `"*" / #entity-tag` of RFC 9110 sections 13.1.1 and 13.1.2.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Condition {
    Any,
    Tags(Vec<EntityTag>),
}

impl Condition {
    /// `None` for what is neither `*` nor a list of tags. The lines of a header are one list (RFC 9110 section 5.3), and
    /// members of it may be empty (section 5.6.1.2).
    fn read<'a>(lines: impl Iterator<Item = &'a HeaderValue>) -> Option<Self> {
        let lines: Vec<&[u8]> = lines.map(HeaderValue::as_bytes).collect();
        let whole = lines.join(&b","[..]);
        let mut rest = whole.trim_ascii();
        if rest == b"*" {
            return Some(Self::Any);
        }
        let mut tags = Vec::new();
        loop {
            if let Some((tag, behind)) = EntityTag::read(rest) {
                tags.push(tag);
                rest = behind.trim_ascii_start();
            }
            rest = match rest {
                [] => return Some(Self::Tags(tags)),
                [b',', behind @ ..] => behind.trim_ascii_start(),
                _ => return None,
            };
        }
    }

    fn of(headers: &HeaderMap, name: &HeaderName) -> Option<Self> {
        let lines = headers.get_all(name).iter();
        headers.contains_key(name).then(|| Self::read(lines)).flatten()
    }

    /// Whether it names a resource with that tag, if it has one.
    fn names(&self, current: Option<&EntityTag>, same: fn(&EntityTag, &EntityTag) -> bool) -> bool {
        match self {
            Self::Any => true,
            Self::Tags(tags) => current.is_some_and(|current| tags.iter().any(|tag| same(tag, current))),
        }
    }
}

/// The state in which a client saw what it changes: header `If-Match`. A route that takes it declares it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IfMatch(Option<Condition>);

impl IfMatch {
    /// As the request has it.
    ///
    /// # Errors
    /// `If-Match` is neither a list of tags nor `*`.
    pub(super) fn from_headers(headers: &HeaderMap) -> Result<Self, Problem> {
        if !headers.contains_key(IF_MATCH) {
            return Ok(Self::default());
        }
        let condition = Condition::of(headers, &IF_MATCH).ok_or_else(|| {
            let detail = "header If-Match: takes the ETag of an earlier answer, in its quotes, or *";
            refuse(detail.to_owned()).at("If-Match")
        })?;
        Ok(Self(Some(condition)))
    }

    /// Whether the client did not say.
    #[must_use]
    pub const fn is_absent(&self) -> bool {
        self.0.is_none()
    }

    /// Whether the resource is in the state that the client saw; yes, where it did not say.
    #[must_use]
    pub fn holds(&self, current: &EntityTag) -> bool {
        self.holds_for(Some(current))
    }

    fn holds_for(&self, current: Option<&EntityTag>) -> bool {
        let names = |condition: &Condition| condition.names(current, EntityTag::is_strongly);
        self.0.as_ref().is_none_or(names)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        Self::from_headers(&parts.headers)
    }
}

/// What a client says about what it reads.
pub(super) struct Conditions {
    if_match: IfMatch,
    /// What it has already.
    if_none_match: Option<Condition>,
}

impl Conditions {
    /// One that cannot be read is not there: nothing worse comes of it than an answer that the client has. `If-Match` was
    /// refused then.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        Self {
            if_match: IfMatch(Condition::of(headers, &IF_MATCH)),
            if_none_match: Condition::of(headers, &IF_NONE_MATCH),
        }
    }

    /// Gives the answer to a GET its tag, and leaves it out where the client does not want it as it is, or its body where the
    /// client has it already: in this order (RFC 9110 section 13.2.2).
    pub(super) async fn answer(&self, template: &str, response: Response) -> Response {
        if response.status() != StatusCode::OK {
            return response;
        }
        let response = match template.starts_with(API) {
            true => tag_by_body(response).await,
            false => response,
        };
        let current = EntityTag::of_answer(&response);
        if let Err(problem) = self.check_match(current.as_ref()) {
            return problem.into_response();
        }
        match self.has(current.as_ref()) {
            true => unchanged(response),
            false => response,
        }
    }

    /// Refuses a state that the client does not want.
    pub(super) fn check_match(&self, current: Option<&EntityTag>) -> Result<(), Problem> {
        if self.if_match.holds_for(current) {
            return Ok(());
        }
        let detail = "what is there does not have the ETag of If-Match; read it without that header";
        Err(Problem::new(ProblemType::Changed, detail).at("If-Match"))
    }

    /// Whether the client has it already.
    pub(super) fn has(&self, current: Option<&EntityTag>) -> bool {
        let has = |known: &Condition| known.names(current, EntityTag::is_weakly);
        self.if_none_match.as_ref().is_some_and(has)
    }
}

/// RFC 9110 section 15.4.5: what is about the answer stays, and what is about the body that is left out does not.
pub(super) fn unchanged(response: Response) -> Response {
    let (mut parts, _) = response.into_parts();
    parts.status = StatusCode::NOT_MODIFIED;
    for name in [CONTENT_TYPE, CONTENT_LENGTH, CONTENT_DISPOSITION] {
        parts.headers.remove(name);
    }
    Response::from_parts(parts, Body::new(LeftOut))
}

/// The body of an answer that is left out. Its length is not told, since `Content-Length` would be that of the answer with its body
/// (RFC 9110 section 8.6), and not 0.
struct LeftOut;

impl HttpBody for LeftOut {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        true
    }
}

/// Only what is in memory already: a stream is neither held nor read twice.
async fn tag_by_body(response: Response) -> Response {
    let in_memory = response.body().size_hint().exact().is_some_and(|bytes| bytes > 0);
    if !in_memory || response.headers().contains_key(ETAG) {
        return response;
    }
    let (parts, body) = response.into_parts();
    match body.collect().await {
        Ok(whole) => {
            let bytes = whole.to_bytes();
            let tag = EntityTag::of_bytes(&bytes);
            (tag, Response::from_parts(parts, Body::from(bytes))).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "an answer in memory could not be read");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

#[cfg(test)]
mod tests;
