//! Why a public key is refused.

use der::asn1::ObjectIdentifier;

use super::PublicKey;
use crate::weak::Weakness;

const RSASSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");

/// Why a public key is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Not the DER of a SubjectPublicKeyInfo.
    #[error("the public key is not valid DER: {0}")]
    Malformed(String),
    /// Longer than any supported key.
    #[error("the public key has {length} bytes; the limit is {}", PublicKey::MAX_LEN)]
    TooLong {
        /// Length of what was given, in bytes.
        length: usize,
    },
    /// An algorithm that GigVault does not certify.
    #[error("public key algorithm {oid} ({name}) is not supported; use RSA, P-256, P-384, P-521 or Ed25519")]
    UnsupportedAlgorithm {
        /// The algorithm of the key.
        oid: ObjectIdentifier,
        /// Its name, or `unknown`.
        name: &'static str,
    },
    /// A named curve that GigVault does not certify.
    #[error("elliptic curve {oid} ({name}) is not supported; use P-256, P-384 or P-521")]
    UnsupportedCurve {
        /// The curve of the key.
        oid: ObjectIdentifier,
        /// Its name, or `unknown`.
        name: &'static str,
    },
    /// AlgorithmIdentifier parameters other than the RFC prescribes.
    #[error("the parameters of an {algorithm} key must be {expected}")]
    Parameters {
        /// Family of the key.
        algorithm: &'static str,
        /// What the parameters must be.
        expected: &'static str,
    },
    /// SEC 1 compressed form.
    #[error("the elliptic curve point is compressed; send it uncompressed (first byte 04)")]
    CompressedPoint,
    /// A weakness that lets others find the private key or forge signatures.
    #[error("the public key is weak: {0}; generate a new key")]
    Weak(#[from] Weakness),
    /// Not the name of a key algorithm.
    #[error("{0:?} is not a key algorithm; use p256, p384, p521, rsa2048, rsa3072, rsa4096 or ed25519")]
    UnknownName(String),
}

pub(super) fn algorithm_name(oid: &ObjectIdentifier) -> &'static str {
    const NAMES: &[(&str, &str)] = &[
        ("1.2.840.10040.4.1", "DSA"),
        ("1.2.840.10046.2.1", "Diffie-Hellman"),
        ("1.3.132.1.12", "ECDH only"),
        ("1.3.101.110", "X25519"),
        ("1.3.101.111", "X448"),
        ("1.3.101.113", "Ed448"),
        ("2.16.840.1.101.3.4.3.17", "ML-DSA-44"),
        ("2.16.840.1.101.3.4.3.18", "ML-DSA-65"),
        ("2.16.840.1.101.3.4.3.19", "ML-DSA-87"),
    ];
    if *oid == RSASSA_PSS {
        return "RSA restricted to PSS; make a plain rsaEncryption key, which can sign with PSS too";
    }
    name_of(NAMES, oid)
}

pub(super) fn curve_name(oid: &ObjectIdentifier) -> &'static str {
    const NAMES: &[(&str, &str)] = &[
        ("1.2.840.10045.3.1.1", "P-192"),
        ("1.3.132.0.33", "P-224"),
        ("1.3.132.0.10", "secp256k1"),
        ("1.3.36.3.3.2.8.1.1.7", "brainpoolP256r1"),
        ("1.3.36.3.3.2.8.1.1.11", "brainpoolP384r1"),
        ("1.3.36.3.3.2.8.1.1.13", "brainpoolP512r1"),
        ("1.2.156.10197.1.301", "SM2"),
    ];
    name_of(NAMES, oid)
}

fn name_of(names: &[(&str, &'static str)], oid: &ObjectIdentifier) -> &'static str {
    let oid = oid.to_string();
    names
        .iter()
        .find(|(known, _)| *known == oid)
        .map_or("unknown", |(_, name)| name)
}
