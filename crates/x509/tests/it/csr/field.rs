//! Requests as they arrive from the field; the folder's README has their provenance.

use x509::csr::ReceivedCsr;
use x509::{Csr, CsrError};

#[expect(clippy::unwrap_used, reason = "tests")]
fn file(name: &str) -> Vec<u8> {
    std::fs::read(format!(
        "{}/tests/it/data/field/{name}",
        env!("CARGO_MANIFEST_DIR")
    ))
    .unwrap()
}

#[test]
fn text_that_editors_changed_is_read() {
    for name in [
        "a01-utf8-bom.csr",
        "a02-cr-only.csr",
        "a02-spaces-inside.csr",
        "a02-no-armour.csr",
    ] {
        let csr = Csr::from_pem_or_der(&file(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(csr.subject().to_string(), "CN=web1.example.test", "{name}");
        let text = csr.to_pem();
        for changed in [
            text.replace('\n', "\r\n"),
            text.replace('\n', " \t\r"),
            text.replace('\n', "\n\n"),
            text.replace('\n', " "),
            format!("subject=CN=web1\r\n{}trailer", text.trim_end()),
            data_encoding::BASE64.encode(csr.der()),
        ] {
            assert_eq!(
                Csr::from_pem_or_der(changed.as_bytes()).unwrap().der(),
                csr.der(),
                "{changed:?}"
            );
        }
    }
}

#[test]
fn utf_16_is_named_with_the_way_out() {
    let error = Csr::from_pem_or_der(&file("a01-utf16le-bom.csr")).unwrap_err();
    assert_eq!(error.field(), "csr");
    let text = error.to_string();
    assert!(text.contains("UTF-16") && text.contains("iconv"), "{text}");
}

#[test]
fn algorithms_and_attributes_that_the_rfcs_allow_are_read() {
    for (name, subject) in [
        ("c-rsa-no-null-params.csr", "CN=cloudflare.com,L=San Francisco"),
        ("pss-20.csr", "CN=h.example.test"),
        ("oid-bigarc.csr", "CN=h.example.test"),
        (
            "a04-cisco-unstructured.csr",
            "unstructuredName=router1.example.test",
        ),
        ("a11-opcua.csr", "CN=KEPServerEX/UA Server"),
    ] {
        let csr = Csr::from_pem_or_der(&file(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let found = csr.subject().to_string();
        assert!(
            subject.split(',').all(|part| found.contains(part)),
            "{name}: {found}"
        );
    }
}

#[test]
fn the_subject_keeps_its_octets() {
    let csr = Csr::from_pem_or_der(&file("a06-subca-printable.csr")).unwrap();
    // PrintableString, where names made here have UTF8String.
    assert_ne!(csr.subject(), &csr.subject().canonical().unwrap());
}

#[test]
fn names_that_are_replaced_are_not_judged() {
    let pem = file("a05-empty-ou.csr");
    let refused = Csr::from_pem_or_der(&pem).unwrap_err();
    assert!(matches!(refused, CsrError::Subject(_)), "{refused}");
    let received = ReceivedCsr::from_pem_or_der(&pem).unwrap();
    let csr = received
        .clone()
        .with_names(
            Some("CN=other".parse().unwrap()),
            Some(vec!["dns:other.example.test".parse().unwrap()]),
        )
        .unwrap();
    assert_eq!(
        (csr.subject().to_string(), csr.sans().len()),
        ("CN=other".to_owned(), 1)
    );
    assert!(
        received.with_names(None, Some(Vec::new())).is_err(),
        "the subject is still its own"
    );
}
