//! What is refused, which part is named, and that the message says what would pass.

use rules::{Denied, Profile, Request, field};
use x509::DistinguishedName;

use crate::world::{Ca, ed25519, p256, p384, profile, request, rsa2048};

fn denied(profile: &Profile, request: Request) -> Denied {
    Ca::issuing().approve(profile, request).unwrap_err()
}

/// profile, subject, names, field at fault, a piece of the message
type Case = (
    &'static str,
    &'static str,
    &'static [&'static str],
    &'static str,
    &'static str,
);

const NAMES: [Case; 36] = [
    (
        "tls-client",
        "CN=www.bank.example.",
        &["dns:a.test"],
        field::SUBJECT,
        "looks like a host name",
    ),
    (
        "tls-client",
        "CN=10.0.0.1/8",
        &["dns:a.test"],
        field::SUBJECT,
        "looks like a path or network",
    ),
    (
        "tls-client",
        "CN=0x7f.1",
        &["dns:a.test"],
        field::SUBJECT,
        "looks like an IP address",
    ),
    (
        "tls-client",
        "CN=admin@corp.example\\ ",
        &["dns:a.test"],
        field::SUBJECT,
        "write it without blanks",
    ),
    (
        "code-signing",
        "CN=www．bank．example",
        &[],
        field::SUBJECT,
        "in ordinary letters",
    ),
    (
        "code-signing",
        "CN=Admin \\<admin@corp.example\\>",
        &[],
        field::SUBJECT,
        "text around a mail address",
    ),
    (
        "code-signing",
        "CN=ca.example.test:443",
        &[],
        field::SUBJECT,
        "leave out the port",
    ),
    (
        "ocsp-signer",
        "CN=[2001:db8::1]",
        &[],
        field::SUBJECT,
        "looks like an IP address",
    ),
    ("tls-server", "CN=web.example.test", &[], field::SAN, "dns or ip"),
    (
        "tls-server",
        "CN=evil.test",
        &["dns:web.test"],
        field::SUBJECT,
        "add it there as dns:evil.test",
    ),
    (
        "tls-server",
        "CN=Web Server",
        &["dns:web.test"],
        field::SUBJECT,
        "Web Server",
    ),
    (
        "tls-server",
        "CN=web.test,CN=web.test",
        &["dns:web.test"],
        field::SUBJECT,
        "more than one common name",
    ),
    ("tls-server", "UID=x", &["dns:web.test"], field::SUBJECT, "UID"),
    (
        "tls-server",
        "title=x",
        &["dns:web.test"],
        field::SUBJECT,
        "allowed: CN, O, OU",
    ),
    (
        "tls-server",
        "",
        &["email:a@b.test"],
        field::SAN,
        "allowed: dns, ip",
    ),
    (
        "tls-server",
        "",
        &["dns:a.test", "uri:https://a.test/"],
        field::SAN,
        "uri:https://a.test/",
    ),
    (
        "tls-server",
        "",
        &["dns:a.test", "dirname:CN=a"],
        field::SAN,
        "dirname",
    ),
    (
        "tls-server",
        "",
        &["dns:a.test", "rid:1.2.3"],
        field::SAN,
        "rid:1.2.3",
    ),
    (
        "tls-server",
        "",
        &["dns:a.test", "othername:1.2.3=0500"],
        field::SAN,
        "othername",
    ),
    ("tls-server", "", &["dns:*.test"], field::SAN, "two labels"),
    ("tls-client", "", &[], field::SUBJECT, "names no subject"),
    (
        "tls-client",
        "CN=host.example.test",
        &[],
        field::SUBJECT,
        "dns:host.example.test",
    ),
    (
        "tls-client",
        "CN=192.0.2.1",
        &["dns:a.test"],
        field::SUBJECT,
        "ip:192.0.2.1",
    ),
    (
        "tls-client",
        "CN=bob@example.test",
        &["email:alice@example.test"],
        field::SUBJECT,
        "email:bob@example.test",
    ),
    (
        "tls-client",
        "CN=spiffe://a.test/b",
        &["dns:a.test"],
        field::SUBJECT,
        "uri:spiffe://a.test/b",
    ),
    (
        "tls-client",
        "CN=Bob,emailAddress=bob@example.test",
        &[],
        field::SUBJECT,
        "email:bob@example.test",
    ),
    (
        "mtls",
        "",
        &["dns:a.test", "email:a@b.test"],
        field::SAN,
        "dns, ip, uri",
    ),
    ("service-identity", "", &["dns:a.test"], field::SAN, "uri"),
    (
        "service-identity",
        "",
        &["uri:https://a.test/"],
        field::SAN,
        "spiffe",
    ),
    (
        "service-identity",
        "",
        &["uri:spiffe://a.test"],
        field::SAN,
        "path",
    ),
    (
        "service-identity",
        "",
        &["uri:spiffe://a.test/a", "uri:spiffe://a.test/b"],
        field::SAN,
        "no other URI",
    ),
    (
        "workload",
        "",
        &["uri:spiffe://a.test/a", "dns:*.a.test"],
        field::SAN,
        "no wildcards",
    ),
    ("code-signing", "O=Example", &[], field::SUBJECT, "CN"),
    ("email", "CN=Alice", &[], field::SAN, "email"),
    (
        "email",
        "CN=Alice,emailAddress=bob@b.test",
        &["email:alice@b.test"],
        field::SUBJECT,
        "bob@b.test",
    ),
    (
        "ocsp-signer",
        "CN=OCSP",
        &["dns:a.test"],
        field::SAN,
        "allowed: none",
    ),
];

#[test]
fn names_outside_the_profile_are_refused() {
    for (name, subject, sans, field, says) in NAMES {
        let refused = denied(&profile(name), request(subject, sans, p256()));
        assert_eq!(refused.field, field, "{name} {subject} {sans:?}: {refused}");
        assert!(
            refused.detail.contains(says),
            "{name} {subject} {sans:?}: {refused}"
        );
    }
}

#[test]
fn more_names_than_the_profile_takes_are_refused() {
    let few = Profile {
        san: rules::profile::SanRule {
            max: 2,
            ..profile("tls-server").san
        },
        ..profile("tls-server")
    };
    let refused = denied(
        &few,
        request("", &["dns:a.test", "dns:b.test", "dns:c.test"], p256()),
    );
    assert_eq!(refused.field, field::SAN);
    assert!(refused.detail.contains("at most 2"), "{refused}");
    let same = request("", &["dns:a.test", "dns:A.test", "dns:b.test"], p256());
    assert_eq!(
        Ca::issuing().approve(&few, same).unwrap().sans().len(),
        2,
        "repeated names count once"
    );
}

#[test]
fn names_that_no_index_holds_are_refused() {
    let ca = Ca::issuing();
    // As a CSR brings them: text of this length is not read at all.
    let sans = |san: x509::San| Request::new(DistinguishedName::default(), vec![san], p256());
    let uri = |length: usize| {
        let start = "https://a.test/";
        let rest = "x".repeat(length - "uri:".len() - start.len());
        x509::San::Uri(format!("{start}{rest}").parse().unwrap())
    };
    assert!(ca.approve(&profile("tls-client"), sans(uri(2048))).is_ok());
    let refused = denied(&profile("tls-client"), sans(uri(2049)));
    assert_eq!(refused.field, field::SAN);
    assert!(
        refused.detail.contains("2049 bytes as text; at most 2048"),
        "{refused}"
    );
    let other = denied(
        &profile("device"),
        sans(x509::San::OtherName {
            oid: "1.2.3".parse().unwrap(),
            value_der: [&[0x04, 0x82, 0x08, 0x00][..], &[0; 2048]].concat(),
        }),
    );
    assert_eq!(other.field, field::SAN);

    let units = |last: usize| {
        let unit = format!("OU={}", "x".repeat(60));
        request(
            &format!("O={},{}", "x".repeat(last), [unit.as_str(); 15].join(",")),
            &["dns:a.test"],
            p256(),
        )
    };
    assert!(ca.approve(&profile("tls-client"), units(62)).is_ok());
    let refused = denied(&profile("tls-client"), units(63));
    assert_eq!(refused.field, field::SUBJECT);
    assert!(
        refused.detail.contains("1025 bytes as text; at most 1024"),
        "{refused}"
    );
}

#[test]
fn keys_outside_the_profile_are_refused() {
    for (name, subject, sans, key) in [
        ("service-identity", "", &["uri:spiffe://a.test/b"][..], rsa2048()),
        ("code-signing", "CN=Example", &[], rsa2048()),
        ("code-signing", "CN=Example", &[], ed25519()),
    ] {
        let refused = denied(&profile(name), request(subject, sans, key));
        assert_eq!(refused.field, field::PUBLIC_KEY);
        assert!(refused.detail.contains("use p256"), "{refused}");
    }
    let only_384 = Profile {
        keys: vec![x509::KeyAlgorithm::P384],
        ..profile("tls-server")
    };
    assert!(
        Ca::issuing()
            .approve(&only_384, request("", &["dns:a.test"], p384()))
            .is_ok()
    );
    assert_eq!(
        denied(&only_384, request("", &["dns:a.test"], p256())).field,
        field::PUBLIC_KEY
    );
}

#[test]
fn the_key_of_a_ca_is_refused() {
    let root = Ca::root();
    let ca = root
        .sub("CN=Sub CA", Some(0), x509::NameConstraints::default())
        .unwrap();
    let issuer = ca
        .issuer()
        .with_ancestors(std::slice::from_ref(&root.certificate))
        .unwrap();
    let other = p256();
    let issuer = issuer.with_reserved_keys([other.material_id()]);
    for key in [ca.key.public.clone(), root.key.public.clone(), other] {
        let request = request("", &["dns:a.test"], key);
        let refused = rules::approve(
            &profile("tls-server"),
            request,
            &issuer,
            crate::world::serial(),
            crate::world::NOW,
        )
        .unwrap_err();
        assert_eq!(refused.field, field::PUBLIC_KEY);
        assert!(refused.detail.contains("certification authority"), "{refused}");
    }
}

#[test]
fn an_invalid_profile_certifies_nothing() {
    let broken = Profile {
        key_usage: x509::KeyUsageFlags::KEY_CERT_SIGN,
        ..profile("tls-server")
    };
    let refused = denied(&broken, request("", &["dns:a.test"], p256()));
    assert_eq!(refused.field, field::PROFILE);
    assert_eq!(refused.to_string(), format!("profile: {}", refused.detail));
}
