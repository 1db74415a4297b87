//! Constraints on what is in the subject: its own names, and the hosts and addresses of mail that a common name may hold.

use super::*;

#[test]
fn directory_names_bind_the_subject_too() {
    let constraints = constraints(&["dirname:O=Example,C=DE"], &["dirname:OU=Secret,O=Example,C=DE"]);
    let permits = |subject: &str| constraints.permits(&subject.parse().unwrap(), &[]).is_ok();
    assert!(permits("CN=a,O=EXAMPLE,C=DE") && permits(""));
    assert!(!permits("CN=a,O=Other,C=DE") && !permits("CN=a,OU=secret,O=Example,C=DE"));
    check(&constraints, &["dirname:CN=x,O=Example,C=DE"], &["dirname:CN=x"]);
}

#[test]
fn names_in_the_subject_count_like_alternative_names() {
    let constraints = constraints(&["dns:example.test", "email:example.test", "ip:10.0.0.0/8"], &[]);
    let permits = |subject: &str| constraints.permits(&subject.parse().unwrap(), &[]).is_ok();
    for subject in [
        "CN=web.example.test",
        "CN=Some Name",
        "CN=host",
        "CN=10.1.1.1",
        "emailAddress=a@example.test",
        "CN=a@example.test",
        "CN=J.R.R. Tolkien",
        "CN=Gateway 192.0.2.1",
        "CN=ACME Corp. Web Signing",
        "CN=tool-1.2.3",
        "CN=system:node:a",
        "CN=123456789",
    ] {
        assert!(permits(subject), "{subject}");
    }
    for subject in [
        "CN=web.other.test",
        "CN=ok,CN=WEB.other.test",
        "CN=192.0.2.1",
        "emailAddress=a@b.test",
        "emailAddress=x",
        "CN=a@b.test",
        "CN=::1",
        "CN=web.example.test.",
        "CN=web.other.test.",
        "CN=\\ web.other.test",
        "CN=web.other.test\u{a0}",
        "CN=web．other．test",
        "CN=web_1.other.test",
        "CN=192.0.2.1/8",
        "CN=10.0.0.1/8",
        "CN=0x7f.1",
        "CN=0300.0.2.1",
        "CN=１９２.0.2.1",
        "CN=[2001:db8::1]",
        "CN=::ffff:10.0.0.1",
        "CN=a@b.test\\ ",
        "CN=a＠b.test",
        "CN=Admin \\<a@b.test\\>",
        "CN=web.other.test:443",
        "CN=a@CORP_X",
    ] {
        assert!(!permits(subject), "{subject}");
    }
}

#[test]
fn excluded_names_are_found_in_every_common_name() {
    let constraints = constraints(
        &[],
        &[
            "dns:bank.test",
            "ip:10.0.0.0/8",
            "ip:127.0.0.0/8",
            "email:corp.test",
            "uri:bank.test",
        ],
    );
    let permits = |subject: &str| constraints.permits(&subject.parse().unwrap(), &[]).is_ok();
    for subject in [
        "CN=www.bank.test",
        "CN=bank.test",
        "CN=Visit www.bank.test.",
        "CN=dns:www.bank.test",
        "CN=Gateway 10.0.0.1",
        "CN=Gateway (10.0.0.1)",
        "CN=0x7f000001",
        "1.2.840.113549.1.9.2=#0c0d7777772e62616e6b2e74657374",
        "1.2.840.113549.1.9.8=#130831302e302e302e31",
        "CN=a@corp.test",
        "CN=A@CORP.TEST",
        "CN=https://bank.test/x",
    ] {
        assert!(!permits(subject), "{subject}");
    }
    for subject in [
        "CN=www.other.test",
        "CN=Gateway 192.0.2.1",
        "CN=a@other.test",
        "CN=Jane Doe",
        "CN=Port 0x01000000",
    ] {
        assert!(permits(subject), "{subject}");
    }
}

#[test]
fn a_common_name_binds_verifiers_only_without_dns_names() {
    let constraints = NameConstraints {
        permitted: vec!["dns:example.test".parse().unwrap()],
        excluded: Vec::new(),
    };
    let other = DistinguishedName::common_name("web.other.test").unwrap();
    let san = "dns:web.example.test".parse::<San>().unwrap();
    assert!(constraints.allows(&other, &[], true).is_err());
    assert_eq!(constraints.allows(&other, &[san], true), Ok(()));
    let words = DistinguishedName::common_name("Jane Doe").unwrap();
    assert_eq!(constraints.allows(&words, &[], true), Ok(()));
}
