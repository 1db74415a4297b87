//! Distinguished names and what stands in the subject.

use super::{Case, and, only};
use crate::der::{attribute, ia5, name, printable, seq, set, tlv, utf8};
use crate::forge::{C, CN, DC, EMAIL, Forge, O, OU, SAN, ip};

const SERIAL_NUMBER: &str = "2.5.4.5";

/// Changes the subject of a client, whose names are nobody's business.
fn subject(forge: &mut Forge, attributes: &[(&str, Vec<u8>)]) {
    forge.subject = name(attributes);
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
    only("gigvault_name_no_controls", "client", |f| {
        subject(f, &[(CN, utf8("a\0b"))])
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
