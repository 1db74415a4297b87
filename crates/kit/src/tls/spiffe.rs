//! Names of services: `spiffe://<trust-domain>/svc/<name>`.

use std::fmt;
use std::str::FromStr;

use rustls_pki_types::CertificateDer;

use super::TlsError;

/// The name of a service in a trust domain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SpiffeId {
    trust_domain: String,
    service: String,
}

impl SpiffeId {
    /// `gigvault.internal` of `spiffe://gigvault.internal/svc/ca`.
    #[must_use]
    pub fn trust_domain(&self) -> &str {
        &self.trust_domain
    }

    /// `ca` of `spiffe://gigvault.internal/svc/ca`.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.service
    }

    /// Another service of the same trust domain.
    #[must_use]
    pub fn sibling(&self, service: &str) -> Self {
        Self {
            trust_domain: self.trust_domain.clone(),
            service: service.to_owned(),
        }
    }

    /// The one URI in the SAN of a certificate (X.509-SVID section 2: exactly one).
    pub(super) fn of(leaf: &CertificateDer<'_>) -> Result<Self, TlsError> {
        let certificate = webpki::EndEntityCert::try_from(leaf)
            .map_err(|error| TlsError::NotAService(format!("the certificate cannot be parsed: {error}")))?;
        let mut uris = certificate.valid_uri_names();
        match (uris.next(), uris.next()) {
            (Some(uri), None) => uri.parse(),
            (None, _) => Err(TlsError::NotAService("the certificate has no URI".to_owned())),
            (Some(_), Some(_)) => Err(TlsError::NotAService(
                "the certificate has several URIs".to_owned(),
            )),
        }
    }
}

impl FromStr for SpiffeId {
    type Err = TlsError;

    fn from_str(text: &str) -> Result<Self, TlsError> {
        let word = |word: &str, also: &[u8]| {
            let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || also.contains(&b);
            (1..=255).contains(&word.len()) && word.bytes().all(allowed)
        };
        text.strip_prefix("spiffe://")
            .and_then(|rest| rest.split_once("/svc/"))
            .filter(|(trust_domain, service)| word(trust_domain, b".-_") && word(service, b"-"))
            .map(|(trust_domain, service)| Self {
                trust_domain: trust_domain.to_owned(),
                service: service.to_owned(),
            })
            .ok_or_else(|| TlsError::NotAService(format!("{text:?} does not name a service")))
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "spiffe://{}/svc/{}", self.trust_domain, self.service)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_name_is_read_and_written() {
        let id: SpiffeId = "spiffe://gigvault.internal/svc/keymgr".parse().unwrap();
        assert_eq!((id.trust_domain(), id.service()), ("gigvault.internal", "keymgr"));
        assert_eq!(id.to_string(), "spiffe://gigvault.internal/svc/keymgr");
        assert_eq!(id.sibling("ca").to_string(), "spiffe://gigvault.internal/svc/ca");
    }

    #[test]
    fn anything_else_names_no_service() {
        for text in [
            "",
            "spiffe://",
            "spiffe://a",
            "spiffe://a/svc/",
            "spiffe:///svc/b",
            "spiffe://a/svc/b/c",
            "spiffe://a/SVC/b",
            "spiffe://A/svc/b",
            "spiffe://a/svc/B",
            "https://a/svc/b",
            "spiffe://a/svc/b?c",
            "spiffe://a:1/svc/b",
            "spiffe://a/ns/x/svc/b",
            "spiffe://a/svc/b/svc/c",
            " spiffe://a/svc/b",
        ] {
            assert!(text.parse::<SpiffeId>().is_err(), "{text}");
        }
    }
}
