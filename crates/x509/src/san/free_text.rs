//! What free text in a subject is taken for.
//!
//! A common name is free text by its syntax, and a host name, an address, a mailbox or a URI to the programs and people
//! that believe it. So a text with the shape of a name must be that name by the same strict parser that alternative
//! names pass, or it is refused: `www.bank.example.` is neither a host name here nor harmless text.
//!
//! The rule, on the text without the blanks around it and in normalization form KC, so that blanks and full-width
//! characters hide nothing:
//!
//! 1. One word has the shape of a name if it holds `@` (a mailbox or principal name), `://` (a URI), a bracket or nothing
//!    but hex digits and colons (an address), `/` (a path or network), `:` and digits (a port), or `.` (a host name; an
//!    address if all its labels are numbers). It must parse as that name, unchanged.
//! 2. Exceptions: a hardware address (`00:1b:63:84:45:e6`), an identifier that is a URI without a host (`system:node:a`,
//!    `urn:example:a`), and a version, whose dots are all between digits and which no host name can be (`tool-1.2.3`).
//!    So are two words with a slash or a colon between them, of which none is a name by [`claim`]: `AC/DC`, `sensor:12`.
//! 3. Several words are text (`ACME Corp. Web Signing`), but a mailbox or a URI is not one of them.
//!
//! Names of one label and plain numbers are text: too many people, devices and serial numbers are called so. Labels that
//! begin with `xn--` and hexadecimal numbers of up to eight digits are not: no person has such a name.
//!
//! [`claim`] has the rule for the other attributes of a subject.

mod claim;

use std::net::{IpAddr, Ipv4Addr};

use super::dns::printable;
use super::{HostAddress, San, Uri};
use crate::name::oids;
use crate::{DnsName, Oid, unicode};

pub use claim::{Claim, claim, is_host_like, reads_as_ipv4};

/// Attributes of a subject that programs take a name from although they hold free text: the common name, and
/// unstructuredName and unstructuredAddress (RFC 2985), by which IPsec gateways are known.
pub const ATTRIBUTES: [Oid; 3] = [
    oids::COMMON_NAME,
    Oid::new_unwrap("1.2.840.113549.1.9.2"),
    Oid::new_unwrap("1.2.840.113549.1.9.8"),
];

/// How a free text reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FreeText {
    /// As nothing but text.
    Words,
    /// As this name; where two kinds of name share a form, as any of these.
    Name(Vec<San>),
}

/// Free text with the shape of a name that it is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` looks like {shape} and is not one: {problem}")]
pub struct Disguised {
    /// The text, fit to be shown.
    pub text: String,
    /// What it looks like.
    pub shape: &'static str,
    /// Why it is none.
    pub problem: String,
}

/// Reads a free text.
///
/// # Errors
/// [`Disguised`] if it has the shape of a name and does not parse as one.
pub fn read(text: &str) -> Result<FreeText, Disguised> {
    let plain = plain(text);
    let Some(shape) = Shape::of(&plain) else {
        return Ok(FreeText::Words);
    };
    let disguised = |problem: String| Disguised {
        text: printable(text),
        shape: shape.told(),
        problem,
    };
    // `AC/DC`, `24/7`, `sensor:12`: the parts say whether it is a name.
    let may_be_words =
        matches!(shape, Shape::Network | Shape::Port) && !plain.to_ascii_lowercase().starts_with("localhost");
    if may_be_words && claim(oids::UNSTRUCTURED_NAME, &plain).is_none() && !holds_a_host(&plain) {
        return Ok(FreeText::Words);
    }
    if plain != text {
        return Err(disguised(
            "write it without blanks around it, in ordinary letters, digits and signs".to_owned(),
        ));
    }
    shape.names(&plain).map(FreeText::Name).map_err(disguised)
}

/// The host names and addresses among the words of a text: what a reader could take from it although it is not a name as a
/// whole. Excluded name constraints judge them.
pub(crate) fn names_within(text: &str) -> Vec<San> {
    let plain = plain(text);
    let mut found = Vec::new();
    for word in plain.split(|c: char| c.is_whitespace() || ",;<>()[]{}\"'|/\\=@".contains(c)) {
        let word = word.trim_matches('.');
        match word.parse::<IpAddr>().ok().or_else(|| hexadecimal(word)) {
            Some(address) => found.extend(HostAddress::try_from(address).map(San::Ip)),
            None => found.extend(
                word.split(':')
                    .filter(|part| part.contains('.'))
                    .filter_map(|part| part.parse().map(San::Dns).ok()),
            ),
        }
    }
    found
}

/// The text as it looks.
fn plain(text: &str) -> String {
    // The ideographic full stop divides labels too (RFC 3490 section 3.1).
    unicode::nfkc(text).trim().replace('\u{3002}', ".")
}

#[derive(Clone, Copy, Debug)]
enum Shape {
    Mailbox,
    Uri,
    Address,
    Network,
    Port,
    Host,
    /// Several words, one of which is a mailbox or URI.
    Among,
}

impl Shape {
    fn of(plain: &str) -> Option<Self> {
        if plain.contains(char::is_whitespace) {
            return plain
                .split_whitespace()
                .any(is_mailbox_or_uri)
                .then_some(Self::Among);
        }
        if plain.contains('@') {
            Some(Self::Mailbox)
        } else if plain.contains("://") {
            Some(Self::Uri)
        } else if plain.contains(['[', ']']) || is_hex_and_colons(plain) {
            (!is_hardware_address(plain)).then_some(Self::Address)
        } else if plain.contains('/') {
            Some(Self::Network)
        } else if let Some((_, after)) = plain.split_once(':') {
            Self::with_colon(plain, after)
        } else if plain.contains('.') {
            Self::with_dot(plain)
        } else if hexadecimal(plain).is_some() {
            Some(Self::Address)
        } else {
            let is_a_label = plain
                .get(..4)
                .is_some_and(|start| start.eq_ignore_ascii_case("xn--"));
            is_a_label.then_some(Self::Host)
        }
    }

    fn with_colon(plain: &str, after: &str) -> Option<Self> {
        if after.bytes().all(|c| c.is_ascii_digit()) {
            return Some(Self::Port);
        }
        let names_nobody = !plain.contains('.') && plain.parse::<Uri>().is_ok();
        (!names_nobody).then_some(Self::Uri)
    }

    fn with_dot(plain: &str) -> Option<Self> {
        if plain.split('.').all(is_number) {
            Some(Self::Address)
        } else if is_version(plain) && plain.parse::<DnsName>().is_err() {
            None
        } else {
            Some(Self::Host)
        }
    }

    fn told(self) -> &'static str {
        match self {
            Self::Mailbox => "a mail address or user principal name",
            Self::Uri => "a URI",
            Self::Address => "an IP address",
            Self::Network => "a path or network",
            Self::Port => "a host and port",
            Self::Host => "a host name",
            Self::Among => "text around a mail address or URI",
        }
    }

    /// The names that the text is.
    fn names(self, plain: &str) -> Result<Vec<San>, String> {
        let said = |error: super::SanError| error.to_string();
        match self {
            Self::Mailbox => {
                let [email, upn] = ["email", "upn"].map(|kind| format!("{kind}:{plain}").parse::<San>());
                match (email, upn) {
                    (Err(error), Err(_)) => Err(error.to_string()),
                    (email, upn) => Ok([email, upn].into_iter().flatten().collect()),
                }
            }
            Self::Uri => plain.parse().map(|uri| vec![San::Uri(uri)]).map_err(said),
            Self::Address => plain.parse().map(|address| vec![San::Ip(address)]).map_err(said),
            Self::Host => plain.parse().map(|name| vec![San::Dns(name)]).map_err(said),
            Self::Network => Err("leave out the `/` and what follows it".to_owned()),
            Self::Port => Err("leave out the port".to_owned()),
            Self::Among => Err("write the name alone, or leave it out".to_owned()),
        }
    }
}

fn is_mailbox_or_uri(word: &str) -> bool {
    let has_both_sides = |(local, domain): (&str, &str)| {
        local.contains(char::is_alphanumeric) && domain.contains(char::is_alphanumeric)
    };
    word.contains("://") || word.split_once('@').is_some_and(has_both_sides)
}

/// The characters of IPv6 addresses, and at least two colons.
fn is_hex_and_colons(word: &str) -> bool {
    word.bytes().filter(|c| *c == b':').count() > 1
        && word
            .split('%')
            .next()
            .unwrap_or_default()
            .bytes()
            .all(|c| c.is_ascii_hexdigit() || b":./".contains(&c))
}

/// Whether a part of it is a long host name, an address by fewer than four numbers, or one in hexadecimal.
fn holds_a_host(word: &str) -> bool {
    let is_address = |part: &str| {
        hexadecimal(part).is_some()
            || is_host_like(part)
            || (part.contains('.') && part.split('.').all(is_number))
    };
    word.split(['/', ':']).any(is_address)
}

/// EUI-48 with colons.
fn is_hardware_address(word: &str) -> bool {
    word.split(':').count() == 6
        && word
            .split(':')
            .all(|octet| octet.len() == 2 && octet.bytes().all(|c| c.is_ascii_hexdigit()))
}

/// A number as inet_aton reads it: decimal, octal or hexadecimal. An empty one is between or after dots.
fn is_number(label: &str) -> bool {
    let hex = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    match hex {
        Some(digits) => digits.bytes().all(|c| c.is_ascii_hexdigit()),
        None => label.bytes().all(|c| c.is_ascii_digit()),
    }
}

/// Whether every dot is between digits.
fn is_version(word: &str) -> bool {
    let ends = |part: &str| part.ends_with(|c: char| c.is_ascii_digit());
    let begins = |part: &str| part.starts_with(|c: char| c.is_ascii_digit());
    word.split('.')
        .zip(word.split('.').skip(1))
        .all(|(before, after)| ends(before) && begins(after))
}

/// An IPv4 address as one hexadecimal number.
fn hexadecimal(word: &str) -> Option<IpAddr> {
    let digits = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X"))?;
    u32::from_str_radix(digits, 16)
        .ok()
        .map(|bits| Ipv4Addr::from_bits(bits).into())
}

#[cfg(test)]
mod tests;
