use super::*;

fn limits(patterns: &[&str]) -> NameLimits {
    NameLimits::parse(patterns).unwrap()
}

fn allowed(patterns: &[&str], subject: &str, sans: &[&str]) -> bool {
    let sans: Vec<San> = sans.iter().map(|text| text.parse().unwrap()).collect();
    limits(patterns)
        .check("this credential", &subject.parse().unwrap(), &sans)
        .is_ok()
}

#[test]
fn each_pattern_covers_its_own_names_only() {
    for (pattern, inside, outside) in [
        (
            "dns:web.example.test",
            &["dns:web.example.test", "dns:WEB.example.test"][..],
            &[
                "dns:a.web.example.test",
                "dns:example.test",
                "dns:*.web.example.test",
            ][..],
        ),
        (
            "dns:*.dev.example.test",
            &[
                "dns:a.dev.example.test",
                "dns:a.b.dev.example.test",
                "dns:*.dev.example.test",
            ],
            &[
                "dns:dev.example.test",
                "dns:adev.example.test",
                "dns:*.example.test",
                "ip:10.0.0.1",
            ],
        ),
        (
            "ip:10.1.0.0/16",
            &["ip:10.1.0.0", "ip:10.1.255.255"],
            &["ip:10.2.0.0", "ip:::1", "dns:a.test"],
        ),
        (
            "ip:2001:db8::/32",
            &["ip:2001:db8::1"],
            &["ip:2001:db9::1", "ip:32.1.13.184"],
        ),
        ("ip:192.0.2.7", &["ip:192.0.2.7"], &["ip:192.0.2.8"]),
        (
            "email:*@example.test",
            &["email:a@example.test", "email:a@EXAMPLE.test"],
            &[
                "email:a@b.example.test",
                "upn:a@example.test",
                "email:a@example.test.evil.test",
            ],
        ),
        (
            "email:ada@example.test",
            &["email:ada@example.test"],
            &["email:bob@example.test"],
        ),
        (
            "uri:https://a.test/x/*",
            &["uri:https://a.test/x/y"],
            &[
                "uri:https://a.test/y",
                "uri:https://a.test.evil.test/x/",
                "uri:https://a.test/x/../y",
                "uri:https://a.test/x/%2e%2e/y",
                "uri:https://a.test/x/..;/y",
                "uri:https://a.test/x/..;a=b/y",
                "uri:https://a.test/x/.;/y",
            ],
        ),
    ] {
        for name in inside {
            assert!(allowed(&[pattern], "", &[name]), "{pattern} {name}");
        }
        for name in outside {
            assert!(!allowed(&[pattern], "", &[name]), "{pattern} {name}");
        }
    }
}

#[test]
fn without_limits_everything_is_allowed_and_with_one_nothing_else() {
    assert!(allowed(&[], "CN=admin,O=Example", &["rid:1.2.3", "dirname:CN=a"]));
    assert!(!allowed(&["dns:a.test"], "", &["dns:a.test", "rid:1.2.3"]));
    assert!(!allowed(&["dns:a.test"], "", &["dns:a.test", "dns:b.test"]));
}

#[test]
fn the_subject_repeats_a_name_or_has_a_limit_of_its_own() {
    assert!(allowed(&["dns:a.test"], "CN=a.test", &["dns:a.test"]));
    assert!(!allowed(&["dns:a.test"], "CN=admin", &["dns:a.test"]));
    assert!(!allowed(&["dns:a.test"], "CN=a.test,O=Example", &["dns:a.test"]));
    assert!(!allowed(&["dns:a.test"], "O=a.test", &["dns:a.test"]));
    assert!(allowed(
        &["dns:a.test", "subject:O=Example"],
        "CN=a.test,O=Example",
        &["dns:a.test"]
    ));
    assert!(allowed(&["subject:CN=ci-*"], "CN=ci-7", &[]));
    assert!(!allowed(&["subject:CN=ci-*"], "CN=admin", &[]));
}

#[test]
fn a_limit_is_wider_when_it_allows_more() {
    let maker = limits(&[
        "dns:*.dev.example.test",
        "ip:10.1.0.0/16",
        "subject:CN=ci-*",
        "email:*@a.test",
        "uri:https://a.test/x/*",
    ]);
    for same in [
        "uri:https://a.test/x/*",
        "uri:https://a.test/x/y",
        "dns:*.dev.example.test",
        "dns:a.dev.example.test",
        "dns:*.a.dev.example.test",
        "ip:10.1.2.0/24",
        "subject:CN=ci-7",
        "subject:CN=ci-7*",
        "email:b@a.test",
    ] {
        assert_eq!(maker.exceeded_by(&limits(&[same])), None, "{same}");
    }
    for wider in [
        "dns:*.example.test",
        "dns:dev.example.test",
        "ip:10.0.0.0/8",
        "ip:::/0",
        "subject:CN=c*",
        "subject:O=ci-7",
        "email:*@b.test",
        "uri:urn:ab:b",
        "uri:https://a.test/y",
        "uri:https://a.test/x/..;/y",
        "uri:https://a.test/x/..;/*",
    ] {
        assert_eq!(maker.exceeded_by(&limits(&[wider])).as_deref(), Some(wider));
    }
    assert_eq!(maker.exceeded_by(&NameLimits::default()).as_deref(), Some("*"));
    assert_eq!(NameLimits::default().exceeded_by(&maker), None);
}

#[test]
fn patterns_that_say_something_else_than_they_seem_to_are_refused() {
    for bad in [
        "",
        "dns",
        "dns:",
        "dns:*",
        "dns:*.",
        "dns:*.*.test",
        "dns:a.*.test",
        "dns:a.test.",
        "ip:",
        "ip:10.1.2.3/16",
        "ip:10.0.0.0/33",
        "ip:::ffff:10.0.0.1",
        "ip:10.0.0.0/-1",
        "email:*",
        "email:a@*",
        "uri:*",
        "uri:https://*",
        "uri:https://a.test*",
        "uri:urn:*",
        "subject:O",
        "subject:O=",
        "subject:CN=*",
        "subject:nosuch=x",
        "rid:1.2.3",
        "DNS:a.test",
        "cn:a",
    ] {
        assert!(bad.parse::<NameLimit>().is_err(), "{bad}");
    }
    assert!(NameLimits::parse(&vec!["dns:a.test"; MAX_LIMITS + 1]).is_err());
    assert!(format!("dns:{}", "a".repeat(600)).parse::<NameLimit>().is_err());
}

#[test]
fn the_text_form_is_canonical_and_read_again() {
    for (text, canonical) in [
        ("dns:*.Dev.example.test", "dns:*.dev.example.test"),
        ("ip:10.1.0.0/16", "ip:10.1.0.0/16"),
        ("ip:192.0.2.1/32", "ip:192.0.2.1"),
        ("email:*@Example.test", "email:*@example.test"),
        ("uri:urn:ab:*", "uri:urn:ab:*"),
        ("subject:O=Example", "subject:O=Example"),
    ] {
        let limit: NameLimit = text.parse().unwrap();
        assert_eq!(limit.to_string(), canonical);
        assert_eq!(canonical.parse::<NameLimit>().unwrap(), limit);
    }
}
