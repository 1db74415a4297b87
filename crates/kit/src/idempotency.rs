//! `Idempotency-Key`: what makes a repeated request have one effect.
//!
//! A service stores the [`IdempotencyClaim`] of a request beside what the request made, in the same transaction, with a
//! unique index on its key. A request that is repeated finds what was made by [`earlier`], before it does anything, and
//! again when that index refuses it, because the other was faster.

use std::fmt;

use http::HeaderMap;
use store::IdempotencyClaim;
use x509::digest::sha256;

use crate::error::{Common, Invalid};

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

    /// The claim of this requester on what is asked for: its [`digest`]. A key holds no NUL, so that requester and key cannot
    /// run into each other.
    #[must_use]
    pub fn claim(&self, requester: &str, asked: [u8; 32]) -> IdempotencyClaim {
        IdempotencyClaim {
            key: sha256(&[requester.as_bytes(), b"\0", self.0.as_bytes()].concat()),
            request: asked,
        }
    }
}

/// SHA-256 over the length-prefixed parts of a request; what is absent differs from what is empty.
#[must_use]
pub fn digest(parts: &[Option<&[u8]>]) -> [u8; 32] {
    let mut framed = Vec::new();
    for part in parts {
        framed.push(u8::from(part.is_some()));
        let part = part.unwrap_or_default();
        framed.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        framed.extend_from_slice(part);
    }
    sha256(&framed)
}

/// What the same request made before. `find` looks its key up: the digest of the request that it stands for, and what that
/// one made.
///
/// # Errors
/// [`Common::IdempotencyConflict`] if that was another request; those of `find`.
pub async fn earlier<T, D, E, F>(
    claim: Option<IdempotencyClaim>,
    find: impl AsyncFnOnce([u8; 32]) -> Result<Option<(D, T)>, F>,
) -> Result<Option<T>, E>
where
    D: AsRef<[u8]>,
    E: From<Common> + From<F>,
{
    let Some(claim) = claim else {
        return Ok(None);
    };
    match find(claim.key).await? {
        Some((asked, made)) if asked.as_ref() == claim.request => Ok(Some(made)),
        Some(_) => Err(Common::IdempotencyConflict.into()),
        None => Ok(None),
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
        let key = |text: &str, requester| IdempotencyKey::new(text).unwrap().claim(requester, [0; 32]).key;
        assert_ne!(key("k", "ada"), key("k", "grace"));
        assert_ne!(key("k", "adak"), key("kk", "ada"));
        assert_eq!(key("k", "ada"), key("k", "ada"));
    }

    #[test]
    fn a_digest_tells_parts_that_are_absent_empty_or_run_into_each_other() {
        let digests = [
            digest(&[Some(b"ab"), Some(b"c")]),
            digest(&[Some(b"a"), Some(b"bc")]),
            digest(&[Some(b"abc"), Some(b"")]),
            digest(&[Some(b"abc"), None]),
            digest(&[Some(b"abc")]),
        ];
        for (at, one) in digests.iter().enumerate() {
            assert!(!digests[..at].contains(one), "{at}");
        }
    }

    #[tokio::test]
    async fn a_repeated_request_gets_what_was_made_and_another_with_its_key_is_refused() {
        let claim = |request| IdempotencyClaim {
            key: [1; 32],
            request,
        };
        let find = async |claim| -> Result<Option<&str>, Common> {
            let made = async |key: [u8; 32]| Ok::<_, Common>((key == [1; 32]).then(|| (vec![2; 32], "made")));
            earlier(claim, made).await
        };
        assert_eq!(find(None).await.unwrap(), None);
        assert_eq!(find(Some(claim([2; 32]))).await.unwrap(), Some("made"));
        let other = find(Some(claim([3; 32]))).await.unwrap_err();
        assert!(matches!(other, Common::IdempotencyConflict), "{other}");
        let unknown = IdempotencyClaim {
            key: [9; 32],
            ..claim([2; 32])
        };
        assert_eq!(find(Some(unknown)).await.unwrap(), None);
    }
}
