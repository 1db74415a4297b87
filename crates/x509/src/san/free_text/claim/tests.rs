use proptest::prelude::*;

use super::*;

const OU: Oid = oids::ORGANIZATIONAL_UNIT;

#[test]
fn what_attributes_mostly_hold_is_no_name() {
    for text in [
        "",
        "Platform Team",
        "12345-6",
        "ACME Inc.",
        "ACME, Inc.",
        "SN 00-11",
        "SN:00-11",
        "0017",
        "2130706433",
        "0x1234",
        "Jr.",
        "Ph.D.",
        "M.A.",
        "J.R.R.",
        "U.S.A.",
        "Dr. med.",
        "St. Gallen",
        "Frankfurt/Main",
        "AC/DC",
        "R&D",
        "C++",
        "1.2.3",
        "v1.2.3",
        "tool-1.2.3",
        "2024.10",
        "01.02.2024",
        "12.345.678-9",
        "12.345.678/0001-90",
        "1.3.6.1.4.1.99999.1",
        "00:1B:63:84:45:E6",
        "00:1b:63:ff:fe:84:45:e6",
        "00-1B-63-84-45-E6",
        "PNOEE-38001085718",
        "VATDE-123456789",
        "S-1",
        "S-100-200",
        "@jane",
        "Team @ ACME",
        "24/7",
        "a/b",
        "jane",
        "CORP\\jane",
        "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        "Gateway 10.0.0.1",
        "see www.bank.example",
        "山田 太郎",
        "O'Neil",
        "host.dc1",
        "ASP.NET",
        "Node.js",
        "DID:4711",
        "Müller",
    ] {
        assert_eq!(claim(OU, text), None, "{text}");
    }
    for text in ["jane.doe", "anna.li", "j.smith", "Jean.Luc"] {
        assert_eq!(claim(oids::USER_ID, text), None, "{text}");
        assert_eq!(claim(oids::PSEUDONYM, text), None, "{text}");
    }
}

#[test]
fn what_is_a_name_is_a_claim_to_it() {
    for (text, names) in [
        (
            "admin@corp.example",
            &["email:admin@corp.example", "upn:admin@corp.example"][..],
        ),
        ("admin@CORP", &["email:admin@corp", "upn:admin@CORP"]),
        (
            "Jane Doe <admin@corp.example>",
            &["email:admin@corp.example", "upn:admin@corp.example"],
        ),
        ("admin＠corp.example", &[]),
        (" admin@corp.example", &[]),
        ("https://bank.example/", &["uri:https://bank.example/"]),
        ("spiffe:x", &["uri:spiffe:x"]),
        ("mailto:a@b.test", &["uri:mailto:a@b.test"]),
        (
            "S-1-5-21-1-2-3-500",
            &["uri:tag:microsoft.com,2022-09-14:sid:S-1-5-21-1-2-3-500"],
        ),
        ("sid:s-1-5-18", &["uri:tag:microsoft.com,2022-09-14:sid:s-1-5-18"]),
        ("tag:microsoft.com,2022-09-14:sid:x", &[]),
        ("10.0.0.1", &["ip:10.0.0.1"]),
        ("10.0.0.1/8", &[]),
        ("10.0.0.1:443", &[]),
        ("0177.0.0.1", &[]),
        ("0x7f.1", &[]),
        ("0x7f.0x0.0x0.0x1", &[]),
        ("2001:db8::1", &["ip:2001:db8::1"]),
        ("[2001:db8::1]:443", &[]),
        ("fe80::1%eth0", &[]),
        ("::1", &["ip:::1"]),
        ("www.bank.example", &["dns:www.bank.example"]),
        ("*.bank.example", &["dns:*.bank.example"]),
        ("www.bank.example.", &[]),
        ("www.bank.example:443", &[]),
        ("www.bank.example/login", &[]),
        ("my_host.bank.example", &[]),
        ("DNS:www.bank.example", &[]),
        ("www。bank。example", &[]),
        ("www．bank．example", &[]),
        ("www｡bank.example", &[]),
        ("bücher.example", &["dns:xn--bcher-kva.example"]),
        ("intranet.corp", &["dns:intranet.corp"]),
        ("vpn.bank.de", &["dns:vpn.bank.de"]),
        ("www.shop.paris", &["dns:www.shop.paris"]),
    ] {
        let names: Vec<San> = names.iter().map(|name| name.parse().unwrap()).collect();
        assert_eq!(claim(OU, text).map(|claim| claim.names), Some(names), "{text}");
    }
    for text in [
        "corp.example",
        "bank.com",
        "WWW.bank.de",
        "10.0.0.1",
        "jane@corp.example",
    ] {
        assert!(claim(oids::USER_ID, text).is_some(), "{text}");
    }
}

#[test]
fn one_number_may_be_an_address() {
    for text in ["2130706433", "017700000001", "4294967295", "２１３０７０６４３３"] {
        assert!(reads_as_ipv4(text), "{text}");
    }
    for text in ["", "0", "17", "0017", "4294967296", "38001085718", "a1", "09"] {
        assert!(!reads_as_ipv4(text), "{text}");
    }
}

proptest! {
    #[test]
    fn every_name_is_a_claim_to_itself(
        san in prop_oneof![
            "dns:[a-z][a-z0-9]{0,8}(\\.[a-z0-9]{1,8}){1,2}\\.(com|org|internal|test)",
            "ip:(1[0-9]{0,2}|2[0-9])(\\.(0|[1-9][0-9])){3}",
            "ip:2001:db8::[1-9a-f]{1,4}",
            "email:[a-z]{1,8}(\\.[a-z]{1,8})?@[a-z]{1,8}\\.[a-z]{2,8}",
            "upn:[a-z]{1,8}@[A-Z]{1,8}",
            "uri:https://[a-z]{1,8}\\.test/[a-z]{0,8}",
        ],
        attribute in prop::sample::select(vec![OU, oids::USER_ID, oids::DN_QUALIFIER, oids::TITLE]),
    ) {
        let name: San = san.parse().unwrap();
        let claim = claim(attribute, &name.value());
        prop_assert!(claim.as_ref().is_some_and(|claim| claim.names.contains(&name)), "{:?}", claim);
    }

    #[test]
    fn words_without_the_signs_of_names_are_no_claim(text in "[\\p{L}\\p{N} &'()_+-]{0,24}") {
        prop_assume!(sid(&text).is_none());
        // Some letters are several characters in normalization form KC, signs among them.
        prop_assume!(!plain(&text).contains(['.', ':', '/', '@']));
        prop_assert_eq!(claim(OU, &text), None);
    }
}
