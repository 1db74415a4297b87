//! Alternative names.

use super::{Case, and, only};
use crate::der::{all, arcs, ia5, oid, seq, tlv, utf8};
use crate::forge::{
    AKI, Forge, ISSUER_ALT_NAME, OCSP, SAN, SUBJECT_INFO_ACCESS, access, dns, email, ip, other_name, uri,
};

const SMTP_UTF8: &str = "1.3.6.1.5.5.7.8.9";
const UPN: &str = "1.3.6.1.4.1.311.20.2.3";

/// Names of a client whose subject repeats none of them.
fn names(forge: &mut Forge, names: &[Vec<u8>]) {
    forge.subject = crate::der::name(&[(crate::forge::CN, utf8("Client"))]);
    forge.sans(names);
}

fn host(forge: &mut Forge, name: &str) {
    names(forge, &[dns(name)]);
}

fn mailbox(forge: &mut Forge, text: &str) {
    names(forge, &[email(text)]);
}

fn utf8_mailbox(forge: &mut Forge, text: &str) {
    names(forge, &[other_name(SMTP_UTF8, utf8(text))]);
}

fn at(forge: &mut Forge, text: &str) {
    names(forge, &[uri(text)]);
}

fn v6(start: &[u8]) -> Vec<u8> {
    let mut address = start.to_vec();
    address.resize(16, 0);
    ip(&address)
}

pub(super) const CASES: &[Case] = &[
    and(
        "rfc5280_san_not_empty",
        "leaf",
        |f| f.sans(&[]),
        &["cabf_san_present"],
    ),
    only("rfc5280_san_not_critical_with_subject", "leaf", |f| {
        f.criticality(SAN, true)
    }),
    only("gigvault_san_distinct", "client", |f| {
        names(f, &[dns("a.test"), dns("b.test"), dns("a.test")])
    }),
    and(
        "gigvault_san_distinct",
        "client",
        |f| names(f, &[dns("a.test"), dns("A.test")]),
        &["gigvault_dns_lower_case"],
    ),
    only("gigvault_san_100", "client", |f| {
        let hosts: Vec<_> = (0..101).map(|at| dns(&format!("h{at}.test"))).collect();
        names(f, &hosts);
    }),
    only("cabf_san_kinds", "leaf", |f| {
        f.sans(&[dns("a.test"), uri("http://a.test/")])
    }),
    only("rfc5280_dns_syntax", "client", |f| host(f, "")),
    only("rfc5280_dns_syntax", "client", |f| host(f, " ")),
    only("rfc5280_dns_syntax", "client", |f| host(f, "a.test.")),
    only("rfc5280_dns_syntax", "client", |f| host(f, "a..test")),
    only("rfc5280_dns_syntax", "client", |f| host(f, ".a.test")),
    only("rfc5280_dns_syntax", "client", |f| host(f, "-a.test")),
    only("rfc5280_dns_syntax", "client", |f| host(f, "a_b.test")),
    only("rfc5280_dns_syntax", "client", |f| host(f, "bücher.test")),
    only("rfc5280_dns_syntax", "client", |f| host(f, "a\0.test")),
    only("rfc5280_dns_syntax", "client", |f| host(f, "http://a.test")),
    only("rfc5280_dns_syntax", "client", |f| {
        host(f, &format!("{}.test", "a".repeat(64)))
    }),
    only("rfc5280_dns_syntax", "client", |f| {
        host(f, &format!("{}test", "abcdefghi.".repeat(25)))
    }),
    only("rfc9549_dns_a_labels", "client", |f| host(f, "ab--c.test")),
    only("rfc9549_dns_a_labels", "client", |f| host(f, "xn--a.test")),
    only("rfc9549_dns_a_labels", "client", |f| {
        host(f, "xn--99999999999.test")
    }),
    only("rfc9525_wildcard_form", "client", |f| host(f, "*")),
    only("rfc9525_wildcard_form", "client", |f| host(f, "a*.example.test")),
    only("rfc9525_wildcard_form", "client", |f| host(f, "a.*.example.test")),
    only("rfc9525_wildcard_form", "client", |f| host(f, "*.*.example.test")),
    only("cabf_wildcard_below_one_label", "client", |f| host(f, "*.test")),
    only("cabf_dns_is_no_address", "client", |f| host(f, "192.0.2.7")),
    only("cabf_dns_is_no_address", "client", |f| host(f, "10.1")),
    and(
        "cabf_dns_is_no_address",
        "client",
        |f| host(f, "2001:db8::7"),
        &["rfc5280_dns_syntax"],
    ),
    only("gigvault_dns_lower_case", "client", |f| {
        host(f, "Web.example.test")
    }),
    only("rfc5280_ip_length", "client", |f| names(f, &[ip(&[1, 2, 3])])),
    only("rfc5280_ip_length", "client", |f| {
        names(f, &[ip(&[10, 0, 0, 0, 255, 0, 0, 0])])
    }),
    only("rfc5280_ip_length", "client", |f| names(f, &[ip(b"192.0.2.7")])),
    only("gigvault_ip_of_a_host", "client", |f| names(f, &[ip(&[0; 4])])),
    only("gigvault_ip_of_a_host", "client", |f| names(f, &[ip(&[255; 4])])),
    only("gigvault_ip_of_a_host", "client", |f| {
        names(f, &[ip(&[224, 0, 0, 1])])
    }),
    only("gigvault_ip_of_a_host", "client", |f| names(f, &[v6(&[0xff, 2])])),
    only("gigvault_ip_of_a_host", "client", |f| {
        names(
            f,
            &[v6(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7])],
        );
    }),
    only("gigvault_ip_of_a_host", "client", |f| {
        names(f, &[v6(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10, 0, 0, 1])]);
    }),
    only("gigvault_ip_of_a_host", "client", |f| {
        names(
            f,
            &[v6(&[0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, 10, 0, 0, 1])],
        );
    }),
    only("gigvault_ip_of_a_host", "client", |f| {
        names(f, &[v6(&[0x20, 2, 10, 0, 0, 1])])
    }),
    only("gigvault_ip_of_a_host", "client", |f| {
        names(f, &[ip(&[240, 0, 0, 1])])
    }),
    only("gigvault_ip_of_a_host", "client", |f| {
        names(f, &[ip(&[0, 1, 2, 3])])
    }),
    only("rfc5280_email_syntax", "client", |f| mailbox(f, "example.test")),
    only("rfc5280_email_syntax", "client", |f| mailbox(f, "@example.test")),
    only("rfc5280_email_syntax", "client", |f| {
        mailbox(f, "\"a\0b\"@example.test")
    }),
    only("rfc5280_email_syntax", "client", |f| {
        mailbox(f, "\"a\"b\"@example.test")
    }),
    only("rfc5280_email_syntax", "client", |f| mailbox(f, "a@10.0.0.1")),
    only("rfc9549_dns_a_labels", "client", |f| {
        host(f, "xn--mgba3gch31f060k.test")
    }),
    only("cabf_dns_is_no_address", "client", |f| host(f, "a.0x7f")),
    only("x680_tag_assigned", "client", |f| {
        names(f, &[other_name("1.2.3.4", tlv(0, &[]))])
    }),
    only("x680_wide_characters", "client", |f| {
        names(f, &[other_name("1.2.3.4", tlv(0x1e, b"a"))])
    }),
    only("rfc5280_uri_absolute", "client", |f| at(f, "https://a.test/[")),
    only("rfc5280_uri_absolute", "client", |f| at(f, "https://a.test/#a#b")),
    only("rfc5280_uri_absolute", "client", |f| {
        at(f, "https://a.test:99999/")
    }),
    only("rfc5280_uri_absolute", "client", |f| at(f, "https://a@b@a.test/")),
    only("rfc5280_uri_absolute", "client", |f| at(f, "https://a.test/%0a")),
    only("rfc5280_uri_host", "client", |f| at(f, "https://0x7f.1/")),
    only("rfc5280_uri_host", "client", |f| at(f, "https://2130706433/")),
    only("rfc5280_uri_host", "client", |f| {
        at(f, "https://[::ffff:10.0.0.1]/")
    }),
    only("rfc5280_uri_host", "client", |f| {
        at(f, "https://user:password@a.test/")
    }),
    only("rfc5280_uri_host", "client", |f| at(f, "https://a%2etest/")),
    only("rfc5280_uri_host", "client", |f| at(f, "https://host_1.test/")),
    only("rfc5280_uri_host", "client", |f| at(f, "https://a%3ab@c.test/")),
    only("rfc5280_uri_absolute", "client", |f| at(f, "urn:a_b:c")),
    only("rfc5280_uri_absolute", "client", |f| {
        at(f, "https://a.test:0443/")
    }),
    only("rfc5280_other_name_form", "client", |f| {
        names(
            f,
            &[other_name("1.3.6.1.5.5.7.8.7", tlv(0x16, b"_ldap._tcp.a.test"))],
        )
    }),
    only("rfc5280_dns_syntax", "leaf", |f| {
        f.add(ISSUER_ALT_NAME, false, seq(&[dns("a_b.test")]))
    }),
    only("rfc5280_email_syntax", "leaf", |f| {
        f.add(SUBJECT_INFO_ACCESS, false, seq(&[access(OCSP, email("a"))]))
    }),
    only("gigvault_ip_of_a_host", "leaf", |f| {
        f.add(ISSUER_ALT_NAME, false, seq(&[ip(&[0; 4])]))
    }),
    only("gigvault_san_known_kind", "leaf", |f| {
        f.add(ISSUER_ALT_NAME, false, seq(&[all(0xa3, &[utf8("x400")])]))
    }),
    and(
        "rfc5280_directory_name_form",
        "leaf",
        |f| {
            let serial = tlv(0x82, &[1]);
            f.put(
                AKI,
                seq(&[
                    tlv(0x80, &[0x22; 20]),
                    all(0xa1, &[all(0xa4, &[seq(&[])])]),
                    serial,
                ]),
            );
        },
        &["cabf_aki_key_identifier_only"],
    ),
    only("rfc5280_email_syntax", "client", |f| {
        mailbox(f, "Joe <joe@example.test>")
    }),
    only("rfc5280_email_syntax", "client", |f| {
        mailbox(f, "jürgen@example.test")
    }),
    only("rfc5280_email_syntax", "client", |f| {
        mailbox(f, "a..b@example.test")
    }),
    only("rfc5280_email_syntax", "client", |f| {
        mailbox(f, "a@-example.test")
    }),
    only("rfc5280_email_syntax", "client", |f| {
        mailbox(f, "a@*.example.test")
    }),
    only("rfc9598_smtp_utf8_mailbox", "client", |f| {
        utf8_mailbox(f, "ascii@example.test")
    }),
    only("rfc9598_smtp_utf8_mailbox", "client", |f| {
        utf8_mailbox(f, "jürgen@bücher.test")
    }),
    and(
        "rfc9598_smtp_utf8_mailbox",
        "client",
        |f| utf8_mailbox(f, "\u{feff}jürgen@example.test"),
        &["gigvault_text_visible"],
    ),
    only("rfc9598_smtp_utf8_mailbox", "client", |f| {
        utf8_mailbox(f, "jürgen")
    }),
    only("rfc9598_smtp_utf8_mailbox", "client", |f| {
        names(f, &[other_name(SMTP_UTF8, ia5("jurgen@example.test"))]);
    }),
    only("rfc5280_uri_absolute", "client", |f| at(f, "/path")),
    only("rfc5280_uri_absolute", "client", |f| at(f, "http:")),
    only("rfc5280_uri_absolute", "client", |f| at(f, "http://a.test/a b")),
    only("rfc5280_uri_absolute", "client", |f| at(f, "http://a.test/%4")),
    only("rfc5280_uri_absolute", "client", |f| at(f, "1http://a.test/")),
    only("rfc5280_uri_host", "client", |f| at(f, "http:///path")),
    only("rfc5280_uri_host", "client", |f| at(f, "http://-a.test/")),
    only("rfc5280_uri_absolute", "client", |f| at(f, "http://[::z]/")),
    only("rfc5280_uri_absolute", "client", |f| at(f, "http://a.test:port/")),
    only("spiffe_id_form", "client", |f| {
        at(f, "spiffe://Example.test/svc/ca")
    }),
    only("spiffe_id_form", "client", |f| {
        at(f, "SPIFFE://example.test/svc/ca")
    }),
    only("spiffe_id_form", "client", |f| {
        at(f, "spiffe://example.test:80/svc/ca")
    }),
    only("spiffe_id_form", "client", |f| {
        at(f, "spiffe://example.test/svc//ca")
    }),
    only("spiffe_id_form", "client", |f| {
        at(f, "spiffe://example.test/svc/")
    }),
    only("spiffe_id_form", "client", |f| {
        at(f, "spiffe://example.test/svc/..")
    }),
    only("spiffe_id_form", "client", |f| {
        at(f, "spiffe://example.test/svc?a")
    }),
    only("spiffe_id_only_uri", "client", |f| {
        names(f, &[uri("spiffe://example.test/svc/ca"), uri("http://a.test/")]);
    }),
    only("rfc5280_directory_name_form", "client", |f| {
        names(f, &[all(0xa4, &[seq(&[])])])
    }),
    only("rfc5280_directory_name_form", "client", |f| {
        names(f, &[all(0xa4, &[utf8("a")])])
    }),
    only("rfc5280_registered_id_form", "client", |f| {
        names(f, &[tlv(0x88, &[])])
    }),
    only("rfc5280_registered_id_form", "client", |f| {
        names(f, &[tlv(0x88, &[0x2a, 0x80, 0x01])])
    }),
    only("rfc5280_other_name_form", "client", |f| {
        names(f, &[all(0xa0, &[oid(UPN)])])
    }),
    only("rfc5280_other_name_form", "client", |f| {
        names(f, &[all(0xa0, &[oid(UPN), utf8("a@b")])])
    }),
    only("rfc5280_other_name_form", "client", |f| {
        names(f, &[other_name(UPN, ia5("a@b"))])
    }),
    only("rfc5280_other_name_form", "client", |f| {
        names(f, &[other_name(UPN, utf8("a"))])
    }),
    only("rfc5280_other_name_form", "client", |f| {
        names(
            f,
            &[all(0xa0, &[oid("1.2.3"), all(0xa0, &[utf8("a"), utf8("b")])])],
        );
    }),
    only("gigvault_san_known_kind", "client", |f| {
        names(f, &[all(0xa3, &[utf8("x400")])])
    }),
    only("gigvault_san_known_kind", "client", |f| {
        names(f, &[tlv(0x89, &arcs("1.2.3"))])
    }),
];

/// Forms at the edge of what is allowed.
#[test]
fn unusual_names_that_break_no_rule_are_no_finding() {
    let sans = [
        dns("localhost"),
        dns("*.example.test"),
        dns("*.xn--bcher-kva.example.test"),
        dns("1.a-b--c.3com.test"),
        dns(&format!("{}.test", "a".repeat(63))),
        ip(&[127, 0, 0, 1]),
        v6(&[0xfe, 0x80, 0, 0, 0, 0, 0, 0, 1]),
        email("o'brien+tag@xn--bcher-kva.test"),
        email("\"quoted name\"@example.test"),
        other_name(SMTP_UTF8, utf8("用户@example.test")),
        other_name("1.2.3.4", seq(&[])),
        uri("urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"),
        uri("https://user@[2001:db8::1]:8443/?q=%41#f"),
        uri("sip:user@example.test"),
    ];
    for name in sans {
        let findings = crate::forge::Base::named("client").findings_after(|forge| names(forge, &[name]));
        assert_eq!(findings, []);
    }
    for id in ["spiffe://example.test", "spiffe://trust_domain.test/a.b/C-d_1"] {
        let findings = crate::forge::Base::named("client").findings_after(|forge| at(forge, id));
        assert_eq!(findings, []);
    }
}
