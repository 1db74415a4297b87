//! RSA: sizes, exponents, moduli, malformed numbers, and the NULL that some leave out.

use x509::key::KeyError;
use x509::weak::Weakness;
use x509::{KeyAlgorithm, PublicKey};

use super::{RSA, rsa, spki, weakness};
use crate::csr::forge::{oid, tlv};
use crate::csr::holder::Holder;
use crate::csr::tool::Tool;

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
