//! `Idempotency-Key`: what makes a repeated request have one effect.
//!
//! A service stores the [`IdempotencyKey::hash`] of key and requester beside what the request made, in the same
//! transaction; two requesters may use the same key without meeting.

use std::fmt;

use aws_lc_rs::digest;
use http::HeaderMap;

use crate::error::{Fault, Kind};

/// Name of the header.
pub const HEADER: &str = "idempotency-key";

/// The value of an `Idempotency-Key`: 1 to 255 visible ASCII characters.
#[derive(Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

/// The key is not of its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadIdempotencyKey {
    /// Empty, too long, or with other characters.
    #[error("Idempotency-Key takes 1 to 255 visible ASCII characters")]
    Form,
    /// More than one header.
    #[error("Idempotency-Key was sent more than once")]
    Twice,
}

impl IdempotencyKey {
    /// Checks the form.
    ///
    /// # Errors
    /// [`BadIdempotencyKey::Form`].
    pub fn new(text: impl Into<String>) -> Result<Self, BadIdempotencyKey> {
        let text = text.into();
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if visible && (1..=255).contains(&text.len()) {
            Ok(Self(text))
        } else {
            Err(BadIdempotencyKey::Form)
        }
    }

    /// The key of a request, if it has one.
    ///
    /// # Errors
    /// [`BadIdempotencyKey`].
    pub fn from_headers(headers: &HeaderMap) -> Result<Option<Self>, BadIdempotencyKey> {
        let mut values = headers.get_all(HEADER).iter();
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            // What is not visible ASCII becomes the empty text, which is refused.
            (Some(value), None) => Self::new(value.to_str().unwrap_or_default()).map(Some),
            (Some(_), Some(_)) => Err(BadIdempotencyKey::Twice),
        }
    }

    /// SHA-256 over requester and key. A key holds no NUL, so that the two cannot run into each other.
    #[must_use]
    pub fn hash(&self, requester: &str) -> [u8; 32] {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(requester.as_bytes());
        context.update(b"\0");
        context.update(self.0.as_bytes());
        let mut hash = [0; 32];
        hash.copy_from_slice(context.finish().as_ref());
        hash
    }
}

// A key may be guessed at from logs and then replayed: it is not shown.
impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdempotencyKey")
    }
}

impl Fault for BadIdempotencyKey {
    fn kind(&self) -> Kind {
        Kind::Invalid
    }

    fn problem(&self) -> &str {
        "invalid-request"
    }

    fn public(&self) -> String {
        self.to_string()
    }

    fn field(&self) -> Option<&str> {
        Some("Idempotency-Key")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HEADER, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn one_header_of_visible_ascii_is_a_key() {
        assert_eq!(IdempotencyKey::from_headers(&headers(&[])), Ok(None));
        assert_eq!(
            IdempotencyKey::from_headers(&headers(&["order-7"])),
            IdempotencyKey::new("order-7").map(Some)
        );
        assert_eq!(
            IdempotencyKey::from_headers(&headers(&["a", "a"])),
            Err(BadIdempotencyKey::Twice)
        );
        for bad in ["", "a b", "ä", &"x".repeat(256)] {
            assert_eq!(IdempotencyKey::new(bad), Err(BadIdempotencyKey::Form), "{bad}");
        }
    }

    #[test]
    fn two_requesters_never_meet() {
        let key = |text: &str| IdempotencyKey::new(text).unwrap();
        assert_ne!(key("k").hash("ada"), key("k").hash("grace"));
        assert_ne!(key("k").hash("adak"), key("kk").hash("ada"));
        assert_eq!(key("k").hash("ada"), key("k").hash("ada"));
    }
}
