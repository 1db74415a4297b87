//! Public keys: good ones of other tools are read to the byte, weak and malformed ones are refused by name.

mod identity;
mod points;
mod rsa;

use data_encoding::HEXLOWER;
use proptest::collection::vec;
use proptest::prelude::*;
use x509::key::KeyError;
use x509::signature::{SignatureError, StreamVerifier};
use x509::weak::Weakness;
use x509::{KeyAlgorithm, PublicKey, SignatureAlgorithm, pem};

use crate::csr::forge::{oid, tlv};
use crate::csr::holder::Holder;
use crate::csr::tool::Tool;

const RSA: &str = "1.2.840.113549.1.1.1";
const EC: &str = "1.2.840.10045.2.1";
const ED25519: &str = "1.3.101.112";
const P256: &str = "1.2.840.10045.3.1.7";

fn spki(algorithm: &[&[u8]], key: &[u8]) -> Vec<u8> {
    tlv(0x30, &[&tlv(0x30, algorithm), &tlv(0x03, &[&[0], key])])
}

fn point(curve: &str, point: &[u8]) -> Result<PublicKey, KeyError> {
    PublicKey::from_spki(&spki(&[&oid(EC), &oid(curve)], point))
}

/// An RSA key of these big-endian numbers, whose first bit may be set.
fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<PublicKey, KeyError> {
    let integer = |number: &[u8]| match number {
        [0x80..=0xff, ..] => tlv(2, &[&[0], number]),
        _ => tlv(2, &[number]),
    };
    let key = tlv(0x30, &[&integer(modulus), &integer(exponent)]);
    PublicKey::from_spki(&spki(&[&oid(RSA), &[5, 0]], &key))
}

fn weakness(result: Result<PublicKey, KeyError>) -> Weakness {
    match result {
        Err(KeyError::Weak(weakness)) => weakness,
        #[expect(clippy::panic, reason = "tests")]
        other => panic!("{other:?} is not weak"),
    }
}

#[test]
fn keys_of_openssl_are_read_to_the_byte() {
    let tool = Tool::new();
    for (options, expected) in [
        ("EC -pkeyopt ec_paramgen_curve:P-256", KeyAlgorithm::P256),
        ("EC -pkeyopt ec_paramgen_curve:P-384", KeyAlgorithm::P384),
        ("EC -pkeyopt ec_paramgen_curve:P-521", KeyAlgorithm::P521),
        ("RSA -pkeyopt rsa_keygen_bits:2048", KeyAlgorithm::Rsa(2048)),
        ("RSA -pkeyopt rsa_keygen_bits:4096", KeyAlgorithm::Rsa(4096)),
        (
            "RSA -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_keygen_pubexp:4294967297",
            KeyAlgorithm::Rsa(2048),
        ),
        ("ED25519", KeyAlgorithm::Ed25519),
    ] {
        tool.run(&format!("openssl genpkey -algorithm {options} -out key.pem"));
        tool.run("openssl pkey -in key.pem -pubout -outform DER -out public.der");
        let der = tool.read("public.der");
        let key = PublicKey::from_spki(&der).unwrap_or_else(|e| panic!("{options}: {e}"));
        assert_eq!((key.algorithm(), key.spki()), (expected, &*der));
        let digest = tool.run("openssl dgst -sha256 -r public.der");
        assert_eq!(HEXLOWER.encode(&key.fingerprint()), digest[..64]);
        assert_eq!(
            format!("{key:?}"),
            format!("PublicKey({expected}, {})", &digest[..64])
        );
    }
}

#[test]
fn keys_with_known_weaknesses_are_refused_by_name() {
    let read = |file: &str| {
        let path = format!(
            "{}/tests/it/data/weak-keys/{file}.pem",
            env!("CARGO_MANIFEST_DIR")
        );
        let der = pem::decode(&std::fs::read(path).unwrap(), "PUBLIC KEY")
            .unwrap()
            .remove(0);
        weakness(PublicKey::from_spki(&der))
    };
    assert_eq!(read("roca"), Weakness::Roca);
    assert_eq!(read("debian"), Weakness::Debian);
    assert_eq!(read("square"), Weakness::ClosePrimes);
    assert_eq!(read("close-primes"), Weakness::ClosePrimes);
    assert_eq!(read("exponent-one"), Weakness::SmallExponent);
    assert!(matches!(read("small-factors"), Weakness::SmallFactor(_)));
}

#[test]
fn parameters_are_exact() {
    let parts = |algorithm| {
        let der = Holder::new(algorithm).spki();
        // The key follows the AlgorithmIdentifier, whose length is one octet.
        let outer = if der[1] & 0x80 == 0 {
            2
        } else {
            2 + usize::from(der[1] & 0x7f)
        };
        der[outer + 2 + usize::from(der[outer + 1])..].to_vec()
    };
    let [ec, rsa, ed] = [KeyAlgorithm::P256, KeyAlgorithm::Rsa(2048), KeyAlgorithm::Ed25519].map(parts);
    let null: &[u8] = &[5, 0];
    let cases: [(&[&[u8]], &[u8]); 5] = [
        (&[&oid(EC)], &ec),
        (&[&oid(EC), null], &ec),
        (&[&oid(RSA), &oid(P256)], &rsa),
        (&[&oid(ED25519), null], &ed),
        (&[&oid(ED25519), &oid(P256)], &ed),
    ];
    for (algorithm, key) in cases {
        let result = PublicKey::from_spki(&tlv(0x30, &[&tlv(0x30, algorithm), key]));
        assert!(matches!(result, Err(KeyError::Parameters { .. })), "{result:?}");
    }
    let trailing = tlv(0x30, &[&tlv(0x30, &[&oid(RSA), null, null]), &rsa]);
    assert!(matches!(
        PublicKey::from_spki(&trailing),
        Err(KeyError::Malformed(_))
    ));
}

#[test]
fn unsupported_algorithms_and_curves_are_named() {
    let tool = Tool::new();
    for (options, name) in [
        (
            "EC -pkeyopt ec_paramgen_curve:secp256k1",
            "1.3.132.0.10 (secp256k1)",
        ),
        ("EC -pkeyopt ec_paramgen_curve:P-224", "1.3.132.0.33 (P-224)"),
        (
            "EC -pkeyopt ec_paramgen_curve:brainpoolP256r1",
            "1.3.36.3.3.2.8.1.1.7 (brainpoolP256r1)",
        ),
        (
            "EC -pkeyopt ec_paramgen_curve:sect233k1",
            "1.3.132.0.26 (unknown)",
        ),
        ("X25519", "1.3.101.110 (X25519)"),
        ("ED448", "1.3.101.113 (Ed448)"),
        (
            "RSA-PSS -pkeyopt rsa_keygen_bits:2048",
            "make a plain rsaEncryption key",
        ),
    ] {
        tool.run(&format!("openssl genpkey -algorithm {options} -out key.pem"));
        tool.run("openssl pkey -in key.pem -pubout -outform DER -out public.der");
        let error = PublicKey::from_spki(&tool.read("public.der")).unwrap_err();
        assert!(error.to_string().contains(name), "{options}: {error}");
    }
}

#[test]
fn bytes_that_are_no_key_are_refused() {
    let good = Holder::new(KeyAlgorithm::P256).spki();
    for end in 0..good.len() {
        assert!(matches!(
            PublicKey::from_spki(&good[..end]),
            Err(KeyError::Malformed(_))
        ));
    }
    let trailing = [&good[..], &[0]].concat();
    assert!(matches!(
        PublicKey::from_spki(&trailing),
        Err(KeyError::Malformed(_))
    ));
    let mut unused_bits = good;
    (unused_bits[25], unused_bits[90]) = (1, 0);
    assert!(matches!(
        PublicKey::from_spki(&unused_bits),
        Err(KeyError::Malformed(_))
    ));
}

#[test]
fn names_of_algorithms_are_read_back() {
    for name in [
        "p256", "p384", "p521", "ed25519", "rsa2048", "rsa3072", "rsa4096", "rsa8192", "rsa2056",
    ] {
        assert_eq!(name.parse::<KeyAlgorithm>().unwrap().to_string(), name);
    }
    for name in [
        "",
        "P256",
        "rsa",
        "rsa1024",
        "rsa02048",
        "rsa2049",
        "rsa8200",
        "rsa+248",
        "rsa99999999999",
        "dsa",
    ] {
        assert_eq!(
            name.parse::<KeyAlgorithm>(),
            Err(KeyError::UnknownName(name.to_owned()))
        );
    }
}

#[test]
fn a_signature_verifies_only_with_its_algorithm_message_and_key() {
    for key in [
        KeyAlgorithm::P256,
        KeyAlgorithm::P384,
        KeyAlgorithm::P521,
        KeyAlgorithm::Rsa(2048),
        KeyAlgorithm::Ed25519,
    ] {
        let (holder, other) = (Holder::new(key), Holder::new(key));
        for algorithm in holder.algorithms() {
            let mut signature = holder.sign(b"message", algorithm);
            let public = holder.public_key();
            for candidate in SignatureAlgorithm::ALL {
                let verified = candidate.verify(&public, b"message", &signature);
                assert_eq!(
                    verified.is_ok(),
                    candidate == algorithm,
                    "{algorithm} taken for {candidate}"
                );
            }
            assert_eq!(
                algorithm.verify(&public, b"massage", &signature),
                Err(SignatureError::Invalid)
            );
            assert_eq!(
                algorithm.verify(&other.public_key(), b"message", &signature),
                Err(SignatureError::Invalid)
            );
            signature.push(0);
            assert_eq!(
                algorithm.verify(&public, b"message", &signature),
                Err(SignatureError::Invalid)
            );
        }
    }
}

#[test]
fn a_message_that_streams_by_is_verified_as_one_that_is_there_whole() {
    for key in [
        KeyAlgorithm::P256,
        KeyAlgorithm::P384,
        KeyAlgorithm::P521,
        KeyAlgorithm::Rsa(2048),
        KeyAlgorithm::Ed25519,
    ] {
        let holder = Holder::new(key);
        let public = holder.public_key();
        for algorithm in holder.algorithms() {
            let signature = holder.sign(b"message", algorithm);
            let verify = |as_algorithm, parts: &[&str], signature: &[u8]| {
                let mut verifier = StreamVerifier::new(as_algorithm);
                parts.iter().for_each(|part| verifier.push(part.as_bytes()));
                verifier.verify(&public, signature)
            };
            assert_eq!(verify(algorithm, &["mess", "", "age"], &signature), Ok(()));
            assert_eq!(
                verify(algorithm, &["mess", "ag"], &signature),
                Err(SignatureError::Invalid)
            );
            for candidate in SignatureAlgorithm::ALL {
                let verified = verify(candidate, &["message"], &signature);
                assert_eq!(
                    verified.is_ok(),
                    candidate == algorithm,
                    "{algorithm} as {candidate}"
                );
            }
        }
    }
}

proptest! {
    #[test]
    fn random_octets_are_no_key(octets in vec(any::<u8>(), 0..200)) {
        prop_assert!(PublicKey::from_spki(&octets).is_err());
        let numbers = tlv(0x30, &[&tlv(2, &[&octets]), &[2, 3, 1, 0, 1]]);
        let _ = PublicKey::from_spki(&spki(&[&oid(RSA), &[5, 0]], &numbers));
        let _ = PublicKey::from_spki(&spki(&[&oid(ED25519)], &octets));
        prop_assert!(point(P256, &octets).is_err());
    }
}
