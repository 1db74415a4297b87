//! Distinguished names and the content of the subject.

use super::{Case, and, only};
use crate::der::{all, attribute, ia5, name, printable, seq, set, tlv, utf8};
use crate::forge::{C, CN, CRL, DC, EMAIL, Forge, ISSUER_ALT_NAME, O, OU, SAN, ip, other_name};

const SERIAL_NUMBER: &str = "2.5.4.5";

/// Changes the subject of a client, whose names no lint restricts.
fn subject(forge: &mut Forge, attributes: &[(&str, Vec<u8>)]) {
    forge.subject = name(attributes);
}

/// Gives a client a directory name, and a subject that no lint reads.
fn directory_name(forge: &mut Forge, attributes: &[(&str, Vec<u8>)]) {
    subject(forge, &[(CN, utf8("Client"))]);
    forge.sans(&[all(0xa4, &[name(attributes)])]);
}

pub(super) const CASES: &[Case] = &[
    and(
        "rfc5280_issuer_not_empty",
        "leaf",
        |f| f.issuer = seq(&[]),
        &["rfc5280_issuer_is_subject_of_issuer"],
    ),
    only("rfc5280_issuer_is_subject_of_issuer", "leaf", |f| {
        // The same text in another string type.
        let names = [
            (C, printable("DE")),
            (O, printable("Example Org")),
            (CN, utf8("Test CA")),
        ];
        f.issuer = name(&names);
    }),
    only("rfc5280_issuer_is_subject_of_issuer", "root", |f| {
        f.issuer = name(&[(CN, utf8("Another"))])
    }),
    and(
        "rfc5280_ca_subject_not_empty",
        "ca",
        |f| f.subject = seq(&[]),
        &["rfc5280_san_present_without_subject"],
    ),
    only("x501_rdn_not_empty", "client", |f| f.subject = seq(&[set(&[])])),
    and(
        "x501_rdn_types_distinct",
        "client",
        |f| f.subject = seq(&[set(&[attribute(OU, utf8("a")), attribute(OU, utf8("b"))])]),
        &["cabf_rdn_single_valued"],
    ),
    only("cabf_rdn_single_valued", "client", |f| {
        f.subject = seq(&[set(&[attribute(CN, utf8("a")), attribute(OU, utf8("b"))])]);
    }),
    only("rfc5280_name_string_type", "client", |f| {
        subject(f, &[(CN, tlv(0x14, b"a"))])
    }),
    only("rfc5280_name_string_type", "client", |f| {
        subject(f, &[(O, tlv(0x1e, b"\0a"))])
    }),
    only("rfc5280_name_string_type", "client", |f| {
        subject(f, &[(O, ia5("a"))])
    }),
    only("rfc5280_name_printable_types", "client", |f| {
        subject(f, &[(C, utf8("DE"))])
    }),
    only("rfc5280_name_printable_types", "client", |f| {
        subject(f, &[(SERIAL_NUMBER, utf8("1"))])
    }),
    only("rfc5280_name_ia5_types", "client", |f| {
        subject(f, &[(DC, utf8("test"))])
    }),
    only("rfc5280_name_bounds", "client", |f| {
        subject(f, &[(CN, utf8(&"ü".repeat(65)))])
    }),
    only("rfc5280_name_bounds", "client", |f| {
        subject(f, &[(DC, ia5(&"a".repeat(64)))])
    }),
    and(
        "rfc5280_name_value_not_empty",
        "client",
        |f| subject(f, &[(CN, utf8(""))]),
        &[],
    ),
    only("rfc5280_country_two_letters", "client", |f| {
        subject(f, &[(C, printable("de"))])
    }),
    and(
        "rfc5280_country_two_letters",
        "client",
        |f| subject(f, &[(C, printable("DEU"))]),
        &["rfc5280_name_bounds"],
    ),
    and(
        "gigvault_name_no_controls",
        "client",
        |f| subject(f, &[(CN, utf8("a\0b"))]),
        &["gigvault_text_visible"],
    ),
    and(
        "gigvault_name_no_controls",
        "client",
        |f| directory_name(f, &[(O, tlv(0x14, b"a\0"))]),
        &["gigvault_text_visible", "rfc5280_name_string_type"],
    ),
    only("rfc5280_name_bounds", "client", |f| {
        directory_name(f, &[(CN, utf8(&"a".repeat(100)))])
    }),
    only("rfc5280_country_two_letters", "client", |f| {
        directory_name(f, &[(C, printable("de"))])
    }),
    only("cabf_name_no_filler", "leaf", |f| {
        let issuer = all(0xa4, &[name(&[(O, utf8("-"))])]);
        f.add(ISSUER_ALT_NAME, false, seq(&[issuer]));
    }),
    and(
        "rfc5280_name_string_type",
        "leaf",
        |f| {
            let relative = all(0xa0, &[all(0xa1, &[attribute(CN, tlv(0x14, b"a"))])]);
            f.put(CRL, seq(&[seq(&[relative])]));
        },
        &["cabf_crldp_one_plain_point"],
    ),
    only("gigvault_text_visible", "client", |f| {
        subject(f, &[(O, utf8("a\u{200b}b"))])
    }),
    only("gigvault_text_visible", "client", |f| {
        subject(f, &[(OU, utf8("\u{202e}gro.knab.www"))])
    }),
    only("gigvault_text_visible", "client", |f| {
        directory_name(f, &[(O, utf8("a\u{ad}b"))])
    }),
    only("gigvault_text_visible", "client", |f| {
        f.sans(&[other_name("1.3.6.1.4.1.311.20.2.3", utf8("a\0@example.test"))]);
        subject(f, &[(CN, utf8("Client"))]);
    }),
    only("gigvault_text_visible", "client", |f| {
        f.sans(&[other_name("1.2.3.4", seq(&[utf8("a\u{2066}b")]))]);
        subject(f, &[(CN, utf8("Client"))]);
    }),
    only("gigvault_cn_is_what_it_looks_like", "client", |f| {
        subject(f, &[(CN, utf8("www.bank.example."))])
    }),
    only("gigvault_cn_is_what_it_looks_like", "client", |f| {
        subject(f, &[(CN, utf8("10.0.0.1/8"))])
    }),
    only("gigvault_cn_is_what_it_looks_like", "client", |f| {
        subject(f, &[(CN, utf8("admin＠corp.example"))])
    }),
    only("cabf_name_no_filler", "client", |f| {
        subject(f, &[(O, utf8("--"))])
    }),
    and(
        "cabf_name_no_filler",
        "client",
        |f| subject(f, &[(O, utf8(" "))]),
        &["x520_name_no_outer_space"],
    ),
    only("x520_name_no_outer_space", "client", |f| {
        subject(f, &[(O, utf8("a "))])
    }),
    only("cabf_name_attribute_once", "client", |f| {
        subject(f, &[(C, printable("DE")), (C, printable("AT"))])
    }),
    only("cabf_name_attribute_once", "client", |f| {
        subject(f, &[(CN, utf8("a")), (CN, utf8("b"))])
    }),
    and(
        "cabf_cn_in_san",
        "leaf",
        |f| subject(f, &[(CN, utf8("WEB.example.test"))]),
        &["cabf_no_common_name"],
    ),
    only("cabf_no_common_name", "leaf", |f| {
        subject(f, &[(CN, utf8("web.example.test"))])
    }),
    only("cabf_no_common_name", "leaf", |f| {
        subject(f, &[(CN, utf8("192.0.2.7"))])
    }),
    only("cabf_no_common_name", "leaf", |f| {
        subject(f, &[(CN, utf8("2001:db8::7"))]);
        f.sans(&[ip(&[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7])]);
    }),
    only("cabf_no_organizational_unit", "leaf", |f| {
        subject(f, &[(OU, utf8("a"))])
    }),
    only("rfc5280_email_in_san", "client", |f| {
        subject(f, &[(EMAIL, ia5("other@example.test"))])
    }),
    only("rfc5280_san_present_without_subject", "client", |f| {
        f.subject = seq(&[]);
        f.remove(SAN);
    }),
    only("rfc5280_san_critical_without_subject", "client", |f| {
        f.subject = seq(&[])
    }),
];
