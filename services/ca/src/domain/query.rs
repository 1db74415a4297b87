//! Questions to the inventory.

use time::OffsetDateTime;

use super::{Protocol, Status};

/// A question to the inventory; what is set is joined by AND.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// One SAN, exact, canonical.
    pub san: Option<x509::San>,
    /// The end of a SAN, with its kind; a range of the search keys.
    pub san_suffix: Option<SanSuffix>,
    /// Subject in RFC 4514 form, exact.
    pub subject: Option<String>,
    /// Who asked for the certificate.
    pub requester: Option<String>,
    /// Profile name.
    pub profile: Option<String>,
    /// CA name.
    pub ca: Option<String>,
    /// Where it stands now.
    pub status: Option<Status>,
    /// Expires at this moment or later.
    pub expires_after: Option<OffsetDateTime>,
    /// Expires before this moment.
    pub expires_before: Option<OffsetDateTime>,
    /// SHA-256 of the SubjectPublicKeyInfo.
    pub spki_sha256: Option<[u8; 32]>,
    /// SHA-256 of the certificate.
    pub fingerprint_sha256: Option<[u8; 32]>,
    /// How it was asked for.
    pub protocol: Option<Protocol>,
    /// Whether the certificate's key had a certificate before.
    pub key_reused: Option<bool>,
    /// Also what GigVault issued to itself: identities of services and HTTPS certificates, all of [`Protocol::Internal`].
    pub internal: bool,
}

/// The end of a subject alternative name: `example.test` finds `a.example.test`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SanSuffix {
    /// `dns`, `email`, `uri`.
    pub kind: &'static str,
    /// Lower-case text that the value ends with.
    pub suffix: String,
}
