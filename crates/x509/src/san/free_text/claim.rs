//! What the other attributes of a subject may be taken for.
//!
//! A common name is read as a name by programs that know nothing better. The other attributes are read where somebody says
//! so: who maps certificates to accounts by UID, serialNumber, OU or the whole subject. There a name is believed as it is in
//! a common name, so it is one too. But most of their values are words with dots, slashes and colons in them, of which the
//! rule for common names would refuse far too many. This one refuses what is a name, and not all that could be mistaken
//! for an attempt at one:
//!
//! 1. Any word that is a mailbox or principal name (`a@b`), a URI with a host or of an account, or a Windows SID.
//! 2. One word alone, or a part of it between `:`, `/`, `=`, `,`, `;` or `\`, that is an IP address or a host name. A host
//!    name ends in a label of two characters or more that begins with a letter, so that `Ph.D.`, `J.R.R.`, `1.2.3` and
//!    `12.345.678-9` are none.
//! 3. UID and pseudonym hold names of accounts, which people form as `first.last`: two labels are a host name there only
//!    below a top-level domain that no family is called by.
//!
//! All of it on the text in normalization form KC, so that full-width characters hide nothing.

use std::net::IpAddr;

use const_oid::ObjectIdentifier;

use super::{is_mailbox_or_uri, is_version, plain};
use crate::{DnsName, San, name::oids};

/// A value that somebody could take for the name of a host, a mailbox, an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// What it looks like.
    pub shape: &'static str,
    /// The names it parses as; empty if the text only resembles one.
    pub names: Vec<San>,
}

/// Attributes that hold names of accounts.
const ACCOUNTS: [ObjectIdentifier; 2] = [oids::USER_ID, oids::PSEUDONYM];

/// Top-level domains that are no family names: the generic ones in wide use, and those for private and special use.
const TOP_LEVEL: [&str; 29] = [
    "app",
    "arpa",
    "biz",
    "cloud",
    "com",
    "corp",
    "dev",
    "edu",
    "example",
    "gov",
    "home",
    "info",
    "int",
    "internal",
    "intranet",
    "invalid",
    "io",
    "lan",
    "local",
    "localdomain",
    "localhost",
    "mil",
    "name",
    "net",
    "onion",
    "org",
    "private",
    "test",
    "tech",
];

/// Schemes without `//` whose URIs are accounts or workloads.
const OF_ACCOUNTS: [&str; 7] = ["acct", "did", "mailto", "sip", "sips", "spiffe", "xmpp"];

/// What the value of an attribute other than the common name is taken for; `None` for words.
#[must_use]
pub fn claim(attribute: ObjectIdentifier, text: &str) -> Option<Claim> {
    let plain = plain(text);
    let mut found = plain
        .split_whitespace()
        .find_map(|word| of_word(word.trim_matches(is_enclosing)))
        .or_else(|| {
            let alone = !plain.contains(char::is_whitespace);
            alone.then(|| of_parts(attribute, &plain)).flatten()
        })?;
    if plain != text {
        found.names.clear();
    }
    Some(found)
}

fn is_enclosing(c: char) -> bool {
    ",;<>()[]{}\"'|".contains(c)
}

fn of_word(word: &str) -> Option<Claim> {
    let read = |kinds: &[&str]| {
        let names = kinds.iter().map(|kind| format!("{kind}:{word}").parse::<San>());
        names.filter_map(Result::ok).collect::<Vec<_>>()
    };
    let scheme = word
        .split_once(':')
        .map(|(scheme, _)| scheme.to_ascii_lowercase());
    if word.contains("://") || scheme.is_some_and(|scheme| OF_ACCOUNTS.contains(&scheme.as_str())) {
        Some(Claim {
            shape: "a URI",
            names: read(&["uri"]),
        })
    } else if is_mailbox_or_uri(word) {
        Some(Claim {
            shape: "a mail address or user principal name",
            names: read(&["email", "upn"]),
        })
    } else {
        sid(word).map(|sid| Claim {
            shape: "a Windows security identifier",
            names: format!("uri:tag:microsoft.com,2022-09-14:sid:{sid}")
                .parse()
                .into_iter()
                .collect(),
        })
    }
}

/// `S-1-`, and at least two numbers.
fn sid(word: &str) -> Option<&str> {
    let of_sid = |c: char| c.is_ascii_alphanumeric() || c == '-';
    word.split(|c| !of_sid(c)).find(|part| {
        let mut fields = part.split('-');
        let begins =
            fields.next().is_some_and(|first| first.eq_ignore_ascii_case("s")) && fields.next() == Some("1");
        let numbers = || fields.clone();
        begins
            && numbers().count() >= 2
            && numbers().all(|field| !field.is_empty() && field.bytes().all(|c| c.is_ascii_digit()))
    })
}

fn of_parts(attribute: ObjectIdentifier, word: &str) -> Option<Claim> {
    let shape = "an IP address";
    if let Some(address) = ipv6(word) {
        let names = address.parse().into_iter().map(San::Ip);
        let exact = address == word;
        return Some(Claim {
            shape,
            names: names.filter(|_| exact).collect(),
        });
    }
    word.split([':', '/', '=', ',', ';', '\\']).find_map(|part| {
        let exact = |san: Option<San>| san.filter(|_| part == word).into_iter().collect();
        if is_ipv4(part) {
            return Some(Claim {
                shape,
                names: exact(part.parse().ok().map(San::Ip)),
            });
        }
        is_host(attribute, part).then(|| Claim {
            shape: "a host name",
            names: exact(part.parse().ok().map(San::Dns)),
        })
    })
}

/// The address, without brackets, zone, prefix length and port. Eight groups of two digits are an EUI-64.
fn ipv6(word: &str) -> Option<&str> {
    let bare = match word.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => word.split(['/', '%']).next().unwrap_or_default(),
    };
    let is_eui64 = bare.split(':').all(|group| group.len() == 2);
    let parsed = matches!(bare.parse(), Ok(IpAddr::V6(_)));
    (parsed && !is_eui64).then_some(bare)
}

/// Four octets, each decimal, octal or hexadecimal, or fewer numbers of which one is hexadecimal, as inet_aton takes them.
/// `1.2.3` is a version.
fn is_ipv4(word: &str) -> bool {
    let labels: Vec<&str> = word.trim_end_matches('.').split('.').collect();
    let number = |label: &&str| {
        let lower = label.to_ascii_lowercase();
        match (lower.strip_prefix("0x"), lower.strip_prefix('0')) {
            (Some(hex), _) => u32::from_str_radix(hex, 16).ok(),
            (None, Some(octal)) if !octal.is_empty() => u32::from_str_radix(octal, 8).ok(),
            _ => lower.parse().ok(),
        }
    };
    let has_hex = word.contains("0x") || word.contains("0X");
    match labels.len() {
        4 => labels
            .iter()
            .all(|label| number(label).is_some_and(|octet| octet < 256)),
        2 | 3 => has_hex && labels.iter().all(|label| number(label).is_some()),
        _ => false,
    }
}

fn is_host(attribute: ObjectIdentifier, part: &str) -> bool {
    let name = part.trim_end_matches('.');
    let Some((before, last)) = name.rsplit_once('.') else {
        return false;
    };
    if !before.contains('.')
        && ACCOUNTS.contains(&attribute)
        && !TOP_LEVEL.contains(&last.to_ascii_lowercase().as_str())
    {
        return false;
    }
    last.chars().count() > 1
        && last.starts_with(char::is_alphabetic)
        && !is_version(name)
        && name.replace('_', "a").parse::<DnsName>().is_ok()
}

/// An IPv4 address as one number, decimal or octal: what a server may not be called, although a person or device may.
#[must_use]
pub fn reads_as_ipv4(text: &str) -> bool {
    let digits = plain(text);
    let value = match digits.strip_prefix('0') {
        Some(octal) if !octal.is_empty() => u32::from_str_radix(octal, 8),
        _ => digits.parse(),
    };
    let is_number = !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit());
    // Those below begin with 0 and are no host's.
    is_number && value.is_ok_and(|bits| bits >= 1 << 24)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OU: ObjectIdentifier = oids::ORGANIZATIONAL_UNIT;

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
            ("host.dc1", &["dns:host.dc1"]),
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
                "dns:[a-z][a-z0-9]{0,8}(\\.[a-z0-9]{1,8}){1,2}\\.[a-z]{2,8}",
                "ip:(1[0-9]{0,2}|2[0-9])(\\.(0|[1-9][0-9])){3}",
                "ip:2001:db8::[1-9a-f]{1,4}",
                "email:[a-z]{1,8}(\\.[a-z]{1,8})?@[a-z]{1,8}\\.[a-z]{2,8}",
                "upn:[a-z]{1,8}@[A-Z]{1,8}",
                "uri:https://[a-z]{1,8}\\.test/[a-z]{0,8}",
            ],
            attribute in prop::sample::select(vec![OU, oids::USER_ID, oids::SERIAL_NUMBER, oids::TITLE]),
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
}
