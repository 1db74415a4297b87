//! Certificates that no verifier could judge: each differs from a good one in one place.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use x509::{Certificate, CertificateError, Extension, ExtensionError, KeyAlgorithm, SignatureAlgorithm};

use crate::csr::forge::tlv;
use crate::csr::holder::Holder;
use crate::issue::{leaf_spec, sign};

fn good() -> Vec<u8> {
    let holder = Holder::new(KeyAlgorithm::Ed25519);
    sign(
        &leaf_spec(holder.public_key(), SignatureAlgorithm::Ed25519),
        &holder,
    )
    .der()
    .to_vec()
}

/// The values in a constructed value.
fn children(der: &[u8]) -> Vec<Vec<u8>> {
    let sequence = <der::asn1::AnyRef<'_> as der::Decode>::from_der(der).unwrap();
    let mut rest = sequence.value();
    let mut found = vec![];
    while !rest.is_empty() {
        let (child, after) = <der::asn1::AnyRef<'_> as der::Decode>::from_der_partial(rest).unwrap();
        found.push(der::Encode::to_der(&child).unwrap());
        rest = after;
    }
    found
}

fn sequence(children: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &children.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

/// A good certificate whose TBS fields went through `change`.
fn changed(change: impl Fn(&mut Vec<Vec<u8>>)) -> Result<Certificate, CertificateError> {
    let mut parts = children(&good());
    let mut fields = children(&parts[0]);
    change(&mut fields);
    parts[0] = sequence(&fields);
    Certificate::from_der(&sequence(&parts))
}

/// A good certificate with one more extension.
fn extended(extension: &Extension) -> Result<Certificate, CertificateError> {
    let holder = Holder::new(KeyAlgorithm::Ed25519);
    let mut spec = leaf_spec(holder.public_key(), SignatureAlgorithm::Ed25519);
    spec.extensions.retain(|other| other.oid() != extension.oid());
    spec.extensions.push(extension.clone());
    let tbs = spec.to_tbs().unwrap();
    Certificate::from_der(
        &x509::assemble(
            &tbs,
            spec.signature_algorithm,
            &holder.sign(&tbs, spec.signature_algorithm),
        )
        .unwrap(),
    )
}

#[test]
fn the_unchanged_certificate_is_accepted() {
    assert_eq!(changed(|_| {}).unwrap().version(), 3);
}

#[test]
fn fields_that_are_wrong_are_named() {
    type Change<'a> = (&'a str, &'a dyn Fn(&mut Vec<Vec<u8>>));
    let changes: [Change<'_>; 10] = [
        ("version", &|fields| fields[0] = vec![0xa0, 3, 2, 1, 3]),
        ("version", &|fields| fields[0] = vec![0xa0, 0]),
        ("serialNumber", &|fields| fields[1] = vec![2, 2, 0, 1]),
        ("serialNumber", &|fields| fields[1] = vec![4, 1, 1]),
        ("octets", &|fields| fields[1] = tlv(2, &[&[1; 65]])),
        ("issuer", &|fields| fields[3] = vec![0x30, 2, 0x31, 0]),
        ("validity", &|fields| fields[4] = vec![0x30, 0]),
        ("subject", &|fields| fields[5] = vec![0x31, 0]),
        ("subjectPublicKeyInfo", &|fields| fields[6] = vec![0x30, 0]),
        ("tbsCertificate", &|fields| fields.push(vec![5, 0])),
    ];
    for (at, (part, change)) in changes.into_iter().enumerate() {
        let problem = changed(change).unwrap_err().to_string();
        assert!(problem.contains(part), "{at}: {problem}");
    }
}

#[test]
fn two_signature_algorithms_are_refused() {
    let swapped = changed(|fields| fields[2] = tlv(0x30, &[&[6, 3, 0x2b, 0x65, 0x71]]));
    assert_eq!(swapped.unwrap_err(), CertificateError::AlgorithmMismatch);
}

#[test]
fn extensions_of_old_versions_are_refused() {
    assert_eq!(
        changed(|fields| drop(fields.remove(0))).unwrap_err(),
        CertificateError::ExtensionsOfOldVersion
    );
}

#[test]
fn a_repeated_extension_is_refused_by_name() {
    let twice = changed(|fields| {
        let list = children(&children(&fields[7])[0]);
        fields[7] = tlv(0xa3, &[&sequence(&[list.as_slice(), &list[..1]].concat())]);
    });
    assert_eq!(
        twice.unwrap_err(),
        CertificateError::RepeatedExtension("keyUsage".into())
    );
}

#[test]
fn very_many_extensions_are_refused() {
    let holder = Holder::new(KeyAlgorithm::Ed25519);
    let mut spec = leaf_spec(holder.public_key(), SignatureAlgorithm::Ed25519);
    let many = |arc: u32| Extension::other(format!("1.2.3.{arc}").parse().unwrap(), false, vec![]);
    spec.extensions = (0..129).map(many).collect();
    let tbs = spec.to_tbs().unwrap();
    let der = x509::assemble(&tbs, spec.signature_algorithm, b"any").unwrap();
    assert!(
        Certificate::from_der(&der)
            .unwrap_err()
            .to_string()
            .contains("too many")
    );
}

#[test]
fn malformed_extensions_that_decide_about_trust_are_refused() {
    use x509::extension::oids;
    for oid in [
        oids::BASIC_CONSTRAINTS,
        oids::KEY_USAGE,
        oids::EXTENDED_KEY_USAGE,
        oids::SUBJECT_ALT_NAME,
        oids::SUBJECT_KEY_IDENTIFIER,
        oids::AUTHORITY_KEY_IDENTIFIER,
        oids::NAME_CONSTRAINTS,
    ] {
        let refused = extended(&Extension::other(oid, false, vec![0x30]));
        assert!(
            matches!(
                refused,
                Err(CertificateError::Extension(ExtensionError::Malformed { .. }))
            ),
            "{oid}"
        );
    }
    let tolerated = extended(&Extension::other(oids::AUTHORITY_INFO_ACCESS, false, vec![0x30])).unwrap();
    assert!(tolerated.describe().contains("malformed"));
}

#[test]
fn nothing_may_follow_or_be_too_long() {
    let trailing = [good(), vec![0]].concat();
    assert!(matches!(
        Certificate::from_der(&trailing),
        Err(CertificateError::Der { .. })
    ));
    let long = vec![0x30; Certificate::MAX_LEN + 1];
    assert_eq!(
        Certificate::from_der(&long).unwrap_err(),
        CertificateError::TooLong(long.len())
    );
}
