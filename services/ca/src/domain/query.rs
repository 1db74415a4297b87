//! Questions to the inventory.

use time::OffsetDateTime;
use x509::crl::Reason;
use x509::serial::Serial;

use super::{Protocol, Status};

/// A question to the inventory. What is set is joined by AND, the values of one list by OR; an empty list asks nothing.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// What a person typed who looks for a certificate.
    pub q: Option<Typed>,
    /// One SAN, exact, canonical.
    pub san: Option<x509::San>,
    /// The end of a SAN, with its kind; a range of the search keys.
    pub san_suffix: Option<SanSuffix>,
    /// Subject in RFC 4514 form, exact.
    pub subject: Option<String>,
    /// Serial numbers.
    pub serial: Vec<Serial>,
    /// Who asked for the certificate.
    pub requester: Vec<String>,
    /// Profile names.
    pub profile: Vec<String>,
    /// CA names.
    pub ca: Vec<String>,
    /// Its status now.
    pub status: Vec<Status>,
    /// How it was asked for.
    pub protocol: Vec<Protocol>,
    /// Type and size of the key.
    pub key_type: Vec<x509::KeyAlgorithm>,
    /// Why it is revoked or on hold.
    pub reason: Vec<Reason>,
    /// When it expires.
    pub expires: Span,
    /// When it was signed.
    pub issued: Span,
    /// When it was revoked or put on hold.
    pub revoked: Span,
    /// SHA-256 of the SubjectPublicKeyInfo.
    pub spki_sha256: Option<[u8; 32]>,
    /// SHA-256 of the certificate.
    pub fingerprint_sha256: Option<[u8; 32]>,
    /// Whether the certificate's key had a certificate before.
    pub key_reused: Option<bool>,
    /// Whether another certificate renews it.
    pub has_successor: Option<bool>,
    /// What the lints said before it was signed.
    pub lint: Option<LintVerdict>,
    /// Also what GigVault issued to itself: identities of services and HTTPS certificates, all of [`Protocol::Internal`].
    pub internal: bool,
    /// Without certificates of OCSP responders.
    pub without_responders: bool,
}

/// A span of time, open where an end is not set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// At this moment or later.
    pub from: Option<OffsetDateTime>,
    /// Before this moment.
    pub to: Option<OffsetDateTime>,
}

impl Query {
    /// Whether certificates are compared by their names.
    pub(crate) fn compares_names(&self) -> bool {
        self.san.is_some() || self.san_suffix.is_some() || self.q.is_some()
    }
}

impl Span {
    /// Whether it is everything.
    pub(crate) fn is_open(self) -> bool {
        self.from.is_none() && self.to.is_none()
    }
}

/// The end of a subject alternative name: `example.test` finds `a.example.test`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SanSuffix {
    /// `dns`, `email`, `uri`.
    pub kind: &'static str,
    /// Lower-case text that the value ends with.
    pub suffix: String,
}

/// Text that finds a certificate by the end of a name, by its common name, or by the start of its serial number or
/// fingerprint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Typed {
    /// The end of a name of any of these kinds.
    pub names: Vec<SanSuffix>,
    /// The subject of a certificate without other names: `CN=` and the text.
    pub subject: String,
    /// Lower-case hex digits, where the text is that and long enough.
    pub hex: Option<String>,
}

/// What the lints said of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LintVerdict {
    /// Nothing.
    Passed,
    /// Some would have had it otherwise.
    Warned,
    /// The lint of this id would.
    By(String),
}
