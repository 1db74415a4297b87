//! Public keys: good ones of other tools are read to the byte, weak and malformed ones are refused by name.

use data_encoding::HEXLOWER;
use proptest::{collection::vec, prelude::*};
use x509::{
    KeyAlgorithm, KeyIdMethod, PublicKey, SignatureAlgorithm, key::KeyError, pem, signature::SignatureError,
    weak::Weakness,
};

use crate::csr::{
    forge::{oid, tlv},
    holder::Holder,
    tool::Tool,
};

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
fn keys_that_one_secret_opens_have_one_material_id() {
    let tool = Tool::new();
    tool.run("openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key.pem");
    tool.run("openssl pkey -in key.pem -pubout -outform DER -out public.der");
    let key = PublicKey::from_spki(&tool.read("public.der")).unwrap();
    let text = tool.run("openssl pkey -pubin -inform DER -in public.der -noout -text_pub");
    let (_, rest) = text.split_once("Modulus:").unwrap();
    let (hex, _) = rest.split_once("Exponent").unwrap();
    let digits: String = hex.chars().filter(char::is_ascii_hexdigit).collect();
    let modulus = HEXLOWER.decode(digits.as_bytes()).unwrap();
    let modulus = modulus.strip_prefix(&[0]).unwrap();
    let other = rsa(modulus, &[0x01, 0x00, 0x03]).unwrap();
    assert_ne!(key.fingerprint(), other.fingerprint());
    assert_eq!(key.material_id(), other.material_id());
    assert_eq!(key.twin_fingerprint(), None);

    tool.run("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem");
    tool.run("openssl pkey -in key.pem -pubout -outform DER -out public.der");
    let key = PublicKey::from_spki(&tool.read("public.der")).unwrap();
    // The other y of P-256: p - y.
    const P: &str = "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff";
    let p = HEXLOWER.decode(P.as_bytes()).unwrap();
    let (x, y) = key.key_bytes()[1..].split_at(32);
    let (mut other, mut borrow) = (vec![0; 32], 0);
    for at in (0..32).rev() {
        let digit = i32::from(p[at]) - i32::from(y[at]) - borrow;
        borrow = i32::from(digit < 0);
        other[at] = u8::try_from(digit + 256 * borrow).unwrap();
    }
    let negative = point(P256, &[&[4], x, &other].concat()).unwrap();
    assert_ne!(key.fingerprint(), negative.fingerprint());
    assert_eq!(key.material_id(), negative.material_id());
    assert_eq!(key.twin_fingerprint(), Some(negative.fingerprint()));
    assert_eq!(negative.twin_fingerprint(), Some(key.fingerprint()));

    tool.run("openssl genpkey -algorithm ED25519 -out key.pem");
    tool.run("openssl pkey -in key.pem -pubout -outform DER -out public.der");
    let key = PublicKey::from_spki(&tool.read("public.der")).unwrap();
    let mut octets = key.key_bytes().to_vec();
    octets[31] ^= 0x80;
    let negative = PublicKey::from_spki(&spki(&[&oid(ED25519)], &octets)).unwrap();
    assert_eq!(key.material_id(), negative.material_id());
    assert_eq!(key.twin_fingerprint(), Some(negative.fingerprint()));
}

#[test]
fn the_twin_of_a_key_is_on_its_curve_and_opened_by_the_negative_secret() {
    use aws_lc_rs::digest::{SHA256, digest};
    // The negative of the private key d is n - d: openssl computes the point of both.
    const ORDERS: [(&str, &str); 3] = [
        (
            "P-256",
            "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
        ),
        (
            "P-384",
            "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
        ),
        (
            "P-521",
            "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
        ),
    ];
    let tool = Tool::new();
    for (curve, order) in ORDERS {
        tool.run(&format!(
            "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:{curve} -out key.pem"
        ));
        tool.run("openssl pkey -in key.pem -pubout -outform DER -out public.der");
        let key = PublicKey::from_spki(&tool.read("public.der")).unwrap();
        let text = tool.run("openssl pkey -in key.pem -noout -text");
        let (_, rest) = text.split_once("priv:").unwrap();
        let (hex, _) = rest.split_once("pub:").unwrap();
        let digits: String = hex.chars().filter(char::is_ascii_hexdigit).collect();
        let secret = HEXLOWER.decode(digits.as_bytes()).unwrap();
        let order = HEXLOWER.decode(order.as_bytes()).unwrap();
        let mut padded = vec![0; order.len() - secret.len().min(order.len())];
        padded.extend(&secret[secret.len().saturating_sub(order.len())..]);
        let (mut negative, mut borrow) = (vec![0; order.len()], 0);
        for at in (0..order.len()).rev() {
            let digit = i32::from(order[at]) - i32::from(padded[at]) - borrow;
            borrow = i32::from(digit < 0);
            negative[at] = u8::try_from(digit + 256 * borrow).unwrap();
        }
        let oid = match curve {
            "P-256" => "06082a8648ce3d030107",
            "P-384" => "06052b81040022",
            _ => "06052b81040023",
        };
        // ECPrivateKey of RFC 5915: version, secret, the curve.
        let oid = HEXLOWER.decode(oid.as_bytes()).unwrap();
        let ec = tlv(
            0x30,
            &[&tlv(2, &[&[1]]), &tlv(4, &[&negative]), &tlv(0xa0, &[&oid])],
        );
        tool.write("negative.der", &ec);
        tool.run("openssl pkey -inform DER -in negative.der -pubout -outform DER -out twin.der");
        let twin = tool.read("twin.der");
        let fingerprint = digest(&SHA256, &twin);
        assert_eq!(
            key.twin_fingerprint().unwrap().as_slice(),
            fingerprint.as_ref(),
            "{curve}"
        );
        assert_eq!(
            PublicKey::from_spki(&twin).unwrap().material_id(),
            key.material_id()
        );
    }
}

#[test]
fn different_keys_have_different_material_ids() {
    let tool = Tool::new();
    let mut seen = std::collections::HashSet::new();
    for options in [
        "EC -pkeyopt ec_paramgen_curve:P-256",
        "EC -pkeyopt ec_paramgen_curve:P-384",
        "ED25519",
    ] {
        for _ in 0..3 {
            tool.run(&format!("openssl genpkey -algorithm {options} -out key.pem"));
            tool.run("openssl pkey -in key.pem -pubout -outform DER -out public.der");
            let key = PublicKey::from_spki(&tool.read("public.der")).unwrap();
            assert!(seen.insert(key.material_id()), "{options}");
        }
    }
}

#[test]
fn key_identifiers_hash_the_bit_string() {
    let tool = Tool::new();
    tool.run("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem");
    tool.run("openssl pkey -in key.pem -pubout -outform DER -out public.der");
    tool.run(
        "openssl req -x509 -new -key key.pem -subj /CN=x -addext subjectKeyIdentifier=hash -out cert.pem",
    );
    let key = PublicKey::from_spki(&tool.read("public.der")).unwrap();
    let text = tool.run("openssl x509 -in cert.pem -noout -ext subjectKeyIdentifier");
    let sha1 = key
        .key_identifier(KeyIdMethod::Sha1)
        .map(|b| format!("{b:02X}"))
        .join(":");
    assert!(text.contains(&sha1), "{text}");
    // RFC 7093 section 2 method 1 by another route: the uncompressed point is the last 65 octets.
    tool.write("point", &tool.read("public.der")[26..]);
    let digest = tool.run("openssl dgst -sha256 -r point");
    assert_eq!(
        HEXLOWER.encode(&key.key_identifier(KeyIdMethod::Rfc7093)),
        digest[..40]
    );
    assert_eq!(KeyIdMethod::default(), KeyIdMethod::Rfc7093);
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
fn fresh_rsa_keys_are_not_taken_for_weak() {
    for _ in 0..10 {
        assert_eq!(
            Holder::new(KeyAlgorithm::Rsa(2048)).public_key().algorithm(),
            KeyAlgorithm::Rsa(2048)
        );
    }
}

#[test]
fn rsa_sizes_outside_the_rules_are_refused() {
    let odd = |bytes: usize, first: u8| {
        let mut modulus = vec![0x55; bytes];
        (modulus[0], modulus[bytes - 1]) = (first, 0x01);
        weakness(rsa(&modulus, &[1, 0, 1]))
    };
    assert_eq!(odd(128, 0x80), Weakness::TooSmall(1024));
    assert_eq!(odd(256, 0x7f), Weakness::TooSmall(2047));
    assert_eq!(odd(257, 0x01), Weakness::OddSize(2049));
    assert_eq!(odd(1025, 0x01), Weakness::TooLarge(8193));
    assert_eq!(odd(1025, 0x80), Weakness::TooLarge(8200));
    assert!(matches!(
        rsa(&vec![0x81; 4000], &[1, 0, 1]),
        Err(KeyError::TooLong { .. })
    ));
}

#[test]
fn exponents_and_moduli_outside_the_rules_are_refused() {
    let tool = Tool::new();
    tool.run("openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key.pem");
    let printed = tool.run("openssl rsa -in key.pem -noout -modulus");
    let hex = printed.trim().rsplit('=').next().unwrap().lines().next().unwrap();
    let mut modulus = data_encoding::HEXUPPER.decode(hex.as_bytes()).unwrap();
    assert!(rsa(&modulus, &[1, 0, 1]).is_ok());
    assert!(rsa(&modulus, &[0xff; 8]).is_ok());
    assert_eq!(weakness(rsa(&modulus, &[3])), Weakness::SmallExponent);
    assert_eq!(weakness(rsa(&modulus, &[0])), Weakness::SmallExponent);
    assert_eq!(weakness(rsa(&modulus, &[0xff, 0xff])), Weakness::SmallExponent);
    assert_eq!(weakness(rsa(&modulus, &[1, 0, 2])), Weakness::EvenExponent);
    assert_eq!(
        weakness(rsa(&modulus, &[1, 0, 0, 0, 0, 0, 0, 0, 1])),
        Weakness::LargeExponent
    );
    *modulus.last_mut().unwrap() &= 0xfe;
    assert_eq!(weakness(rsa(&modulus, &[1, 0, 1])), Weakness::EvenModulus);
}

#[test]
fn malformed_rsa_numbers_are_refused() {
    let key = |content: &[u8]| PublicKey::from_spki(&spki(&[&oid(RSA), &[5, 0]], &tlv(0x30, &[content])));
    let negative = tlv(2, &[&[0xff; 256]]);
    let exponent = [2, 3, 1, 0, 1];
    let padded = tlv(2, &[&[0, 0], &[0x7f; 256]]);
    for content in [
        [&negative[..], &exponent].concat(),
        [&padded[..], &exponent].concat(),
        tlv(2, &[&[0x7f; 256]]),
        [&tlv(2, &[&[0x7f; 257]])[..], &exponent, &[5, 0]].concat(),
        vec![],
    ] {
        assert!(
            matches!(key(&content), Err(KeyError::Malformed(_))),
            "{:?}",
            key(&content)
        );
    }
    assert_eq!(weakness(key(&[2, 1, 0, 2, 1, 0])), Weakness::TooSmall(0));
}

#[test]
fn points_off_the_curve_are_refused() {
    for (algorithm, at) in [
        (KeyAlgorithm::P256, 27),
        (KeyAlgorithm::P384, 25),
        (KeyAlgorithm::P521, 27),
    ] {
        let mut der = Holder::new(algorithm).spki();
        let good = der.clone();
        let last = der.len() - 1;
        der[last] ^= 1;
        assert_eq!(
            weakness(PublicKey::from_spki(&der)),
            Weakness::OffCurve(algorithm)
        );
        // x at or above the prime of the field is not an encoding of any point.
        let mut der = good;
        der[at..at + 32].fill(0xff);
        assert_eq!(
            weakness(PublicKey::from_spki(&der)),
            Weakness::OffCurve(algorithm)
        );
    }
    assert_eq!(
        weakness(point(P256, &[&[4], &[0; 64][..]].concat())),
        Weakness::OffCurve(KeyAlgorithm::P256)
    );
}

#[test]
fn other_forms_of_points_are_refused() {
    let der = Holder::new(KeyAlgorithm::P256).spki();
    let uncompressed = &der[26..];
    let sign = uncompressed[64] & 1;
    assert_eq!(weakness(point(P256, &[0])), Weakness::Infinity);
    let compressed = [&[2 + sign], &uncompressed[1..33]].concat();
    assert_eq!(point(P256, &compressed), Err(KeyError::CompressedPoint));
    let hybrid = [&[6 + sign], &uncompressed[1..]].concat();
    for other in [
        &hybrid[..],
        &uncompressed[..64],
        &[uncompressed, &[0]].concat(),
        &[],
        &[4],
        &[0; 65],
    ] {
        assert!(
            matches!(point(P256, other), Err(KeyError::Malformed(_))),
            "{other:02x?}"
        );
    }
    // A good point of another curve.
    assert!(matches!(
        point("1.3.132.0.34", uncompressed),
        Err(KeyError::Malformed(_))
    ));
}

#[test]
fn ed25519_points_that_are_no_keys_are_refused() {
    let key = |bytes: &[u8]| PublicKey::from_spki(&spki(&[&oid(ED25519)], bytes));
    assert_eq!(weakness(key(&[0; 32])), Weakness::SmallOrder);
    assert_eq!(weakness(key(&[0xff; 32])), Weakness::NonCanonical);
    let off = (2..50u8).map(|y| key(&std::array::from_fn::<_, 32, _>(|i| if i == 0 { y } else { 0 })));
    assert!(
        off.filter(Result::is_err)
            .all(|r| weakness(r) == Weakness::OffCurve(KeyAlgorithm::Ed25519))
    );
    for length in [0, 31, 33, 64] {
        assert!(matches!(key(&vec![9; length]), Err(KeyError::Malformed(_))));
    }
}

#[test]
fn an_rsa_key_without_null_is_read_and_written_with_it() {
    let whole = Holder::new(KeyAlgorithm::Rsa(2048)).spki();
    let with_null = PublicKey::from_spki(&whole).unwrap();
    let bits = [&[0][..], with_null.key_bytes()].concat();
    let without = tlv(0x30, &[&tlv(0x30, &[&oid(RSA)]), &tlv(0x03, &[&bits])]);
    assert_ne!(without, whole);
    let read = PublicKey::from_spki(&without).unwrap();
    assert_eq!(read.spki(), whole);
    assert_eq!((read.fingerprint(), &read), (with_null.fingerprint(), &with_null));
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
fn an_elliptic_curve_key_with_any_bit_changed_is_refused() {
    for algorithm in [KeyAlgorithm::P256, KeyAlgorithm::P384, KeyAlgorithm::P521] {
        let good = Holder::new(algorithm).spki();
        for bit in 0..good.len() * 8 {
            let mut der = good.clone();
            der[bit / 8] ^= 1 << (bit % 8);
            assert!(PublicKey::from_spki(&der).is_err(), "{algorithm}, bit {bit}");
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
