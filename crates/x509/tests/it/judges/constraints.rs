//! Name constraints judged by us and by OpenSSL: what we permit, OpenSSL verifies; what OpenSSL refuses, we refuse.
#![expect(clippy::unwrap_used, reason = "tests")]

use x509::{Extension, KeyAlgorithm, NameConstraints, SignatureAlgorithm};

use super::pkilint::lint_certificate;
use crate::csr::tool::Tool;
use crate::issue::{Authority, NOW, name, spec};

/// Leaves under a constrained CA: subject, alternative name, and whether it is in order.
const CASES: [(&str, &str, bool); 22] = [
    ("O=Example Org,C=DE", "dns:example.test", true),
    ("O=Example Org,C=DE", "dns:a.b.example.test", true),
    ("O=Example Org,C=DE", "dns:*.b.example.test", true),
    ("O=Example Org,C=DE", "dns:other.test", false),
    ("O=Example Org,C=DE", "dns:xexample.test", false),
    ("O=Example Org,C=DE", "dns:a.secret.example.test", false),
    ("O=Example Org,C=DE", "dns:secret.example.test", false),
    ("O=Example Org,C=DE", "ip:10.1.2.3", true),
    ("O=Example Org,C=DE", "ip:10.9.2.3", false),
    ("O=Example Org,C=DE", "ip:11.0.0.1", false),
    ("O=Example Org,C=DE", "ip:2001:db8::1", false),
    ("O=Example Org,C=DE", "email:a@example.test", true),
    ("O=Example Org,C=DE", "email:a@x.mail.test", true),
    ("O=Example Org,C=DE", "email:a@mail.test", false),
    ("O=Example Org,C=DE", "email:a@x.example.test", false),
    ("O=Example Org,C=DE", "uri:https://a.example.test/x", true),
    ("O=Example Org,C=DE", "uri:https://example.test/x", false),
    ("O=Example Org,C=DE", "uri:https://10.1.1.1/x", false),
    ("CN=a.example.test,O=example  org,C=DE", "rid:1.2.3", true),
    ("CN=a,O=Other,C=DE", "rid:1.2.3", false),
    ("CN=a,OU=Secret,O=Example Org,C=DE", "rid:1.2.3", false),
    ("O=Example Org,C=DE", "dirname:O=Other,C=DE", false),
];

fn constraints() -> NameConstraints {
    let all = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    NameConstraints {
        permitted: all(&[
            "dns:example.test",
            "ip:10.0.0.0/8",
            "email:example.test",
            "email:.mail.test",
            "uri:.example.test",
            "dirname:O=Example Org,C=DE",
        ]),
        excluded: all(&[
            "dns:secret.example.test",
            "ip:10.9.0.0/16",
            "dirname:OU=Secret,O=Example Org,C=DE",
        ]),
    }
}

#[test]
fn openssl_agrees_on_name_constraints() {
    let constraints = constraints();
    let root = Authority::root(KeyAlgorithm::P256, SignatureAlgorithm::EcdsaSha256);
    let constrained = root.intermediate(KeyAlgorithm::P256, Some(&constraints));
    assert_eq!(constrained.certificate.name_constraints(), Some(&constraints));
    let tool = Tool::new();
    tool.write("root.crt", root.certificate.pem());
    tool.write("intermediate.crt", constrained.certificate.pem());
    for (subject, san, in_order) in CASES {
        let sans = [san.parse().unwrap()];
        let ours = constraints.permits(&name(subject), &sans);
        assert_eq!(ours.is_ok(), in_order, "{subject} {san}: {ours:?}");
        let mut leaf = spec(subject, root.holder.public_key(), root.algorithm);
        leaf.extensions
            .push(Extension::subject_alt_name(&sans, false).unwrap());
        tool.write("leaf.crt", constrained.issue(leaf).pem());
        let when = NOW.unix_timestamp();
        let theirs = tool.attempt(&format!(
            "openssl verify -attime {when} -CAfile root.crt -untrusted intermediate.crt leaf.crt"
        ));
        assert_eq!(theirs.is_ok(), in_order, "{subject} {san}: {theirs:?}");
    }
}

#[test]
fn a_constrained_ca_satisfies_pkilint_and_gnutls() {
    let root = Authority::root(KeyAlgorithm::P256, SignatureAlgorithm::EcdsaSha256);
    let tool = Tool::new();
    tool.write(
        "intermediate.crt",
        root.intermediate(KeyAlgorithm::P256, Some(&constraints()))
            .certificate
            .pem(),
    );
    lint_certificate(&tool, "intermediate.crt");
    let info = tool.run("certtool --certificate-info --infile intermediate.crt");
    for expected in [
        "Name Constraints (critical)",
        "DNSname: example.test",
        "IPAddress: 10.0.0.0/8",
        "IPAddress: 10.9.0.0/16",
    ] {
        assert!(info.contains(expected), "{expected} is missing in\n{info}");
    }
}

/// See `tests/data/nc-ipv4-mapped/README.md`.
#[test]
fn a_mapped_address_does_not_escape_an_excluded_network() {
    let read = |name: &str| {
        let path = format!(
            "{}/tests/data/nc-ipv4-mapped/{name}.pem",
            env!("CARGO_MANIFEST_DIR")
        );
        x509::Certificate::from_pem(&std::fs::read(path).unwrap()).unwrap()
    };
    let (root, ca, leaf) = (read("root"), read("ca"), read("ip-mapped"));
    ca.verify_signed_by(&root).unwrap();
    leaf.verify_signed_by(&ca).unwrap();
    let constraints = ca.name_constraints().unwrap();
    let violation = constraints.permits(leaf.subject(), leaf.sans()).unwrap_err();
    assert_eq!(violation.excluded_by, Some("ip:10.0.0.0/8".parse().unwrap()));
}

/// Common names under excluded subtrees. OpenSSL compares only what it takes for a host name; here all are refused.
#[test]
fn what_openssl_refuses_in_a_common_name_is_refused_here_and_more() {
    let all = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    let constraints = NameConstraints {
        permitted: Vec::new(),
        excluded: all(&[
            "dns:bank.test",
            "ip:10.0.0.0/8",
            "email:corp.test",
            "uri:bank.test",
        ]),
    };
    let root = Authority::root(KeyAlgorithm::P256, SignatureAlgorithm::EcdsaSha256);
    let constrained = root.intermediate(KeyAlgorithm::P256, Some(&constraints));
    let tool = Tool::new();
    tool.write("root.crt", root.certificate.pem());
    tool.write("intermediate.crt", constrained.certificate.pem());
    let mut refused_by_openssl = 0;
    for common_name in [
        "www.bank.test",
        "WWW.BANK.TEST",
        "www_1.bank.test",
        "*.bank.test",
        "www.bank.test.",
        "www.bank.test ",
        "www．bank．test",
        "www.bank.test:443",
        "Visit www.bank.test",
        "10.0.0.1",
        "10.0.0.1/8",
        "0xa.1",
        "::ffff:10.0.0.1",
        "[::ffff:10.0.0.1]",
        "a@corp.test",
        "a＠corp.test",
        "A <a@corp.test>",
        "https://bank.test/",
    ] {
        let subject = x509::DistinguishedName::common_name(common_name).unwrap();
        assert!(constraints.permits(&subject, &[]).is_err(), "{common_name}");
        let mut leaf = spec("", root.holder.public_key(), root.algorithm);
        leaf.subject = subject;
        tool.write("leaf.crt", constrained.issue(leaf).pem());
        let when = NOW.unix_timestamp();
        let theirs = tool.attempt(&format!(
            "openssl verify -attime {when} -CAfile root.crt -untrusted intermediate.crt leaf.crt"
        ));
        refused_by_openssl += usize::from(theirs.is_err());
    }
    assert!(refused_by_openssl >= 3, "OpenSSL judges common names at all");
}
