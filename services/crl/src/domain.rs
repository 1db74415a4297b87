//! What a list is: whose, of which certificates, complete or delta, and when the next is due.

// A new variant is decided on here, rather than falling under what was right for the others.
#![warn(clippy::wildcard_enum_match_arm)]

pub(crate) mod change;
pub(crate) mod due;
pub(crate) mod import;
pub(crate) mod times;

use std::fmt;

use kit::revocations::Subject;
use time::OffsetDateTime;
use uuid::Uuid;
use x509::crl::{CrlEntry, Reason};
use x509::digest::Sha256;
use x509::{Certificate, Serial};

/// An issuer generation whose lists are made here.
#[derive(Clone, Debug)]
pub(crate) struct Issuer {
    /// `issuing`, `issuing.2`.
    pub(crate) name: String,
    /// The CA that it is a generation of.
    pub(crate) ca: String,
    /// Name of its key in keymgr.
    pub(crate) key_name: String,
    pub(crate) certificate: Certificate,
    /// Certificates are issued into shards 1 to this.
    pub(crate) shards: u32,
}

/// The certificates that a list covers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    /// Issuer generation.
    pub issuer: String,
    /// 0: all that are in no shard.
    pub shard: u32,
}

/// Complete or delta (RFC 5280 section 5.2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// All of the scope.
    Complete,
    /// What changed since a complete list.
    Delta,
}

/// A list that was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// Of its octets.
    pub id: Uuid,
    /// What it covers.
    pub scope: Scope,
    /// Complete or delta.
    pub kind: Kind,
    /// CRL number.
    pub number: u64,
    /// Of a delta, the number of the complete list that it changes.
    pub base: Option<u64>,
    /// Changes of the scope that it tells, all up to this one.
    pub change: i64,
    /// It has certificates that end from this time on; of a delta the epoch, since it has all that changed.
    pub from: OffsetDateTime,
    /// When its entries were read.
    pub made: OffsetDateTime,
    /// thisUpdate: before `made`.
    pub this_update: OffsetDateTime,
    /// nextUpdate.
    pub next_update: OffsetDateTime,
    /// Last-Modified: whole seconds, later than that of the list before it.
    pub modified: OffsetDateTime,
    /// Entries.
    pub entries: u64,
    /// Octets.
    pub length: u64,
    /// SHA-256 of what is in the outer SEQUENCE.
    pub digest: Vec<u8>,
}

/// An entry of the database, as a look at the lists compares it.
#[derive(Clone, Debug)]
pub(crate) struct SampledEntry {
    /// With removeFromCRL, a hold that was released.
    pub(crate) entry: CrlEntry,
    /// The change by which it is as it is.
    pub(crate) change: i64,
    /// It is revoked for good, and the last snapshot of ca did not have it.
    pub(crate) lost_by_ca: bool,
}

/// A revocation, or a hold, that the last snapshot of ca did not have.
#[derive(Clone, Debug)]
pub(crate) struct LostRevocation {
    /// Issuer generation.
    pub(crate) issuer: String,
    pub(crate) serial: Serial,
    pub(crate) is_hold: bool,
}

impl Kind {
    /// As it is stored, and in events and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Delta => "delta",
        }
    }
}

impl Scope {
    /// All certificates of an issuer that are in no shard.
    #[must_use]
    pub fn whole(issuer: &str) -> Self {
        Self {
            issuer: issuer.to_owned(),
            shard: 0,
        }
    }

    /// The one that lists a certificate, and the serial number of that.
    pub(crate) fn of(subject: Subject) -> (Self, Serial) {
        let scope = Self {
            issuer: subject.issuer,
            shard: subject.crl_shard,
        };
        (scope, subject.serial)
    }

    /// The path of its list of that kind; of a complete one as certificates have it in cRLDistributionPoints.
    #[must_use]
    pub fn path(&self, kind: Kind) -> String {
        let Self { issuer, shard } = self;
        match (kind, shard) {
            (Kind::Complete, 0) => format!("/crl/{issuer}.crl"),
            (Kind::Delta, 0) => format!("/crl/{issuer}/delta.crl"),
            (Kind::Complete, shard) => format!("/crl/{issuer}/{shard}.crl"),
            (Kind::Delta, shard) => format!("/crl/{issuer}/{shard}/delta.crl"),
        }
    }

    /// Reads what follows `/crl/` in a path of [`path`](Self::path), and nothing else: one list has one URL.
    #[must_use]
    pub fn parse(path: &str) -> Option<(Self, Kind)> {
        let parts: Vec<&str> = path.strip_suffix(".crl")?.split('/').collect();
        let (issuer, shard, kind) = match *parts.as_slice() {
            [issuer] => (issuer, "0", Kind::Complete),
            [issuer, "delta"] => (issuer, "0", Kind::Delta),
            [issuer, shard] => (issuer, shard, Kind::Complete),
            [issuer, shard, "delta"] => (issuer, shard, Kind::Delta),
            _ => return None,
        };
        let scope = Self {
            issuer: issuer.to_owned(),
            shard: shard.parse().ok()?,
        };
        (scope.path(kind).strip_prefix("/crl/") == Some(path)).then_some((scope, kind))
    }
}

/// As logs name it: `issuing`, `issuing/3`.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.shard {
            0 => f.write_str(&self.issuer),
            shard => write!(f, "{}/{shard}", self.issuer),
        }
    }
}

/// SHA-256 of texts, each behind its length.
pub(crate) fn digest_of<'a>(texts: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut hash = Sha256::default();
    for text in texts {
        hash.update(&(text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    hash.finish().to_vec()
}

/// Whether that reason is to be told at once whatever the settings: the key is in other hands.
pub(crate) fn is_compromise(reason: Reason) -> bool {
    match reason {
        Reason::KeyCompromise | Reason::CaCompromise | Reason::AaCompromise => true,
        Reason::Unspecified
        | Reason::AffiliationChanged
        | Reason::Superseded
        | Reason::CessationOfOperation
        | Reason::CertificateHold
        | Reason::RemoveFromCrl
        | Reason::PrivilegeWithdrawn => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_list_has_one_path() {
        for (issuer, shard, kind, path) in [
            ("issuing", 0, Kind::Complete, "issuing.crl"),
            ("issuing.2", 0, Kind::Complete, "issuing.2.crl"),
            ("issuing", 0, Kind::Delta, "issuing/delta.crl"),
            ("issuing", 7, Kind::Complete, "issuing/7.crl"),
            ("issuing", 7, Kind::Delta, "issuing/7/delta.crl"),
        ] {
            let scope = Scope {
                issuer: issuer.to_owned(),
                shard,
            };
            assert_eq!(scope.path(kind), format!("/crl/{path}"));
            assert_eq!(Scope::parse(path), Some((scope, kind)));
        }
        for path in [
            "issuing",
            "issuing/0.crl",
            "issuing/07.crl",
            "issuing/+7.crl",
            "issuing/x.crl",
            "issuing/7/8.crl",
            "issuing/7/8/delta.crl",
            "issuing/4294967296.crl",
        ] {
            assert_eq!(Scope::parse(path), None, "{path}");
        }
    }
}
