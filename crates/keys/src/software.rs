//! Key pairs in this process's memory, over aws-lc.
//!
//! A pair is parsed or generated once and kept in aws-lc's own form; a signature costs what the
//! library costs and one copy of the result.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    self as aws, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RsaEncoding, RsaKeyPair,
};
use der::Encode;
use der::asn1::ObjectIdentifier;
use pkcs8::PrivateKeyInfoRef;
use x509::key::{KeyAlgorithm, PublicKey};
use x509::signature::SignatureAlgorithm;
use zeroize::Zeroizing;

use crate::streamed::Signed;
use crate::{KeyError, Signer, StreamedMessage, ec, refusal};

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
pub(crate) const SECP256R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
pub(crate) const SECP384R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
pub(crate) const SECP521R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// What octets are not that a wrong passphrase decrypts to.
pub(crate) const NOT_PKCS8: &str = "not a PKCS#8 structure";

/// A private key in memory. aws-lc overwrites it when it is dropped.
pub struct SoftwareKey {
    pair: Pair,
    public_key: PublicKey,
}

enum Pair {
    Ec(EcdsaKeyPair),
    Rsa(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl SoftwareKey {
    /// The kinds of keys that are made.
    pub const ALGORITHMS: [KeyAlgorithm; 7] = [
        KeyAlgorithm::P256,
        KeyAlgorithm::P384,
        KeyAlgorithm::P521,
        KeyAlgorithm::Rsa(2048),
        KeyAlgorithm::Rsa(3072),
        KeyAlgorithm::Rsa(4096),
        KeyAlgorithm::Ed25519,
    ];

    /// Makes a key with the operating system's randomness. RSA takes up to seconds.
    ///
    /// # Errors
    /// [`KeyError::UnsupportedKey`] for RSA sizes other than 2048, 3072 and 4096 bits.
    pub fn generate(algorithm: KeyAlgorithm) -> Result<Self, KeyError> {
        let failed = |_| KeyError::Crypto("generate a key");
        let pair = match algorithm {
            KeyAlgorithm::P256 | KeyAlgorithm::P384 | KeyAlgorithm::P521 => {
                Pair::Ec(EcdsaKeyPair::generate(curve(algorithm)?).map_err(failed)?)
            }
            KeyAlgorithm::Rsa(bits) => {
                let size = rsa_size(bits).ok_or(KeyError::UnsupportedKey(algorithm))?;
                Pair::Rsa(RsaKeyPair::generate(size).map_err(failed)?)
            }
            KeyAlgorithm::Ed25519 => Pair::Ed25519(Ed25519KeyPair::generate().map_err(failed)?),
        };
        Self::new(pair)
    }

    /// Reads a PKCS#8 `PrivateKeyInfo` (RFC 5208) or `OneAsymmetricKey` (RFC 5958), DER.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] when it is none, is of an unknown kind, or its halves disagree.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        let info = PrivateKeyInfoRef::try_from(der).map_err(|_| KeyError::Malformed(NOT_PKCS8))?;
        match info.algorithm.oid {
            EC_PUBLIC_KEY => {
                let parameters = info.algorithm.parameters.and_then(|any| any.to_der().ok());
                let curve = ec::curve(info.private_key.as_bytes(), Some(&parameters.unwrap_or_default()))?;
                // The library reads version 1: the public half of version 2 is compared here.
                let inner = PrivateKeyInfoRef::new(info.algorithm, info.private_key).to_der();
                let inner = Zeroizing::new(inner.map_err(|_| KeyError::Malformed(NOT_PKCS8))?);
                let pair = EcdsaKeyPair::from_pkcs8(curve, &inner);
                let pair = pair.map_err(|_| ec::refusal(info.private_key.as_bytes(), curve))?;
                let outer = info.public_key.map(|bits| bits.raw_bytes());
                if outer.is_some_and(|outer| outer != pair.public_key().as_ref()) {
                    return Err(ec::HALVES);
                }
                Self::new(Pair::Ec(pair))
            }
            RSA_ENCRYPTION => {
                let pair = RsaKeyPair::from_pkcs8(der);
                Self::new(Pair::Rsa(
                    pair.map_err(|_| refusal::rsa(info.private_key.as_bytes()))?,
                ))
            }
            ED25519 => {
                let pair = Ed25519KeyPair::from_pkcs8(der);
                Self::new(Pair::Ed25519(
                    pair.map_err(|_| KeyError::Malformed("not a valid Ed25519 key pair"))?,
                ))
            }
            other => Err(refusal::kind(other)),
        }
    }

    /// Reads a SEC1 `ECPrivateKey` (RFC 5915), DER.
    pub(crate) fn from_sec1(der: &[u8]) -> Result<Self, KeyError> {
        let curve = ec::curve(der, None)?;
        let pair = EcdsaKeyPair::from_private_key_der(curve, der);
        Self::new(Pair::Ec(pair.map_err(|_| ec::refusal(der, curve))?))
    }

    /// Reads a PKCS#1 `RSAPrivateKey` (RFC 8017 A.1.2), DER.
    pub(crate) fn from_pkcs1(der: &[u8]) -> Result<Self, KeyError> {
        let pair = RsaKeyPair::from_der(der).map_err(|_| refusal::rsa(der))?;
        Self::new(Pair::Rsa(pair))
    }

    /// The private key as PKCS#8 version 1, DER.
    ///
    /// # Errors
    /// [`KeyError::Crypto`] when aws-lc cannot encode it.
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let failed = |_| KeyError::Crypto("encode the private key");
        Ok(Zeroizing::new(match &self.pair {
            Pair::Ec(pair) => pair.to_pkcs8v1().map_err(failed)?.as_ref().to_vec(),
            Pair::Rsa(pair) => AsDer::<Pkcs8V1Der<'_>>::as_der(pair)
                .map_err(failed)?
                .as_ref()
                .to_vec(),
            Pair::Ed25519(pair) => pair.to_pkcs8v1().map_err(failed)?.as_ref().to_vec(),
        }))
    }

    fn new(pair: Pair) -> Result<Self, KeyError> {
        let spki: PublicKeyX509Der<'_> = match &pair {
            Pair::Ec(pair) => pair.public_key().as_der(),
            Pair::Rsa(pair) => pair.public_key().as_der(),
            Pair::Ed25519(pair) => pair.public_key().as_der(),
        }
        .map_err(|_| KeyError::Crypto("encode the public key"))?;
        let public_key = PublicKey::from_spki(spki.as_ref()).map_err(KeyError::PublicKey)?;
        Ok(Self { pair, public_key })
    }
}

impl Signer for SoftwareKey {
    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn sign(&self, message: &[u8], algorithm: SignatureAlgorithm) -> Result<Vec<u8>, KeyError> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Ec(pair) if algorithm == self.algorithm() => {
                Ok(pair.sign(&random, message).map_err(failed)?.as_ref().to_vec())
            }
            Pair::Ed25519(pair) if algorithm == self.algorithm() => {
                Ok(pair.try_sign(message).map_err(failed)?.as_ref().to_vec())
            }
            Pair::Rsa(pair) => {
                let padding = rsa_padding(algorithm).ok_or_else(|| self.mismatch(algorithm))?;
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &random, message, &mut signature)
                    .map_err(failed)?;
                Ok(signature)
            }
            Pair::Ec(_) | Pair::Ed25519(_) => Err(self.mismatch(algorithm)),
        }
    }

    fn begin(&self, algorithm: SignatureAlgorithm) -> Result<StreamedMessage, KeyError> {
        let fits = match &self.pair {
            Pair::Ec(_) | Pair::Ed25519(_) => algorithm == self.algorithm(),
            Pair::Rsa(_) => rsa_padding(algorithm).is_some(),
        };
        match fits {
            true => Ok(StreamedMessage::new(algorithm)),
            false => Err(self.mismatch(algorithm)),
        }
    }

    fn sign_streamed(&self, message: StreamedMessage) -> Result<Vec<u8>, KeyError> {
        let algorithm = message.algorithm();
        let digest = match message.finish() {
            Signed::Digest(digest) => digest,
            Signed::Whole(message) => return self.sign(&message, algorithm),
        };
        match &self.pair {
            Pair::Ec(pair) if algorithm == self.algorithm() => {
                Ok(pair.sign_digest(&digest).map_err(failed)?.as_ref().to_vec())
            }
            Pair::Rsa(pair) => {
                let padding = rsa_padding(algorithm).ok_or_else(|| self.mismatch(algorithm))?;
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign_digest(padding, &digest, &mut signature)
                    .map_err(failed)?;
                Ok(signature)
            }
            Pair::Ec(_) | Pair::Ed25519(_) => Err(self.mismatch(algorithm)),
        }
    }
}

fn failed(_: Unspecified) -> KeyError {
    KeyError::Crypto("sign")
}

impl SoftwareKey {
    fn mismatch(&self, algorithm: SignatureAlgorithm) -> KeyError {
        KeyError::AlgorithmMismatch {
            key: self.public_key.algorithm(),
            algorithm,
        }
    }
}

impl fmt::Debug for SoftwareKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SoftwareKey")
            .field("public_key", &self.public_key)
            .finish_non_exhaustive()
    }
}

/// A curve signs with the hash of its own strength (RFC 5480 section 4), with no other.
fn curve(algorithm: KeyAlgorithm) -> Result<&'static EcdsaSigningAlgorithm, KeyError> {
    match algorithm {
        KeyAlgorithm::P256 => Ok(&aws::ECDSA_P256_SHA256_ASN1_SIGNING),
        KeyAlgorithm::P384 => Ok(&aws::ECDSA_P384_SHA384_ASN1_SIGNING),
        KeyAlgorithm::P521 => Ok(&aws::ECDSA_P521_SHA512_ASN1_SIGNING),
        KeyAlgorithm::Rsa(_) | KeyAlgorithm::Ed25519 => Err(KeyError::UnsupportedKey(algorithm)),
    }
}

fn rsa_size(bits: u32) -> Option<KeySize> {
    match bits {
        2048 => Some(KeySize::Rsa2048),
        3072 => Some(KeySize::Rsa3072),
        4096 => Some(KeySize::Rsa4096),
        _ => None,
    }
}

fn rsa_padding(algorithm: SignatureAlgorithm) -> Option<&'static dyn RsaEncoding> {
    match algorithm {
        SignatureAlgorithm::RsaPkcs1Sha256 => Some(&aws::RSA_PKCS1_SHA256),
        SignatureAlgorithm::RsaPkcs1Sha384 => Some(&aws::RSA_PKCS1_SHA384),
        SignatureAlgorithm::RsaPkcs1Sha512 => Some(&aws::RSA_PKCS1_SHA512),
        SignatureAlgorithm::RsaPssSha256 => Some(&aws::RSA_PSS_SHA256),
        SignatureAlgorithm::RsaPssSha384 => Some(&aws::RSA_PSS_SHA384),
        SignatureAlgorithm::RsaPssSha512 => Some(&aws::RSA_PSS_SHA512),
        SignatureAlgorithm::EcdsaSha256
        | SignatureAlgorithm::EcdsaSha384
        | SignatureAlgorithm::EcdsaSha512
        | SignatureAlgorithm::Ed25519 => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_private_bytes() {
        let key = SoftwareKey::generate(KeyAlgorithm::Ed25519).unwrap();
        let secret = data_encoding::HEXLOWER.encode(&key.to_pkcs8().unwrap());
        let seed = &secret[secret.len() - 64..];
        let shown = format!("{key:?}").to_lowercase();
        assert!(shown.starts_with("softwarekey"), "{shown}");
        assert!(!shown.contains(&seed[..16]), "{shown}");
    }

    #[test]
    fn every_kind_survives_pkcs8() {
        for algorithm in [
            KeyAlgorithm::P256,
            KeyAlgorithm::P384,
            KeyAlgorithm::P521,
            KeyAlgorithm::Ed25519,
        ] {
            let key = SoftwareKey::generate(algorithm).unwrap();
            let again = SoftwareKey::from_pkcs8(&key.to_pkcs8().unwrap()).unwrap();
            assert_eq!(again.public_key(), key.public_key());
            assert_eq!(again.public_key().algorithm(), algorithm);
        }
    }

    #[test]
    fn a_curve_signs_with_its_own_hash_only() {
        let key = SoftwareKey::generate(KeyAlgorithm::P256).unwrap();
        for wrong in [
            SignatureAlgorithm::EcdsaSha384,
            SignatureAlgorithm::RsaPssSha256,
            SignatureAlgorithm::Ed25519,
        ] {
            let refused = key.sign(b"m", wrong).unwrap_err();
            assert!(matches!(refused, KeyError::AlgorithmMismatch { .. }), "{refused}");
            assert!(refused.to_string().contains("ecdsa-sha256"), "{refused}");
        }
    }

    #[test]
    fn unusual_rsa_sizes_are_refused() {
        for algorithm in SoftwareKey::ALGORITHMS {
            let listed = match algorithm {
                KeyAlgorithm::Rsa(bits) => rsa_size(bits).is_some(),
                _ => curve(algorithm).is_ok() || algorithm == KeyAlgorithm::Ed25519,
            };
            assert!(listed, "{algorithm}");
        }
        for bits in [1024, 2056, 8192] {
            let refused = SoftwareKey::generate(KeyAlgorithm::Rsa(bits)).unwrap_err();
            assert!(matches!(refused, KeyError::UnsupportedKey(_)), "{refused}");
        }
    }
}
