//! Issued certificates, their status, and how they were asked for.

use std::sync::Arc;

use store::{Damage, StoreError};
use time::OffsetDateTime;
use uuid::Uuid;
use x509::crl::Reason;
use x509::serial::Serial;

use super::publication::IssuerName;
use crate::error::Error;

/// Longest name of a requester, in octets.
pub(crate) const MAX_REQUESTER: usize = 256;

/// An issued certificate as the inventory holds it.
#[derive(Clone, Debug)]
pub struct Issued {
    /// Time-ordered identifier.
    pub id: Uuid,
    /// Serial number, unique over all CAs of the service.
    pub serial: Serial,
    /// Name of the issuing CA.
    pub ca: Arc<str>,
    /// Which key and certificate of that CA issued it: 1 for the first.
    pub generation: u32,
    /// The shard of the CRL that lists it once it is revoked; 0 for the complete CRL.
    pub crl_shard: u32,
    /// Name of the profile.
    pub profile: Arc<str>,
    /// RFC 4514 text.
    pub subject: String,
    /// `kind:value`.
    pub sans: Vec<String>,
    /// Whose it is: who asked for it, or for the first of the certificates that it renews.
    pub requester: String,
    /// Who renewed it, where that is not its requester.
    pub issued_by: Option<String>,
    /// How they asked.
    pub protocol: Protocol,
    /// When it was signed.
    pub issued_at: OffsetDateTime,
    /// First second of validity.
    pub not_before: OffsetDateTime,
    /// Last second of validity.
    pub not_after: OffsetDateTime,
    /// SHA-256 of the SubjectPublicKeyInfo.
    pub spki_sha256: [u8; 32],
    /// Type and size of the key.
    pub key_type: x509::KeyAlgorithm,
    /// SHA-256 of the certificate.
    pub fingerprint_sha256: [u8; 32],
    /// The certificate.
    pub der: Vec<u8>,
    /// The certificate that this one renews.
    pub replaces: Option<Serial>,
    /// The last certificate that renews this one.
    pub replaced_by: Option<Serial>,
    /// When OCSP was last asked about it, as far as that was told.
    pub last_ocsp_query: Option<OffsetDateTime>,
    /// Ids of the lints that would have had it otherwise and did not forbid it; `None` where an earlier version issued it,
    /// which did not keep them.
    pub lint: Option<Vec<String>>,
    /// Set while revoked or on hold.
    pub revocation: Option<Revocation>,
    /// The columns of its row that cannot be read. What the members for these hold says nothing.
    pub damage: Damage,
}

impl Issued {
    /// Itself, if everything of it can be read.
    ///
    /// # Errors
    /// `Common::Store` names what cannot be.
    pub fn whole(self) -> Result<Self, Error> {
        self.check()?;
        Ok(self)
    }

    /// Fails if something of it cannot be read.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        self.damage.check(|| format!("certificate {}", self.serial))
    }

    /// Whether that column of its row can be read.
    pub(crate) fn has(&self, column: &str) -> bool {
        !self.damage.includes(column)
    }

    /// Status at a moment.
    pub fn status(&self, now: OffsetDateTime) -> Status {
        let reason = self.revocation.as_ref().map(|revocation| revocation.reason);
        Status::of(reason, self.not_after, now)
    }

    /// Who issued it, as URLs name it.
    pub(crate) fn issuer(&self) -> IssuerName {
        IssuerName {
            ca: self.ca.to_string(),
            generation: self.generation,
        }
    }

    /// The certificate itself.
    ///
    /// # Errors
    /// `Common::Internal`: what is stored is damaged.
    pub(crate) fn parse(&self) -> Result<x509::Certificate, Error> {
        x509::Certificate::from_der(&self.der).map_err(|error| {
            tracing::debug!(serial = %self.serial, %error, "a stored certificate cannot be parsed");
            StoreError::damaged("der", &format!("certificate {}", self.serial)).into()
        })
    }

    /// What people call it: the common name of its subject, else the first of its other names, else its subject.
    pub(crate) fn name(&self, subject: Option<&x509::DistinguishedName>) -> String {
        let bare = |san: &String| match san.split_once(':') {
            Some((_, value)) => value.to_owned(),
            None => san.clone(),
        };
        let common = subject.and_then(|subject| subject.common_names().into_iter().next());
        common
            .or_else(|| self.sans.first().map(bare))
            .unwrap_or_else(|| self.subject.clone())
    }
}

/// An issued certificate without what it holds: what its revocation is decided on. So much is kept of each of many.
#[derive(Clone, Debug)]
pub(crate) struct Brief {
    /// Serial number, unique over all CAs of the service.
    pub(crate) serial: Serial,
    /// Whose it is.
    pub(crate) requester: String,
    /// First second of validity.
    pub(crate) not_before: OffsetDateTime,
    /// Last second of validity.
    pub(crate) not_after: OffsetDateTime,
    /// SHA-256 of the SubjectPublicKeyInfo.
    pub(crate) spki_sha256: [u8; 32],
    /// Set while revoked or on hold.
    pub(crate) revocation: Option<Revocation>,
}

/// A certificate of which something that is stored cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damaged {
    /// Its serial number; its id where that is what cannot be read.
    pub object: String,
    /// What cannot be read.
    pub why: String,
}

impl From<&Issued> for Brief {
    fn from(issued: &Issued) -> Self {
        Self {
            serial: issued.serial,
            requester: issued.requester.clone(),
            not_before: issued.not_before,
            not_after: issued.not_after,
            spki_sha256: issued.spki_sha256,
            revocation: issued.revocation,
        }
    }
}

/// When and why a certificate was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Since when the certificate is not to be trusted: the revocationDate of CRLs. A hold that becomes final keeps its own.
    pub time: OffsetDateTime,
    /// RFC 5280 section 5.3.1.
    pub reason: Reason,
    /// When the key is known or believed to have been compromised (RFC 5280 section 5.3.2).
    pub invalidity: Option<OffsetDateTime>,
    /// When it became what it is: `time`, or later where a hold became final or a reason was changed.
    pub decided: OffsetDateTime,
    /// In what capacity who decided it acted; `None` where an earlier version stored it.
    pub decided_as: Option<Capacity>,
}

/// The state in which a requester saw a certificate that they change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Seen {
    /// They change it whatever its state.
    #[default]
    Any,
    /// They change it only while its revocation is this, or while it has none.
    Revocation(Option<Revocation>),
}

impl Seen {
    /// Whether the certificate is still as it was seen.
    pub(crate) fn holds(self, certificate: &Issued) -> bool {
        match self {
            Self::Any => true,
            Self::Revocation(seen) => seen == certificate.revocation,
        }
    }
}

/// In what capacity a caller decides on a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capacity {
    /// It is theirs.
    Owner,
    /// They may decide on certificates of everybody.
    Operator,
}

impl Capacity {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Owner, Self::Operator];

    /// The name in REST, gRPC and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Operator => "operator",
        }
    }

    /// The capacity of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|capacity| capacity.as_str() == text)
    }
}

/// The status of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Neither revoked nor expired.
    Valid,
    /// Revoked for good.
    Revoked,
    /// Not to be trusted for the time being; may be released.
    OnHold,
    /// Past its last second.
    Expired,
}

impl Status {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Valid, Self::Revoked, Self::OnHold, Self::Expired];

    /// What follows from the reason of a revocation or hold and from the last second of validity. A revoked certificate
    /// stays revoked after its expiry.
    pub(crate) fn of(reason: Option<Reason>, not_after: OffsetDateTime, now: OffsetDateTime) -> Self {
        match reason {
            Some(Reason::CertificateHold) => Self::OnHold,
            Some(_) => Self::Revoked,
            None if not_after < now => Self::Expired,
            None => Self::Valid,
        }
    }

    /// The name in REST, gRPC and queries.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Revoked => "revoked",
            Self::OnHold => "on_hold",
            Self::Expired => "expired",
        }
    }

    /// The status of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// The protocol by which a request was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// REST.
    Rest,
    /// gRPC from another service, on its own behalf.
    Grpc,
    /// RFC 8555.
    Acme,
    /// RFC 7030.
    Est,
    /// RFC 8894.
    Scep,
    /// Made by GigVault for itself: service identities, its HTTPS certificate.
    Internal,
}

impl Protocol {
    pub(crate) const ALL: [Self; 6] = [
        Self::Rest,
        Self::Grpc,
        Self::Acme,
        Self::Est,
        Self::Scep,
        Self::Internal,
    ];

    /// The name in REST, gRPC, queries and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rest => "rest",
            Self::Grpc => "grpc",
            Self::Acme => "acme",
            Self::Est => "est",
            Self::Scep => "scep",
            Self::Internal => "internal",
        }
    }

    /// The protocol of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.as_str() == text)
    }
}
