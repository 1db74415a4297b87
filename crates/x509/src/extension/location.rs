//! Where a CRL, an OCSP responder or a certificate of the issuer is found.

use std::str::FromStr;

use crate::asn1::{Writer, tag};
use crate::san::{SanError, Uri};
use crate::uri::{UriParts, encodes_controls};

/// Octets of a location. Nothing in use comes near it.
const MAX_LEN: usize = 2048;

/// A URI, or an LDAP URL without a host: an entry of the directory that the reader has (RFC 4516 section 2), as Active
/// Directory writes it. Kept apart from [`Uri`]: no subject is named that way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location(String);

impl Location {
    /// The URL as the certificate carries it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.primitive(tag::context(6), self.0.as_bytes());
    }
}

impl FromStr for Location {
    type Err = SanError;

    fn from_str(text: &str) -> Result<Self, SanError> {
        match text.parse::<Uri>() {
            Err(_) if is_local_entry(text) => Ok(Self(text.to_owned())),
            Err(problem) => Err(problem),
            Ok(_) => Ok(Self(text.to_owned())),
        }
    }
}

/// `ldap:///dn?attributes?scope?filter`.
fn is_local_entry(text: &str) -> bool {
    let Ok(parts) = UriParts::parse(text) else {
        return false;
    };
    let without_host = parts.authority.is_some_and(|authority| {
        authority.host.is_empty() && authority.userinfo.is_none() && authority.port.is_none()
    });
    let scope = parts
        .query
        .and_then(|query| query.split('?').nth(1))
        .unwrap_or_default();
    text.len() <= MAX_LEN
        && parts.has_scheme("ldap")
        && without_host
        && parts.path.len() > 1
        && parts.fragment.is_none()
        && !encodes_controls(text)
        && ["", "base", "one", "sub"].contains(&scope)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ldap_urls_need_no_host_and_all_others_do() {
        for text in [
            "ldap:///CN=Root,CN=CDP,DC=example?certificateRevocationList?base?objectClass=cRLDistributionPoint",
            "ldap:///CN=Issuing%20CA,DC=example,DC=test?cACertificate",
            "ldap:///o=University%20of%20Michigan,c=US??sub?(cn=Babs%20Jensen)",
            "ldap://ldap.example.test/cn=a?certificateRevocationList;binary",
            "ldap://[2001:db8::7]:389/c=GB?objectClass?one",
            "http://pki.example.test/root.crl",
        ] {
            assert_eq!(text.parse::<Location>().unwrap().as_str(), text);
        }
        for text in [
            "ldap:///",
            "ldap://",
            "ldap:///cn=a#b",
            "ldap:///cn=a?b?all",
            "ldap:///cn=a%00",
            "ldap:///cn=a b",
            "ldap://user@/cn=a",
            "ldap://:389/cn=a",
            "http:///a",
            "ldaps:///cn=a",
            "cn=a",
        ] {
            assert!(text.parse::<Location>().is_err(), "{text}");
        }
    }
}
