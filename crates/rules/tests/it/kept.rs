//! What of a request is kept octet for octet, and what the profiles for devices take.

use rules::{Grant, Request, field};
use x509::csr::ReceivedCsr;
use x509::{Csr, Eku, KeyUsageFlags, San};

use crate::world::{Ca, p256, profile, request, rsa2048, sans, subject};

fn file(name: &str) -> Vec<u8> {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../x509/tests/it/data/field");
    std::fs::read(format!("{data}/{name}")).unwrap()
}

/// The request of a CSR, without limits of the requester.
fn asked_by(csr: &Csr) -> Request {
    Request::from_csr(csr).granted(Grant::service().with_authority())
}

#[test]
fn a_ca_keeps_the_octets_of_its_subject() {
    let csr = Csr::from_pem_or_der(&file("a06-subca-printable.csr")).unwrap();
    let root = Ca::root();
    let certificate = root.issue(&profile("sub-ca"), asked_by(&csr));
    assert_eq!(certificate.subject().der(), csr.subject().der());
    assert_eq!(certificate.issuer().der(), root.certificate.subject().der());
    assert_eq!(
        certificate.authority_key_identifier(),
        root.certificate.subject_key_identifier()
    );
}

#[test]
fn what_a_ca_issues_names_it_by_its_octets_and_its_own_key_identifier() {
    let root = Ca::root();
    let csr = Csr::from_pem_or_der(&file("a06-subca-printable.csr")).unwrap();
    let mut asked = asked_by(&csr);
    let mut ca = Ca::root();
    asked.public_key = ca.key.public.clone();
    asked.subject_key_identifier = Some(vec![7; 12]);
    ca.certificate = root.issue(&profile("sub-ca"), asked);
    let leaf = ca.issue(
        &profile("tls-server"),
        request("", &["dns:web.example.test"], p256()),
    );
    assert_eq!(leaf.issuer().der(), csr.subject().der());
    assert_eq!(ca.certificate.subject_key_identifier(), Some(&[7; 12][..]));
    assert_eq!(leaf.authority_key_identifier(), Some(&[7; 12][..]));
    leaf.verify_signed_by(&ca.certificate).unwrap();
}

#[test]
fn a_key_identifier_that_misleads_is_refused_and_that_of_a_leaf_is_ours() {
    let root = Ca::root();
    let issuers = root.certificate.subject_key_identifier().unwrap().to_vec();
    for (identifier, says) in [
        (issuers, "issuing CA's own"),
        (vec![1; 7], "7 octets"),
        (vec![1; 65], "65 octets"),
    ] {
        let asked = Request {
            subject_key_identifier: Some(identifier),
            ..request("CN=Sub", &[], p256())
        };
        let refused = root.approve(&profile("sub-ca"), asked).unwrap_err();
        assert_eq!(refused.field, field::PUBLIC_KEY);
        assert!(refused.detail.contains(says), "{refused}");
    }
    let asked = Request {
        subject_key_identifier: Some(vec![7; 20]),
        ..request("", &["dns:web.example.test"], p256())
    };
    let leaf = Ca::issuing().issue(&profile("tls-server"), asked);
    assert_ne!(leaf.subject_key_identifier(), Some(&[7; 20][..]));
}

#[test]
fn end_entities_get_our_encodings() {
    let csr = Csr::from_pem_or_der(&file("a06-subca-printable.csr")).unwrap();
    let asked = Request::new(csr.subject().clone(), sans(&["email:a@example.test"]), p256());
    let certificate = Ca::issuing().issue(&profile("email"), asked);
    assert_eq!(certificate.subject(), &csr.subject().canonical().unwrap());
}

#[test]
fn a_device_keeps_its_rfc_2985_attributes_and_their_encoding() {
    let csr = Csr::from_pem_or_der(&file("a04-cisco-unstructured.csr")).unwrap();
    let certificate = Ca::issuing().issue(&profile("device"), asked_by(&csr));
    assert_eq!(certificate.subject().der(), csr.subject().der());
    let named = "serialNumber=FTX1,unstructuredAddress=192.0.2.1,unstructuredName=r1.example.test";
    let certificate = Ca::issuing().issue(&profile("device"), request(named, &[], p256()));
    assert_eq!(certificate.subject().to_string(), named);
}

#[test]
fn the_mailbox_of_a_device_becomes_an_alternative_name() {
    let named = "emailAddress=ops@example.test,CN=router1";
    let certificate = Ca::issuing().issue(&profile("device"), request(named, &[], p256()));
    assert_eq!(certificate.sans(), sans(&["email:ops@example.test"]));
    assert_eq!(certificate.subject(), &subject(named));
    let refused = Ca::issuing()
        .approve(
            &profile("device"),
            request("emailAddress=no mailbox", &[], p256()),
        )
        .unwrap_err();
    assert_eq!(refused.field, field::SUBJECT);
}

#[test]
fn an_opc_ua_application_gets_the_usages_of_its_standard() {
    let received = ReceivedCsr::from_pem_or_der(&file("a11-opcua.csr")).unwrap();
    let csr = received.with_names(None, None).unwrap();
    let certificate = Ca::issuing().issue(&profile("opc-ua"), asked_by(&csr));
    assert_eq!(certificate.subject().der(), csr.subject().der());
    assert_eq!(certificate.sans(), csr.sans());
    assert_eq!(certificate.eku(), Some(&[Eku::ServerAuth, Eku::ClientAuth][..]));
    let signs = KeyUsageFlags::DIGITAL_SIGNATURE | KeyUsageFlags::NON_REPUDIATION;
    assert_eq!(
        certificate.key_usage(),
        Some(signs),
        "a key on a curve enciphers nothing"
    );
    let enciphers = KeyUsageFlags::KEY_ENCIPHERMENT | KeyUsageFlags::DATA_ENCIPHERMENT;
    let names = ["uri:urn:plc.example.test:vendor:server"];
    let certificate = Ca::issuing().issue(&profile("opc-ua"), request("CN=Server", &names, rsa2048()));
    assert_eq!(certificate.key_usage(), Some(signs | enciphers));
    let refused = Ca::issuing()
        .approve(
            &profile("opc-ua"),
            request("CN=Server", &["dns:plc.example.test"], p256()),
        )
        .unwrap_err();
    assert!(
        refused.detail.contains("at least one name of kind uri"),
        "{refused}"
    );
    let sans: Vec<San> = certificate.sans().to_vec();
    assert_eq!(sans.len(), 1);
}
