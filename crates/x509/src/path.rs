//! Path validation (RFC 5280 section 6.1), for looking at certificates offline.
//!
//! Judged are signatures, validity, basicConstraints, path lengths, keyUsage, purposes, and name constraints of every
//! kind of name, as [`NameConstraints::allows`](crate::NameConstraints::allows) does. Not judged are revocation and
//! policies: a certificate that has a critical extension which is not decoded here, or requires a policy, is refused.
//!
//! The keys of others are taken as they are, if their signatures mean anything: [`notes`] names what would not be
//! certified here.

mod error;
mod host;
mod judge;

use time::OffsetDateTime;

use crate::key::KeyError;
use crate::{Certificate, Eku};
pub use error::PathError;
pub use host::is_for_host;
use judge::{judge, judge_alone, judge_leaf};

/// Most CA certificates between leaf and anchor.
const MAX_DEPTH: usize = 16;
/// Most signatures verified in one search, so that no pile of certificates keeps it busy.
const MAX_SIGNATURES: usize = 200;

/// What a certificate is checked for.
#[derive(Clone, Copy, Debug)]
pub struct Purpose {
    /// The moment at which the path must be valid.
    pub time: OffsetDateTime,
    /// The purpose that every certificate of the path that lists purposes must list; none: any.
    pub usage: Option<Eku>,
}

/// Finds a path from `leaf` over `untrusted` certificates to one of the `anchors` and validates it. The answer is the
/// path without the leaf, its anchor last; it is empty if the leaf is itself an anchor.
///
/// Of an anchor the signature is not judged; its period and constraints are.
///
/// # Errors
/// [`PathError`]: why the last path that was tried was refused.
pub fn validate(
    leaf: &Certificate,
    untrusted: &[Certificate],
    anchors: &[Certificate],
    purpose: &Purpose,
) -> Result<Vec<Certificate>, PathError> {
    judge_leaf(leaf, purpose)?;
    if anchors.contains(leaf) {
        return Ok(Vec::new());
    }
    let mut search = Search {
        untrusted,
        anchors,
        purpose,
        path: vec![leaf.clone()],
        signatures: 0,
        failure: None,
    };
    if search.extend()? {
        return Ok(search.path.split_off(1));
    }
    Err(search.failure.unwrap_or_else(|| PathError::NoIssuer {
        subject: shown(leaf),
        issuer: leaf.issuer().to_string(),
    }))
}

struct Search<'a> {
    untrusted: &'a [Certificate],
    anchors: &'a [Certificate],
    purpose: &'a Purpose,
    path: Vec<Certificate>,
    signatures: usize,
    /// The last refusal.
    failure: Option<PathError>,
}

impl Search<'_> {
    /// Whether the path could be led to an anchor.
    fn extend(&mut self) -> Result<bool, PathError> {
        let Some(last) = self.path.last().cloned() else {
            return Ok(false);
        };
        let (anchors, untrusted) = (self.anchors, self.untrusted);
        let named = |issuer: &&Certificate| issuer.subject().matches(last.issuer());
        for anchor in anchors.iter().filter(named) {
            if self.step(&last, anchor)? {
                return Ok(true);
            }
        }
        if self.path.len() > MAX_DEPTH {
            if untrusted.iter().any(|issuer| named(&issuer)) {
                let subject = self.path.first().map(shown).unwrap_or_default();
                self.failure = Some(PathError::TooDeep {
                    subject,
                    limit: MAX_DEPTH,
                });
            }
            return Ok(false);
        }
        for issuer in untrusted.iter().filter(named) {
            if self.path.contains(issuer) || !self.link(&last, issuer, false)? {
                continue;
            }
            self.path.push(issuer.clone());
            if self.extend()? {
                return Ok(true);
            }
            self.path.pop();
        }
        if self.failure.is_none() {
            self.failure = Some(PathError::NoIssuer {
                subject: shown(&last),
                issuer: last.issuer().to_string(),
            });
        }
        Ok(false)
    }

    /// Whether this anchor ends the path; it stays in it then.
    fn step(&mut self, below: &Certificate, anchor: &Certificate) -> Result<bool, PathError> {
        if !self.link(below, anchor, true)? {
            return Ok(false);
        }
        self.path.push(anchor.clone());
        match judge(&self.path, self.purpose) {
            Ok(()) => Ok(true),
            Err(error) => {
                self.path.pop();
                self.failure = Some(error);
                Ok(false)
            }
        }
    }

    /// Whether `issuer` signed `below`; if not, the reason is kept.
    fn link(
        &mut self,
        below: &Certificate,
        issuer: &Certificate,
        is_anchor: bool,
    ) -> Result<bool, PathError> {
        self.signatures += 1;
        if self.signatures > MAX_SIGNATURES {
            return Err(PathError::TooManyPaths);
        }
        let linked = judge_alone(
            issuer,
            &Purpose {
                usage: None,
                ..*self.purpose
            },
        )
        .and_then(|()| {
            below
                .verify_link(issuer, is_anchor)
                .map_err(|source| PathError::Link {
                    subject: shown(below),
                    issuer: shown(issuer),
                    source: Box::new(source),
                })
        });
        match linked {
            Ok(()) => Ok(true),
            Err(error) => {
                self.failure = Some(error);
                Ok(false)
            }
        }
    }
}

/// What would not be certified here about the keys of a path, leaf first: for people, who decide what it means to them.
#[must_use]
pub fn notes<'a>(path: impl IntoIterator<Item = &'a Certificate>) -> Vec<String> {
    path.into_iter()
        .filter_map(|certificate| match certificate.public_key() {
            Err(KeyError::Weak(weakness)) => Some(format!(
                "the key of {} would not be certified here: {weakness}",
                shown(certificate)
            )),
            _ => None,
        })
        .collect()
}

fn shown(certificate: &Certificate) -> String {
    let subject = certificate.subject().to_string();
    if subject.is_empty() {
        format!("certificate {}", certificate.serial())
    } else {
        subject
    }
}
