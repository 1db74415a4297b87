//! EC keys in forms of PKCS#8 that are not written here, and with private numbers that no curve has.

use keys::{Signer as _, SoftwareKey};
use x509::asn1::{Reader, Writer, tag};
use x509::key::KeyAlgorithm;

/// Algorithm and ECPrivateKey in a PKCS#8 document.
fn parts(key: &SoftwareKey) -> (Vec<u8>, Vec<u8>) {
    let document = key.to_pkcs8().unwrap();
    let mut fields = Reader::within(&document, tag::SEQUENCE).unwrap();
    fields.expect(tag::INTEGER).unwrap();
    let algorithm = fields.any().unwrap().whole.to_vec();
    (algorithm, fields.expect(tag::OCTET_STRING).unwrap().to_vec())
}

/// OneAsymmetricKey (RFC 5958 section 2), version 2 with a public key.
fn document(algorithm: &[u8], private: &[u8], public: Option<&[u8]>) -> Vec<u8> {
    Writer::one(tag::SEQUENCE, |out| {
        out.unsigned(&[u8::from(public.is_some())]);
        out.raw(algorithm);
        out.primitive(tag::OCTET_STRING, private);
        if let Some(point) = public {
            out.primitive(tag::context(1), &[&[0], point].concat());
        }
    })
}

/// ECPrivateKey of that number alone.
fn private(number: &[u8]) -> Vec<u8> {
    Writer::one(tag::SEQUENCE, |out| {
        out.unsigned(&[1]);
        out.primitive(tag::OCTET_STRING, number);
    })
}

/// The uncompressed point at the end of the SubjectPublicKeyInfo.
fn point(key: &SoftwareKey, length: usize) -> Vec<u8> {
    let spki = key.public_key().spki();
    spki.split_at(spki.len() - length).1.to_vec()
}

#[test]
fn the_public_half_of_version_2_is_read_and_compared() {
    for (kind, length) in [
        (KeyAlgorithm::P256, 65),
        (KeyAlgorithm::P384, 97),
        (KeyAlgorithm::P521, 133),
    ] {
        let (key, other) = (
            SoftwareKey::generate(kind).unwrap(),
            SoftwareKey::generate(kind).unwrap(),
        );
        let (algorithm, inner) = parts(&key);
        let read = |public: &[u8]| keys::from_file(&document(&algorithm, &inner, Some(public)), None);
        let same = read(&point(&key, length)).unwrap();
        assert_eq!(same.public_key(), key.public_key(), "{kind}");
        let refused = read(&point(&other, length)).unwrap_err().to_string();
        assert!(refused.contains("do not belong together"), "{kind}: {refused}");
    }
}

#[test]
fn a_private_number_that_is_not_below_the_order_is_named() {
    let (algorithm, _) = parts(&SoftwareKey::generate(KeyAlgorithm::P256).unwrap());
    let order = data_encoding::HEXLOWER
        .decode(b"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")
        .unwrap();
    let mut least = vec![0; 32];
    least[31] = 1;
    let mut below = order.clone();
    below[31] -= 1;
    for (number, taken) in [
        (&least, true),
        (&below, true),
        (&vec![0; 32], false),
        (&order, false),
        (&vec![0xff; 32], false),
    ] {
        let read = keys::from_file(&document(&algorithm, &private(number), None), None);
        assert_eq!(read.is_ok(), taken, "{number:02x?}");
        if let Err(refused) = read {
            let refused = refused.to_string();
            assert!(refused.contains("the order of its curve"), "{refused}");
        }
    }
}
