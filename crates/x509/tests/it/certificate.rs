//! Certificates: what is specified is read back, links verify, and what others made is read.
#![expect(clippy::unwrap_used, reason = "tests")]

mod foreign;
mod oids;
mod pointers;
mod refused;

use proptest::prelude::*;
use time::{Duration, OffsetDateTime};
use x509::crl::{CertificateList, CrlEntry, CrlKind, CrlSpec, Reason};
use x509::{
    BuildError, Certificate, CertificateError, CertificateSpec, DistinguishedName, Eku, Extension,
    ExtensionValue, KeyAlgorithm, KeyUsageFlags, ReceivedSerial, Serial, SignatureAlgorithm, Validity,
    assemble,
};

use crate::csr::holder::Holder;
use crate::issue::{Authority, Hierarchy, NOW, every_kind_of_san, leaf_spec, name, sign, spec};

const ALL_KEYS: [KeyAlgorithm; 5] = [
    KeyAlgorithm::P256,
    KeyAlgorithm::P384,
    KeyAlgorithm::P521,
    KeyAlgorithm::Ed25519,
    KeyAlgorithm::Rsa(2048),
];

#[test]
fn what_is_specified_is_read_back() {
    for key in ALL_KEYS {
        let holder = Holder::new(key);
        for algorithm in holder.algorithms() {
            let mut spec = leaf_spec(holder.public_key(), algorithm);
            spec.issuer = name("CN=Issuer");
            let certificate = sign(&spec, &holder);
            assert_eq!(certificate.tbs_der(), spec.to_tbs().unwrap());
            assert_eq!(certificate.version(), 3);
            assert_eq!(*certificate.serial(), spec.serial);
            assert_eq!(certificate.issuer(), &spec.issuer);
            assert_eq!(certificate.subject(), &spec.subject);
            assert_eq!(certificate.validity(), spec.validity);
            assert_eq!(certificate.public_key().unwrap(), &spec.public_key);
            assert_eq!(certificate.spki_fingerprint(), spec.public_key.fingerprint());
            assert_eq!(certificate.extensions(), spec.extensions);
            assert_eq!(certificate.signature_algorithm().unwrap(), algorithm);
            assert_eq!(certificate.sans(), every_kind_of_san());
            assert_eq!(certificate.eku(), Some(&[Eku::ServerAuth, Eku::ClientAuth][..]));
            assert!(!certificate.is_ca() && !certificate.is_self_issued());
            certificate.verify_signature(&spec.public_key).unwrap();
        }
    }
}

#[test]
fn a_hierarchy_verifies_link_by_link() {
    let Hierarchy {
        root,
        intermediate,
        leaf,
    } = Hierarchy::any();
    let (root, intermediate) = (root.certificate, intermediate.certificate);
    root.verify_signed_by(&root).unwrap();
    intermediate.verify_signed_by(&root).unwrap();
    leaf.verify_signed_by(&intermediate).unwrap();
    assert_eq!(
        leaf.authority_key_identifier(),
        intermediate.subject_key_identifier()
    );
    assert_eq!(
        (root.is_ca(), root.path_len(), intermediate.path_len()),
        (true, None, Some(0))
    );
    assert_eq!(
        root.key_usage(),
        Some(KeyUsageFlags::KEY_CERT_SIGN | KeyUsageFlags::CRL_SIGN)
    );
}

#[test]
fn a_link_that_does_not_hold_says_why() {
    let Hierarchy {
        root,
        intermediate,
        leaf,
    } = Hierarchy::any();
    let other = Authority::root(KeyAlgorithm::P256, SignatureAlgorithm::EcdsaSha256);
    assert_eq!(
        leaf.verify_signed_by(&root.certificate),
        Err(CertificateError::IssuerName)
    );
    assert_eq!(
        intermediate.certificate.verify_signed_by(&other.certificate),
        Err(CertificateError::IssuerKeyIdentifier)
    );
    let mut under_leaf = spec("CN=Below", root.holder.public_key(), root.algorithm);
    under_leaf.issuer = leaf.subject().clone();
    assert_eq!(
        sign(&under_leaf, &root.holder).verify_signed_by(&leaf),
        Err(CertificateError::IssuerIsNoCa)
    );
    let mut no_key_id = leaf_spec(root.holder.public_key(), root.algorithm);
    no_key_id.issuer = root.certificate.subject().clone();
    let forged = sign(&no_key_id, &other.holder);
    assert!(matches!(
        forged.verify_signed_by(&root.certificate),
        Err(CertificateError::Signature(_))
    ));
}

#[test]
fn an_issuer_without_the_key_usage_signs_nothing() {
    let holder = Holder::new(KeyAlgorithm::P256);
    let mut root = spec("CN=Root", holder.public_key(), SignatureAlgorithm::EcdsaSha256);
    root.extensions = vec![
        Extension::basic_constraints_ca(None),
        Extension::key_usage(KeyUsageFlags::CRL_SIGN).unwrap(),
    ];
    let root = sign(&root, &holder);
    assert_eq!(
        root.verify_signed_by(&root),
        Err(CertificateError::IssuerKeyUsage)
    );
}

#[test]
fn pem_holds_one_or_many() {
    let Hierarchy {
        root,
        intermediate,
        leaf,
    } = Hierarchy::any();
    let chain = [&leaf, &intermediate.certificate, &root.certificate];
    let text: String = chain.iter().map(|certificate| certificate.pem()).collect();
    assert_eq!(Certificate::from_pem(text.as_bytes()).unwrap(), leaf);
    let read = Certificate::chain_from_pem(text.as_bytes()).unwrap();
    assert!(read.iter().eq(chain));
    assert!(Certificate::from_pem(b"no certificate").is_err());
}

#[test]
fn a_description_says_what_matters() {
    let Hierarchy {
        intermediate, leaf, ..
    } = Hierarchy::any();
    let text = leaf.describe();
    for expected in [
        "subject: CN=web.example.test,O=Example Org,C=DE\n",
        "issuer: CN=Test Intermediate,O=Example Org,C=DE\n",
        "not before: 2026-11-24T12:00:00Z\n",
        "not after: 2027-02-22T11:59:59Z\n",
        "key: p256\n",
        "signature: ecdsa-sha256\n",
        "keyUsage (critical): digital-signature\n",
        "    dns:*.xn--bcher-kva.example.test\n",
        "    OCSP http://ocsp.example.test/\n",
    ] {
        assert!(text.contains(expected), "{expected} is missing in\n{text}");
    }
    assert!(text.contains(&leaf.serial().to_string()));
    assert!(
        intermediate
            .certificate
            .describe()
            .contains("basicConstraints (critical): CA, path length 0\n")
    );
}

#[test]
fn a_specification_that_cannot_be_is_refused() {
    let holder = Holder::new(KeyAlgorithm::P256);
    let good = leaf_spec(holder.public_key(), SignatureAlgorithm::EcdsaSha256);
    let with = |change: &dyn Fn(&mut CertificateSpec)| {
        let mut spec = good.clone();
        change(&mut spec);
        spec.to_tbs()
    };
    assert!(with(&|_| {}).is_ok());
    assert_eq!(
        with(&|spec| spec.issuer = DistinguishedName::default()),
        Err(BuildError::EmptyIssuer)
    );
    let twice = with(&|spec| {
        spec.extensions
            .extend([Extension::ocsp_no_check(), Extension::ocsp_no_check()])
    });
    assert_eq!(twice, Err(BuildError::RepeatedExtension("ocspNoCheck".into())));
    let reversed = with(&|spec| spec.validity.not_after = spec.validity.not_before - Duration::SECOND);
    assert!(matches!(reversed, Err(BuildError::Validity(_))));
    let no_extensions = with(&|spec| spec.extensions.clear()).unwrap();
    assert_eq!(no_extensions[4..9], [0xa0, 3, 2, 1, 2], "still version 3");
}

#[test]
fn no_signature_is_put_under_another_algorithm() {
    let holder = Holder::new(KeyAlgorithm::P256);
    let tbs = leaf_spec(holder.public_key(), SignatureAlgorithm::EcdsaSha256)
        .to_tbs()
        .unwrap();
    assert_eq!(
        assemble(&tbs, SignatureAlgorithm::EcdsaSha384, b"signature"),
        Err(BuildError::AlgorithmMismatch(SignatureAlgorithm::EcdsaSha384))
    );
    assert!(matches!(
        assemble(b"\x30\x00", SignatureAlgorithm::Ed25519, b""),
        Err(BuildError::NotTbs(_))
    ));
}

#[test]
fn a_list_of_revoked_certificates_is_read_back() {
    let ca = Authority::root(KeyAlgorithm::Ed25519, SignatureAlgorithm::Ed25519);
    let entry = |octet: u8, reason| CrlEntry {
        serial: Serial::from_bytes(&[octet, 7]).unwrap(),
        time: NOW,
        reason,
        invalidity: octet.is_multiple_of(2).then_some(NOW - Duration::DAY),
    };
    let mut entries = vec![
        entry(0, Some(Reason::Superseded)),
        entry(0x7f, None),
        entry(0x80, Some(Reason::KeyCompromise)),
    ];
    let list = CrlSpec {
        signature_algorithm: ca.algorithm,
        issuer: ca.certificate.subject().clone(),
        aki: ca.certificate.subject_key_identifier().unwrap().to_vec(),
        number: u64::MAX,
        this_update: NOW,
        next_update: NOW + Duration::WEEK,
        kind: CrlKind::COMPLETE,
        shard: vec![],
    };
    let sign = |entries: &[CrlEntry]| {
        let tbs = list.to_tbs(entries).unwrap();
        CertificateList::from_der(&assemble(&tbs, ca.algorithm, &ca.holder.sign(&tbs, ca.algorithm)).unwrap())
            .unwrap()
    };
    let mut any_order = entries.clone();
    any_order.reverse();
    let read = sign(&any_order);
    let proper = |entry: &CrlEntry<ReceivedSerial>| CrlEntry {
        serial: entry.serial.proper().unwrap(),
        time: entry.time,
        reason: entry.reason,
        invalidity: entry.invalidity,
    };
    assert_eq!(read.entries().iter().map(proper).collect::<Vec<_>>(), entries);
    assert_eq!(
        (read.this_update(), read.next_update()),
        (NOW, Some(NOW + Duration::WEEK))
    );
    assert_eq!(read.number(), Some(u64::MAX));
    assert_eq!(
        read.authority_key_identifier().as_deref(),
        ca.certificate.subject_key_identifier()
    );
    assert_eq!(read.find(&entries[1].serial).map(proper), Some(entries[1]));
    read.verify_signed_by(&ca.certificate).unwrap();
    assert_eq!(
        CertificateList::from_pem(read.pem().as_bytes()).unwrap().der(),
        read.der()
    );
    assert!(
        read.describe()
            .contains("8007 at 2026-11-24T12:00:00Z, key-compromise, invalid since")
    );

    entries[0].reason = Some(Reason::Unspecified);
    assert_eq!(sign(&entries).entries()[0].reason, None);
    entries[0].reason = Some(Reason::RemoveFromCrl);
    assert!(matches!(
        list.to_tbs(&entries),
        Err(BuildError::RemoveFromFullCrl(_))
    ));
    entries[0] = entries[1];
    assert!(matches!(
        list.to_tbs(&entries),
        Err(BuildError::RepeatedSerial(_))
    ));
    let reversed = CrlSpec {
        next_update: list.this_update,
        ..list.clone()
    };
    assert!(matches!(
        reversed.to_tbs(&[]),
        Err(BuildError::UpdateOrder { .. })
    ));
}

#[test]
fn a_list_is_verified_against_its_issuer_only() {
    let Hierarchy { root, leaf, .. } = Hierarchy::any();
    let other = Authority::root(KeyAlgorithm::P256, SignatureAlgorithm::EcdsaSha256);
    let list = crate::judges::crl_of(&root, &[]);
    list.verify_signed_by(&root.certificate).unwrap();
    assert!(list.verify_signed_by(&other.certificate).is_err());
    assert!(list.verify_signed_by(&leaf).is_err());
}

fn moments() -> impl Strategy<Value = OffsetDateTime> {
    // From 1970, where the other decoder begins, to 9999.
    (0_i64..253_402_300_800).prop_map(|seconds| OffsetDateTime::from_unix_timestamp(seconds).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_specification_is_read_back(
        serial in prop::array::uniform20(any::<u8>()).prop_filter("zero", |octets| octets.iter().any(|o| *o != 0)),
        issuer in crate::name::names().prop_filter("empty", |name| !name.is_empty()),
        subject in crate::name::names(),
        ends in (moments(), moments()),
        others in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..300), any::<bool>()), 0..4),
        key in prop::sample::select(vec![KeyAlgorithm::P256, KeyAlgorithm::Ed25519]),
    ) {
        let holder = Holder::new(key);
        let extensions = others.into_iter().zip(1_u32..).map(|((value, critical), arc)| {
            Extension::other(format!("1.2.3.{arc}").parse().unwrap(), critical, value)
        });
        let spec = CertificateSpec {
            serial: Serial::from_bytes(&serial).unwrap(),
            signature_algorithm: SignatureAlgorithm::default_for(key),
            issuer,
            validity: Validity::new(ends.0.min(ends.1), ends.0.max(ends.1)).unwrap(),
            subject,
            public_key: holder.public_key(),
            extensions: extensions.collect(),
        };
        let certificate = sign(&spec, &holder);
        prop_assert_eq!(certificate.serial(), &ReceivedSerial::from(spec.serial));
        prop_assert_eq!(certificate.issuer(), &spec.issuer);
        prop_assert_eq!(certificate.subject(), &spec.subject);
        prop_assert_eq!(certificate.validity(), spec.validity);
        prop_assert_eq!(certificate.extensions(), &spec.extensions);
        prop_assert!(certificate.extensions().iter().all(|e| e.value() == Ok(ExtensionValue::Unknown)));
        // The same octets from another encoder: x509-cert decodes and encodes what we wrote.
        let again = der::Decode::from_der(certificate.der()).and_then(|other: x509_cert::Certificate| der::Encode::to_der(&other));
        prop_assert_eq!(again.unwrap(), certificate.der());
    }
}
