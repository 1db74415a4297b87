//! Properties of distinguished names.
#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;
use x509::DistinguishedName;
use x509::name::{AttributeType, oids};

use crate::csr::forge::tlv;

/// Characters that RFC 4514 treats specially, mixed with all others.
fn text(longest: usize) -> impl Strategy<Value = String> {
    let special = prop::sample::select(vec![
        ' ', '#', '"', '+', ',', ';', '<', '>', '\\', '=', 'ü', '\u{3000}', '𝒳',
    ]);
    let character = prop_oneof![
        special,
        any::<char>().prop_filter("unfit", |c| x509::unicode::unfit(&c.to_string()).is_none()),
        prop::char::range('a', 'z')
    ];
    prop::collection::vec(character, 1..longest)
        .prop_map(|characters| characters.into_iter().collect::<String>())
        .prop_filter("content", |text| text.chars().any(char::is_alphanumeric))
}

fn attribute() -> impl Strategy<Value = (x509::Oid, String)> {
    prop_oneof![
        text(60).prop_map(|value| (oids::COMMON_NAME, value)),
        text(60).prop_map(|value| (oids::ORGANIZATION, value)),
        text(100).prop_map(|value| (oids::USER_ID, value)),
        text(100).prop_map(|value| (x509::Oid::new_unwrap("1.3.6.1.4.1.55555.7"), value)),
        "[A-Z]{2}".prop_map(|value| (oids::COUNTRY, value)),
        "[a-zA-Z0-9 '()+,./:=?-]{0,20}x".prop_map(|value| (oids::SERIAL_NUMBER, value)),
        "[ -~]{0,20}x".prop_map(|value| (oids::EMAIL_ADDRESS, value)),
    ]
}

/// Relative names of one to three attributes of different types.
pub(crate) fn names() -> impl Strategy<Value = DistinguishedName> {
    let rdn = prop::collection::vec(attribute(), 1..4).prop_map(|attributes| {
        attributes
            .into_iter()
            .collect::<std::collections::HashMap<_, _>>()
    });
    prop::collection::vec(rdn, 0..6).prop_map(|rdns| {
        let rdns = rdns
            .iter()
            .map(|rdn| rdn.iter().map(|(oid, value)| (*oid, value.as_str())));
        DistinguishedName::from_rdns(rdns).unwrap()
    })
}

proptest! {
    #[test]
    fn built_names_come_back_from_der(name in names()) {
        let read = DistinguishedName::from_der(name.der()).unwrap();
        prop_assert_eq!(&read, &name);
        prop_assert_eq!(read.canonical().unwrap(), name);
    }

    #[test]
    fn built_names_come_back_from_text(name in names()) {
        let text = name.to_string();
        prop_assert!(!text.contains('\u{3000}'), "{}", text);
        prop_assert_eq!(text.parse::<DistinguishedName>().unwrap(), name, "{}", text);
    }

    #[test]
    fn attributes_are_what_was_given(value in text(60)) {
        let name = DistinguishedName::common_name(&value).unwrap();
        prop_assert_eq!(name.common_names(), [value]);
    }

    #[test]
    fn any_text_is_parsed_or_refused(text in "\\PC{0,40}") {
        if let Ok(name) = text.parse::<DistinguishedName>() {
            prop_assert_eq!(name.to_string().parse::<DistinguishedName>().unwrap(), name);
        }
    }

    #[test]
    fn any_escapes_are_parsed_or_refused(text in "(CN|O|1\\.2\\.3)=[\\\\#,+ ;a-f0-9=]{0,20}") {
        if let Ok(name) = text.parse::<DistinguishedName>() {
            prop_assert_eq!(name.to_string().parse::<DistinguishedName>().unwrap(), name);
        }
    }

    #[test]
    fn names_lie_within_themselves_and_their_beginnings(name in names(), inner in names()) {
        prop_assert!(name.is_within(&name));
        prop_assert!(name.matches(&name));
        let joined = [&inner.to_string(), &name.to_string()].into_iter().filter(|t| !t.is_empty()).cloned().collect::<Vec<_>>().join(",");
        prop_assert!(joined.parse::<DistinguishedName>().unwrap().is_within(&name));
    }
}

#[test]
fn every_bound_is_the_last_length_that_passes() {
    for row in AttributeType::all().filter(|row| row.bound() > 2) {
        let build = |length: usize| {
            let value = "a".repeat(length);
            DistinguishedName::from_rdns([[(row.oid(), value.as_str())]])
        };
        assert!(build(row.bound()).is_ok(), "{}", row.name());
        assert!(build(row.bound() + 1).is_err(), "{}", row.name());
    }
}

#[test]
fn every_short_name_is_read_in_any_case() {
    for row in AttributeType::all() {
        let value = if row.bound() == 2 { "DE" } else { "a" };
        let name: DistinguishedName = format!("{}={value}", row.name().to_uppercase()).parse().unwrap();
        assert_eq!(name.to_string(), format!("{}={value}", row.name()));
        assert_eq!(name.values_of(row.oid()), [value]);
    }
}

#[test]
fn what_is_wrong_with_a_received_name_is_said() {
    let attribute = |kind: u8, value: &[u8]| {
        tlv(
            0x30,
            &[&tlv(
                0x31,
                &[&tlv(0x30, &[b"\x06\x03\x55\x04\x03", &tlv(kind, &[value])])],
            )],
        )
    };
    for (kind, value, string) in [
        (0x13, &b"caf\xe9"[..], "PrintableString"),
        (0x0c, b"caf\xe9", "UTF8String"),
        (0x1e, b"odd", "BMPString"),
    ] {
        let name = DistinguishedName::from_der(&attribute(kind, value)).unwrap();
        let problem = name.canonical().unwrap_err().to_string();
        assert!(problem.contains("CN") && problem.contains(string), "{problem}");
    }
    let number = DistinguishedName::from_der(&attribute(0x02, &[7])).unwrap();
    let problem = number.canonical().unwrap_err().to_string();
    assert!(problem.contains("not a character string"), "{problem}");
    let empty = DistinguishedName::from_der(&[0x30, 2, 0x31, 0])
        .unwrap_err()
        .to_string();
    assert!(empty.contains("without attributes"), "{empty}");
}
