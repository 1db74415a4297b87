//! URIs taken apart by the grammar of RFC 3986 section 3, strictly: an octet that the grammar does not allow in its
//! place is an error. Programs disagree about URIs that break the grammar, and so about the host that they name.
//! Further rules for URIs in certificates are in [`Uri`](crate::san::Uri) and in the lints.

mod shown;
mod urn;

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::san::address::why_not_a_host;
use crate::san::host_a_labels;

pub use shown::{shown, shown_in_text, without_login};

/// The components of an absolute URI, without their delimiters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UriParts<'a> {
    /// As it was written; schemes are compared without case.
    pub scheme: &'a str,
    /// The part between `//` and the path, if the URI has one.
    pub authority: Option<Authority<'a>>,
    /// Possibly empty.
    pub path: &'a str,
    /// What follows the `?`.
    pub query: Option<&'a str>,
    /// What follows the `#`.
    pub fragment: Option<&'a str>,
}

/// `userinfo@host:port`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authority<'a> {
    /// The part before the `@`.
    pub userinfo: Option<&'a str>,
    /// A registered name, an IPv4 address, or an IP literal in its brackets. Possibly empty.
    pub host: &'a str,
    /// What follows the `:`, possibly empty; at most 65535.
    pub port: Option<&'a str>,
}

impl<'a> UriParts<'a> {
    /// Takes an absolute URI, with or without a fragment, apart.
    ///
    /// # Errors
    /// What the grammar does not allow, in words.
    pub fn parse(text: &'a str) -> Result<Self, &'static str> {
        check_triples(text)?;
        let (scheme, rest) = text.split_once(':').ok_or(NO_SCHEME)?;
        if !is_scheme(scheme) {
            return Err(NO_SCHEME);
        }
        let (rest, fragment) = cut(rest, '#');
        let (rest, query) = cut(rest, '?');
        let (authority, path) = match rest.strip_prefix("//") {
            None => (None, rest),
            Some(rest) => {
                let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                (Some(Authority::parse(authority)?), path)
            }
        };
        if !path.bytes().all(|c| is_pchar(c) || c == b'/') {
            return Err("its path holds a character that must be percent-encoded there");
        }
        let fits = |part: Option<&str>| {
            part.unwrap_or_default()
                .bytes()
                .all(|c| is_pchar(c) || b"/?".contains(&c))
        };
        if !fits(query) {
            return Err("its query holds a character that must be percent-encoded there");
        }
        if !fits(fragment) {
            return Err(
                "its fragment holds a character that must be percent-encoded there, such as a second `#`",
            );
        }
        let parts = Self {
            scheme,
            authority,
            path,
            query,
            fragment,
        };
        if parts.has_scheme("urn") {
            urn::check(&parts)?;
        }
        Ok(parts)
    }

    /// The host in lower case, an IPv6 address in brackets and in the form of RFC 5952; `None` without an authority.
    ///
    /// # Errors
    /// If it is not a domain name or the address of a host, or if a password or an empty user precedes it.
    pub fn canonical_host(&self) -> Result<Option<String>, &'static str> {
        let underscores = self.has_scheme(WITH_UNDERSCORES);
        self.authority
            .map(|authority| authority.canonical_host(underscores))
            .transpose()
    }

    /// Whether the scheme is this one, given in lower case.
    #[must_use]
    pub fn has_scheme(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme)
    }
}

impl<'a> Authority<'a> {
    fn parse(text: &'a str) -> Result<Self, &'static str> {
        let (userinfo, host_and_port) = match text.split_once('@') {
            Some((userinfo, rest)) => (Some(userinfo), rest),
            None => (None, text),
        };
        if host_and_port.contains('@') {
            return Err("there is more than one `@` before its path");
        }
        if !userinfo
            .unwrap_or_default()
            .bytes()
            .all(|c| is_of_name(c) || c == b':')
        {
            return Err("its user information holds a character that must be percent-encoded there");
        }
        let (host, port) = if host_and_port.starts_with('[') {
            let end = host_and_port
                .find(']')
                .ok_or("a bracket of its host is not closed")?;
            let (host, rest) = host_and_port.split_at(end + 1);
            if ipv6_in(host).is_none() {
                return Err("the brackets of its host hold no IPv6 address");
            }
            match rest.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if rest.is_empty() => (host, None),
                None => return Err("something follows the brackets of its host"),
            }
        } else {
            match host_and_port.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (host_and_port, None),
            }
        };
        if !host.starts_with('[') && !host.bytes().all(is_of_name) {
            return Err("its host holds a character that hosts may not have");
        }
        if let Some(port) = port
            && !is_port(port)
        {
            return Err("its port is not a number up to 65535, or begins with a zero");
        }
        Ok(Self { userinfo, host, port })
    }

    fn canonical_host(&self, underscores: bool) -> Result<String, &'static str> {
        match self.userinfo {
            Some(userinfo) if separates_a_password(userinfo) => {
                return Err("it holds a password (RFC 3986 section 3.2.1)");
            }
            Some("") => return Err("its user information is empty; leave out the `@`"),
            _ => {}
        }
        if let Some(address) = ipv6_in(self.host) {
            return why_not_a_host(address.into()).map_or_else(|| Ok(format!("[{address}]")), Err);
        }
        if let Ok(address) = self.host.parse::<Ipv4Addr>() {
            return why_not_a_host(address.into()).map_or_else(|| Ok(address.to_string()), Err);
        }
        let host = if underscores {
            self.host.replace('_', "a")
        } else {
            self.host.to_owned()
        };
        match host_a_labels(&host) {
            Ok(_) => Ok(self.host.to_ascii_lowercase()),
            Err(_) => Err("its host is not a domain name or an IP address"),
        }
    }
}

/// Whether one of the percent-encoded triples encodes a control character.
#[must_use]
pub fn encodes_controls(text: &str) -> bool {
    text.split('%')
        .skip(1)
        .filter_map(|after| u8::from_str_radix(after.get(..2)?, 16).ok())
        .any(|octet| octet.is_ascii_control())
}

/// The scheme whose hosts are trust domains and may have underscores (SPIFFE-ID section 2.1).
const WITH_UNDERSCORES: &str = "spiffe";

/// Whether there is a colon, encoded or not; an encoded `%` could become one.
fn separates_a_password(userinfo: &str) -> bool {
    let encoded = |after: &str| {
        let digits = after.get(..2).unwrap_or_default();
        digits.eq_ignore_ascii_case("3a") || digits == "25"
    };
    userinfo.contains(':') || userinfo.split('%').skip(1).any(encoded)
}

const NO_SCHEME: &str = "it must begin with a scheme, such as https:";

/// The address of an IP literal in its brackets. Of the grammar's IPvFuture no version is defined.
pub(crate) fn ipv6_in(host: &str) -> Option<Ipv6Addr> {
    host.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

/// Splits at the first delimiter, which is left out.
fn cut(text: &str, delimiter: char) -> (&str, Option<&str>) {
    match text.split_once(delimiter) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || b"+-.".contains(&c))
}

/// Empty is a port by the grammar; so would be any number of digits. A zero before others is a second spelling.
fn is_port(text: &str) -> bool {
    text.bytes().all(|c| c.is_ascii_digit())
        && (text.is_empty() || text.len() <= 5 && text.parse::<u16>().is_ok())
        && (text.len() < 2 || !text.starts_with('0'))
}

/// `%` is allowed only before two hex digits.
fn check_triples(text: &str) -> Result<(), &'static str> {
    let complete = |after: &str| after.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    if text.split('%').skip(1).all(complete) {
        Ok(())
    } else {
        Err("`%` must be followed by two hex digits")
    }
}

pub(crate) fn is_unreserved(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"-._~".contains(&octet)
}

/// unreserved, sub-delims, and the triples that [`check_triples`] saw.
fn is_of_name(octet: u8) -> bool {
    is_unreserved(octet) || b"!$&'()*+,;=%".contains(&octet)
}

fn is_pchar(octet: u8) -> bool {
    is_of_name(octet) || b":@".contains(&octet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_components_are_those_of_rfc_3986_section_3() {
        let parts = UriParts::parse("foo://user@example.com:8042/over/there?name=ferret#nose").unwrap();
        assert_eq!(
            parts,
            UriParts {
                scheme: "foo",
                authority: Some(Authority {
                    userinfo: Some("user"),
                    host: "example.com",
                    port: Some("8042")
                }),
                path: "/over/there",
                query: Some("name=ferret"),
                fragment: Some("nose"),
            }
        );
        let parts = UriParts::parse("urn:example:animal:ferret:nose").unwrap();
        assert_eq!(
            (parts.authority, parts.path),
            (None, "example:animal:ferret:nose")
        );
    }

    #[test]
    fn the_examples_of_rfc_3986_section_1_1_2_are_uris() {
        for text in [
            "ftp://ftp.is.co.za/rfc/rfc1808.txt",
            "http://www.ietf.org/rfc/rfc2396.txt",
            "ldap://[2001:db8::7]/c=GB?objectClass?one",
            "mailto:John.Doe@example.com",
            "news:comp.infosystems.www.servers.unix",
            "tel:+1-816-555-1212",
            "telnet://192.0.2.16:80/",
            "urn:oasis:names:specification:docbook:dtd:xml:4.1.2",
            "a://b:/c?d?e/f#g?h/i",
            "file:///etc",
            "x:",
        ] {
            UriParts::parse(text).unwrap();
        }
    }

    #[test]
    fn what_the_grammar_does_not_allow_is_refused() {
        for text in [
            "",
            "web",
            ":a",
            "1http://a",
            "ht_tp://a",
            "/path",
            "http://a b",
            "http://a/ ",
            "http://a\0",
            "http://ü/",
            "http://a/%",
            "http://a/%4",
            "http://a/%zz",
            "http://a/%4ü",
            "http://a/[",
            "http://a/]",
            "http://a/?[",
            "http://a/#[",
            "http://a/#b#c",
            "http://a##",
            "http://a/<b>",
            "http://a/\\b",
            "http://a\\@b/",
            "http://a/{b}",
            "http://a/`",
            "http://a/^|\"",
            "http://a@b@c/",
            "http://a[b]/",
            "http://[::1",
            "http://::1/",
            "http://[::1]a/",
            "http://[::1]:x/",
            "http://[a@b]/",
            "http://[z]/",
            "http://[fe80::1%25eth0]/",
            "http://[v1.a]/",
            "http://[10.0.0.1]/",
            "http://a:b/",
            "http://a:+1/",
            "http://a:1:2/",
            "http://a:65536/",
            "http://a:99999/",
            "http://a:000080/",
            "http://a:0080/",
            "http://a:00/",
        ] {
            assert!(UriParts::parse(text).is_err(), "{text:?}");
        }
    }
}
