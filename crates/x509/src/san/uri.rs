//! Absolute URIs (RFC 3986) as RFC 5280 section 4.2.1.6 wants them: a scheme, something after it, ASCII, and a host
//! if there is an authority.

use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use super::{SanError, dns::printable};

/// Octets of a URI. Nothing in use comes near it.
const MAX_URI: usize = 2048;

/// An absolute ASCII URI; scheme and host are in lower case, the rest is as it was given.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uri(String);

/// Scheme, authority and what follows of a URI.
struct Parts<'a> {
    scheme: &'a str,
    authority: Option<Authority<'a>>,
    rest: &'a str,
}

/// `userinfo@host:port`; the delimiters stay with user information and port.
struct Authority<'a> {
    userinfo: &'a str,
    host: &'a str,
    port: &'a str,
}

impl Uri {
    /// The URI as the certificate carries it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The scheme, in lower case.
    #[must_use]
    pub fn scheme(&self) -> &str {
        split(&self.0).map_or("", |parts| parts.scheme)
    }

    /// The host, in lower case; an IPv6 address in its brackets. `None` if there is no authority.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        split(&self.0)
            .ok()
            .and_then(|parts| parts.authority)
            .map(|authority| authority.host)
    }
}

impl FromStr for Uri {
    type Err = SanError;

    fn from_str(text: &str) -> Result<Self, SanError> {
        canonical(text).map(Self).map_err(|problem| SanError::Uri {
            uri: printable(text),
            problem,
        })
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uri({})", self.0)
    }
}

fn canonical(text: &str) -> Result<String, &'static str> {
    if text.len() > MAX_URI {
        return Err("URIs have at most 2048 octets");
    }
    if !text.is_ascii() {
        return Err("write other than ASCII characters percent-encoded, in the host as A-labels (RFC 9549)");
    }
    check_characters(text)?;
    let parts = split(text)?;
    let mut built = format!("{}:", parts.scheme.to_ascii_lowercase());
    if let Some(Authority { userinfo, host, port }) = parts.authority {
        check_host(host)?;
        if !port.chars().skip(1).all(|c| c.is_ascii_digit()) {
            return Err("its port is not a number");
        }
        built.push_str("//");
        built.push_str(userinfo);
        built.push_str(&host.to_ascii_lowercase());
        built.push_str(port);
    }
    if parts.authority_is_missing() && parts.rest.is_empty() {
        return Err("nothing follows its scheme");
    }
    built.push_str(parts.rest);
    Ok(built)
}

impl Parts<'_> {
    fn authority_is_missing(&self) -> bool {
        self.authority.is_none()
    }
}

fn check_characters(text: &str) -> Result<(), &'static str> {
    let mut octets = text.bytes();
    while let Some(octet) = octets.next() {
        match octet {
            b'%' => {
                let digits = (octets.next(), octets.next());
                if !matches!(digits, (Some(a), Some(b)) if a.is_ascii_hexdigit() && b.is_ascii_hexdigit()) {
                    return Err("`%` must be followed by two hex digits");
                }
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => {}
            other if b"-._~:/?#[]@!$&'()*+,;=".contains(&other) => {}
            _ => return Err("it holds a character that URIs may not have"),
        }
    }
    Ok(())
}

fn split(text: &str) -> Result<Parts<'_>, &'static str> {
    const PROBLEM: &str = "it must begin with a scheme, such as https:";
    let (scheme, rest) = text.split_once(':').ok_or(PROBLEM)?;
    let mut characters = scheme.chars();
    if !characters.next().is_some_and(|c| c.is_ascii_alphabetic())
        || !characters.all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    {
        return Err(PROBLEM);
    }
    let Some(rest) = rest.strip_prefix("//") else {
        return Ok(Parts {
            scheme,
            authority: None,
            rest,
        });
    };
    let (authority, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (userinfo, host) = authority.split_at(authority.rfind('@').map_or(0, |at| at + 1));
    let bracket = host.rfind(']').map_or(0, |at| at + 1);
    let colon = host
        .split_at(bracket)
        .1
        .find(':')
        .map_or(host.len(), |at| bracket + at);
    let (host, port) = host.split_at(colon);
    Ok(Parts {
        scheme,
        authority: Some(Authority { userinfo, host, port }),
        rest,
    })
}

/// A DNS name or an IP address. Underscores pass: SPIFFE trust domains may have them.
fn check_host(host: &str) -> Result<(), &'static str> {
    const PROBLEM: &str = "its host is not a domain name or an IP address";
    if let Some(address) = host.strip_prefix('[') {
        let address = address.strip_suffix(']').ok_or(PROBLEM)?;
        return address.parse::<Ipv6Addr>().map(drop).map_err(|_| PROBLEM);
    }
    if host.parse::<Ipv4Addr>().is_ok() {
        return Ok(());
    }
    let label_fits = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_')
    };
    if host.len() <= 253 && host.split('.').all(label_fits) {
        Ok(())
    } else {
        Err(PROBLEM)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheme_and_host_are_folded() {
        let uri: Uri = "HTTPS://User@WEB.Example.test:8443/Path?q=%41#F".parse().unwrap();
        assert_eq!(uri.as_str(), "https://User@web.example.test:8443/Path?q=%41#F");
        assert_eq!((uri.scheme(), uri.host()), ("https", Some("web.example.test")));
    }

    #[test]
    fn all_usual_forms_pass() {
        for (text, host) in [
            ("spiffe://trust_domain.test/svc/ca", Some("trust_domain.test")),
            ("http://[2001:db8::1]:80/x", Some("[2001:db8::1]")),
            ("http://192.0.2.1", Some("192.0.2.1")),
            ("urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", None),
            (
                "ldap://ldap.example.test/cn=a,dc=b?c;binary",
                Some("ldap.example.test"),
            ),
            ("sip:user@example.test", None),
        ] {
            let uri: Uri = text.parse().unwrap();
            assert_eq!((uri.as_str(), uri.host()), (text, host));
        }
    }

    #[test]
    fn what_is_no_absolute_uri_is_refused() {
        for text in [
            "",
            "web",
            "/path",
            "//host/path",
            "http:",
            "http://",
            "http:///path",
            "1http://a",
            "http://a b",
            "http://a\0",
            "http://bücher.example",
            "http://a/%4",
            "http://a/%zz",
            "http://a/<b>",
            "http://[::1",
            "http://[z]/",
            "http://a:b/",
            "http://-a/",
            "http://a..b/",
            "file:///etc",
        ] {
            assert!(text.parse::<Uri>().is_err(), "{text:?}");
        }
        assert!(format!("http://a/{}", "b".repeat(2048)).parse::<Uri>().is_err());
    }
}
