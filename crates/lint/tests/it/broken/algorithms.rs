//! Signature algorithms and keys.

use super::{Case, and, only};
use crate::der::{all, bits, int, null, octets, oid, seq};
use crate::forge::{ec_key, modulus, p256_point, rsa_of};

const SHA1_WITH_RSA: &str = "1.2.840.113549.1.1.5";
const SHA256_WITH_RSA: &str = "1.2.840.113549.1.1.11";
const PSS: &str = "1.2.840.113549.1.1.10";
const ECDSA_SHA256: &str = "1.2.840.10045.4.3.2";
const ED25519: &str = "1.3.101.112";
const P256: &str = "1.2.840.10045.3.1.7";
const UNFIT: &[&str] = &["rfc5280_signature_fits_issuer_key"];

fn hash() -> Vec<u8> {
    seq(&[oid("2.16.840.1.101.3.4.2.1"), null()])
}

/// RSASSA-PSS parameters with SHA-256 and this length of salt.
fn pss(salt: u8) -> Vec<u8> {
    let mgf1 = seq(&[oid("1.2.840.113549.1.1.8"), hash()]);
    let parameters = seq(&[
        all(0xa0, &[hash()]),
        all(0xa1, &[mgf1]),
        all(0xa2, &[int(&[salt])]),
    ]);
    seq(&[oid(PSS), parameters])
}

fn rsa_with(parameters: Vec<u8>, key: &[u8]) -> Vec<u8> {
    seq(&[seq(&[oid("1.2.840.113549.1.1.1"), parameters]), bits(0, key)])
}

fn even() -> Vec<u8> {
    let mut number = modulus(255);
    number.push(0xc4);
    number
}

pub(super) const CASES: &[Case] = &[
    only("cabf_signature_algorithm_allowed", "leaf", |f| {
        f.signature = seq(&[oid(SHA1_WITH_RSA), null()]);
    }),
    and(
        "rfc4055_rsa_signature_parameters_null",
        "leaf",
        |f| f.signature = seq(&[oid(SHA256_WITH_RSA)]),
        UNFIT,
    ),
    and("rfc4055_pss_parameters", "leaf", |f| f.signature = pss(20), UNFIT),
    and(
        "rfc4055_pss_parameters",
        "leaf",
        |f| f.signature = seq(&[oid(PSS)]),
        UNFIT,
    ),
    only("rfc5280_signature_fits_issuer_key", "leaf", |f| {
        f.signature = pss(32)
    }),
    only("rfc5758_ecdsa_parameters_absent", "leaf", |f| {
        f.signature = seq(&[oid(ECDSA_SHA256), null()]);
    }),
    and(
        "rfc8410_signature_parameters_absent",
        "leaf",
        |f| f.signature = seq(&[oid(ED25519), null()]),
        UNFIT,
    ),
    only("cabf_ecdsa_hash_fits_curve", "leaf", |f| {
        f.signature = seq(&[oid("1.2.840.10045.4.3.3")]);
    }),
    only("cabf_key_allowed", "leaf", |f| {
        f.spki = seq(&[seq(&[oid("1.2.840.10040.4.1")]), bits(0, &int(&[5]))]);
    }),
    only("cabf_key_allowed", "leaf", |f| {
        f.spki = seq(&[seq(&[oid(PSS)]), bits(0, &[1])])
    }),
    and(
        "rfc5280_key_whole_octets",
        "ed25519_leaf",
        |f| f.spki = seq(&[seq(&[oid(ED25519)]), bits(3, &[0x58; 32])]),
        &[],
    ),
    only("rfc3279_rsa_key_parameters_null", "rsa_leaf", |f| {
        f.spki = rsa_with(Vec::new(), &seq(&[int(&modulus(256)), int(&[1, 0, 1])]));
    }),
    only("rfc3279_rsa_key_form", "rsa_leaf", |f| {
        f.spki = rsa_with(null(), &octets(&[1]))
    }),
    only("rfc3279_rsa_key_form", "rsa_leaf", |f| {
        f.spki = rsa_of(&[0xc5; 256], &[1, 0, 1])
    }),
    only("rfc3279_rsa_key_form", "rsa_leaf", |f| {
        f.spki = rsa_with(null(), &seq(&[int(&modulus(256)), int(&[1, 0, 1]), int(&[1])]));
    }),
    only("cabf_rsa_modulus", "rsa_leaf", |f| {
        f.spki = rsa_of(&modulus(128), &[1, 0, 1])
    }),
    only("cabf_rsa_modulus", "rsa_leaf", |f| {
        f.spki = rsa_of(&[0x45; 257], &[1, 0, 1])
    }),
    only("cabf_rsa_modulus", "rsa_leaf", |f| {
        f.spki = rsa_of(&even(), &[1, 0, 1])
    }),
    only("cabf_rsa_exponent", "rsa_leaf", |f| {
        f.spki = rsa_of(&modulus(256), &[3])
    }),
    only("cabf_rsa_exponent", "rsa_leaf", |f| {
        f.spki = rsa_of(&modulus(256), &[1, 0, 2])
    }),
    only("cabf_rsa_exponent", "rsa_leaf", |f| {
        f.spki = rsa_of(&modulus(256), &[1; 33])
    }),
    only("rfc5480_named_curve", "leaf", |f| {
        f.spki = ec_key(Vec::new(), &p256_point())
    }),
    only("rfc5480_named_curve", "leaf", |f| {
        f.spki = ec_key(null(), &p256_point())
    }),
    only("rfc5480_named_curve", "leaf", |f| {
        f.spki = ec_key(oid("1.3.132.0.10"), &p256_point())
    }),
    only("rfc5480_point_form", "leaf", |f| {
        f.spki = ec_key(oid(P256), &[4; 64])
    }),
    only("rfc5480_point_form", "leaf", |f| {
        f.spki = ec_key(oid(P256), &[2; 33])
    }),
    only("rfc5480_point_form", "leaf", |f| {
        f.spki = ec_key(oid("1.3.132.0.34"), &p256_point())
    }),
    only("rfc8410_key_parameters_absent", "ed25519_leaf", |f| {
        f.spki = seq(&[seq(&[oid(ED25519), null()]), bits(0, &[0x58; 32])]);
    }),
    only("rfc8410_key_length", "ed25519_leaf", |f| {
        f.spki = seq(&[seq(&[oid(ED25519)]), bits(0, &[0x58; 31])]);
    }),
];
