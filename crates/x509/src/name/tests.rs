use super::*;

fn name(text: &str) -> DistinguishedName {
    text.parse().unwrap()
}

#[test]
fn each_attribute_gets_its_string_type() {
    let built = name("CN=web,serialNumber=42,emailAddress=a@b.test,DC=test,O=Bücher,C=DE");
    let tags: Vec<u8> = built
        .rdns()
        .iter()
        .flatten()
        .map(|attribute| attribute.value.tag)
        .collect();
    assert_eq!(tags, [0x13, 0x0c, 0x16, 0x16, 0x13, 0x0c]);
}

#[test]
fn a_received_name_keeps_its_octets() {
    // CN as PrintableString, then as TeletexString, as old authorities wrote them.
    for string_type in [0x13, 0x14] {
        let der = [
            &[
                0x30,
                0x0e,
                0x31,
                0x0c,
                0x30,
                0x0a,
                6,
                3,
                0x55,
                4,
                3,
                string_type,
                3,
            ][..],
            b"web",
        ]
        .concat();
        let received = DistinguishedName::from_der(&der).unwrap();
        assert_eq!(received.der(), der);
        assert_ne!(received, name("CN=web"));
        assert_eq!(received.canonical().unwrap(), name("CN=web"));
        assert!(received.matches(&name("CN=WEB")));
    }
}

#[test]
fn malformed_names_are_refused() {
    let good = name("CN=web,O=Example");
    for end in 0..good.der().len() {
        assert!(
            DistinguishedName::from_der(&good.der()[..end]).is_err(),
            "cut at {end}"
        );
    }
    assert!(
        DistinguishedName::from_der(&[0x30, 2, 0x31, 0]).is_err(),
        "an empty part"
    );
    assert!(
        DistinguishedName::from_der(&[0x30, 0, 0]).is_err(),
        "trailing octets"
    );
    assert_eq!(
        DistinguishedName::from_der(&[0x30, 0]).unwrap(),
        DistinguishedName::default()
    );
}

#[test]
fn parts_with_several_values_are_sorted_sets() {
    assert_eq!(name("CN=a+UID=b"), name("UID=b+CN=a"));
    assert_eq!(name("CN=a+UID=b").rdns().len(), 1);
    assert!(matches!(
        "CN=a+CN=a".parse::<DistinguishedName>(),
        Err(NameError::Repeated(_))
    ));
}

#[test]
fn upper_bounds_count_characters() {
    assert!(DistinguishedName::common_name(&"ü".repeat(64)).is_ok());
    assert!(matches!(
        DistinguishedName::common_name(&"a".repeat(65)),
        Err(NameError::TooLong {
            length: 65,
            bound: 64,
            ..
        })
    ));
    assert!(matches!(
        "C=D1".parse::<DistinguishedName>(),
        Err(NameError::Alphabet { .. })
    ));
    assert!(matches!(
        "DC=bücher".parse::<DistinguishedName>(),
        Err(NameError::Alphabet { .. })
    ));
    assert!(matches!(
        "serialNumber=a@b".parse::<DistinguishedName>(),
        Err(NameError::Alphabet { .. })
    ));
}

#[test]
fn fillers_and_control_characters_are_refused() {
    for value in ["", " ", ".", "-", "--", " . ", "\u{a0}", "*", "_"] {
        assert!(
            matches!(DistinguishedName::common_name(value), Err(NameError::Empty(_))),
            "{value:?}"
        );
    }
    for value in [
        "a\0",
        "\u{7f}b",
        "a\nb",
        "a\u{85}b",
        "a\u{200b}b",
        "\u{202e}gro",
        "a\u{ad}b",
        "a\u{2028}b",
        "\u{feff}a",
        "a\u{fe0f}",
        "\u{3164}",
    ] {
        assert!(
            matches!(
                DistinguishedName::common_name(value),
                Err(NameError::UnfitCharacter { .. })
            ),
            "{value:?}"
        );
    }
}

#[test]
fn subtrees_compare_without_case_and_spaces() {
    let base = name("O=Example  Org,C=DE");
    assert!(name("CN=web,O=example org,C=DE").is_within(&base));
    assert!(base.is_within(&base) && base.is_within(&DistinguishedName::default()));
    assert!(!name("CN=web,O=Example,C=DE").is_within(&base));
    assert!(!name("O=Example Org,C=DE,CN=web").is_within(&base));
}

#[test]
fn names_match_after_string_preparation_whatever_their_encoding() {
    let of = |string_type: u8, content: &[u8]| {
        let der = Writer::one(tag::SEQUENCE, |name| {
            name.constructed(tag::SET, |set| {
                set.sequence(|attribute| {
                    attribute.oid(&oids::ORGANIZATION);
                    attribute.primitive(string_type, content);
                });
            });
        });
        DistinguishedName::from_der(&der).unwrap()
    };
    let utf8 = |text: &str| of(tag::UTF8_STRING, text.as_bytes());
    for (one, other) in [
        (utf8("Straße"), utf8("STRASSE")),
        (utf8("Ｅｘａｍｐｌｅ\u{3000}Org"), utf8("example org")),
        (utf8("Bücher"), of(tag::TELETEX_STRING, b"B\xdcCHER")),
        (
            utf8("Bu\u{308}cher"),
            of(tag::BMP_STRING, b"\0b\0\xfc\0c\0h\0e\0r"),
        ),
        (utf8("Exam\u{ad}ple"), of(tag::PRINTABLE_STRING, b" Example ")),
    ] {
        assert!(one.matches(&other) && other.matches(&one), "{one} {other}");
        assert_ne!(one, other, "octets stay as they are");
    }
    assert!(!utf8("a\u{fffd}").matches(&utf8("b\u{fffd}")));
    assert!(utf8("a\u{fffd}").matches(&utf8("a\u{fffd}")));
}
