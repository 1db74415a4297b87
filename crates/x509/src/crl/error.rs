//! Why a CRL is refused.

use time::OffsetDateTime;

use super::CrlNumber;
use crate::CertificateError;
use crate::asn1::DerError;
use crate::moment::rfc3339;
use crate::name::NameError;
use crate::pem::PemError;
use crate::serial::{Serial, SerialError};
use crate::signature::SignatureError;

/// Why a CRL is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CrlError {
    /// The text holds no CRL, or a damaged one.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// The text holds no CRL.
    #[error("the input has no CRL")]
    NoCrl,
    /// DER of something else.
    #[error("the input is {0}; a certificate revocation list (CRL) is needed")]
    NotACrl(&'static str),
    /// A part is not the DER that it must be.
    #[error("{part} of the CRL: {source}")]
    Der {
        /// The field, as RFC 5280 names it.
        part: &'static str,
        /// What is wrong with its octets.
        source: DerError,
    },
    /// The issuer is not a name.
    #[error("issuer of the CRL: {0}")]
    Issuer(#[from] NameError),
    /// An extension occurs twice.
    #[error("extension {0} appears more than once in the CRL")]
    RepeatedExtension(String),
    /// The signed part names another algorithm than the signature (section 5.1.1.2).
    #[error("the CRL names two different signature algorithms")]
    AlgorithmMismatch,
    /// The signature is wrong, or its algorithm is not supported.
    #[error("signature of the CRL: {0}")]
    Signature(#[from] SignatureError),
    /// The CRL is not one of this issuer.
    #[error("issuer of the CRL: {0}")]
    Certificate(#[from] CertificateError),
    /// Version 1 has no extensions, neither of the list nor of its entries (section 5.1.2.1).
    #[error("only CRLs of version 2 may have extensions")]
    ExtensionsOfOldVersion,
    /// removeFromCRL belongs in delta CRLs (section 5.3.1).
    #[error("removeFromCRL may only appear in a delta CRL; this one is complete")]
    RemoveFromCompleteCrl,
    /// An entry has a serial number that is not issued here.
    #[error("entry {serial} of the CRL: {source}")]
    Serial {
        /// As text.
        serial: String,
        /// What is odd about it.
        source: SerialError,
    },
    /// Two entries have one serial number.
    #[error("serial number {0} appears more than once in the CRL")]
    RepeatedSerial(Serial),
    /// The entries are not in ascending order.
    #[error("serial number {serial} comes after {after}; entries must be in ascending order of their octets")]
    SerialOrder {
        /// The one that comes too late.
        serial: Serial,
        /// The one before it.
        after: Serial,
    },
    /// The issuer's key may not sign CRLs.
    #[error("the issuer's key usage does not allow signing CRLs")]
    IssuerKeyUsage,
    /// A complete list is needed.
    #[error("the CRL is a delta; a complete one is needed")]
    Delta,
    /// A delta is needed, with the numbers of itself and of its base.
    #[error("the CRL is not a delta with a number and that of its base")]
    NotADelta,
    /// A complete list without a number has no deltas (section 5.2.4).
    #[error("the complete CRL has no number, so that no delta can be applied to it")]
    NoNumber,
    /// The delta changes a later complete list (section 6.3.3).
    #[error(
        "the delta CRL changes the complete CRL with number {base}, and this one has {complete}: it is too old"
    )]
    Base {
        /// Least number of a complete list that the delta can be applied to.
        base: CrlNumber,
        /// Number of the complete list.
        complete: CrlNumber,
    },
    /// An extension that is critical and not understood (section 5.2).
    #[error("the CRL has the critical extension {0}, which is not supported")]
    CriticalExtension(String),
    /// The list does not cover the certificate (section 6.3.3).
    #[error("the CRL is not about the certificate: {0}")]
    Scope(&'static str),
    /// The list is of the future.
    #[error("the CRL is of {}, which is after {}; set the clock", rfc3339(*.this_update), rfc3339(*.now))]
    NotYetValid {
        /// When it says that it was made.
        this_update: OffsetDateTime,
        /// The time of the check.
        now: OffsetDateTime,
    },
    /// The list is out of date.
    #[error("the CRL was to be renewed by {}, which is before {}", rfc3339(*.next_update), rfc3339(*.now))]
    Stale {
        /// When the next one was to be there at the latest.
        next_update: OffsetDateTime,
        /// The time of the check.
        now: OffsetDateTime,
    },
    /// The list does not say how long it holds (section 5.1.2.5).
    #[error("the CRL has no nextUpdate, so that nothing tells whether it is still right")]
    NoNextUpdate,
}
