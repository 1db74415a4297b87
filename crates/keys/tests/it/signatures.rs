//! Every signature algorithm, verified by OpenSSL.

use keys::{KeyError, Signer, SoftwareKey};
use x509::key::KeyAlgorithm;
use x509::signature::SignatureAlgorithm;

use crate::openssl::OpenSsl;

const MESSAGE: &[u8] = b"to be signed";

/// Signs, has OpenSSL verify, and has it refuse the signature over another message.
fn openssl_accepts(key: &SoftwareKey, algorithm: SignatureAlgorithm, options: &str) {
    let openssl = OpenSsl::new();
    openssl.write("public.der", key.public_key().spki());
    openssl.run("pkey -pubin -inform DER -in public.der -out public.pem");
    openssl.write("message", MESSAGE);
    openssl.write("other", b"another message");
    openssl.write("signature", key.sign(MESSAGE, algorithm).unwrap());
    let verify = |message: &str| {
        let command = match algorithm {
            SignatureAlgorithm::Ed25519 => {
                format!("pkeyutl -verify -pubin -inkey public.pem -rawin -in {message} -sigfile signature")
            }
            _ => format!("dgst {options} -verify public.pem -signature signature {message}"),
        };
        openssl.try_run(command.split_whitespace())
    };
    let accepted = verify("message");
    assert!(
        accepted.status.success(),
        "{algorithm}: {}",
        String::from_utf8_lossy(&accepted.stderr)
    );
    assert!(
        !verify("other").status.success(),
        "{algorithm} accepted another message"
    );
}

fn rsa_everything(bits: u32) {
    let key = SoftwareKey::generate(KeyAlgorithm::Rsa(bits)).unwrap();
    assert_eq!(key.public_key().algorithm(), KeyAlgorithm::Rsa(bits));
    for (hash, pkcs1, pss) in [
        (
            "sha256",
            SignatureAlgorithm::RsaPkcs1Sha256,
            SignatureAlgorithm::RsaPssSha256,
        ),
        (
            "sha384",
            SignatureAlgorithm::RsaPkcs1Sha384,
            SignatureAlgorithm::RsaPssSha384,
        ),
        (
            "sha512",
            SignatureAlgorithm::RsaPkcs1Sha512,
            SignatureAlgorithm::RsaPssSha512,
        ),
    ] {
        openssl_accepts(&key, pkcs1, &format!("-{hash}"));
        let padding = "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest";
        openssl_accepts(
            &key,
            pss,
            &format!("-{hash} {padding} -sigopt rsa_mgf1_md:{hash}"),
        );
    }
    let again = SoftwareKey::from_pkcs8(&key.to_pkcs8().unwrap()).unwrap();
    assert_eq!(again.public_key(), key.public_key());
    let refused = key.sign(MESSAGE, SignatureAlgorithm::EcdsaSha256).unwrap_err();
    assert!(matches!(refused, KeyError::AlgorithmMismatch { .. }), "{refused}");
}

#[test]
fn openssl_verifies_p256() {
    let key = SoftwareKey::generate(KeyAlgorithm::P256).unwrap();
    openssl_accepts(&key, SignatureAlgorithm::EcdsaSha256, "-sha256");
}

#[test]
fn openssl_verifies_p384() {
    let key = SoftwareKey::generate(KeyAlgorithm::P384).unwrap();
    openssl_accepts(&key, SignatureAlgorithm::EcdsaSha384, "-sha384");
}

#[test]
fn openssl_verifies_p521() {
    let key = SoftwareKey::generate(KeyAlgorithm::P521).unwrap();
    openssl_accepts(&key, SignatureAlgorithm::EcdsaSha512, "-sha512");
}

#[test]
fn openssl_verifies_ed25519() {
    let key = SoftwareKey::generate(KeyAlgorithm::Ed25519).unwrap();
    openssl_accepts(&key, SignatureAlgorithm::Ed25519, "");
}

#[test]
fn openssl_verifies_rsa_2048() {
    rsa_everything(2048);
}

#[test]
fn openssl_verifies_rsa_3072() {
    rsa_everything(3072);
}

#[test]
fn openssl_verifies_rsa_4096() {
    rsa_everything(4096);
}

#[test]
fn our_own_verifier_agrees() {
    for kind in [
        KeyAlgorithm::P256,
        KeyAlgorithm::P384,
        KeyAlgorithm::P521,
        KeyAlgorithm::Ed25519,
    ] {
        let key = SoftwareKey::generate(kind).unwrap();
        let signature = key.sign(MESSAGE, key.algorithm()).unwrap();
        key.algorithm()
            .verify(key.public_key(), MESSAGE, &signature)
            .unwrap();
        key.algorithm()
            .verify(key.public_key(), b"other", &signature)
            .unwrap_err();
    }
}
