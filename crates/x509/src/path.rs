//! Path validation (RFC 5280 section 6.1), for looking at certificates offline.
//!
//! Judged are signatures, validity, basicConstraints, path lengths, keyUsage, purposes, and name constraints of every
//! kind of name, as [`NameConstraints::allows`](crate::NameConstraints::allows) does. Not judged are revocation and
//! policies: a certificate that has a critical extension which is not decoded here is refused.

use std::net::IpAddr;

use time::OffsetDateTime;

use crate::{
    Certificate, CertificateError, DnsName, Eku, San,
    certificate::utc,
    extension::{Violation, oids},
};

/// Most CA certificates between leaf and anchor.
const MAX_DEPTH: usize = 8;
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

/// Why no path leads to an anchor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// Nobody given issued it.
    #[error("no certificate of the issuer of {subject} is among those given; its issuer is {issuer}")]
    NoIssuer {
        /// The certificate whose issuer is missing.
        subject: String,
        /// The name of the missing issuer.
        issuer: String,
    },
    /// Outside its period.
    #[error("{subject} is valid from {} to {}, not at {}", at(.not_before), at(.not_after), at(.time))]
    Validity {
        /// The certificate.
        subject: String,
        /// Its first second.
        not_before: OffsetDateTime,
        /// Its last second.
        not_after: OffsetDateTime,
        /// The moment asked for.
        time: OffsetDateTime,
    },
    /// The issuer did not sign it, or may not have.
    #[error("{subject} was not issued by {issuer}: {source}")]
    Link {
        /// The certificate.
        subject: String,
        /// The supposed issuer.
        issuer: String,
        /// What does not fit.
        source: Box<CertificateError>,
    },
    /// More CA certificates follow than a path length allows.
    #[error("the path length of {subject} allows fewer CA certificates below it")]
    PathLength {
        /// The CA.
        subject: String,
    },
    /// A purpose that a certificate does not list.
    #[error("{subject} is not for the purpose {purpose}")]
    NotForPurpose {
        /// The certificate.
        subject: String,
        /// The purpose.
        purpose: String,
    },
    /// A name that a CA above may not certify.
    #[error("the name constraints of {issuer} are broken by {subject}: {violation}")]
    NameConstraints {
        /// The CA.
        issuer: String,
        /// The certificate with the name.
        subject: String,
        /// Which name, and how.
        violation: Box<Violation>,
    },
    /// An extension that must be understood is not.
    #[error("{subject} has the critical extension {extension}, which is not understood")]
    Critical {
        /// The certificate.
        subject: String,
        /// Name or OID of the extension.
        extension: String,
    },
    /// The search was ended.
    #[error("the certificates given make more paths than are searched")]
    TooManyPaths,
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
    judge_alone(leaf, purpose)?;
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
            return Ok(false);
        }
        for issuer in untrusted.iter().filter(named) {
            if self.path.contains(issuer) || !self.link(&last, issuer)? {
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
        if !self.link(below, anchor)? {
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
    fn link(&mut self, below: &Certificate, issuer: &Certificate) -> Result<bool, PathError> {
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
            below.verify_signed_by(issuer).map_err(|source| PathError::Link {
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

/// What can be said of one certificate by itself.
fn judge_alone(certificate: &Certificate, purpose: &Purpose) -> Result<(), PathError> {
    if !certificate.validity().contains(purpose.time) {
        return Err(PathError::Validity {
            subject: shown(certificate),
            not_before: certificate.not_before(),
            not_after: certificate.not_after(),
            time: purpose.time,
        });
    }
    let unknown =
        |extension: &&crate::Extension| extension.critical() && !UNDERSTOOD.contains(&extension.oid());
    if let Some(extension) = certificate.extensions().iter().find(unknown) {
        return Err(PathError::Critical {
            subject: shown(certificate),
            extension: extension.name(),
        });
    }
    match (purpose.usage, certificate.eku()) {
        (Some(wanted), Some(listed)) if !listed.contains(&wanted) && !listed.contains(&Eku::ANY) => {
            Err(PathError::NotForPurpose {
                subject: shown(certificate),
                purpose: wanted.to_string(),
            })
        }
        _ => Ok(()),
    }
}

/// Extensions that are judged here, or that a verifier without policies may pass over though they are critical.
const UNDERSTOOD: [const_oid::ObjectIdentifier; 8] = [
    oids::BASIC_CONSTRAINTS,
    oids::KEY_USAGE,
    oids::EXTENDED_KEY_USAGE,
    oids::SUBJECT_ALT_NAME,
    oids::SUBJECT_KEY_IDENTIFIER,
    oids::AUTHORITY_KEY_IDENTIFIER,
    oids::NAME_CONSTRAINTS,
    oids::CERTIFICATE_POLICIES,
];

/// A whole path, leaf first: purposes, path lengths and names, from the anchor down.
fn judge(path: &[Certificate], purpose: &Purpose) -> Result<(), PathError> {
    path.iter()
        .try_for_each(|certificate| judge_alone(certificate, purpose))?;
    for (at, ca) in path.iter().enumerate().skip(1) {
        let below = path.get(..at).unwrap_or_default();
        // Self-issued CA certificates do not count, nor are their names judged (sections 6.1.3 (b) and 6.1.4 (l)).
        let counted = below
            .iter()
            .skip(1)
            .filter(|between| !between.is_self_issued())
            .count();
        if ca.path_len().is_some_and(|length| counted > usize::from(length)) {
            return Err(PathError::PathLength { subject: shown(ca) });
        }
        let Some(constraints) = ca.name_constraints() else {
            continue;
        };
        let judged = below.iter().enumerate();
        let judged = judged.filter(|(at, certificate)| *at == 0 || !certificate.is_self_issued());
        for (_, certificate) in judged {
            constraints
                .allows(certificate.subject(), certificate.sans())
                .map_err(|violation| PathError::NameConstraints {
                    issuer: shown(ca),
                    subject: shown(certificate),
                    violation: Box::new(violation),
                })?;
        }
    }
    Ok(())
}

/// Whether the alternative names say that the certificate is for this host: a DNS name, where `*` stands for one label,
/// or an address. Common names are not looked at (RFC 9525 section 6.3). `None` if the text is neither.
#[must_use]
pub fn is_for_host(certificate: &Certificate, host: &str) -> Option<bool> {
    let sans = certificate.sans().iter();
    if let Ok(wanted) = host.parse::<IpAddr>() {
        let mut addresses = sans.filter_map(|san| match san {
            San::Ip(address) => Some(address.ip()),
            _ => None,
        });
        return Some(addresses.any(|address| address == wanted));
    }
    let wanted = host.strip_suffix('.').unwrap_or(host).parse::<DnsName>().ok()?;
    let wanted = wanted.as_str();
    let mut names = sans.filter_map(|san| match san {
        San::Dns(name) => Some(name.as_str()),
        _ => None,
    });
    Some(names.any(|name| match name.strip_prefix("*.") {
        Some(parent) => wanted.split_once('.').is_some_and(|(_, rest)| rest == parent),
        None => name == wanted,
    }))
}

fn at(moment: &OffsetDateTime) -> String {
    utc(*moment)
}

fn shown(certificate: &Certificate) -> String {
    let subject = certificate.subject().to_string();
    if subject.is_empty() {
        format!("certificate {}", certificate.serial())
    } else {
        subject
    }
}
