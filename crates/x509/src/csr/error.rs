//! Why a request is refused, and for which of its parts.

use crate::Oid;
use crate::asn1::DerError;
use crate::csr::Csr;
use crate::key::KeyError;
use crate::name::NameError;
use crate::pem::PemError;
use crate::san::{MAX_SANS, SanError};
use crate::signature::SignatureError;

/// Why a certificate signing request is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CsrError {
    /// Over [`Csr::MAX_LEN`].
    #[error(
        "the certificate signing request has {length} bytes; the limit is {limit} bytes, and {MAX_SANS} subject \
         alternative names",
        limit = Csr::MAX_LEN
    )]
    TooLong {
        /// Length of what was sent, in bytes.
        length: usize,
    },
    /// The PEM armour is damaged or holds no request.
    #[error("the certificate signing request cannot be read: {0}")]
    Pem(#[from] PemError),
    /// A private key was sent along.
    #[error(
        "the input holds a private key beside the certificate signing request: send the request alone; a key that \
         was sent is known to others, so generate a new key and make a new request with it"
    )]
    PrivateKey,
    /// Not a request but something else in DER.
    #[error("the input is {0}; a certificate signing request (CSR, PKCS#10) is needed")]
    NotARequest(&'static str),
    /// More than one PEM block.
    #[error("the input holds several certificate signing requests; send one at a time")]
    SeveralRequests,
    /// Not the DER of a CertificationRequest.
    #[error("not a certificate signing request (PKCS#10): {0}")]
    Malformed(DerError),
    /// A version other than 0, the only one of RFC 2986.
    #[error("the version of the certificate signing request must be 0 (v1)")]
    Version,
    /// The subject could not be issued.
    #[error("subject of the certificate signing request: {0}")]
    Subject(#[from] NameError),
    /// The key is unsupported or weak.
    #[error("key of the certificate signing request: {0}")]
    PublicKey(#[from] KeyError),
    /// The proof of possession failed.
    #[error("signature of the certificate signing request: {0}")]
    Signature(#[from] SignatureError),
    /// A subject alternative name could not be issued.
    #[error("subject alternative names of the certificate signing request: {0}")]
    San(#[from] SanError),
    /// The attributes are not DER.
    #[error("attributes of the certificate signing request: {0}")]
    Attributes(DerError),
    /// An attribute type occurs twice.
    #[error("attribute {0} appears more than once in the certificate signing request")]
    RepeatedAttribute(Box<Oid>),
    /// More attributes than any client sends.
    #[error("the certificate signing request has more than {0} attributes")]
    TooManyAttributes(usize),
    /// An attribute that has one value has none or several.
    #[error("attribute {0} of the certificate signing request must have exactly one value")]
    NotSingleValued(Box<Oid>),
    /// Both the PKCS#9 and the Microsoft form, or either twice.
    #[error("the certificate signing request asks for extensions twice; send one extensionRequest attribute")]
    SeveralExtensionRequests,
    /// An extension type occurs twice.
    #[error("extension {0} appears more than once in the certificate signing request")]
    RepeatedExtension(Box<Oid>),
    /// More extensions than any client sends.
    #[error("the certificate signing request asks for more than {0} extensions")]
    TooManyExtensions(usize),
    /// A critical extension that is unknown here could not be honored.
    #[error("the certificate signing request asks for the unknown critical extension {0}")]
    UnknownCritical(Box<Oid>),
    /// The challenge password is not text of up to 255 characters.
    #[error("the challengePassword of the certificate signing request must be text of 1 to 255 characters")]
    ChallengePassword,
}

impl CsrError {
    /// The part of the request at fault, as problem documents name it: `csr`, `csr.subject`, `csr.public_key`,
    /// `csr.signature`, `csr.san` or `csr.attributes`.
    #[must_use]
    pub fn field(&self) -> &'static str {
        match self {
            Self::TooLong { .. }
            | Self::Pem(_)
            | Self::PrivateKey
            | Self::NotARequest(_)
            | Self::SeveralRequests
            | Self::Malformed(_)
            | Self::Version => "csr",
            Self::Subject(_) => "csr.subject",
            Self::PublicKey(_) => "csr.public_key",
            Self::Signature(_) => "csr.signature",
            Self::San(_) => "csr.san",
            Self::Attributes(_)
            | Self::RepeatedAttribute(_)
            | Self::TooManyAttributes(_)
            | Self::NotSingleValued(_)
            | Self::SeveralExtensionRequests
            | Self::RepeatedExtension(_)
            | Self::TooManyExtensions(_)
            | Self::UnknownCritical(_)
            | Self::ChallengePassword => "csr.attributes",
        }
    }
}
