//! What we build, judged by ourselves, by OpenSSL and by GnuTLS.

use x509::csr::CsrBuildError;
use x509::{Csr, DistinguishedName, KeyAlgorithm, San, SignatureAlgorithm};

use super::holder::Holder;
use super::tool::Tool;

const ALL_KEYS: [KeyAlgorithm; 5] = [
    KeyAlgorithm::P256,
    KeyAlgorithm::P384,
    KeyAlgorithm::P521,
    KeyAlgorithm::Rsa(2048),
    KeyAlgorithm::Ed25519,
];

#[expect(clippy::unwrap_used, reason = "tests")]
fn request(holder: &Holder, subject: &str, sans: &[&str], algorithm: SignatureAlgorithm) -> Csr {
    let subject: DistinguishedName = subject.parse().unwrap();
    let sans: Vec<San> = sans.iter().map(|san| san.parse().unwrap()).collect();
    let sign = |info: &[u8]| Ok::<_, String>(holder.sign(info, algorithm));
    let der = Csr::build(&subject, &sans, &holder.public_key(), algorithm, sign).unwrap();
    let csr = Csr::from_pem_or_der(&der).unwrap();
    assert_eq!(
        (csr.subject(), csr.sans(), csr.public_key()),
        (&subject, &*sans, &holder.public_key())
    );
    csr
}

#[test]
fn openssl_and_gnutls_verify_requests_of_every_key_and_algorithm() {
    let tool = Tool::new();
    for key in ALL_KEYS {
        let holder = Holder::new(key);
        for algorithm in holder.algorithms() {
            let csr = request(
                &holder,
                "CN=web.example.test,O=Example,C=DE",
                &["dns:web.example.test"],
                algorithm,
            );
            tool.write("csr.pem", csr.to_pem());
            let said = tool.run("openssl req -in csr.pem -noout -verify -subject -nameopt RFC2253");
            assert!(said.contains("verify OK"), "{algorithm}: {said}");
            assert!(
                said.contains("subject=CN=web.example.test,O=Example,C=DE"),
                "{said}"
            );
            let said = tool.run("certtool --crq-info --infile csr.pem");
            assert!(said.contains("Self signature: verified"), "{algorithm}: {said}");
            assert!(said.contains("DNSname: web.example.test"), "{said}");
        }
    }
}

#[test]
fn openssl_reads_every_kind_of_name_that_we_write() {
    let tool = Tool::new();
    let sans = [
        "dns:*.example.test",
        "ip:192.0.2.1",
        "ip:2001:db8::1",
        "email:user@example.test",
        "uri:spiffe://example.test/svc/ca",
        "rid:1.2.3.4",
    ];
    let csr = request(
        &Holder::new(KeyAlgorithm::P256),
        "CN=x",
        &sans,
        SignatureAlgorithm::EcdsaSha256,
    );
    tool.write("csr.pem", csr.to_pem());
    let text = tool.run("openssl req -in csr.pem -noout -text");
    for name in [
        "DNS:*.example.test",
        "IP Address:192.0.2.1",
        "IP Address:2001:DB8:0:0:0:0:0:1",
        "email:user@example.test",
        "URI:spiffe://example.test/svc/ca",
        "Registered ID:1.2.3.4",
    ] {
        assert!(text.contains(name), "{name} is missing in {text}");
    }
}

#[test]
fn names_are_critical_exactly_when_the_subject_is_empty() {
    let holder = Holder::new(KeyAlgorithm::P256);
    for (subject, critical) in [("", true), ("CN=x", false)] {
        let csr = request(
            &holder,
            subject,
            &["dns:a.example.test"],
            SignatureAlgorithm::EcdsaSha256,
        );
        let criticality: Vec<_> = csr.requested_extensions().iter().map(|e| e.critical()).collect();
        assert_eq!(criticality, [critical], "{subject:?}");
    }
}

#[test]
fn a_request_without_names_has_empty_attributes() {
    let csr = request(
        &Holder::new(KeyAlgorithm::P256),
        "CN=x",
        &[],
        SignatureAlgorithm::EcdsaSha256,
    );
    assert!(csr.requested_extensions().is_empty());
    assert!(csr.der().windows(2).any(|w| w == [0xa0, 0x00]));
}

#[test]
fn building_fails_when_the_signer_is_not_the_key() {
    let (holder, other) = (Holder::new(KeyAlgorithm::P256), Holder::new(KeyAlgorithm::P256));
    let subject = DistinguishedName::common_name("x").unwrap();
    let build = |algorithm, signature: Option<Vec<u8>>| {
        let sign = |_: &[u8]| signature.ok_or("locked");
        Csr::build(&subject, &[], &holder.public_key(), algorithm, sign).unwrap_err()
    };
    let sha256 = SignatureAlgorithm::EcdsaSha256;
    let foreign = other.sign(b"whatever", sha256);
    assert!(matches!(
        build(sha256, Some(foreign)),
        CsrBuildError::Signature(_)
    ));
    assert!(matches!(
        build(SignatureAlgorithm::Ed25519, Some(vec![0; 64])),
        CsrBuildError::Signature(_)
    ));
    assert_eq!(build(sha256, None), CsrBuildError::Sign("locked"));
}

#[test]
fn the_challenge_password_is_not_in_debug_output() {
    use super::forge::{CHALLENGE_PASSWORD, Forge, attribute, tlv};
    let password = tlv(0x0c, &[b"s3cret-phrase"]);
    let der = Forge::with_attributes(&[&attribute(CHALLENGE_PASSWORD, &[&password])]).sign();
    let csr = Csr::from_der(&der).unwrap();
    assert_eq!(csr.challenge_password(), Some("s3cret-phrase"));
    assert!(!format!("{csr:?}").contains("s3cret"));
}
