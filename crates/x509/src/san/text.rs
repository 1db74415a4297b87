//! The canonical text form `kind:value`.

use std::fmt;
use std::str::FromStr;

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};

use super::dns::printable;
use super::mailbox::Mailbox;
use super::{ID_ON_UPN, MAX_TEXT, San, SanError, SanKind};
use crate::Oid;
use crate::asn1::{Reader, tag};

impl San {
    /// The canonical text without its kind.
    #[must_use]
    pub fn value(&self) -> String {
        match self {
            Self::Dns(name) => name.to_string(),
            Self::Ip(address) => address.to_string(),
            Self::Email(address) => address.to_string(),
            Self::SmtpUtf8(address) => address.to_string(),
            Self::Uri(uri) => uri.to_string(),
            Self::DirName(name) => name.to_string(),
            Self::RegisteredId(oid) => oid.to_string(),
            Self::OtherName { oid, value_der } => match principal_name(*oid, value_der) {
                Some(name) => name.to_owned(),
                None => format!("{oid}={}", HEXLOWER.encode(value_der)),
            },
            Self::Opaque(der) => HEXLOWER.encode(der),
        }
    }

    /// The text that this name is compared by, wherever texts are compared, as in a search: two names that mean the same
    /// have the same. URIs are in their [canonical](super::Uri::canonical) form, and principal names in lower case.
    #[must_use]
    pub fn canonical(&self) -> String {
        match self {
            Self::Uri(uri) => format!("{}:{}", self.kind(), uri.canonical()),
            _ if self.kind() == SanKind::Upn => self.to_string().to_lowercase(),
            _ => self.to_string(),
        }
    }

    /// The word before the colon. A malformed principal name has no text of its own and is written as othername.
    fn prefix(&self) -> &'static str {
        match self {
            Self::OtherName { oid, value_der } if principal_name(*oid, value_der).is_none() => "othername",
            _ => self.kind().as_str(),
        }
    }
}

fn principal_name(oid: Oid, value_der: &[u8]) -> Option<&str> {
    if oid != ID_ON_UPN {
        return None;
    }
    let content = Reader::single(value_der, tag::UTF8_STRING).ok()?;
    std::str::from_utf8(content)
        .ok()
        .filter(|name| super::mailbox::check_upn(name).is_ok())
}

impl fmt::Display for San {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.prefix(), self.value())
    }
}

impl FromStr for San {
    type Err = SanError;

    fn from_str(text: &str) -> Result<Self, SanError> {
        if text.len() > MAX_TEXT {
            return Err(SanError::TooLong { length: text.len() });
        }
        let unknown = || SanError::Kind(printable(text));
        let (kind, value) = text.split_once(':').ok_or_else(unknown)?;
        match kind.parse().map_err(|_: SanError| unknown())? {
            SanKind::Dns => value.parse().map(Self::Dns),
            SanKind::Ip => value.parse().map(Self::Ip),
            SanKind::Email => Ok(match value.parse()? {
                Mailbox::Ascii(address) => Self::Email(address),
                Mailbox::Utf8(address) => Self::SmtpUtf8(address),
            }),
            SanKind::Uri => value.parse().map(Self::Uri),
            SanKind::DirName => Ok(Self::DirName(value.parse()?)),
            SanKind::RegisteredId => parse_oid(value).map(Self::RegisteredId),
            SanKind::Upn => Self::upn(value),
            SanKind::OtherName => parse_other_name(value),
            SanKind::Opaque => Err(unknown()),
        }
    }
}

fn parse_oid(value: &str) -> Result<Oid, SanError> {
    value.parse().map_err(|_| SanError::Oid(printable(value)))
}

fn parse_other_name(value: &str) -> Result<San, SanError> {
    let (oid, hex) = value
        .split_once('=')
        .ok_or(SanError::OtherName("write it as othername:OID=hex of its DER"))?;
    let der = HEXLOWER_PERMISSIVE
        .decode(hex.as_bytes())
        .map_err(|_| SanError::OtherName("what follows the `=` is not hex"))?;
    San::other_name(parse_oid(oid)?, der)
}

impl SanKind {
    /// Those that can be named in text: all but the opaque.
    pub const NAMED: [Self; 8] = [
        Self::Dns,
        Self::Ip,
        Self::Email,
        Self::Uri,
        Self::DirName,
        Self::RegisteredId,
        Self::Upn,
        Self::OtherName,
    ];

    /// The word for this kind in the text form.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Ip => "ip",
            Self::Email => "email",
            Self::Uri => "uri",
            Self::DirName => "dirname",
            Self::RegisteredId => "rid",
            Self::Upn => "upn",
            Self::OtherName => "othername",
            Self::Opaque => "opaque",
        }
    }
}

impl fmt::Display for SanKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SanKind {
    type Err = SanError;

    fn from_str(text: &str) -> Result<Self, SanError> {
        Self::NAMED
            .into_iter()
            .find(|kind| kind.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| SanError::Kind(printable(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_made_canonical() {
        for (text, canonical) in [
            ("DNS:WEB.example.test", "dns:web.example.test"),
            ("ip:192.0.2.1", "ip:192.0.2.1"),
            ("IP:2001:DB8:0:0:0:0:0:1", "ip:2001:db8::1"),
            ("email:User@EXAMPLE.test", "email:User@example.test"),
            ("email:Üser@bücher.example", "email:Üser@xn--bcher-kva.example"),
            ("URI:HTTPS://Web.test/A", "uri:HTTPS://Web.test/A"),
            ("dirname:cn=a, o=b", "dirname:CN=a,O=b"),
            ("rid:1.2.3.4", "rid:1.2.3.4"),
            ("upn:User@EXAMPLE", "upn:User@EXAMPLE"),
            ("othername:1.3.6.1.4.1.311.20.2.3=0C03614062", "upn:a@b"),
            (
                "othername:1.3.6.1.5.5.7.8.9=0c08c3bc40622e636f6d",
                "email:ü@b.com",
            ),
            ("othername:1.2.3.4=0C0161", "othername:1.2.3.4=0c0161"),
        ] {
            let san: San = text.parse().unwrap();
            assert_eq!(san.to_string(), canonical);
            assert_eq!(canonical.parse::<San>().unwrap(), san);
        }
    }

    #[test]
    fn names_that_mean_the_same_are_searched_by_the_same_text() {
        for (text, canonical) in [
            ("uri:HTTPS://Web.test/%7eA", "uri:https://web.test/~A"),
            ("upn:User@EXAMPLE", "upn:user@example"),
            ("dns:Web.Test", "dns:web.test"),
            ("email:User@Example.test", "email:User@example.test"),
        ] {
            let san: San = text.parse().unwrap();
            assert_eq!(san.canonical(), canonical);
            assert_eq!(canonical.parse::<San>().unwrap().canonical(), canonical);
        }
    }

    #[test]
    fn wrong_text_is_refused() {
        for text in [
            "",
            "web.example.test",
            "host:web",
            "opaque:8201ff",
            "ip:1.2.3",
            "ip:::1%eth0",
            "ip:1.2.3.4/8",
            "ip:01.2.3.4",
            "ip:0.0.0.0",
            "ip:::ffff:1.2.3.4",
            "ip:ff02::1",
            "rid:1",
            "rid:a",
            "othername:1.2.3",
            "othername:1.2.3=",
            "othername:1.2.3=0c01",
            "othername:1.2.3=05000",
            "othername:1.2.3=050005",
            "othername:1.3.6.1.4.1.311.20.2.3=0500",
            "othername:1.3.6.1.5.5.7.8.9=0c0161",
            "dirname:x",
            "upn:a",
        ] {
            assert!(text.parse::<San>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn long_text_is_refused_before_it_is_read() {
        for kind in [
            "dirname:CN=",
            "dns:",
            "othername:1.2.3=",
            "uri:https://a.test/",
            "nothing:",
        ] {
            let text = format!("{kind}{}", "0,CN=".repeat(50_000));
            let length = text.len();
            assert_eq!(text.parse::<San>(), Err(SanError::TooLong { length }), "{kind}");
        }
        let longest = format!("uri:https://a.test/{}", "x".repeat(MAX_TEXT - 19));
        assert_eq!(longest.len(), MAX_TEXT);
        assert!(longest.parse::<San>().is_ok());
    }
}
