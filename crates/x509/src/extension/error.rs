//! Why an extension was refused.

use crate::asn1::DerError;
use crate::san::SanError;

/// Why an extension was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExtensionError {
    /// The value is not the DER of its type.
    #[error("extension {name} is malformed: {source}")]
    Malformed {
        /// Name of the extension, or its OID.
        name: String,
        /// What is wrong with the octets.
        source: DerError,
    },
    /// An extension that must list something lists nothing.
    #[error("extension {0} must not be empty")]
    Empty(&'static str),
    /// A subject alternative name or a location that cannot be issued.
    #[error(transparent)]
    Name(#[from] SanError),
    /// A subtree of name constraints that cannot be issued.
    #[error("name constraint `{subtree}`: {problem}")]
    Subtree {
        /// The refused subtree.
        subtree: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// No such key usage.
    #[error(
        "unknown key usage `{0}`; known are digital-signature, non-repudiation, key-encipherment, \
             data-encipherment, key-agreement, key-cert-sign, crl-sign, encipher-only and decipher-only"
    )]
    UnknownKeyUsage(String),
    /// No such purpose.
    #[error(
        "unknown extended key usage `{0}`; write server-auth, client-auth, code-signing, email-protection, \
             time-stamping, ocsp-signing or a dotted OID"
    )]
    UnknownPurpose(String),
}
