//! Signature algorithms: their exact AlgorithmIdentifiers, and verification.
//!
//! What is written follows RFC 4055 (RSA), RFC 5758 (ECDSA) and RFC 8410 (Ed25519) to the byte, since peers compare
//! it so; what RFC 4055 has parsers accept besides is read. MD5 and SHA-1 are known by name only to be refused by name.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{self as lc, ParsedPublicKey, VerificationAlgorithm};
use der::asn1::{Any, AnyRef, ObjectIdentifier};
use der::{Decode, Tag};
use spki::{AlgorithmIdentifierOwned, AlgorithmIdentifierRef};

use crate::key::{KeyAlgorithm, PublicKey};
use pss::PssParameters;
pub use stream::StreamVerifier;

/// A signature algorithm that GigVault makes and verifies.
///
/// `Display` and `FromStr` use the names of the configuration, such as `ecdsa-sha256`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SignatureAlgorithm {
    /// ecdsa-with-SHA256 (RFC 5758 section 3.2).
    EcdsaSha256,
    /// ecdsa-with-SHA384 (RFC 5758 section 3.2).
    EcdsaSha384,
    /// ecdsa-with-SHA512 (RFC 5758 section 3.2).
    EcdsaSha512,
    /// sha256WithRSAEncryption (RFC 4055 section 5).
    RsaPkcs1Sha256,
    /// sha384WithRSAEncryption (RFC 4055 section 5).
    RsaPkcs1Sha384,
    /// sha512WithRSAEncryption (RFC 4055 section 5).
    RsaPkcs1Sha512,
    /// RSASSA-PSS, SHA-256, MGF1 with SHA-256, 32 bytes of salt (RFC 4055 section 3.1).
    RsaPssSha256,
    /// RSASSA-PSS, SHA-384, MGF1 with SHA-384, 48 bytes of salt (RFC 4055 section 3.1).
    RsaPssSha384,
    /// RSASSA-PSS, SHA-512, MGF1 with SHA-512, 64 bytes of salt (RFC 4055 section 3.1).
    RsaPssSha512,
    /// Pure Ed25519 (RFC 8410 section 6).
    Ed25519,
}

use SignatureAlgorithm::{
    EcdsaSha256, EcdsaSha384, EcdsaSha512, Ed25519, RsaPkcs1Sha256, RsaPkcs1Sha384, RsaPkcs1Sha512,
    RsaPssSha256, RsaPssSha384, RsaPssSha512,
};

const RSASSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");

/// Content of RSASSA-PSS-params for one hash: `$oid` is the last arc of its OID, `$salt` its length. The
/// hash identifiers carry NULL (RFC 4055 section 2.1), trailerField has its default and is left out.
macro_rules! pss_params {
    ($oid:literal, $salt:literal) => {
        &[
            0xa0, 0x0f, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, $oid, 0x05,
            0x00, 0xa1, 0x1c, 0x30, 0x1a, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08,
            0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, $oid, 0x05, 0x00, 0xa2,
            0x03, 0x02, 0x01, $salt,
        ]
    };
}

const PSS: [(SignatureAlgorithm, &[u8]); 3] = [
    (RsaPssSha256, pss_params!(0x01, 0x20)),
    (RsaPssSha384, pss_params!(0x02, 0x30)),
    (RsaPssSha512, pss_params!(0x03, 0x40)),
];

/// A received AlgorithmIdentifier: the algorithm, and for RSASSA-PSS the length of the salt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identified {
    algorithm: SignatureAlgorithm,
    salt: Option<u16>,
}

impl Identified {
    /// Recognizes the DER of an AlgorithmIdentifier. RSA with PKCS#1 v1.5 may have NULL or no parameters (RFC 4055
    /// section 5); RSASSA-PSS any salt length, with one hash for message and mask.
    ///
    /// # Errors
    /// [`SignatureError`] names the algorithm or the parameter that is not supported.
    pub fn from_der(der: &[u8]) -> Result<Self, SignatureError> {
        let id =
            AlgorithmIdentifierRef::from_der(der).map_err(|e| SignatureError::Malformed(e.to_string()))?;
        let (algorithm, salt) = recognize(id)?;
        Ok(Self { algorithm, salt })
    }

    /// The algorithm.
    #[must_use]
    pub fn algorithm(self) -> SignatureAlgorithm {
        self.algorithm
    }

    /// As [`SignatureAlgorithm::verify`], with this salt length.
    ///
    /// # Errors
    /// As there.
    pub fn verify(self, key: &PublicKey, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        match self.salted(key) {
            Some(parameters) => parameters
                .verify_sig(key.key_bytes(), message, signature)
                .map_err(|_| SignatureError::Invalid),
            None => self.algorithm.verify(key, message, signature),
        }
    }

    /// RSASSA-PSS with this salt length; `None` for other algorithms, without a length, and for a key of another kind.
    fn salted(self, key: &PublicKey) -> Option<lc::RsaParameters> {
        let parameters = match self.algorithm {
            RsaPssSha256 => lc::RSA_PSS_2048_8192_SHA256,
            RsaPssSha384 => lc::RSA_PSS_2048_8192_SHA384,
            RsaPssSha512 => lc::RSA_PSS_2048_8192_SHA512,
            EcdsaSha256 | EcdsaSha384 | EcdsaSha512 | RsaPkcs1Sha256 | RsaPkcs1Sha384 | RsaPkcs1Sha512
            | Ed25519 => return None,
        };
        let salt = self.salt.filter(|_| self.algorithm.fits(key.algorithm()))?;
        Some(parameters.with_pss_salt_length(lc::RsaPssSaltLength::Custom(salt)))
    }
}

impl SignatureAlgorithm {
    /// Every algorithm, in the order of preference of the documentation.
    pub const ALL: [Self; 10] = [
        EcdsaSha256,
        EcdsaSha384,
        EcdsaSha512,
        Ed25519,
        RsaPkcs1Sha256,
        RsaPkcs1Sha384,
        RsaPkcs1Sha512,
        RsaPssSha256,
        RsaPssSha384,
        RsaPssSha512,
    ];

    /// The usual algorithm of a key: the hash follows the strength of the curve; RSA uses PKCS#1 v1.5 with
    /// SHA-256.
    #[must_use]
    pub fn default_for(key: KeyAlgorithm) -> Self {
        match key {
            KeyAlgorithm::P256 => EcdsaSha256,
            KeyAlgorithm::P384 => EcdsaSha384,
            KeyAlgorithm::P521 => EcdsaSha512,
            KeyAlgorithm::Rsa(_) => RsaPkcs1Sha256,
            KeyAlgorithm::Ed25519 => Ed25519,
        }
    }

    /// Whether a key of this kind can make and verify such signatures. A hash weaker or stronger than the
    /// curve fits (clients sign requests so); that certificates use the matching one is a lint.
    #[must_use]
    pub fn fits(self, key: KeyAlgorithm) -> bool {
        self.verifier(key).is_some()
    }

    /// The AlgorithmIdentifier to write into certificates, CRLs and requests.
    #[must_use]
    pub fn identifier(self) -> AlgorithmIdentifierOwned {
        let parameters = match self {
            EcdsaSha256 | EcdsaSha384 | EcdsaSha512 | Ed25519 => None,
            RsaPkcs1Sha256 | RsaPkcs1Sha384 | RsaPkcs1Sha512 => Some(Any::null()),
            // The bytes are constants far below the length limit, so there is no error to drop.
            RsaPssSha256 | RsaPssSha384 | RsaPssSha512 => PSS
                .iter()
                .find(|(algorithm, _)| *algorithm == self)
                .and_then(|(_, parameters)| Any::new(Tag::Sequence, *parameters).ok()),
        };
        AlgorithmIdentifierOwned {
            oid: self.oid(),
            parameters,
        }
    }

    /// Verifies `signature` (the content of the BIT STRING) over `message`.
    ///
    /// # Errors
    /// [`SignatureError::WrongKey`] if the key cannot make such signatures, [`SignatureError::Invalid`] if
    /// the signature is not one of this message.
    pub fn verify(self, key: &PublicKey, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        let verifier = self.verifier(key.algorithm()).ok_or(SignatureError::WrongKey {
            algorithm: self,
            key: key.algorithm(),
        })?;
        ParsedPublicKey::new(verifier, key.key_bytes())
            .map_err(|_| SignatureError::Invalid)?
            .verify_sig(message, signature)
            .map_err(|_| SignatureError::Invalid)
    }

    fn oid(self) -> ObjectIdentifier {
        match self {
            EcdsaSha256 => ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2"),
            EcdsaSha384 => ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3"),
            EcdsaSha512 => ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.4"),
            RsaPkcs1Sha256 => ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11"),
            RsaPkcs1Sha384 => ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12"),
            RsaPkcs1Sha512 => ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13"),
            RsaPssSha256 | RsaPssSha384 | RsaPssSha512 => RSASSA_PSS,
            Ed25519 => ObjectIdentifier::new_unwrap("1.3.101.112"),
        }
    }

    fn verifier(self, key: KeyAlgorithm) -> Option<&'static dyn VerificationAlgorithm> {
        use KeyAlgorithm as Key;
        Some(match (self, key) {
            (EcdsaSha256, Key::P256) => &lc::ECDSA_P256_SHA256_ASN1,
            (EcdsaSha384, Key::P256) => &lc::ECDSA_P256_SHA384_ASN1,
            (EcdsaSha512, Key::P256) => &lc::ECDSA_P256_SHA512_ASN1,
            (EcdsaSha256, Key::P384) => &lc::ECDSA_P384_SHA256_ASN1,
            (EcdsaSha384, Key::P384) => &lc::ECDSA_P384_SHA384_ASN1,
            (EcdsaSha512, Key::P384) => &lc::ECDSA_P384_SHA512_ASN1,
            (EcdsaSha256, Key::P521) => &lc::ECDSA_P521_SHA256_ASN1,
            (EcdsaSha384, Key::P521) => &lc::ECDSA_P521_SHA384_ASN1,
            (EcdsaSha512, Key::P521) => &lc::ECDSA_P521_SHA512_ASN1,
            (RsaPkcs1Sha256, Key::Rsa(_)) => &lc::RSA_PKCS1_2048_8192_SHA256,
            (RsaPkcs1Sha384, Key::Rsa(_)) => &lc::RSA_PKCS1_2048_8192_SHA384,
            (RsaPkcs1Sha512, Key::Rsa(_)) => &lc::RSA_PKCS1_2048_8192_SHA512,
            (RsaPssSha256, Key::Rsa(_)) => &lc::RSA_PSS_2048_8192_SHA256,
            (RsaPssSha384, Key::Rsa(_)) => &lc::RSA_PSS_2048_8192_SHA384,
            (RsaPssSha512, Key::Rsa(_)) => &lc::RSA_PSS_2048_8192_SHA512,
            (Ed25519, Key::Ed25519) => &lc::ED25519,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            EcdsaSha256 => "ecdsa-sha256",
            EcdsaSha384 => "ecdsa-sha384",
            EcdsaSha512 => "ecdsa-sha512",
            RsaPkcs1Sha256 => "rsa-pkcs1-sha256",
            RsaPkcs1Sha384 => "rsa-pkcs1-sha384",
            RsaPkcs1Sha512 => "rsa-pkcs1-sha512",
            RsaPssSha256 => "rsa-pss-sha256",
            RsaPssSha384 => "rsa-pss-sha384",
            RsaPssSha512 => "rsa-pss-sha512",
            Ed25519 => "ed25519",
        }
    }
}

impl fmt::Display for SignatureAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for SignatureAlgorithm {
    type Err = SignatureError;

    fn from_str(name: &str) -> Result<Self, SignatureError> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
            .ok_or_else(|| SignatureError::UnknownName(name.chars().take(32).collect()))
    }
}

/// The algorithm that an identifier names, and the salt length of RSASSA-PSS.
fn recognize(id: AlgorithmIdentifierRef<'_>) -> Result<(SignatureAlgorithm, Option<u16>), SignatureError> {
    if id.oid == RSASSA_PSS {
        let parameters = id
            .parameters
            .filter(|parameters| der::Tagged::tag(parameters) == Tag::Sequence)
            .ok_or(SignatureError::Pss("no parameters, which name the hash"))?;
        let PssParameters { algorithm, salt } = PssParameters::read(parameters.value())?;
        return Ok((algorithm, Some(salt)));
    }
    let algorithm = SignatureAlgorithm::ALL
        .into_iter()
        .find(|a| a.oid() == id.oid)
        .ok_or_else(|| unsupported(&id.oid))?;
    let (fits, expected) = match algorithm {
        RsaPkcs1Sha256 | RsaPkcs1Sha384 | RsaPkcs1Sha512 => (
            id.parameters.is_none_or(|parameters| parameters == AnyRef::NULL),
            "NULL or absent",
        ),
        EcdsaSha256 | EcdsaSha384 | EcdsaSha512 | RsaPssSha256 | RsaPssSha384 | RsaPssSha512 | Ed25519 => {
            (id.parameters.is_none(), "absent")
        }
    };
    if fits {
        Ok((algorithm, None))
    } else {
        Err(SignatureError::Parameters { algorithm, expected })
    }
}

fn unsupported(oid: &ObjectIdentifier) -> SignatureError {
    const BROKEN: &[(&str, &str)] = &[
        ("1.2.840.113549.1.1.2", "MD2"),
        ("1.2.840.113549.1.1.3", "MD4"),
        ("1.2.840.113549.1.1.4", "MD5"),
        ("1.3.14.3.2.3", "MD5"),
        ("1.3.14.3.2.25", "MD5"),
        ("1.2.840.113549.1.1.5", "SHA-1"),
        ("1.3.14.3.2.29", "SHA-1"),
        ("1.3.14.3.2.27", "SHA-1"),
        ("1.2.840.10040.4.3", "SHA-1"),
        ("1.2.840.10045.4.1", "SHA-1"),
    ];
    let text = oid.to_string();
    match BROKEN.iter().find(|(known, _)| *known == text) {
        Some((_, hash)) => SignatureError::Broken { oid: *oid, hash },
        None => SignatureError::Unsupported(*oid),
    }
}

/// Why a signature or its algorithm is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// Not the DER of an AlgorithmIdentifier.
    #[error("the signature algorithm is not valid DER: {0}")]
    Malformed(String),
    /// A hash for which collisions are made in practice.
    #[error("signature algorithm {oid} uses {hash}, which is broken; sign with SHA-256 or stronger")]
    Broken {
        /// The algorithm.
        oid: ObjectIdentifier,
        /// Its hash.
        hash: &'static str,
    },
    /// An algorithm that GigVault does not know.
    #[error(
        "signature algorithm {0} is not supported; use ECDSA or RSA with SHA-256, -384 or -512, or Ed25519"
    )]
    Unsupported(ObjectIdentifier),
    /// AlgorithmIdentifier parameters other than the RFC prescribes.
    #[error("the parameters of {algorithm} must be {expected}")]
    Parameters {
        /// The algorithm whose parameters are wrong.
        algorithm: SignatureAlgorithm,
        /// What they must be.
        expected: &'static str,
    },
    /// RSASSA-PSS with parameters that are not verified here.
    #[error(
        "RSASSA-PSS is supported with SHA-256, SHA-384 or SHA-512 and MGF1 with the same hash; this signature has {0}"
    )]
    Pss(&'static str),
    /// The key is of another kind than the algorithm.
    #[error("a {key} key cannot make {algorithm} signatures")]
    WrongKey {
        /// The algorithm asked for.
        algorithm: SignatureAlgorithm,
        /// The kind of the key.
        key: KeyAlgorithm,
    },
    /// The signature does not verify.
    #[error("the signature does not verify with this key over these bytes")]
    Invalid,
    /// Not the name of a signature algorithm.
    #[error("{0:?} is not a signature algorithm; use for example ecdsa-sha256, rsa-pss-sha256 or ed25519")]
    UnknownName(String),
}

mod pss;
mod stream;
#[cfg(test)]
mod tests;
