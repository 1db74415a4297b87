mod subject;

use super::*;

fn constraints(permitted: &[&str], excluded: &[&str]) -> NameConstraints {
    let all = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    NameConstraints {
        permitted: all(permitted),
        excluded: all(excluded),
    }
}

fn allows(constraints: &NameConstraints, name: &str) -> bool {
    constraints
        .permits(&DistinguishedName::default(), &[name.parse().unwrap()])
        .is_ok()
}

#[track_caller]
fn check(constraints: &NameConstraints, inside: &[&str], outside: &[&str]) {
    for name in inside {
        assert!(allows(constraints, name), "{name} must be allowed");
    }
    for name in outside {
        assert!(!allows(constraints, name), "{name} must be refused");
    }
}

#[test]
fn permitted_host_names_lie_at_or_below_the_domain() {
    check(
        &constraints(&["dns:example.test"], &[]),
        &[
            "dns:example.test",
            "dns:a.b.example.test",
            "dns:*.example.test",
            "ip:192.0.2.1",
            "uri:https://x.test",
        ],
        &[
            "dns:xexample.test",
            "dns:test",
            "dns:example.test.x",
            "dns:*.test",
        ],
    );
}

#[test]
fn excluded_host_names_include_what_a_wildcard_could_mean() {
    check(
        &constraints(&[], &["dns:secret.example.test"]),
        &[
            "dns:example.test",
            "dns:xsecret.example.test",
            "dns:*.b.example.test",
            "dns:*.test",
        ],
        &[
            "dns:secret.example.test",
            "dns:a.secret.example.test",
            "dns:*.secret.example.test",
            "dns:*.example.test",
        ],
    );
    check(
        &constraints(&["dns:example.test"], &["dns:a.example.test"]),
        &["dns:b.example.test"],
        &["dns:a.example.test"],
    );
}

#[test]
fn addresses_are_compared_by_their_family() {
    check(
        &constraints(&["ip:10.0.0.0/8", "ip:2001:db8::/32"], &["ip:10.9.0.0/16"]),
        &["ip:10.1.2.3", "ip:2001:db8::1"],
        &["ip:11.0.0.1", "ip:10.9.0.1", "ip:2001:db9::1"],
    );
    check(
        &constraints(&["ip:10.0.0.0/8"], &[]),
        &["ip:10.0.0.1"],
        &["ip:::1"],
    );
    check(
        &constraints(&[], &["ip:0.0.0.0/0"]),
        &["ip:::1", "dns:a.test"],
        &["ip:192.0.2.1"],
    );
}

#[test]
fn an_ipv4_address_in_ipv6_form_is_judged_as_both() {
    let foreign = |text: &str| {
        let address: std::net::Ipv6Addr = text.parse().unwrap();
        San::Opaque([&[IP, 16][..], &address.octets()].concat())
    };
    let permits = |constraints: &NameConstraints, text: &str| {
        constraints
            .permits(&DistinguishedName::default(), &[foreign(text)])
            .is_ok()
    };
    let forms = [
        "::ffff:10.0.0.1",
        "::10.0.0.1",
        "::ffff:0:10.0.0.1",
        "64:ff9b::10.0.0.1",
        "2002:a00:1::",
        "2001::f5ff:fffe",
    ];
    for form in forms {
        assert!(
            !permits(&constraints(&[], &["ip:10.0.0.0/8"]), form),
            "{form} is excluded"
        );
        assert!(
            !permits(&constraints(&["ip:::/0"], &[]), form),
            "{form} is also IPv4"
        );
        assert!(
            !permits(&constraints(&["ip:10.0.0.0/8"], &[]), form),
            "{form} is also IPv6"
        );
        assert!(
            permits(&constraints(&["ip:10.0.0.0/8", "ip:::/0"], &[]), form),
            "{form}"
        );
        assert!(
            permits(&constraints(&["dns:a.test"], &["ip:11.0.0.0/8"]), form),
            "{form}"
        );
    }
    // A subtree in the mapped form means IPv4 addresses too.
    let mapped = [
        &[0x30, 0x26, 0xa1, 0x24, 0x30, 0x22, 0x87, 0x20][..],
        &"::ffff:10.0.0.0".parse::<std::net::Ipv6Addr>().unwrap().octets(),
        &[0xff; 13],
        &[0; 3],
    ];
    let mapped = NameConstraints::from_der(&mapped.concat()).unwrap();
    check(&mapped, &["ip:11.0.0.1", "ip:2001:db8::1"], &["ip:10.0.0.1"]);
    assert!(!permits(&mapped, "::ffff:10.0.0.1") && permits(&mapped, "2001:db8::1"));
    assert!(!permits(
        &constraints(&[], &["ip:224.0.0.0/4"]),
        "::ffff:224.0.0.1"
    ));
}

#[test]
fn mail_addresses_have_three_forms() {
    check(
        &constraints(&["email:Root@a.test", "email:b.test", "email:.c.test"], &[]),
        &[
            "email:Root@a.test",
            "email:Root@A.test",
            "email:x@b.test",
            "email:x@y.c.test",
            "email:ü@b.test",
        ],
        &[
            "email:root@a.test",
            "email:x@a.test",
            "email:x@y.b.test",
            "email:x@c.test",
            "email:ü@a.test",
        ],
    );
    check(
        &constraints(&[], &["email:b.test"]),
        &["email:a@c.test"],
        &["email:ü@b.test"],
    );
}

#[test]
fn uris_are_judged_by_their_host() {
    check(
        &constraints(&["uri:a.test", "uri:.b.test"], &[]),
        &["uri:https://a.test/x", "uri:spiffe://x.b.test/svc"],
        &[
            "uri:https://x.a.test",
            "uri:https://b.test",
            "uri:urn:ab:b",
            "uri:https://192.0.2.1/",
        ],
    );
    check(
        &constraints(&[], &["uri:a.test"]),
        &["uri:https://b.test"],
        &["uri:https://a.test", "uri:urn:ab:b", "uri:https://[::1]/"],
    );
}

#[test]
fn what_cannot_be_judged_is_refused() {
    let foreign = |tag: u8, general_name: &[u8]| {
        let der = Writer::one(tag::SEQUENCE, |out| {
            out.constructed(tag, |out| out.sequence(|subtree| subtree.raw(general_name)));
        });
        NameConstraints::from_der(&der).unwrap()
    };
    for list in [PERMITTED, EXCLUDED] {
        check(
            &foreign(list, b"\x88\x02\x2a\x03"),
            &["dns:a.test"],
            &["rid:1.2.3"],
        );
        check(
            &foreign(list, b"\xa0\x00"),
            &["dns:a.test"],
            &["upn:a@b", "othername:1.2.3=0500", "email:ü@b.test"],
        );
        check(&foreign(list, b"\x82\x02\xc3\xbc"), &["ip:::1"], &["dns:a.test"]);
    }
    let opaque = [San::Opaque(b"\x82\x01_".to_vec())];
    let empty = DistinguishedName::default();
    assert!(constraints(&["dns:test"], &[]).permits(&empty, &opaque).is_err());
    assert!(constraints(&[], &["dns:test"]).permits(&empty, &opaque).is_err());
    assert!(constraints(&["ip:::/0"], &[]).permits(&empty, &opaque).is_ok());
}

#[test]
fn a_foreign_base_in_another_spelling_is_not_passed_over() {
    let excluding = |base: &[u8]| {
        let der = Writer::one(tag::SEQUENCE, |out| {
            out.constructed(EXCLUDED, |out| out.sequence(|subtree| subtree.raw(base)));
        });
        NameConstraints::from_der(&der).unwrap()
    };
    check(
        &excluding(b"\x82\x07a.test."),
        &["ip:10.0.0.1"],
        &["dns:a.test", "dns:b.a.test"],
    );
    check(
        &excluding(b"\x81\x07a.test."),
        &["dns:a.test"],
        &["email:x@a.test"],
    );
    check(
        &excluding(b"\x86\x0ahttps://a."),
        &["dns:a.test"],
        &["uri:https://a/"],
    );
    check(&excluding(b"\x82\x06A.Test"), &["dns:b.test"], &["dns:a.test"]);
}

#[test]
fn a_foreign_base_with_a_dot_means_names_below() {
    let der = b"\x30\x0d\xa0\x0b\x30\x09\x82\x07.a.test";
    let constraints = NameConstraints::from_der(der).unwrap();
    check(
        &constraints,
        &["dns:b.a.test", "dns:*.a.test"],
        &["dns:a.test", "dns:b.test"],
    );
}

#[test]
fn a_violation_says_what_and_why() {
    let constraints = constraints(&["dns:a.test"], &["dns:b.a.test"]);
    let refusal = |name: &str| {
        constraints
            .permits(&DistinguishedName::default(), &[name.parse().unwrap()])
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        refusal("dns:x.b.a.test"),
        "dns:x.b.a.test is excluded by the issuer's name constraint dns:b.a.test"
    );
    assert!(refusal("dns:x.test").starts_with("dns:x.test is in none"));
}

#[test]
fn names_that_could_not_be_issued_are_compared_for_verifiers() {
    let constraints = |permitted: &[&str]| NameConstraints {
        permitted: permitted.iter().map(|text| text.parse().unwrap()).collect(),
        excluded: Vec::new(),
    };
    let foreign = |tag, text: &str| San::Opaque(Writer::primitive_of(tag, text.as_bytes()));
    for (base, san, allowed) in [
        ("dns:example.test", foreign(DNS, "a_b.example.test"), true),
        ("dns:example.test", foreign(DNS, "a_b.other.test"), false),
        ("dns:example.test", foreign(DNS, "a_b.example.test."), false),
        ("dns:example.test", foreign(DNS, ""), false),
        ("email:example.test", foreign(EMAIL, "\"a b\"@example.test"), true),
        ("email:example.test", foreign(EMAIL, "@example.test"), false),
        (
            "uri:.example.test",
            foreign(URI, "https://a_b.example.test/ "),
            false,
        ),
        (
            "uri:.example.test",
            foreign(URI, "https://a_b.example.test/"),
            true,
        ),
        (
            "uri:.example.test",
            foreign(URI, "https://a_b.other.test/"),
            false,
        ),
        (
            "uri:.example.test",
            "uri:https://10.0.0.1/".parse().unwrap(),
            false,
        ),
        ("uri:.example.test", "uri:urn:ab:b".parse().unwrap(), false),
    ] {
        let verdict =
            constraints(&[base]).allows(&DistinguishedName::default(), std::slice::from_ref(&san), true);
        assert_eq!(verdict.is_ok(), allowed, "{base} {san}: {verdict:?}");
    }
}
