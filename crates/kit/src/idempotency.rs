//! `Idempotency-Key`: what makes a repeated request have one effect.
//!
//! A service stores the [`IdempotencyKey::hash`] of key and requester beside what the request made, in the same
//! transaction; two requesters may use the same key without meeting.

use std::fmt;

use http::HeaderMap;
use x509::digest::sha256;

use crate::error::Invalid;

/// Name of the header.
pub const HEADER: &str = "idempotency-key";
/// The same as a problem document names it.
const FIELD: &str = "Idempotency-Key";

/// The value of an `Idempotency-Key`: 1 to 255 visible ASCII characters.
#[derive(Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Checks the form.
    ///
    /// # Errors
    /// [`Invalid`] for any other text.
    pub fn new(text: impl Into<String>) -> Result<Self, Invalid> {
        let text = text.into();
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if visible && (1..=255).contains(&text.len()) {
            Ok(Self(text))
        } else {
            Err(Invalid::new(FIELD, "takes 1 to 255 visible ASCII characters"))
        }
    }

    /// The key of a request, if it has one.
    ///
    /// # Errors
    /// [`Invalid`] if it is not of its form, or was sent more than once.
    pub fn from_headers(headers: &HeaderMap) -> Result<Option<Self>, Invalid> {
        let mut values = headers.get_all(HEADER).iter();
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            // What is not visible ASCII becomes the empty text, which is refused.
            (Some(value), None) => Self::new(value.to_str().unwrap_or_default()).map(Some),
            (Some(_), Some(_)) => Err(Invalid::new(FIELD, "was sent more than once")),
        }
    }

    /// SHA-256 over requester and key. A key holds no NUL, so that the two cannot run into each other.
    #[must_use]
    pub fn hash(&self, requester: &str) -> [u8; 32] {
        sha256(&[requester.as_bytes(), b"\0", self.0.as_bytes()].concat())
    }
}

// A key may be guessed at from logs and then replayed: it is not shown.
impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdempotencyKey")
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
        let twice = IdempotencyKey::from_headers(&headers(&["a", "a"])).unwrap_err();
        assert_eq!(twice.to_string(), "Idempotency-Key: was sent more than once");
        for bad in ["", "a b", "ä", &"x".repeat(256)] {
            let refused = IdempotencyKey::new(bad).unwrap_err();
            assert_eq!(refused.field, "Idempotency-Key", "{bad}");
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
