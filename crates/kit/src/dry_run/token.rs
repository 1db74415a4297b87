//! A preview's token: what the preview rested on, for whom and until when, under a MAC of the service.
//!
//! `base64url(claims).base64url(HMAC-SHA256)`. The claims are not secret; the MAC says that this service wrote them. A token
//! opens nothing: it can only make a request fail that would have succeeded without it.

use std::collections::BTreeMap;

use aws_lc_rs::hmac;
use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use vocabulary::ProblemType;

use super::{Difference, RestIntent};
use crate::error::{Fault, Kind, Shown};

/// Name of the header that carries it.
pub const HEADER: &str = "preview-token";
/// Most bytes of a token that is looked at: headers of one request are at most 16 KiB.
pub(super) const MAX_TOKEN: usize = 12 * 1024;
/// What the MAC is for, so that no other use of the secret gives the same.
const PURPOSE: &[u8] = b"gigvault preview token 1\n";

/// Why a token does not let a request pass.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Not written by this service, or not for this request of this caller.
    #[error(
        "Preview-Token is not from a dry run of this very request by this caller; repeat the dry run and send its token"
    )]
    Unknown,
    /// Older than it may be.
    #[error("the preview is older than ten minutes; repeat the dry run and look at its consequences again")]
    Expired,
    /// What it rested on is different.
    #[error("what the preview showed has changed since; look at the difference and repeat the dry run")]
    Changed(Vec<Difference>),
    /// The service's secret cannot be read.
    #[error("previews cannot be made or checked now")]
    Store(#[from] store::StoreError),
}

impl Fault for Refusal {
    fn shown(&self) -> Shown<'_> {
        let stale = || Shown::of(Kind::Conflict).typed(ProblemType::PreviewStale);
        match self {
            Self::Unknown => Shown::of(Kind::Invalid).at("Preview-Token"),
            Self::Expired => stale(),
            Self::Changed(difference) => stale().difference(difference),
            Self::Store(error) => error.shown(),
        }
    }
}

/// What a token says.
#[derive(Serialize, Deserialize)]
struct Claims {
    /// Unix time, seconds.
    expires: i64,
    /// [`RestIntent::binding`], base64url.
    request: String,
    facts: BTreeMap<String, String>,
}

/// Writes and reads tokens of one service.
pub(super) struct Sealer(hmac::Key);

impl Sealer {
    pub(super) fn new(secret: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    fn tag(&self, claims: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(PURPOSE);
        context.update(claims);
        context.sign()
    }

    pub(super) fn seal(
        &self,
        asked: &RestIntent,
        facts: BTreeMap<String, String>,
        expires: OffsetDateTime,
    ) -> Result<String, Refusal> {
        let claims = Claims {
            expires: expires.unix_timestamp(),
            request: BASE64URL_NOPAD.encode(&asked.binding()),
            facts,
        };
        let claims = serde_json::to_vec(&claims).map_err(|_| Refusal::Unknown)?;
        let tag = self.tag(&claims);
        Ok(format!(
            "{}.{}",
            BASE64URL_NOPAD.encode(&claims),
            BASE64URL_NOPAD.encode(tag.as_ref())
        ))
    }

    /// Whether the request's token is for this request and its facts are still those.
    pub(super) fn check(
        &self,
        asked: &RestIntent,
        now_facts: BTreeMap<String, String>,
        now: OffsetDateTime,
    ) -> Result<(), Refusal> {
        let claims = self.open(asked.token()).ok_or(Refusal::Unknown)?;
        let binding = BASE64URL_NOPAD.encode(&asked.binding());
        let same =
            aws_lc_rs::constant_time::verify_slices_are_equal(claims.request.as_bytes(), binding.as_bytes());
        if same.is_err() {
            return Err(Refusal::Unknown);
        }
        if now.unix_timestamp() > claims.expires {
            return Err(Refusal::Expired);
        }
        let difference = difference(claims.facts, now_facts);
        match difference.is_empty() {
            true => Ok(()),
            false => Err(Refusal::Changed(difference)),
        }
    }

    fn open(&self, token: &str) -> Option<Claims> {
        let (claims, tag) = token.split_once('.')?;
        let claims = BASE64URL_NOPAD.decode(claims.as_bytes()).ok()?;
        let tag = BASE64URL_NOPAD.decode(tag.as_bytes()).ok()?;
        let signed = [PURPOSE, &claims].concat();
        hmac::verify(&self.0, &signed, &tag).ok()?;
        serde_json::from_slice(&claims).ok()
    }
}

fn difference(mut before: BTreeMap<String, String>, now: BTreeMap<String, String>) -> Vec<Difference> {
    let mut found = Vec::new();
    for (what, state) in now {
        let before = before.remove(&what);
        if before.as_ref() != Some(&state) {
            found.push(Difference {
                what,
                before,
                now: Some(state),
            });
        }
    }
    found.extend(before.into_iter().map(|(what, state)| Difference {
        what,
        before: Some(state),
        now: None,
    }));
    found
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2027-01-02 03:04:05 UTC);

    fn facts(state: &str) -> BTreeMap<String, String> {
        BTreeMap::from([("certificate 1".to_owned(), state.to_owned())])
    }

    fn sealed(sealer: &Sealer) -> String {
        let asked = RestIntent::for_tests(None, 1, b"body");
        sealer
            .seal(&asked, facts("valid"), NOW + Duration::MINUTE)
            .unwrap()
    }

    fn check(sealer: &Sealer, asked: &RestIntent, state: &str, now: OffsetDateTime) -> Result<(), Refusal> {
        sealer.check(asked, facts(state), now)
    }

    #[test]
    fn a_token_is_good_for_its_own_request_for_a_while() {
        let sealer = Sealer::new(&[7; 32]);
        let token = sealed(&sealer);
        let same = RestIntent::for_tests(Some(&token), 1, b"body");
        assert!(check(&sealer, &same, "valid", NOW).is_ok());
        let late = check(&sealer, &same, "valid", NOW + Duration::HOUR);
        assert!(matches!(late, Err(Refusal::Expired)));
        for other in [
            RestIntent::for_tests(Some(&token), 2, b"body"),
            RestIntent::for_tests(Some(&token), 1, b"other"),
        ] {
            assert!(matches!(
                check(&sealer, &other, "valid", NOW),
                Err(Refusal::Unknown)
            ));
        }
        let elsewhere = Sealer::new(&[8; 32]);
        assert!(matches!(
            check(&elsewhere, &same, "valid", NOW),
            Err(Refusal::Unknown)
        ));
    }

    #[test]
    fn no_byte_of_a_token_can_be_changed() {
        let sealer = Sealer::new(&[7; 32]);
        let token = sealed(&sealer);
        for at in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            let asked = RestIntent::for_tests(Some(&changed), 1, b"body");
            assert!(
                matches!(check(&sealer, &asked, "valid", NOW), Err(Refusal::Unknown)),
                "{at}"
            );
        }
        for bad in ["", ".", "a.b", "ä.ä"] {
            let asked = RestIntent::for_tests(Some(bad), 1, b"body");
            assert!(matches!(
                check(&sealer, &asked, "valid", NOW),
                Err(Refusal::Unknown)
            ));
        }
    }

    #[test]
    fn what_changed_is_named() {
        let sealer = Sealer::new(&[7; 32]);
        let token = sealed(&sealer);
        let asked = RestIntent::for_tests(Some(&token), 1, b"body");
        let Err(Refusal::Changed(difference)) = check(&sealer, &asked, "revoked", NOW) else {
            panic!("a changed certificate is not noticed");
        };
        let expected = Difference {
            what: "certificate 1".to_owned(),
            before: Some("valid".to_owned()),
            now: Some("revoked".to_owned()),
        };
        assert_eq!(difference, [expected]);
        let gone = difference_of(&sealer, &asked);
        assert_eq!(gone.now, None);
    }

    fn difference_of(sealer: &Sealer, asked: &RestIntent) -> Difference {
        match sealer.check(asked, BTreeMap::new(), NOW) {
            Err(Refusal::Changed(mut difference)) => difference.remove(0),
            other => panic!("{other:?}"),
        }
    }
}
