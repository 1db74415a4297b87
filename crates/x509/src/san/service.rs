//! SRVName, the otherName of a service in a domain (RFC 4985): `_Service.Name`, as an IA5String.

use super::{San, host_a_labels};
use crate::Oid;
use crate::asn1::{Reader, ia5, tag};

/// `id-on-dnsSRV` (RFC 4985 section 2).
pub const ID_ON_DNS_SRV: Oid = Oid::new_unwrap("1.3.6.1.5.5.7.8.7");

/// Octets of a service name (RFC 6335 section 5.1).
const MAX_SERVICE: usize = 15;

impl San {
    /// The domain of an SRVName. Who looks for a service takes it for a host name, however it is spelled.
    #[must_use]
    pub fn service_host(&self) -> Option<&str> {
        match self {
            Self::OtherName { oid, value_der } if *oid == ID_ON_DNS_SRV => {
                split(value_der).ok().map(|(_, name)| name)
            }
            _ => None,
        }
    }
}

pub(super) fn check(value_der: &[u8]) -> Result<(), &'static str> {
    let (service, name) = split(value_der)?;
    if !is_service(service) {
        return Err(
            "a service name has 1 to 15 letters, digits and inner hyphens, and a letter among them (RFC 6335)",
        );
    }
    host_a_labels(name)
        .map(drop)
        .map_err(|_| "what follows the service in an SRVName is not a host name (RFC 4985)")
}

fn split(value_der: &[u8]) -> Result<(&str, &str), &'static str> {
    Reader::single(value_der, tag::IA5_STRING)
        .and_then(ia5)
        .ok()
        .and_then(|text| text.strip_prefix('_')?.split_once('.'))
        .ok_or("an SRVName is an IA5String of the form _service.domain (RFC 4985)")
}

fn is_service(text: &str) -> bool {
    (1..=MAX_SERVICE).contains(&text.len())
        && text.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
        && text.bytes().any(|c| c.is_ascii_alphabetic())
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn1::Writer;

    fn srv(text: &str) -> Result<San, super::super::SanError> {
        San::other_name(
            ID_ON_DNS_SRV,
            Writer::one(tag::IA5_STRING, |out| out.raw(text.as_bytes())),
        )
    }

    #[test]
    fn a_service_of_a_domain_is_named() {
        for (text, host) in [
            ("_ldap.example.test", "example.test"),
            ("_xmpp-client.Example.test", "Example.test"),
            ("_h323.xn--bcher-kva.example", "xn--bcher-kva.example"),
        ] {
            assert_eq!(srv(text).unwrap().service_host(), Some(host), "{text}");
        }
        let other: San = "othername:1.2.3=16095f6c6461702e612e62".parse().unwrap();
        assert_eq!(other.service_host(), None);
    }

    #[test]
    fn what_is_no_service_of_a_domain_is_refused() {
        for text in [
            "",
            "_",
            "_ldap",
            "_ldap.",
            "ldap.example.test",
            "_.example.test",
            "_ldap._tcp.example.test",
            "_-ldap.example.test",
            "_l--p.example.test",
            "_389.example.test",
            "_a234567890123456.example.test",
            "_ldap.example.test.",
            "_ldap.*.example.test",
            "_ldap.*",
            "_ldap.10.0.0.1",
            "_ldap.0x7f.1",
            "_ldap.xn--a.example",
            "_ldap.a_b.test",
            "_ldap.a..b",
        ] {
            assert!(srv(text).is_err(), "{text}");
        }
        assert!(San::other_name(ID_ON_DNS_SRV, vec![0x0c, 6, b'_', b'a', b'.', b'b', b'.', b'c']).is_err());
    }
}
