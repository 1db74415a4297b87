//! URIs (RFC 3986) as RFC 5280 section 4.2.1.6 wants them in a certificate: absolute, in ASCII, with a host if there is
//! an authority. A URI is certified as it was sent, and compared in one canonical form.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use super::SanError;
use super::dns::printable;
use crate::uri::{UriParts, encodes_controls, is_unreserved};

/// Octets of a URI. Nothing in use comes near it.
const MAX_URI: usize = 2048;
/// Schemes whose URIs name a host. Without `//` programs do not agree which one (WHATWG URL section 3.1).
const WITH_AUTHORITY: [&str; 5] = ["http", "https", "ws", "wss", "ftp"];

/// An absolute ASCII URI. The octets are those that were given; equality, order and hash are those of the
/// [canonical](Self::canonical) form.
#[derive(Clone)]
pub struct Uri {
    given: String,
    canonical: String,
    scheme_end: usize,
    host: Option<String>,
}

impl Uri {
    /// The URI as the certificate carries it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.given
    }

    /// The form that URIs are compared in (RFC 3986 sections 6.2.2 and 6.2.3): scheme and host in lower case, triples of
    /// unreserved characters decoded and others in capitals, no dot segments, no empty port.
    #[must_use]
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// The scheme, in lower case.
    #[must_use]
    pub fn scheme(&self) -> &str {
        self.canonical.get(..self.scheme_end).unwrap_or_default()
    }

    /// The host, in lower case; an IPv6 address in its brackets. `None` if there is no authority.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }
}

impl FromStr for Uri {
    type Err = SanError;

    fn from_str(text: &str) -> Result<Self, SanError> {
        parse(text).map_err(|problem| SanError::Uri {
            uri: printable(text),
            problem,
        })
    }
}

impl PartialEq for Uri {
    fn eq(&self, other: &Self) -> bool {
        self.canonical == other.canonical
    }
}

impl Eq for Uri {}

impl PartialOrd for Uri {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Uri {
    fn cmp(&self, other: &Self) -> Ordering {
        self.canonical.cmp(&other.canonical)
    }
}

impl Hash for Uri {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.canonical.hash(state);
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.given)
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uri({})", self.given)
    }
}

fn parse(text: &str) -> Result<Uri, &'static str> {
    if text.len() > MAX_URI {
        return Err("URIs have at most 2048 octets");
    }
    if !text.is_ascii() {
        return Err("write other than ASCII characters percent-encoded, in the host as A-labels (RFC 9549)");
    }
    let parts = UriParts::parse(text)?;
    if encodes_controls(text) {
        return Err("it holds a percent-encoded control character");
    }
    let scheme = parts.scheme.to_ascii_lowercase();
    match parts.authority {
        None if parts.path.is_empty() => return Err("nothing follows its scheme"),
        None if WITH_AUTHORITY.contains(&scheme.as_str()) => {
            return Err("write `//` and a host after its scheme");
        }
        _ => {}
    }
    let host = parts.canonical_host()?;
    let mut canonical = format!("{scheme}:");
    if let (Some(authority), Some(host)) = (parts.authority, &host) {
        canonical.push_str("//");
        if let Some(userinfo) = authority.userinfo {
            canonical.extend([&normalized(userinfo), "@"]);
        }
        canonical.push_str(host);
        if let Some(port) = authority.port.filter(|port| !port.is_empty()) {
            canonical.extend([":", port]);
        }
    }
    let path = match normalized(parts.path) {
        // The namespace of a URN is compared without case (RFC 8141 section 3.1).
        path if scheme == "urn" => match path.split_once(':') {
            Some((namespace, rest)) => format!("{}:{rest}", namespace.to_ascii_lowercase()),
            None => path,
        },
        path => path,
    };
    canonical.push_str(&if host.is_some() { without_dots(&path) } else { path });
    for (delimiter, part) in [("?", parts.query), ("#", parts.fragment)] {
        if let Some(part) = part {
            canonical.extend([delimiter, &normalized(part)]);
        }
    }
    Ok(Uri {
        given: text.to_owned(),
        canonical,
        scheme_end: scheme.len(),
        host,
    })
}

/// Triples of unreserved characters decoded, the others in capitals (RFC 3986 sections 6.2.2.1 and 6.2.2.2).
fn normalized(text: &str) -> String {
    let mut pieces = text.split('%');
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2).unwrap_or((piece, ""));
        match u8::from_str_radix(digits, 16) {
            Ok(octet) if is_unreserved(octet) => out.push(char::from(octet)),
            _ => out.extend(["%", &digits.to_ascii_uppercase()]),
        }
        out.push_str(rest);
    }
    out
}

/// RFC 3986 section 5.2.4, for a path that is empty or begins with a slash.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            "." => {}
            ".." => drop(kept.pop()),
            _ => {
                kept.push(segment);
                continue;
            }
        }
        if is_last {
            kept.push("");
        }
    }
    kept.iter().flat_map(|segment| ["/", segment]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> String {
        text.parse::<Uri>().unwrap().canonical().to_owned()
    }

    #[test]
    fn a_uri_is_kept_as_it_was_sent_and_compared_in_one_form() {
        let uri: Uri = "HTTPS://User@WEB.Example.test:8443/Path?q=%41#F".parse().unwrap();
        assert_eq!(uri.as_str(), "HTTPS://User@WEB.Example.test:8443/Path?q=%41#F");
        assert_eq!(uri.canonical(), "https://User@web.example.test:8443/Path?q=A#F");
        assert_eq!((uri.scheme(), uri.host()), ("https", Some("web.example.test")));
        for (one, other) in [
            ("https://a.test/%7euser/%c3%bc", "HTTPS://A.TEST/~user/%C3%BC"),
            ("http://a.test:/b", "http://a.test/b"),
            ("http://a.test/b/./c/../d", "http://a.test/b/d"),
            ("http://a.test/%2e%2E/b/%2e", "http://a.test/b/"),
            ("http://[2001:DB8:0::1]/", "http://[2001:db8::1]/"),
            ("URN:example:a", "urn:example:a"),
            ("urn:EXAMPLE:a", "urn:example:a"),
        ] {
            assert_eq!(
                one.parse::<Uri>().unwrap(),
                other.parse::<Uri>().unwrap(),
                "{one}"
            );
            assert_eq!(canonical(&canonical(one)), canonical(one));
        }
        for (one, other) in [
            ("https://a.test/b", "https://a.test/B"),
            ("https://a.test/%2f", "https://a.test//"),
            ("https://a.test:1/", "https://a.test/"),
            ("urn:example:A", "urn:example:a"),
        ] {
            assert_ne!(
                one.parse::<Uri>().unwrap(),
                other.parse::<Uri>().unwrap(),
                "{one}"
            );
        }
    }

    #[test]
    fn all_usual_forms_pass() {
        for (text, host) in [
            ("spiffe://trust_domain.test/svc/ca", Some("trust_domain.test")),
            ("http://[2001:db8::1]:80/x", Some("[2001:db8::1]")),
            ("http://192.0.2.1", Some("192.0.2.1")),
            ("https://localhost:8443/", Some("localhost")),
            (
                "https://xn--bcher-kva.example/?a=/?#/?",
                Some("xn--bcher-kva.example"),
            ),
            ("urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", None),
            ("urn:HOST:Vendor:Application", None),
            ("opc.tcp://host.example.test:4840/", Some("host.example.test")),
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
            "http:a.test",
            "https:/a.test/",
            "http://",
            "http:///path",
            "http://a b",
            "http://a\0",
            "http://bücher.example",
            "http://a/%00",
            "http://a/?%0d%0aSet-Cookie:b",
            "http://[::1",
            "http://-a/",
            "http://a..b/",
            "http://a.test./",
            "http://xn--a.test/",
            "http://ab--c.test/",
            "file:///etc",
        ] {
            assert!(text.parse::<Uri>().is_err(), "{text:?}");
        }
        assert!(format!("http://a/{}", "b".repeat(2048)).parse::<Uri>().is_err());
    }

    #[test]
    fn a_host_that_programs_do_not_agree_about_is_refused() {
        for text in [
            "https://0x7f.1/",
            "https://0x7f000001/",
            "https://0177.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://1.2.3.4.5/",
            "https://256.1.1.1/",
            "https://0.0.0.0/",
            "https://255.255.255.255/",
            "https://[::]/",
            "https://[::ffff:10.0.0.1]/",
            "https://[::10.0.0.1]/",
            "https://www%2ebank.test/",
            "https://%77ww.bank.test/",
            "https://*.bank.test/",
            "https://user:password@a.test/",
            "https://user%3apassword@a.test/",
            "https://user%3Apassword@a.test/",
            "https://user%253apassword@a.test/",
            "https://:@a.test/",
            "https://a_b.test/",
            "opc.tcp://a_b.test/",
            "https://www.bank.test:0443/",
            "https://a.test.0x7f/",
            "https://example.123/",
            "urn:a_b:c",
            "urn:example:",
            "https://@a.test/",
            "https://a@b@a.test/",
            "https://www.bank.test:443@a.test/",
            "https://a.test\\@b.test/",
        ] {
            assert!(text.parse::<Uri>().is_err(), "{text:?}");
        }
    }
}
