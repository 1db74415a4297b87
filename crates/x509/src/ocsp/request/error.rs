//! Why a request is refused, and what a responder answers to it.

use crate::asn1::DerError;
use crate::ocsp::{ErrorStatus, NonceError, OcspRequest};

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// A part is not the DER that it must be.
    #[error("{part} of the OCSP request: {source}")]
    Der {
        /// The field, as RFC 6960 names it.
        part: &'static str,
        /// What is wrong with its octets.
        source: DerError,
    },
    /// Not version 1, the only one there is. The number as people count.
    #[error("the OCSP request has version {0}; send version 1")]
    Version(u64),
    /// The request asks for nothing.
    #[error("the OCSP request names no certificate")]
    NoCertId,
    /// Over [`OcspRequest::MAX_CERT_IDS`].
    #[error(
        "the OCSP request names more than {max} certificates; send several requests",
        max = OcspRequest::MAX_CERT_IDS
    )]
    TooManyCertIds,
    /// The nonce is empty, too long, or not an OCTET STRING (RFC 9654 section 2.1).
    #[error(transparent)]
    Nonce(#[from] NonceError),
    /// An extension that is critical and not understood.
    #[error("the OCSP request has the critical extension {0}, which is not supported")]
    CriticalExtension(String),
    /// An extension occurs twice.
    #[error("extension {0} appears more than once in the OCSP request")]
    RepeatedExtension(String),
    /// The path of a GET is not base64 of a request.
    #[error("the path after the address of the responder {0}")]
    Path(&'static str),
}

impl RequestError {
    /// What to answer: `malformedRequest` to what is not a request, `unauthorized` to a request that is well-formed and asks
    /// for what is not done here (RFC 6960 section 2.1, RFC 9919 section 3.2.3).
    #[must_use]
    pub fn status(&self) -> ErrorStatus {
        match self {
            Self::TooManyCertIds | Self::CriticalExtension(_) => ErrorStatus::Unauthorized,
            Self::Der { .. }
            | Self::Version(_)
            | Self::NoCertId
            | Self::Nonce(_)
            | Self::RepeatedExtension(_)
            | Self::Path(_) => ErrorStatus::MalformedRequest,
        }
    }
}
