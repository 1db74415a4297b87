//! Why a response is refused.

use time::OffsetDateTime;

use crate::asn1::DerError;
use crate::key::KeyError;
use crate::moment::rfc3339;
use crate::ocsp::{ErrorStatus, NonceError, OcspResponse};
use crate::signature::SignatureError;
use crate::{CertificateError, ReceivedSerial};

/// Why a response cannot be parsed, or shows nothing about a certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResponseError {
    /// Over [`OcspResponse::MAX_LEN`].
    #[error("the OCSP response has {0} octets; at most {max} are read", max = OcspResponse::MAX_LEN)]
    TooLong(usize),
    /// DER of something else.
    #[error("the input is {0}; an OCSP response is needed")]
    NotAResponse(&'static str),
    /// The responder answered with an error, unsigned.
    #[error("the OCSP responder answered {0}")]
    Refused(ErrorStatus),
    /// A response of another type than id-pkix-ocsp-basic.
    #[error("the OCSP response is of type {0}; only id-pkix-ocsp-basic is read")]
    Type(String),
    /// A part is not the DER that it must be.
    #[error("{part} of the OCSP response: {source}")]
    Der {
        /// The field, as RFC 6960 names it.
        part: &'static str,
        /// What is wrong with its octets.
        source: DerError,
    },
    /// An extension occurs twice.
    #[error("extension {0} appears more than once in the OCSP response")]
    RepeatedExtension(String),
    /// An extension that is critical and not understood (RFC 6960 section 4.4).
    #[error("the OCSP response has the critical extension {0}, which is not supported")]
    CriticalExtension(String),
    /// The nonce is empty, too long, or not an OCTET STRING.
    #[error("OCSP response: {0}")]
    Nonce(#[from] NonceError),
    /// The nonce is not the one that was sent: this answers another request.
    #[error("the OCSP response has another nonce than the request: it answers another request")]
    OtherNonce,
    /// Over [`OcspResponse::MAX_CERTIFICATES`].
    #[error("the OCSP response has more than {max} certificates", max = OcspResponse::MAX_CERTIFICATES)]
    TooManyCertificates,
    /// A certificate in the response cannot be parsed.
    #[error("certs of the OCSP response: {0}")]
    Certificate(#[from] CertificateError),
    /// The signature is wrong, or its algorithm is not supported.
    #[error("signature of the OCSP response: {0}")]
    Signature(#[from] SignatureError),
    /// The key of the signer cannot be used to verify.
    #[error("key of the OCSP responder: {0}")]
    Key(#[from] KeyError),
    /// No certificate of the responder is at hand.
    #[error(
        "the OCSP response is from {0}, which is neither the CA nor a responder whose certificate is in the response"
    )]
    UnknownResponder(String),
    /// The certificate of the responder was not issued by the CA (RFC 6960 section 4.2.2.2).
    #[error("the OCSP responder {responder} was not authorized by the CA: {source}")]
    NotIssued {
        /// Subject of the responder's certificate.
        responder: String,
        /// Why the certificate is not one of the CA.
        source: CertificateError,
    },
    /// The certificate of the responder does not say that it may sign responses (RFC 6960 section 4.2.2.2).
    #[error(
        "the certificate of the OCSP responder {responder} does not allow it to sign responses: {problem}"
    )]
    NotAuthorized {
        /// Subject of the responder's certificate.
        responder: String,
        /// What is missing.
        problem: &'static str,
    },
    /// The certificate of the responder is not valid at this time.
    #[error("the certificate of the OCSP responder {responder} is not valid at {}", rfc3339(*.now))]
    ResponderNotValid {
        /// Subject of the responder's certificate.
        responder: String,
        /// The time of the check.
        now: OffsetDateTime,
    },
    /// The response answers for other certificates.
    #[error("the OCSP response has no answer for the certificate with serial number {0} of this CA")]
    NoAnswer(ReceivedSerial),
    /// The answer is of the future.
    #[error("the OCSP response is of {}, which is after {}; set the clock", rfc3339(*.this_update), rfc3339(*.now))]
    NotYetValid {
        /// The moment that the status is of.
        this_update: OffsetDateTime,
        /// The time of the check.
        now: OffsetDateTime,
    },
    /// The answer is out of date.
    #[error("the OCSP response was to be renewed by {}, which is before {}", rfc3339(*.next_update), rfc3339(*.now))]
    Stale {
        /// When there was newer information at the latest.
        next_update: OffsetDateTime,
        /// The time of the check.
        now: OffsetDateTime,
    },
    /// The answer does not say how long it holds (RFC 9919 section 5).
    #[error("the OCSP response has no nextUpdate, so that nothing tells whether it is still right")]
    NoNextUpdate,
}
