//! Names that belong to GigVault itself: SPIFFE ids of its trust domain, and the host names of its API.
//!
//! Whoever holds a certificate with one of them could pass for a service or for the API. A name counts in whatever
//! spelling and field it appears: URI, otherName, mailbox, directory name, subject; in any case, percent-encoded, with
//! trailing dots, a port or user information.

mod host;

use x509::name::oids;
use x509::{DistinguishedName, San};

use crate::denied::Denied;
use crate::grant::Grant;
use crate::text::attributes;
use host::{Host, host};

/// How often percent-encoding is taken off: some programs decode twice, none more often.
pub(crate) const DECODINGS: usize = 3;

/// The names of one installation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReservedNames {
    trust_domain: String,
    hosts: Vec<Host>,
}

impl ReservedNames {
    /// SPIFFE ids of `trust_domain`, and these host names and addresses; a wildcard means every name that it covers. Loopback
    /// names and addresses are left out: every machine has its own, so they identify no server.
    #[must_use]
    pub fn new<'a>(trust_domain: &str, hosts: impl IntoIterator<Item = &'a San>) -> Self {
        let hosts = hosts.into_iter().filter_map(Host::of);
        Self {
            trust_domain: host(trust_domain),
            hosts: hosts.filter(|host| !host.is_loopback()).collect(),
        }
    }

    /// Refuses reserved names to everybody who was not granted them.
    pub(crate) fn check(
        &self,
        grant: &Grant,
        subject: &DistinguishedName,
        sans: &[San],
    ) -> Result<(), Denied> {
        if !grant.is_service() {
            self.check_trust_domain(subject, sans)?;
        }
        if !grant.allows_reserved_hosts() {
            self.check_hosts(subject, sans)?;
        }
        Ok(())
    }

    fn check_trust_domain(&self, subject: &DistinguishedName, sans: &[San]) -> Result<(), Denied> {
        if self.trust_domain.is_empty() {
            return Ok(());
        }
        if let Some(san) = sans
            .iter()
            .find(|san| texts_of(san).iter().any(|text| self.is_named_in(text)))
        {
            return Err(Denied::san(format!("{san}: {}", self.ours())));
        }
        match subject.attributes().find(|(_, value)| self.is_named_in(value)) {
            Some((_, value)) => Err(Denied::subject(format!("{value:?}: {}", self.ours()))),
            None => Ok(()),
        }
    }

    fn ours(&self) -> String {
        format!(
            "names of the trust domain {} are only for GigVault's own services; use another trust domain",
            self.trust_domain
        )
    }

    /// Whether the text holds a SPIFFE id of the trust domain, in whatever spelling.
    fn is_named_in(&self, text: &str) -> bool {
        let mut text = text.to_owned();
        for _ in 0..=DECODINGS {
            let plain: String = text
                .chars()
                .filter(|c| c.is_ascii_graphic())
                .map(|c| c.to_ascii_lowercase())
                .collect();
            let named = plain
                .split("spiffe:")
                .skip(1)
                .any(|rest| host(authority_of(rest)) == self.trust_domain);
            if named {
                return true;
            }
            if !text.contains('%') {
                return false;
            }
            text = percent_decoded(&text);
        }
        false
    }

    fn check_hosts(&self, subject: &DistinguishedName, sans: &[San]) -> Result<(), Denied> {
        let advice = "is a name of the GigVault API itself; it takes the permission reserved-names:issue";
        if let Some(san) = sans
            .iter()
            .find(|san| self.hosts.iter().any(|host| host.is_named_by(san)))
        {
            return Err(Denied::san(format!("{san} {advice}")));
        }
        // Where a profile takes free text as a common name, old clients would still match it; and who maps certificates to
        // names may read any other attribute.
        let of_ours = |(_, text): &(_, String)| self.hosts.iter().any(|host| host.is_spelled(text));
        if let Some(domain) =
            domains_of(subject).find(|domain| self.hosts.iter().any(|host| host.is_spelled(domain)))
        {
            return Err(Denied::subject(format!("DC, together {domain}, {advice}")));
        }
        match subject.attributes().find(of_ours) {
            Some((attribute, text)) => Err(Denied::subject(format!(
                "{}={text:?} {advice}",
                attributes::label(attribute)
            ))),
            None => Ok(()),
        }
    }
}

/// The domain that the DC attributes spell (RFC 2247), read from either end.
fn domains_of(name: &DistinguishedName) -> impl Iterator<Item = String> {
    let mut labels = name.values_of(oids::DOMAIN_COMPONENT);
    let one = labels.join(".");
    labels.reverse();
    [one, labels.join(".")]
        .into_iter()
        .filter(|text| !text.is_empty())
}

/// Everything in a name that a program could read as text.
fn texts_of(san: &San) -> Vec<String> {
    match san {
        San::DirName(name) => name.attributes().map(|(_, value)| value).collect(),
        // The string types of ASN.1 by the octets inside; those of two or four octets have zeros between them.
        San::OtherName { value_der, .. } | San::Opaque(value_der) => {
            let octets: Vec<u8> = value_der.iter().copied().filter(|octet| *octet != 0).collect();
            vec![String::from_utf8_lossy(&octets).into_owned()]
        }
        San::Dns(_) | San::Ip(_) | San::Email(_) | San::SmtpUtf8(_) | San::Uri(_) | San::RegisteredId(_) => {
            vec![san.value()]
        }
    }
}

/// The authority of what follows a scheme, without user information and port.
fn authority_of(rest: &str) -> &str {
    let rest = rest.trim_start_matches(['/', '\\']);
    let authority = rest.split(['/', '\\', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    host.split(':').next().unwrap_or_default()
}

/// Every `%41` as the octet that it encodes; what is not UTF-8 then is dropped.
pub(crate) fn percent_decoded(text: &str) -> String {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after
            .get(..2)
            .filter(|_| *first == b'%')
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match hex {
            Some(octet) => {
                octets.push(octet);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                octets.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&octets).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> ReservedNames {
        let hosts: Vec<San> = [
            "dns:PKI.example.test",
            "ip:192.0.2.9",
            "dns:localhost",
            "ip:127.0.0.1",
            "ip:::1",
        ]
        .iter()
        .map(|text| text.parse().unwrap())
        .collect();
        ReservedNames::new("GigVault.internal", &hosts)
    }

    #[test]
    fn the_trust_domain_is_found_in_every_spelling() {
        for text in [
            "spiffe://gigvault.internal/svc/api",
            "SPIFFE://GIGVAULT.internal/svc/api",
            "spiffe://gigvault.internal./svc/api",
            "spiffe://gigvault.internal:443/svc/api",
            "spiffe://user@gigvault.internal/svc/api",
            "spiffe:/gigvault.internal/svc/api",
            "spiffe:gigvault.internal",
            "spiffe://gigvault%2Einternal/svc/api",
            "spiffe://gigvault%252einternal/svc/api",
            "%73piffe://gigvault.internal/svc/api",
            "admin spiffe://gigvault.internal",
            "spiffe://gigvault\u{200b}.internal/svc/api",
        ] {
            assert!(names().is_named_in(text), "{text}");
        }
        for text in [
            "spiffe://other.internal/svc/api",
            "https://gigvault.internal/svc/api",
            "spiffe://a.test/gigvault.internal",
            "gigvault.internal",
            "",
            "%",
            "%4",
        ] {
            assert!(!names().is_named_in(text), "{text}");
        }
    }

    #[test]
    fn hosts_of_the_api_are_reserved_but_not_loopback() {
        let subject = DistinguishedName::default();
        let refused = |text: &str| {
            let san = [text.parse().unwrap()];
            names().check(&Grant::default(), &subject, &san).is_err()
        };
        for text in [
            "dns:pki.example.test",
            "dns:Pki.Example.Test",
            "dns:*.example.test",
            "ip:192.0.2.9",
            "uri:https://pki.example.test:8443/api",
            "uri:https://192.0.2.9/",
            "othername:1.3.6.1.5.5.7.8.7=16175f68747470732e706b692e6578616d706c652e74657374",
            "dirname:CN=pki.example.test",
            "dirname:DC=pki,DC=example,DC=test",
            "uri:urn:pki.example.test:api",
        ] {
            assert!(refused(text), "{text}");
        }
        for text in [
            "dns:localhost",
            "ip:127.0.0.1",
            "ip:::1",
            "dns:www.example.test",
            "dns:a.pki.example.test",
            "dns:*.pki.example.test",
            "ip:192.0.2.10",
        ] {
            assert!(!refused(text), "{text}");
        }
    }

    #[test]
    fn a_wildcard_of_the_api_reserves_all_that_it_covers() {
        let own = [
            "dns:*.pki.example.test".parse().unwrap(),
            "dns:*.localhost".parse().unwrap(),
        ];
        let names = ReservedNames::new("gigvault.internal", &own);
        let refused = |subject: &str, text: &str| {
            let san = [text.parse().unwrap()];
            names
                .check(&Grant::default(), &subject.parse().unwrap(), &san)
                .is_err()
        };
        for text in [
            "dns:a.pki.example.test",
            "dns:A.PKI.Example.Test",
            "dns:xn--bcher-kva.pki.example.test",
            "dns:*.pki.example.test",
            "uri:https://a.pki.example.test/",
        ] {
            assert!(refused("", text), "{text}");
        }
        for text in [
            "dns:pki.example.test",
            "dns:a.b.pki.example.test",
            "dns:*.a.pki.example.test",
            "dns:*.example.test",
            "dns:apki.example.test",
            "dns:a.localhost",
        ] {
            assert!(!refused("", text), "{text}");
        }
        for subject in [
            "CN=*.pki.example.test",
            "CN=a.pki.example.test",
            "CN= a.PKI.example.test. ",
            "OU=a.pki.example.test",
            "UID=*.pki.example.test",
            "DC=a,DC=pki,DC=example,DC=test",
            "DC=test,DC=example,DC=pki,DC=a",
        ] {
            assert!(refused(subject, "dns:web.test"), "{subject}");
        }
        assert!(!refused("CN=a.b.pki.example.test,O=pki", "dns:web.test"));
    }

    #[test]
    fn a_common_name_counts_and_a_grant_opens_hosts_only() {
        let subject: DistinguishedName = "CN=pki.example.test".parse().unwrap();
        let ours: DistinguishedName = "CN=spiffe://gigvault.internal/svc/ca".parse().unwrap();
        let granted = Grant::default().with_reserved_hosts();
        assert!(names().check(&Grant::default(), &subject, &[]).is_err());
        let wildcard = "CN=*.example.test".parse().unwrap();
        assert!(names().check(&Grant::default(), &wildcard, &[]).is_err());
        assert!(names().check(&granted, &subject, &[]).is_ok());
        assert!(names().check(&granted, &ours, &[]).is_err());
        assert!(names().check(&Grant::service(), &ours, &[]).is_ok());
    }
}
