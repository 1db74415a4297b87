//! The holder of a private key, who makes requests with it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self as lc, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair};
use x509::{KeyAlgorithm, PublicKey, SignatureAlgorithm};

pub(crate) enum Holder {
    Ec(EcdsaKeyPair, KeyAlgorithm),
    Rsa(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Holder {
    pub(crate) fn new(algorithm: KeyAlgorithm) -> Self {
        let ec = |scheme| Self::Ec(EcdsaKeyPair::generate(scheme).unwrap(), algorithm);
        match algorithm {
            KeyAlgorithm::P256 => ec(&lc::ECDSA_P256_SHA256_ASN1_SIGNING),
            KeyAlgorithm::P384 => ec(&lc::ECDSA_P384_SHA384_ASN1_SIGNING),
            KeyAlgorithm::P521 => ec(&lc::ECDSA_P521_SHA512_ASN1_SIGNING),
            KeyAlgorithm::Rsa(2048) => Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()),
            KeyAlgorithm::Ed25519 => Self::Ed25519(Ed25519KeyPair::generate().unwrap()),
            other @ KeyAlgorithm::Rsa(_) => panic!("tests do not make {other} keys"),
        }
    }

    pub(crate) fn spki(&self) -> Vec<u8> {
        match self {
            Self::Ec(key, _) => key.public_key().as_der().unwrap().as_ref().to_vec(),
            Self::Rsa(key) => key.public_key().as_der().unwrap().as_ref().to_vec(),
            Self::Ed25519(key) => key.public_key().as_der().unwrap().as_ref().to_vec(),
        }
    }

    pub(crate) fn public_key(&self) -> PublicKey {
        PublicKey::from_spki(&self.spki()).unwrap()
    }

    /// The algorithms that this holder can sign with.
    pub(crate) fn algorithms(&self) -> Vec<SignatureAlgorithm> {
        match self {
            Self::Ec(_, algorithm) => vec![SignatureAlgorithm::default_for(*algorithm)],
            Self::Ed25519(_) => vec![SignatureAlgorithm::Ed25519],
            Self::Rsa(_) => SignatureAlgorithm::ALL
                .into_iter()
                .filter(|a| a.fits(KeyAlgorithm::Rsa(2048)))
                .collect(),
        }
    }

    pub(crate) fn sign(&self, message: &[u8], algorithm: SignatureAlgorithm) -> Vec<u8> {
        let rng = SystemRandom::new();
        match self {
            Self::Ec(key, _) => key.sign(&rng, message).unwrap().as_ref().to_vec(),
            Self::Ed25519(key) => key.sign(message).as_ref().to_vec(),
            Self::Rsa(key) => {
                let scheme: &dyn lc::RsaEncoding = match algorithm {
                    SignatureAlgorithm::RsaPkcs1Sha256 => &lc::RSA_PKCS1_SHA256,
                    SignatureAlgorithm::RsaPkcs1Sha384 => &lc::RSA_PKCS1_SHA384,
                    SignatureAlgorithm::RsaPkcs1Sha512 => &lc::RSA_PKCS1_SHA512,
                    SignatureAlgorithm::RsaPssSha256 => &lc::RSA_PSS_SHA256,
                    SignatureAlgorithm::RsaPssSha384 => &lc::RSA_PSS_SHA384,
                    SignatureAlgorithm::RsaPssSha512 => &lc::RSA_PSS_SHA512,
                    other => panic!("an RSA key does not sign {other}"),
                };
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(scheme, &rng, message, &mut signature).unwrap();
                signature
            }
        }
    }
}
