//! Why a certificate is refused.

use crate::asn1::DerError;
use crate::extension::ExtensionError;
use crate::key::KeyError;
use crate::name::NameError;
use crate::pem::PemError;
use crate::signature::SignatureError;
use crate::weak::Weakness;

/// Why a certificate cannot be parsed, or was not issued by another.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// The text holds no certificate, or a damaged one.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// The text holds no certificate.
    #[error("the input has no certificate")]
    NoCertificate,
    /// DER of something else.
    #[error("the input is {0}; a certificate is needed")]
    NotACertificate(&'static str),
    /// Over [`Certificate::MAX_LEN`](crate::Certificate::MAX_LEN).
    #[error("the certificate has {0} octets; at most {max} are read", max = crate::Certificate::MAX_LEN)]
    TooLong(usize),
    /// A part is not the DER that it must be.
    #[error("{part} of the certificate: {source}")]
    Der {
        /// The field, as RFC 5280 names it.
        part: &'static str,
        /// What is wrong with its octets.
        source: DerError,
    },
    /// Issuer or subject is not a name.
    #[error("{part} of the certificate: {source}")]
    Name {
        /// `issuer` or `subject`.
        part: &'static str,
        /// What is wrong with it.
        source: NameError,
    },
    /// Version 1 and 2 have no extensions (section 4.1.2.9).
    #[error("only version 3 certificates may have extensions")]
    ExtensionsOfOldVersion,
    /// An extension occurs twice (section 4.2).
    #[error("extension {0} appears more than once in the certificate")]
    RepeatedExtension(String),
    /// An extension that decides about trust is malformed.
    #[error(transparent)]
    Extension(#[from] ExtensionError),
    /// The signed part names another algorithm than the signature (section 4.1.1.2).
    #[error("the certificate names two different signature algorithms")]
    AlgorithmMismatch,
    /// The key cannot be used to verify.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Others can sign with the issuer's key.
    #[error("the issuer's key is weak, so its signatures show nothing: {0}")]
    WeakIssuerKey(Weakness),
    /// The signature is wrong, or its algorithm is not supported.
    #[error("signature of the certificate: {0}")]
    Signature(#[from] SignatureError),
    /// The names do not chain.
    #[error("the certificate names another issuer")]
    IssuerName,
    /// The key identifiers do not chain.
    #[error("the certificate names another key of the issuer")]
    IssuerKeyIdentifier,
    /// The issuer has no basicConstraints that make it a CA.
    #[error("the issuer is not a CA")]
    IssuerIsNoCa,
    /// The issuer's key may not sign certificates.
    #[error("the issuer's key usage does not allow signing certificates")]
    IssuerKeyUsage,
}
