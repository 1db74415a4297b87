//! Every signature algorithm, verified by OpenSSL.

use keys::{KeyError, Signer, SoftwareKey, StreamedMessage};
use x509::key::KeyAlgorithm;
use x509::signature::SignatureAlgorithm;

use crate::openssl::OpenSsl;

const MESSAGE: &[u8] = b"to be signed";

/// The signature over the message in pieces.
fn in_pieces(key: &SoftwareKey, algorithm: SignatureAlgorithm, message: &[u8]) -> Vec<u8> {
    let mut streamed = key.begin(algorithm).unwrap();
    assert_eq!(streamed.algorithm(), algorithm);
    for piece in message.chunks(5) {
        streamed.push(piece).unwrap();
    }
    key.sign_streamed(streamed).unwrap()
}

/// Signs, has OpenSSL verify, and has it refuse the signature over another message.
fn openssl_accepts(key: &SoftwareKey, algorithm: SignatureAlgorithm, options: &str) {
    let openssl = OpenSsl::new();
    openssl.write("public.der", key.public_key().spki());
    openssl.run("pkey -pubin -inform DER -in public.der -out public.pem");
    openssl.write("message", MESSAGE);
    openssl.write("other", b"another message");
    let verify = |message: &str| {
        let command = match algorithm {
            SignatureAlgorithm::Ed25519 => {
                format!("pkeyutl -verify -pubin -inkey public.pem -rawin -in {message} -sigfile signature")
            }
            _ => format!("dgst {options} -verify public.pem -signature signature {message}"),
        };
        openssl.try_run(command.split_whitespace())
    };
    let whole = key.sign(MESSAGE, algorithm).unwrap();
    for signature in [whole, in_pieces(key, algorithm, MESSAGE)] {
        openssl.write("signature", signature);
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

#[test]
fn a_message_in_pieces_is_of_the_kind_of_its_key() {
    let [p256, p384, ed25519, rsa] = [
        KeyAlgorithm::P256,
        KeyAlgorithm::P384,
        KeyAlgorithm::Ed25519,
        KeyAlgorithm::Rsa(2048),
    ]
    .map(|kind| SoftwareKey::generate(kind).unwrap());
    for (key, wrong) in [
        (&p256, SignatureAlgorithm::EcdsaSha384),
        (&p256, SignatureAlgorithm::RsaPssSha256),
        (&ed25519, SignatureAlgorithm::EcdsaSha512),
        (&rsa, SignatureAlgorithm::Ed25519),
    ] {
        let refused = key.begin(wrong).unwrap_err();
        assert!(matches!(refused, KeyError::AlgorithmMismatch { .. }), "{refused}");
    }
    for (begun_by, key) in [
        (&p256, &p384),
        (&p384, &p256),
        (&p256, &rsa),
        (&rsa, &p256),
        (&p256, &ed25519),
        (&ed25519, &rsa),
    ] {
        let begun = begun_by.begin(begun_by.algorithm()).unwrap();
        let refused = key.sign_streamed(begun).unwrap_err();
        assert!(matches!(refused, KeyError::AlgorithmMismatch { .. }), "{refused}");
    }
}

#[test]
fn ed25519_takes_a_message_in_pieces_up_to_its_bound() {
    let key = SoftwareKey::generate(KeyAlgorithm::Ed25519).unwrap();
    let message = vec![7; StreamedMessage::MAX_WHOLE];
    let mut streamed = key.begin(SignatureAlgorithm::Ed25519).unwrap();
    message
        .chunks(1024 * 1024)
        .for_each(|piece| streamed.push(piece).unwrap());
    let refused = streamed.push(&[7]).unwrap_err();
    assert!(refused.to_string().contains("16 MiB"), "{refused}");
    // What was refused was not taken.
    let signature = key.sign_streamed(streamed).unwrap();
    SignatureAlgorithm::Ed25519
        .verify(key.public_key(), &message, &signature)
        .unwrap();
    // Others hash: no bound, no memory.
    let key = SoftwareKey::generate(KeyAlgorithm::P256).unwrap();
    let mut streamed = key.begin(SignatureAlgorithm::EcdsaSha256).unwrap();
    (0..17).for_each(|_| streamed.push(&message[..1024 * 1024]).unwrap());
}
