//! Which keys are the same: one id for all that one secret opens, identifiers for certificates.

use data_encoding::HEXLOWER;
use x509::{KeyIdMethod, PublicKey};

use super::{ED25519, P256, point, rsa, spki};
use crate::csr::forge::{oid, tlv};
use crate::csr::tool::Tool;

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
