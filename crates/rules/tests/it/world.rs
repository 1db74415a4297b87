//! A root, an issuing CA, and keys to be certified.

use std::sync::LazyLock;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair,
};
use lint::ToBeSigned;
use rules::profile::Kind;
use rules::{Approved, Denied, Grant, Issuer, Profile, PublicationUrls, Request, approve, builtin};
use time::OffsetDateTime;
use time::macros::datetime;
use x509::{Certificate, DistinguishedName, NameConstraints, PublicKey, San, Serial, SignatureAlgorithm};

pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-24 12:00:00.123 UTC);

/// The same moment in whole seconds.
pub(crate) const SECOND: OffsetDateTime = datetime!(2026-11-24 12:00 UTC);

/// A P-256 key pair.
pub(crate) struct Key {
    pair: EcdsaKeyPair,
    pub(crate) public: PublicKey,
}

impl Key {
    pub(crate) fn new() -> Self {
        let (pair, public) = elliptic(&ECDSA_P256_SHA256_ASN1_SIGNING);
        Self { pair, public }
    }

    /// Signs what was approved.
    pub(crate) fn certify(&self, approved: &Approved) -> Certificate {
        let signature = self.pair.sign(&SystemRandom::new(), approved.tbs()).unwrap();
        let der = x509::assemble(approved.tbs(), approved.signature_algorithm(), signature.as_ref()).unwrap();
        Certificate::from_der(&der).unwrap()
    }
}

fn elliptic(algorithm: &'static EcdsaSigningAlgorithm) -> (EcdsaKeyPair, PublicKey) {
    let pair = EcdsaKeyPair::generate(algorithm).unwrap();
    let spki: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    let public = PublicKey::from_spki(spki.as_ref()).unwrap();
    (pair, public)
}

pub(crate) fn p256() -> PublicKey {
    Key::new().public
}

pub(crate) fn p384() -> PublicKey {
    elliptic(&ECDSA_P384_SHA384_ASN1_SIGNING).1
}

pub(crate) fn ed25519() -> PublicKey {
    let pair = Ed25519KeyPair::generate().unwrap();
    let spki: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    PublicKey::from_spki(spki.as_ref()).unwrap()
}

/// One RSA key of 2048 bits for all tests.
pub(crate) fn rsa2048() -> PublicKey {
    static KEY: LazyLock<PublicKey> = LazyLock::new(|| {
        let pair = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
        let spki: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        PublicKey::from_spki(spki.as_ref()).unwrap()
    });
    KEY.clone()
}

pub(crate) fn serial() -> Serial {
    Serial::random(&SystemRandom::new()).unwrap()
}

pub(crate) fn profile(name: &str) -> Profile {
    builtin()
        .into_iter()
        .find(|profile| profile.name == name)
        .unwrap()
}

pub(crate) fn subject(text: &str) -> DistinguishedName {
    text.parse().unwrap()
}

pub(crate) fn sans(texts: &[&str]) -> Vec<San> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// A request without limits of the requester: profile and issuer are under test.
pub(crate) fn request(name: &str, names: &[&str], key: PublicKey) -> Request {
    Request::new(subject(name), sans(names), key).granted(Grant::service().with_authority())
}

pub(crate) fn publication_urls() -> PublicationUrls {
    let at = |path: &str| vec![format!("http://pki.example.test/{path}")];
    PublicationUrls {
        crl: at("crl/ca.crl"),
        ocsp: at("ocsp"),
        ca_issuers: at("ca/ca.crt"),
    }
}

/// A CA and its key.
pub(crate) struct Ca {
    pub(crate) key: Key,
    pub(crate) certificate: Certificate,
}

impl Ca {
    pub(crate) fn root() -> Self {
        let key = Key::new();
        let issuer = Issuer::self_signed(key.public.clone(), SignatureAlgorithm::EcdsaSha256).unwrap();
        let request = request("CN=Test Root,O=Example", &[], key.public.clone());
        let approved = approve(&profile("root"), request, &issuer, serial(), NOW).unwrap();
        let certificate = key.certify(&approved);
        Self { key, certificate }
    }

    /// A CA below this one.
    pub(crate) fn sub(
        &self,
        name: &str,
        path_len: Option<u8>,
        constraints: NameConstraints,
    ) -> Result<Self, Denied> {
        let key = Key::new();
        let profile = Profile {
            certificate: Kind::SubCa { path_len },
            name_constraints: constraints,
            ..profile("sub-ca")
        };
        let request = request(name, &[], key.public.clone());
        let approved = approve(&profile, request, &self.issuer(), serial(), NOW)?;
        let certificate = self.key.certify(&approved);
        Ok(Self { key, certificate })
    }

    pub(crate) fn issuer(&self) -> Issuer {
        Issuer::from_certificate(
            self.certificate.clone(),
            publication_urls(),
            SignatureAlgorithm::EcdsaSha256,
        )
        .unwrap()
    }

    /// A root, and an issuing CA below it.
    pub(crate) fn issuing() -> Self {
        Self::root()
            .sub("CN=Test CA,O=Example", Some(0), NameConstraints::default())
            .unwrap()
    }

    pub(crate) fn approve(&self, profile: &Profile, request: Request) -> Result<Approved, Denied> {
        approve(profile, request, &self.issuer(), serial(), NOW)
    }

    /// The certificate of a request that must pass.
    pub(crate) fn issue(&self, profile: &Profile, request: Request) -> Certificate {
        self.key.certify(&self.approve(profile, request).unwrap())
    }
}

pub(crate) fn constraints(permitted: &[&str], excluded: &[&str]) -> NameConstraints {
    let parse = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    NameConstraints {
        permitted: parse(permitted),
        excluded: parse(excluded),
    }
}
