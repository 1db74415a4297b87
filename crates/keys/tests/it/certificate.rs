//! From an approved, linted certificate to a signed one, judged by OpenSSL.

use keys::{KeyError, Signer, SoftwareKey, sign_certificate};
use lint::{Context, Linted};
use rules::{Approved, Grant, Issuer, Profile, PublicationUrls, Request};
use time::macros::datetime;
use x509::{Certificate, KeyAlgorithm, Serial, SignatureAlgorithm};

use crate::openssl::OpenSsl;

fn profile(name: &str) -> Profile {
    rules::builtin()
        .into_iter()
        .find(|profile| profile.name == name)
        .unwrap()
}

fn serial() -> Serial {
    Serial::random(&aws_lc_rs::rand::SystemRandom::new()).unwrap()
}

fn root(key: &SoftwareKey, algorithm: SignatureAlgorithm) -> Linted<Approved> {
    let issuer = Issuer::self_signed(key.public_key().clone(), algorithm).unwrap();
    let request = Request::new(
        "CN=Test Root".parse().unwrap(),
        Vec::new(),
        key.public_key().clone(),
    )
    .granted(Grant::default().with_authority());
    let approved = rules::approve(
        &profile("root"),
        request,
        &issuer,
        serial(),
        datetime!(2027-01-01 0:00 UTC),
    )
    .unwrap();
    lint::lint(approved, &Context::default()).unwrap()
}

fn leaf(root: &Certificate, key: &SoftwareKey, algorithm: SignatureAlgorithm) -> Linted<Approved> {
    let urls = PublicationUrls {
        crl: vec!["http://pki.example.test/crl/root.crl".to_owned()],
        ocsp: vec!["http://pki.example.test/ocsp".to_owned()],
        ca_issuers: vec!["http://pki.example.test/ca/root.crt".to_owned()],
    };
    let issuer = Issuer::from_certificate(root.clone(), urls, algorithm).unwrap();
    let request = Request::new("CN=Sub CA".parse().unwrap(), Vec::new(), key.public_key().clone())
        .granted(Grant::default().with_authority());
    let approved = rules::approve(
        &profile("sub-ca"),
        request,
        &issuer,
        serial(),
        datetime!(2027-01-02 0:00 UTC),
    )
    .unwrap();
    lint::lint(approved, &Context::issued_by(root)).unwrap()
}

#[test]
fn openssl_verifies_what_was_signed() {
    let openssl = OpenSsl::new();
    let now = datetime!(2027-06-01 0:00 UTC).unix_timestamp();
    for (kind, algorithm) in [
        (KeyAlgorithm::P384, SignatureAlgorithm::EcdsaSha384),
        (KeyAlgorithm::Rsa(3072), SignatureAlgorithm::RsaPssSha256),
    ] {
        let (root_key, leaf_key) = (
            SoftwareKey::generate(kind).unwrap(),
            SoftwareKey::generate(KeyAlgorithm::P256).unwrap(),
        );
        let root = sign_certificate(root(&root_key, algorithm), &root_key).unwrap();
        let leaf = sign_certificate(leaf(&root, &leaf_key, algorithm), &root_key).unwrap();
        leaf.verify_signed_by(&root).unwrap();
        openssl.write("root.pem", root.pem());
        openssl.write("leaf.pem", leaf.pem());
        openssl.run(&format!(
            "verify -x509_strict -attime {now} -CAfile root.pem leaf.pem"
        ));
    }
}

#[test]
fn another_signer_than_the_issuer_is_refused() {
    let (key, other) = (
        SoftwareKey::generate(KeyAlgorithm::P256).unwrap(),
        SoftwareKey::generate(KeyAlgorithm::P256).unwrap(),
    );
    let refused = sign_certificate(root(&key, SignatureAlgorithm::EcdsaSha256), &other).unwrap_err();
    assert!(matches!(refused, KeyError::WrongSigner), "{refused}");
}

/// A store that answers with a signature over something else.
struct Faulty(SoftwareKey);

impl Signer for Faulty {
    fn public_key(&self) -> &x509::PublicKey {
        self.0.public_key()
    }

    fn sign(&self, _message: &[u8], algorithm: SignatureAlgorithm) -> Result<Vec<u8>, KeyError> {
        self.0.sign(b"something else", algorithm)
    }
}

#[test]
fn a_wrong_signature_is_never_handed_out() {
    let faulty = Faulty(SoftwareKey::generate(KeyAlgorithm::P256).unwrap());
    let refused = sign_certificate(root(&faulty.0, SignatureAlgorithm::EcdsaSha256), &faulty).unwrap_err();
    assert!(matches!(refused, KeyError::BadSignature), "{refused}");
}
