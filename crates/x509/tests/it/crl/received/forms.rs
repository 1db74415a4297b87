//! Lists of others in forms that are not written here: long numbers, and signature algorithms as RFC 4055 has them accepted.

use std::sync::LazyLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{self as lc, RsaPssSaltLength, RsaSignatureEncoding};
use der::Encode as _;
use x509::asn1::{Reader, Writer, tag};
use x509::crl::{CrlError, CrlKind, CrlSpec, TbsCertListReader};
use x509::signature::SignatureError;
use x509::{KeyAlgorithm, SignatureAlgorithm, assemble};

use super::{at, ca, entries, read, serial};
use crate::csr::holder::Holder;
use crate::issue::{Authority, NOW};
use crate::judges::crl_spec;

/// The list with another number than a list of ours could have, and that of its base.
fn numbered(ca: &Authority, number: &[u8], base: Option<&[u8]>) -> Vec<u8> {
    let spec = CrlSpec {
        number: 0x51,
        kind: base.map_or(CrlKind::COMPLETE, |_| CrlKind::Delta { base: 0x42 }),
        ..crl_spec(ca)
    };
    let plain = spec.to_tbs(&[]).unwrap();
    let mut fields = Reader::within(&plain, tag::SEQUENCE).unwrap();
    let mut changed = Writer::default();
    changed.sequence(|out| {
        while let Ok(field) = fields.any() {
            match field.tag {
                0xa0 => out.constructed(0xa0, |out| extensions(out, field.content, (number, base))),
                _ => out.raw(field.whole),
            }
        }
    });
    let tbs = changed.into_vec();
    let signature = ca.holder.sign(&tbs, ca.algorithm);
    assemble(&tbs, ca.algorithm, &signature).unwrap()
}

fn extensions(out: &mut Writer, list: &[u8], (number, base): (&[u8], Option<&[u8]>)) {
    let mut list = Reader::within(list, tag::SEQUENCE).unwrap();
    out.sequence(|out| {
        while let Ok(extension) = list.any() {
            let oid = extension.content.get(..5).unwrap_or_default();
            let value = match oid {
                [6, 3, 0x55, 0x1d, 20] => number,
                [6, 3, 0x55, 0x1d, 27] => base.unwrap(),
                _ => {
                    out.raw(extension.whole);
                    continue;
                }
            };
            out.sequence(|out| {
                out.raw(oid);
                out.primitive(tag::OCTET_STRING, &Writer::primitive_of(tag::INTEGER, value));
            });
        }
    });
}

/// The list of an RSA key, whose AlgorithmIdentifier is another one inside, or behind.
fn identified(ca: &Authority, inner: &[u8], outer: &[u8], sign: &dyn Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let plain = crl_spec(ca).to_tbs(&entries(3)).unwrap();
    let mut fields = Reader::within(&plain, tag::SEQUENCE).unwrap();
    let tbs = Writer::one(tag::SEQUENCE, |out| {
        out.raw(fields.any().unwrap().whole);
        fields.any().unwrap();
        out.raw(inner);
        while let Ok(field) = fields.any() {
            out.raw(field.whole);
        }
    });
    Writer::one(tag::SEQUENCE, |out| {
        out.raw(&tbs);
        out.raw(outer);
        out.bit_octets(&sign(&tbs));
    })
}

/// As RFC 4055 section 5 has them accepted, and section 3.1 gives them.
#[test]
fn parameters_of_rsa_may_be_absent_and_a_salt_of_another_length() {
    static LONG_SALT: LazyLock<RsaSignatureEncoding> =
        LazyLock::new(|| lc::RSA_PSS_SHA256.with_pss_salt_length(RsaPssSaltLength::Custom(48)));
    let der = |algorithm: SignatureAlgorithm| algorithm.identifier().to_der().unwrap();
    let ca = Authority::root(KeyAlgorithm::Rsa(2048), SignatureAlgorithm::RsaPkcs1Sha256);
    let null = der(SignatureAlgorithm::RsaPkcs1Sha256);
    let absent = [&[0x30, 11], &null[2..13]].concat();
    let plain = |tbs: &[u8]| ca.holder.sign(tbs, SignatureAlgorithm::RsaPkcs1Sha256);
    let mut salted = der(SignatureAlgorithm::RsaPssSha256);
    *salted.last_mut().unwrap() = 48;
    let pss = |tbs: &[u8]| {
        let Holder::Rsa(key) = &ca.holder else {
            unreachable!("an RSA key")
        };
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&*LONG_SALT, &SystemRandom::new(), tbs, &mut signature)
            .unwrap();
        signature
    };
    for (identifier, sign) in [
        (&null, &plain as &dyn Fn(&[u8]) -> Vec<u8>),
        (&absent, &plain),
        (&salted, &pss),
    ] {
        let list = identified(&ca, identifier, identifier, sign);
        let list = read(&list, 64, &ca.certificate, &[serial(1)]).unwrap();
        assert_eq!((list.summary.entries, list.check(&at(NOW))), (3, Ok(())));
        // Both are the whole identifier, not its algorithm alone.
        let two = identified(&ca, identifier, &der(SignatureAlgorithm::RsaPssSha256), sign);
        let two = read(&two, 64, &ca.certificate, &[]).map(|_| ());
        assert_eq!(two, Err(CrlError::AlgorithmMismatch));
    }
    let wrong = identified(&ca, &salted, &salted, &|tbs| {
        ca.holder.sign(tbs, SignatureAlgorithm::RsaPssSha256)
    });
    let wrong = read(&wrong, 64, &ca.certificate, &[]).map(|_| ());
    assert_eq!(wrong, Err(CrlError::Signature(SignatureError::Invalid)));
    // What is signed here names it as it is written here.
    let list = identified(&ca, &absent, &absent, &plain);
    let tbs = Reader::within(&list, tag::SEQUENCE).unwrap().any().unwrap().whole;
    let refused = TbsCertListReader::ascending().push(tbs).unwrap_err();
    assert!(refused.to_string().contains("AlgorithmIdentifier"), "{refused}");
}

/// RFC 5280 section 5.2.3: verifiers must handle numbers of up to 20 octets. Many are a time in decimal digits.
#[test]
fn numbers_of_20_octets_are_those_of_lists_and_deltas() {
    let ca = ca();
    let list =
        |number: &[u8], base: Option<&[u8]>| read(&numbered(&ca, number, base), 64, &ca.certificate, &[]);
    let long = |last| [&[0x7f; 19][..], &[last]].concat();
    let complete = list(&long(7), None).unwrap();
    assert_eq!(complete.check(&at(NOW)), Ok(()));
    let delta = |number, base| {
        let delta = list(&long(number), Some(&long(base))).unwrap();
        delta.check_delta(&complete, &at(NOW))
    };
    assert_eq!(delta(9, 7), Ok(true));
    assert_eq!(delta(6, 5), Ok(false));
    let later = delta(9, 8).unwrap_err().to_string();
    assert!(later.contains("0x7f7f") && later.contains("too old"), "{later}");
    // Numbers of another length compare by value.
    let short = list(&[7], Some(&[3])).unwrap();
    assert_eq!(short.check_delta(&complete, &at(NOW)), Ok(false));
    for bad in [&[0x7f; 21][..], &[0x80]] {
        let refused = list(bad, None).unwrap_err().to_string();
        assert!(refused.starts_with("cRLNumber"), "{refused}");
    }
    // None of those that are signed here.
    let mut ours = TbsCertListReader::ascending();
    let der = numbered(&ca, &long(7), None);
    let tbs = Reader::within(&der, tag::SEQUENCE).unwrap().any().unwrap().whole;
    ours.push(tbs).unwrap();
    assert!(ours.finish().unwrap_err().to_string().contains("64 bits"));
}
