//! Subject public keys (RFC 5280 section 4.1.2.7).
//!
//! A [`PublicKey`] is a proof: its SubjectPublicKeyInfo is strict DER, its algorithm is one that GigVault
//! signs for, its parameters are the exact ones of the algorithm's RFC, and no check of
//! [`weak`] found fault with it. Nothing else in the workspace looks inside a key.

mod algorithm;
mod error;
mod twin;

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{self, SHA1_FOR_LEGACY_USE_ONLY, SHA256};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ECDSA_P521_SHA512_ASN1, ParsedPublicKey,
    VerificationAlgorithm,
};
use der::asn1::{AnyRef, ObjectIdentifier, UintRef};
use der::{Decode, Sequence};
use spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};

pub use algorithm::KeyAlgorithm;
pub use error::KeyError;
use error::{algorithm_name, curve_name};

use crate::asn1::{Writer, tag};
use crate::digest::sha256;
use crate::weak::{self, Weakness};

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");

/// How a key identifier is computed from the subjectPublicKey BIT STRING.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyIdMethod {
    /// Leftmost 160 bits of SHA-256 (RFC 7093 section 2 method 1).
    #[default]
    Rfc7093,
    /// SHA-1 (RFC 5280 section 4.2.1.2 method 1): what older peers and the OCSP responder id compute.
    Sha1,
}

/// A public key that was parsed, is supported and is not known to be weak.
#[derive(Clone)]
pub struct PublicKey {
    spki: Arc<[u8]>,
    key_at: usize,
    algorithm: KeyAlgorithm,
    fingerprint: [u8; 32],
    material_id: [u8; 32],
}

/// The weakness check of an RSA modulus and exponent: its size in bits.
type CheckRsa = fn(&[u8], &[u8]) -> Result<u32, Weakness>;

#[derive(Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    exponent: UintRef<'a>,
}

impl PublicKey {
    /// Longest SubjectPublicKeyInfo looked at, in bytes. RSA with 8192 bits needs 1,062.
    pub const MAX_LEN: usize = 2048;

    /// Parses a DER SubjectPublicKeyInfo and makes every weakness check.
    ///
    /// # Errors
    /// [`KeyError`] names the algorithm, curve, parameter or weakness for which the key is refused.
    pub fn from_spki(der: &[u8]) -> Result<Self, KeyError> {
        Self::read(der, weak::check_rsa)
    }

    /// A key of others, to verify signatures with and for nothing else: weaknesses are only those that let anybody make
    /// its signatures.
    ///
    /// # Errors
    /// As [`from_spki`](Self::from_spki).
    pub(crate) fn to_verify(der: &[u8]) -> Result<Self, KeyError> {
        Self::read(der, weak::check_rsa_to_verify)
    }

    fn read(der: &[u8], check_rsa: CheckRsa) -> Result<Self, KeyError> {
        if der.len() > Self::MAX_LEN {
            return Err(KeyError::TooLong { length: der.len() });
        }
        let info = SubjectPublicKeyInfoRef::from_der(der).map_err(|e| KeyError::Malformed(e.to_string()))?;
        let key = info
            .subject_public_key
            .as_bytes()
            .ok_or_else(|| KeyError::Malformed("the subjectPublicKey bit string has unused bits".into()))?;
        let (algorithm, material_id) = match info.algorithm.oid {
            RSA_ENCRYPTION => rsa(&info.algorithm, key, check_rsa)?,
            EC_PUBLIC_KEY => elliptic(&info.algorithm, key)?,
            ED25519 => ed25519(&info.algorithm, key)?,
            other => {
                return Err(KeyError::UnsupportedAlgorithm {
                    oid: other,
                    name: algorithm_name(&other),
                });
            }
        };
        let written = match (info.algorithm.oid, info.algorithm.parameters) {
            (RSA_ENCRYPTION, None) => Some(with_null(key)),
            _ => None,
        };
        let spki = written.as_deref().unwrap_or(der);
        Ok(Self {
            key_at: spki.len() - key.len(),
            algorithm,
            fingerprint: sha256(spki),
            spki: spki.into(),
            material_id,
        })
    }

    /// The DER SubjectPublicKeyInfo as certificates carry it: as received, but RSA always with its NULL parameters, so
    /// that one key has one encoding.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The kind of key.
    #[must_use]
    pub fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// SHA-256 of [`spki`](Self::spki): equal for two certificates exactly if they share a key.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        self.fingerprint
    }

    /// Equal for two keys exactly if whoever has the private key of one has that of the other: SHA-256 over the RSA
    /// modulus, or over the curve and the x-coordinate (for Ed25519 the y-coordinate) of the point.
    ///
    /// [`fingerprint`](Self::fingerprint) tells encodings apart; this does not. It also joins keys that one secret opens:
    /// one modulus with two exponents, and a point with its negative. Whether a key is known to be compromised is asked
    /// by this identifier.
    #[must_use]
    pub fn material_id(&self) -> [u8; 32] {
        self.material_id
    }

    /// The 160-bit key identifier for subjectKeyIdentifier and authorityKeyIdentifier.
    #[must_use]
    pub fn key_identifier(&self, method: KeyIdMethod) -> [u8; 20] {
        let digest = match method {
            KeyIdMethod::Rfc7093 => digest::digest(&SHA256, self.key_bytes()),
            KeyIdMethod::Sha1 => digest::digest(&SHA1_FOR_LEGACY_USE_ONLY, self.key_bytes()),
        };
        let mut id = [0; 20];
        id.iter_mut()
            .zip(digest.as_ref())
            .for_each(|(to, from)| *to = *from);
        id
    }

    /// Content of the subjectPublicKey BIT STRING, without its count of unused bits: an uncompressed
    /// point, a DER RSAPublicKey, or the 32 bytes of Ed25519.
    #[must_use]
    pub fn key_bytes(&self) -> &[u8] {
        self.spki.get(self.key_at..).unwrap_or_default()
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.spki == other.spki
    }
}

impl Eq for PublicKey {}

impl std::hash::Hash for PublicKey {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.fingerprint.hash(state);
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fingerprint = data_encoding::HEXLOWER.encode(&self.fingerprint);
        write!(f, "PublicKey({}, {fingerprint})", self.algorithm)
    }
}

/// The family keeps apart what happens to be the same octets.
fn material(family: &str, octets: &[u8]) -> [u8; 32] {
    sha256(&[family.as_bytes(), &[0], octets].concat())
}

/// The SubjectPublicKeyInfo of an RSA key with the NULL that RFC 3279 section 2.3.1 calls for.
fn with_null(key: &[u8]) -> Vec<u8> {
    Writer::one(tag::SEQUENCE, |info| {
        info.sequence(|algorithm| {
            algorithm.oid(&RSA_ENCRYPTION.into());
            algorithm.primitive(tag::NULL, &[]);
        });
        info.bit_octets(key);
    })
}

/// The parameters are NULL (RFC 3279 section 2.3.1); that some clients leave them out changes nothing (RFC 4055
/// sections 1.2 and 5).
fn rsa(
    algorithm: &AlgorithmIdentifierRef<'_>,
    key: &[u8],
    check: CheckRsa,
) -> Result<(KeyAlgorithm, [u8; 32]), KeyError> {
    if algorithm
        .parameters
        .is_some_and(|parameters| parameters != AnyRef::NULL)
    {
        return Err(KeyError::Parameters {
            algorithm: "RSA",
            expected: "NULL or absent",
        });
    }
    let key = RsaPublicKey::from_der(key).map_err(|e| KeyError::Malformed(format!("RSAPublicKey: {e}")))?;
    let bits = check(key.modulus.as_bytes(), key.exponent.as_bytes())?;
    // Without leading zeros, and without the exponent: the factors of the modulus answer for all exponents.
    Ok((KeyAlgorithm::Rsa(bits), material("rsa", key.modulus.as_bytes())))
}

/// RFC 5480 section 2.1.1: the parameters are the OID of a named curve. Points are taken uncompressed only (section 2.2
/// leaves the compressed form optional, and many verifiers of certificates cannot read it).
fn elliptic(
    algorithm: &AlgorithmIdentifierRef<'_>,
    point: &[u8],
) -> Result<(KeyAlgorithm, [u8; 32]), KeyError> {
    let curve = algorithm
        .parameters
        .and_then(|p| p.decode_as::<ObjectIdentifier>().ok())
        .ok_or(KeyError::Parameters {
            algorithm: "elliptic curve",
            expected: "the OID of a named curve",
        })?;
    let (kind, field, verifier): (_, usize, &'static dyn VerificationAlgorithm) = match curve {
        P256 => (KeyAlgorithm::P256, 32, &ECDSA_P256_SHA256_ASN1),
        P384 => (KeyAlgorithm::P384, 48, &ECDSA_P384_SHA384_ASN1),
        P521 => (KeyAlgorithm::P521, 66, &ECDSA_P521_SHA512_ASN1),
        other => {
            return Err(KeyError::UnsupportedCurve {
                oid: other,
                name: curve_name(&other),
            });
        }
    };
    match point.first() {
        Some(0x04) if point.len() == 1 + 2 * field => {}
        Some(0x00) if point.len() == 1 => return Err(Weakness::Infinity.into()),
        Some(0x02 | 0x03) if point.len() == 1 + field => return Err(KeyError::CompressedPoint),
        _ => {
            return Err(KeyError::Malformed(format!(
                "the point is not an uncompressed point of {kind}"
            )));
        }
    }
    if ParsedPublicKey::new(verifier, point).is_err() {
        return Err(Weakness::OffCurve(kind).into());
    }
    // x alone: y is one of two values, and the private keys of both follow from each other.
    let x = point.get(1..=field).unwrap_or_default();
    Ok((kind, material(&kind.to_string(), x)))
}

/// RFC 8410 section 3: the parameters are absent.
fn ed25519(algorithm: &AlgorithmIdentifierRef<'_>, key: &[u8]) -> Result<(KeyAlgorithm, [u8; 32]), KeyError> {
    if algorithm.parameters.is_some() {
        return Err(KeyError::Parameters {
            algorithm: "Ed25519",
            expected: "absent",
        });
    }
    let key: &[u8; 32] = key
        .try_into()
        .map_err(|_| KeyError::Malformed(format!("an Ed25519 key has 32 bytes, not {}", key.len())))?;
    weak::check_ed25519(key)?;
    // y without the sign bit of x (RFC 8032 section 5.1.2): a point and its negative.
    let mut y = *key;
    if let Some(last) = y.last_mut() {
        *last &= 0x7f;
    }
    Ok((KeyAlgorithm::Ed25519, material("ed25519", &y)))
}
