//! What the other attributes of a subject may be taken for.
//!
//! A common name is read as a name by programs that know nothing better. The other attributes are read where an operator
//! configures it: servers that map certificates to accounts by UID, serialNumber, OU, or the whole subject. There a name is
//! believed as it is in a common name, so it counts as one. But most of their values are words with dots, slashes and colons in
//! them, of which the rule for common names would refuse far too many. This one refuses what is a name, and not all that could be
//! mistaken for an attempt at one:
//!
//! 1. Any word that is a mailbox or principal name (`a@b`), a URI with a host or of an account, or a Windows SID.
//! 2. One word alone, or a part of it between `:`, `/`, `=`, `,`, `;` or `\`, that is an IP address or a host name. A host
//!    name ends in a top-level domain that is not also a word or a person's name, and has two labels before it or no capital
//!    (`ASP.NET` is not one); or begins with `www.`; or has three labels of two characters or more, of which the last is a
//!    country's. So `Ph.D.`, `J.R.R.`, `1.2.3`, `j.r.smith` and `12.345.678-9` are not names. O, L, ST, street and businessCategory
//!    hold no host names, and a serialNumber `1.2.3.4` is not an address.
//! 3. UID and pseudonym hold names of accounts, which people form as `first.last`; capitals make no difference there.
//!
//! All of it on the text in normalization form KC, so that full-width characters hide nothing.

use std::net::IpAddr;

use super::{is_mailbox_or_uri, plain};
use crate::name::oids;
use crate::{Oid, San};

/// A value that a reader could take for the name of a host, a mailbox, an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// What it looks like.
    pub shape: &'static str,
    /// The names it parses as; empty if the text only resembles one.
    pub names: Vec<San>,
}

/// Attributes that hold names of accounts and hosts: capitals make no difference in them.
const IN_ANY_CASE: [Oid; 5] = [
    oids::USER_ID,
    oids::PSEUDONYM,
    oids::COMMON_NAME,
    oids::UNSTRUCTURED_NAME,
    oids::UNSTRUCTURED_ADDRESS,
];

/// What an organization or a place is called. Many are called by their domain or are written with dots (`Amazon.com`,
/// `St.Gallen`), and nothing connects to them.
const ORGANIZATIONS: [Oid; 5] = [
    oids::ORGANIZATION,
    oids::LOCALITY,
    oids::STATE,
    oids::STREET,
    oids::BUSINESS_CATEGORY,
];

/// Top-level domains that are not family names: the generic ones in wide use, and those for private and special use.
const TOP_LEVEL: [&str; 26] = [
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
    "net",
    "onion",
    "org",
    "test",
];

/// Schemes without `//` whose URIs are accounts or workloads.
const OF_ACCOUNTS: [&str; 10] = [
    "acct", "did", "ldap", "ldaps", "mailto", "sid", "sip", "sips", "spiffe", "xmpp",
];

/// What the value of an attribute is taken for; `None` for words. Of a common name only rule 1 is asked here: [`read`](super::read)
/// knows the rest of it.
#[must_use]
pub fn claim(attribute: Oid, text: &str) -> Option<Claim> {
    let plain = plain(text);
    let mut found = plain
        .split_whitespace()
        .find_map(|word| of_word(word.trim_matches(is_enclosing)))
        .or_else(|| {
            let alone = !plain.contains(char::is_whitespace) && attribute != oids::COMMON_NAME;
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
    // `DID:4711` and `SID:12` are numbers of devices.
    let is_account = word.split_once(':').is_some_and(|(scheme, rest)| {
        let scheme = scheme.to_ascii_lowercase();
        let is_number = ["did", "sid"].contains(&scheme.as_str()) && rest.bytes().all(|c| c.is_ascii_digit());
        let is_sid = scheme == "sid" && sid(rest).is_some();
        OF_ACCOUNTS.contains(&scheme.as_str()) && !rest.is_empty() && !is_number && !is_sid
    });
    if word.contains("://") || is_account {
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

fn of_parts(attribute: Oid, word: &str) -> Option<Claim> {
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
        // Devices are numbered `1.2.3.4` too.
        let is_number = attribute == oids::SERIAL_NUMBER && part.parse::<std::net::Ipv4Addr>().is_ok();
        if is_ipv4(part) && !is_number {
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

fn is_host(attribute: Oid, part: &str) -> bool {
    let name = part.trim_matches(|c| c == '.' || is_enclosing(c));
    let Some((before, last)) = name.rsplit_once('.') else {
        return false;
    };
    if ORGANIZATIONS.contains(&attribute) {
        return false;
    }
    let mut labels = name.split('.');
    let begins = |label: &str, start: &str| {
        let found = label.get(..start.len());
        found.is_some_and(|found| found.eq_ignore_ascii_case(start))
    };
    if labels.clone().any(|label| begins(label, "xn--")) {
        return true;
    }
    let has_many = before.contains('.');
    let in_any_case = IN_ANY_CASE.contains(&attribute);
    let is_lower = |text: &str| in_any_case || !text.contains(char::is_uppercase);
    let is_known = TOP_LEVEL.contains(&last.to_ascii_lowercase().as_str());
    let is_country = last.len() == 2 && last.bytes().all(|c| c.is_ascii_alphabetic()) && is_lower(last);
    (is_known && (has_many || is_lower(name)))
        || (has_many && begins(name, "www.") && last.starts_with(char::is_alphabetic))
        || (has_many && is_country && labels.all(|label| label.chars().count() > 1))
}

/// Whether the common name of a person or a device is taken for a host name: as in other attributes, or if it has three labels of
/// two characters or more, which are not initials. `jane.doe` is a person, `aabb.ccdd.eeff` a hardware address.
#[must_use]
pub fn is_host_like(text: &str) -> bool {
    let plain = plain(text);
    let is_hardware = plain
        .split('.')
        .all(|group| group.len() == 4 && group.bytes().all(|c| c.is_ascii_hexdigit()));
    let is_long = plain.split('.').count() > 2 && plain.split('.').all(|label| label.chars().count() > 1);
    is_host(oids::COMMON_NAME, &plain) || (is_long && !is_hardware)
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
    // Those below begin with 0 and are not a host's.
    is_number && value.is_ok_and(|bits| bits >= 1 << 24)
}

#[cfg(test)]
mod tests;
