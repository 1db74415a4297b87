//! To-be-signed structures of every kind, as callers send them.

use data_encoding::HEXLOWER;
use time::macros::datetime;
use x509::crl::{CrlKind, CrlSpec};
use x509::csr::{Csr, CsrBuildError};
use x509::serial::Serial;
use x509::tbs::CertificateSpec;
use x509::validity::Validity;
use x509::{DistinguishedName, Extension, KeyUsageFlags, PublicKey, SignatureAlgorithm};

pub(crate) fn certificate(subject_key: &PublicKey, algorithm: SignatureAlgorithm) -> Vec<u8> {
    numbered_certificate(subject_key, algorithm, 1)
}

pub(crate) fn numbered_certificate(
    subject_key: &PublicKey,
    algorithm: SignatureAlgorithm,
    number: u16,
) -> Vec<u8> {
    let [high, low] = number.to_be_bytes();
    let spec = CertificateSpec {
        serial: Serial::from_bytes(&[0x11, high, low]).unwrap(),
        signature_algorithm: algorithm,
        issuer: name("CN=Test CA"),
        validity: Validity {
            not_before: datetime!(2027-01-01 0:00 UTC),
            not_after: datetime!(2027-03-31 23:59:59 UTC),
        },
        subject: name("CN=web.example.test"),
        public_key: subject_key.clone(),
        extensions: Vec::new(),
    };
    spec.to_tbs().unwrap()
}

pub(crate) fn crl(algorithm: SignatureAlgorithm) -> Vec<u8> {
    crl_spec(algorithm).to_tbs(&[]).unwrap()
}

pub(crate) fn crl_spec(algorithm: SignatureAlgorithm) -> CrlSpec {
    CrlSpec {
        issuer: name("CN=Test CA"),
        signature_algorithm: algorithm,
        aki: KEY_IDENTIFIER.to_vec(),
        number: 1,
        this_update: datetime!(2027-01-01 0:00 UTC),
        next_update: datetime!(2027-01-02 0:00 UTC),
        kind: CrlKind::COMPLETE,
        shard: Vec::new(),
    }
}

pub(crate) const KEY_IDENTIFIER: [u8; 20] = [7; 20];

/// TBSCertificate of a CA that signs CRLs, by itself.
pub(crate) fn ca_certificate(key: &PublicKey, algorithm: SignatureAlgorithm) -> CertificateSpec {
    CertificateSpec {
        serial: Serial::from_bytes(&[0x17]).unwrap(),
        signature_algorithm: algorithm,
        issuer: name("CN=Test CA"),
        validity: Validity {
            not_before: datetime!(2026-01-01 0:00 UTC),
            not_after: datetime!(2036-12-31 23:59:59 UTC),
        },
        subject: name("CN=Test CA"),
        public_key: key.clone(),
        extensions: vec![
            Extension::basic_constraints_ca(None),
            Extension::key_usage(KeyUsageFlags::KEY_CERT_SIGN | KeyUsageFlags::CRL_SIGN).unwrap(),
            Extension::subject_key_identifier(KEY_IDENTIFIER),
        ],
    }
}

pub(crate) fn certificate_request(key: &PublicKey, algorithm: SignatureAlgorithm) -> Vec<u8> {
    let result = Csr::build(&name("CN=Sub CA"), &[], key, algorithm, |info| {
        Err::<Vec<u8>, _>(info.to_vec())
    });
    match result {
        Err(CsrBuildError::Sign(info)) => info,
        _ => unreachable!("the closure hands the bytes out as its error"),
    }
}

/// ResponseData (RFC 6960 section 4.2.1): responder by key, one `good` answer, by hand.
pub(crate) fn ocsp_response() -> Vec<u8> {
    let hex = [
        "306a",
        "a216",
        "0414",
        "00112233445566778899aabbccddeeff00112233", // responderID byKey
        "180f",
        "32303237303130313030303030305a", // producedAt 20270101000000Z
        "303f",
        "303d", // responses, SingleResponse
        "3028", // certID: SHA-1, two hashes, serial number
        "3007",
        "06052b0e03021a",
        "0404",
        "aabbccdd",
        "0414",
        "00112233445566778899aabbccddeeff00112233",
        "0201",
        "05",
        "8000", // good
        "180f",
        "32303237303130313030303030305a", // thisUpdate
    ];
    HEXLOWER.decode(hex.concat().as_bytes()).unwrap()
}

fn name(text: &str) -> DistinguishedName {
    text.parse().unwrap()
}
