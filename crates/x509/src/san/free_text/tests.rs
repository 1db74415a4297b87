use proptest::prelude::*;

use super::*;

#[test]
fn what_people_and_devices_are_called_is_text() {
    for text in [
        "",
        "Jane Doe",
        "ACME Corp. Web Signing",
        "O'Neil & Sons, Inc.",
        "J.R.R. Tolkien",
        "Dr. Jane Doe, Ph.D.",
        "Müller GmbH & Co. KG",
        "山田 太郎",
        "AC/DC Fan Club",
        "Amazon.com Services LLC",
        "Example Root CA 1.2",
        "Gateway 10.0.0.1",
        "Team @ ACME",
        "Release: 5",
        "tool-1.2.3",
        "v1.2.3",
        "tool_v1.2.3+5",
        "localhost",
        "sensor_7",
        "123456789",
        "00:1B:63:84:45:E6",
        "system:node:worker-1",
        "system:kube-scheduler",
        "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        "CORP\\jane",
        "AC/DC",
        "24/7",
        "sensor:12",
        "IMEI:490154203237518",
    ] {
        assert_eq!(read(text), Ok(FreeText::Words), "{text}");
    }
}

#[test]
fn what_is_a_name_reads_as_that_name() {
    for (text, names) in [
        ("web.example.test", &["dns:web.example.test"][..]),
        ("WEB.Example.test", &["dns:web.example.test"]),
        ("*.example.test", &["dns:*.example.test"]),
        ("bücher.example", &["dns:xn--bcher-kva.example"]),
        ("1.2.3-rc1", &["dns:1.2.3-rc1"]),
        ("10.0.0.1", &["ip:10.0.0.1"]),
        ("2001:DB8::1", &["ip:2001:db8::1"]),
        ("::1", &["ip:::1"]),
        ("xn--bcher-kva", &["dns:xn--bcher-kva"]),
        ("a@b.test", &["email:a@b.test", "upn:a@b.test"]),
        ("a@CORP_X", &["upn:a@CORP_X"]),
        ("https://a.test/b", &["uri:https://a.test/b"]),
        ("opc.tcp:host", &["uri:opc.tcp:host"]),
    ] {
        let names = names.iter().map(|name| name.parse().unwrap()).collect();
        assert_eq!(read(text), Ok(FreeText::Name(names)), "{text}");
    }
}

#[test]
fn what_only_looks_like_a_name_is_refused() {
    for text in [
        "www.bank.example.",
        ".bank.example",
        " www.bank.example",
        "www.bank.example\u{a0}",
        "www.bank.example\u{3000}",
        "my_host.example.test",
        "www..bank.example",
        "a*.bank.example",
        "xn--a.example",
        "www.bank.example,",
        "a.test;b.test",
        "(www.bank.example)",
        "www．bank．example",
        "www。bank.example",
        "www․bank.example",
        "ｗｗｗ.bank.example",
        "www.bank.example:443",
        "localhost:8443",
        "10.0.0.1/8",
        "10.0.0.1:443",
        "10.0.0.1 ",
        "10.0.0",
        "1.2.3",
        "127.1",
        "0x7f.1",
        "0x7f000001",
        "0X7F000001",
        "host.0x7f",
        "host.123",
        "xn--a",
        "www｡bank.example",
        "0x7f.0x0.0x0.0x1",
        "0177.0.0.1",
        "10.0.0.01",
        "10.0.0.256",
        "10.0.0.0.1",
        "１０.0.0.1",
        "10．0．0．1",
        "①.0.0.1",
        "0.0.0.0",
        "::ffff:10.0.0.1",
        "::ffff:a00:1",
        "[2001:db8::1]",
        "[10.0.0.1]",
        "2001:db8::1/64",
        "fe80::1%eth0",
        "2001:db8:::1",
        "admin@corp.example ",
        "admin@corp.example.",
        "admin＠corp.example",
        "admin@corp．example",
        "Admin <admin@corp.example>",
        "Jane Doe admin@corp.example",
        "Jane Doe (https://bank.example/)",
        "\"admin\"@corp.example",
        "admin@",
        "@corp.example",
        "a@b@c.test",
        "https://a.test/[",
        "https：//a.test/",
        "//a.test",
        "127.1/8",
        "bank.com/a",
    ] {
        assert!(read(text).is_err(), "{text:?}: {:?}", read(text));
    }
    assert_eq!(
        read("www.bank.example.").unwrap_err().to_string(),
        "`www.bank.example.` looks like a host name and is not one: DNS name `www.bank.example.`: write it without the trailing dot"
    );
}

#[test]
fn names_are_found_among_words() {
    let found = |text: &str| {
        names_within(text)
            .iter()
            .map(San::to_string)
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(
        found("Gateway 10.0.0.1, (2001:db8::1)"),
        "ip:10.0.0.1 ip:2001:db8::1"
    );
    assert_eq!(
        found("see www.bank.example. or dns:a.test:443"),
        "dns:www.bank.example dns:a.test"
    );
    assert_eq!(found("0x7f000001"), "ip:127.0.0.1");
    assert_eq!(found("Jane Doe 42"), "");
}

proptest! {
    #[test]
    fn a_text_that_reads_as_a_name_is_its_plain_self(text in "[ -~\u{ff0e}\u{ff20}\u{a0}ü]{0,24}") {
        match read(&text) {
            Ok(FreeText::Name(names)) => {
                prop_assert!(!names.is_empty());
                prop_assert_eq!(plain(&text), text);
            }
            Ok(FreeText::Words) => {
                let word = !plain(&text).contains(' ');
                let named = plain(&text).parse::<IpAddr>().is_ok() || plain(&text).contains('@');
                prop_assert!(!(word && named));
            }
            Err(disguised) => prop_assert!(!disguised.to_string().is_empty()),
        }
    }
}
