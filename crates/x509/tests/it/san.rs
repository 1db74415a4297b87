//! Properties of subject alternative names.
#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;
use x509::san::{HostAddress, MAX_SANS, decode, decode_lenient, encode};
use x509::{DnsName, San};

fn host() -> impl Strategy<Value = String> {
    let label =
        "[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?".prop_filter("reserved", |label| label.get(2..4) != Some("--"));
    let unicode = prop::sample::select(vec!["bücher", "straße", "例え", "ελλάδα", "пример"]);
    let label = prop_oneof![4 => label, 1 => unicode.prop_map(str::to_owned)];
    (prop::collection::vec(label, 0..4), "[a-z]{2,8}").prop_map(|(mut labels, top)| {
        labels.push(top);
        labels.join(".")
    })
}

fn sans() -> impl Strategy<Value = San> {
    let text = prop_oneof![
        (prop::bool::ANY, host())
            .prop_map(|(wild, host)| format!("dns:{}{host}", if wild { "*." } else { "" })),
        any::<std::net::IpAddr>()
            .prop_filter("no host", |address| HostAddress::try_from(*address).is_ok())
            .prop_map(|address| format!("ip:{address}")),
        ("[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,20}", host())
            .prop_map(|(local, host)| format!("email:{local}@{host}")),
        ("[a-zäöüß例]{1,10}ü", host()).prop_map(|(local, host)| format!("email:{local}@{host}")),
        (
            "[a-z][a-z0-9+.-]{0,8}",
            "[a-z]{1,8}",
            "(/[a-zA-Z0-9._~!$&'()*+,;=:@-]{0,8}){0,3}"
        )
            .prop_map(|(scheme, host, path)| format!("uri:{scheme}://{host}.test{path}")),
        crate::name::names()
            .prop_filter("empty", |name| !name.is_empty())
            .prop_map(|name| format!("dirname:{name}")),
        prop::collection::vec(any::<u32>(), 1..5).prop_map(|arcs| {
            format!(
                "rid:1.2{}",
                arcs.iter().map(|arc| format!(".{arc}")).collect::<String>()
            )
        }),
        ("[a-zü]{1,10}", host()).prop_map(|(user, host)| format!("upn:{user}@{host}")),
        prop::collection::vec(any::<u8>(), 0..100).prop_map(|content| {
            let length = u8::try_from(content.len()).unwrap();
            format!(
                "othername:1.2.3.4={}",
                data_encoding::HEXLOWER.encode(&[&[4, length], content.as_slice()].concat())
            )
        }),
    ];
    text.prop_map(|text| text.parse().unwrap())
}

proptest! {
    #[test]
    fn names_come_back_from_text(san in sans()) {
        prop_assert_eq!(san.to_string().parse::<San>().unwrap(), san);
    }

    #[test]
    fn names_come_back_from_der(list in prop::collection::hash_set(sans(), 1..20)) {
        let list: Vec<San> = list.into_iter().collect();
        let der = encode(&list).unwrap();
        prop_assert_eq!(&decode(&der).unwrap(), &list);
        prop_assert_eq!(&decode_lenient(&der).unwrap(), &list);
        prop_assert_eq!(encode(&decode(&der).unwrap()).unwrap(), der);
    }

    #[test]
    fn any_text_is_parsed_or_refused(text in "(dns|ip|email|uri|dirname|rid|upn|othername):\\PC{0,30}") {
        if let Ok(san) = text.parse::<San>() {
            prop_assert_eq!(san.to_string().parse::<San>().unwrap(), san);
        }
    }

    #[test]
    fn any_octets_are_decoded_or_refused(octets in prop::collection::vec(any::<u8>(), 0..60)) {
        let mut list = vec![0x30, u8::try_from(octets.len()).unwrap()];
        list.extend(octets);
        if let Ok(sans) = decode(&list) {
            prop_assert_eq!(decode(&encode(&sans).unwrap()).unwrap(), sans);
        }
        if let Ok(sans) = decode_lenient(&list) {
            sans.iter().for_each(|san| drop((san.to_string(), san.kind())));
        }
    }

    #[test]
    fn host_names_keep_the_preferred_syntax(text in "[a-zA-Z0-9.*_ü-]{0,40}") {
        if let Ok(name) = text.parse::<DnsName>() {
            prop_assert!(name.as_str().len() <= 253);
            prop_assert!(name.base().split('.').all(|label| (1..=63).contains(&label.len())
                && label.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-')
                && !label.starts_with('-') && !label.ends_with('-')));
            prop_assert!(name.base().parse::<std::net::IpAddr>().is_err());
        }
    }
}

#[test]
fn lists_are_bounded_and_say_so() {
    let many: Vec<San> = (0..=MAX_SANS)
        .map(|at| format!("dns:h{at}.test").parse().unwrap())
        .collect();
    assert!(
        encode(&many)
            .unwrap_err()
            .to_string()
            .contains(&MAX_SANS.to_string())
    );
    assert!(encode(&many[1..]).is_ok());
}
