//! Public keys and the algorithm of signatures.

use crate::der::{bits, int, null, oid, seq};

pub(crate) fn ecdsa_sha256() -> Vec<u8> {
    seq(&[oid("1.2.840.10045.4.3.2")])
}

/// The generator of P-256.
pub(crate) fn p256_point() -> Vec<u8> {
    let x = "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296";
    let y = "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
    let hex = format!("04{x}{y}");
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

pub(crate) fn ec_key(curve: Vec<u8>, point: &[u8]) -> Vec<u8> {
    seq(&[seq(&[oid("1.2.840.10045.2.1"), curve]), bits(0, point)])
}

pub(crate) fn p256() -> Vec<u8> {
    ec_key(oid("1.2.840.10045.3.1.7"), &p256_point())
}

pub(crate) fn ed25519() -> Vec<u8> {
    seq(&[seq(&[oid("1.3.101.112")]), bits(0, &[0x58; 32])])
}

/// An RSA key of these numbers.
pub(crate) fn rsa_of(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let key = seq(&[int(modulus), int(exponent)]);
    seq(&[seq(&[oid("1.2.840.113549.1.1.1"), null()]), bits(0, &key)])
}

/// An odd number of `octets` octets, as INTEGER content.
pub(crate) fn modulus(octets: usize) -> Vec<u8> {
    let mut content = vec![0];
    content.resize(octets + 1, 0xc5);
    content
}

pub(crate) fn rsa() -> Vec<u8> {
    rsa_of(&modulus(256), &[1, 0, 1])
}
