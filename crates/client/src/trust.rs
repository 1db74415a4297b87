//! How a client knows that it talks to the API of GigVault, and not to the holder of some certificate of the same root.
//!
//! Under one root users have certificates too, some for `localhost`. What tells the API apart is the CA that certified
//! it: the services CA, which the root itself certified for TLS alone with path length 0, and under which no user gets a
//! certificate. So a chain has to be leaf, services CA, root, and the leaf has to carry the SPIFFE id of the API beside
//! the name that was called. A CA that a user has below the users' CA cannot take the place of the services CA: the
//! root did not certify it. See `docs/adr/0008`.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::CertificateDer;
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, OtherError, RootCertStore};
use verify::{ServerRule, Shown};
use x509::bundle::Bundle;
use x509::{Certificate, Eku, San};

use crate::error::Error;

/// What a server has to show beside a certificate for its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerIdentity {
    /// Nothing: any certificate for the name under the trusted roots. For an API behind a proxy, or with a certificate
    /// of another CA.
    Name,
    /// The certificate of the API from the services CA of a GigVault installation.
    Gigvault,
    /// The same, of the installation with this trust domain.
    TrustDomain(String),
}

impl FromStr for ServerIdentity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "name" => Ok(Self::Name),
            "gigvault" => Ok(Self::Gigvault),
            id => trust_domain_of(id).map(|domain| Self::TrustDomain(domain.to_owned())).ok_or_else(|| {
                format!("{id:?} is not an identity of the API: write gigvault, name, or spiffe://<trust-domain>/svc/api")
            }),
        }
    }
}

impl fmt::Display for ServerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => f.write_str("name"),
            Self::Gigvault => f.write_str("gigvault"),
            Self::TrustDomain(domain) => write!(f, "spiffe://{domain}/svc/api"),
        }
    }
}

/// The trust domain of the SPIFFE id of an API.
fn trust_domain_of(id: &str) -> Option<&str> {
    let domain = id.strip_prefix("spiffe://")?.strip_suffix("/svc/api")?;
    (!domain.is_empty() && !domain.contains('/')).then_some(domain)
}

/// The certificate is for the name, but not that of the API.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NotTheApi(String);

/// Checks chain, name, and that the certificate is the API's.
#[derive(Debug)]
struct ApiRule {
    anchors: RootCertStore,
    roots: Vec<Certificate>,
    /// Of any installation under the roots if none.
    trust_domain: Option<String>,
}

/// TLS for a server that has to be the API of GigVault under these roots.
pub(crate) fn config(roots: &[u8], trust_domain: Option<String>) -> Result<ClientConfig, Error> {
    let unusable =
        |error: &dyn fmt::Display| Error::Config(format!("the CA certificates cannot be used: {error}"));
    let given = Bundle::read(roots)
        .map_err(|error| unusable(&error))?
        .certificates;
    let mut anchors = RootCertStore::empty();
    let (mut roots, mut refused) = (Vec::new(), None);
    for root in given {
        match anchors.add(CertificateDer::from(root.der().to_vec())) {
            Ok(()) => roots.push(root),
            // One root that cannot be used says nothing about those beside it.
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    if let (true, Some(error)) = (roots.is_empty(), refused) {
        return Err(unusable(&error));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let rule = ApiRule {
        anchors,
        roots,
        trust_domain,
    };
    let verifier = verify::by_rule(rule, &provider);
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&error))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

impl ApiRule {
    /// The certificate of the services CA that certified the leaf.
    fn services_ca(&self, leaf: &Certificate, sent: &[CertificateDer<'_>]) -> Result<Certificate, NotTheApi> {
        let mut uris = leaf.sans().iter().filter_map(|san| match san {
            San::Uri(uri) => Some(uri.as_str()),
            _ => None,
        });
        let domain = match (uris.next().and_then(trust_domain_of), uris.next()) {
            (Some(domain), None) => domain,
            _ => {
                return Err(NotTheApi(
                    "it does not name the API of a GigVault installation".to_owned(),
                ));
            }
        };
        if let Some(expected) = self
            .trust_domain
            .as_deref()
            .filter(|expected| *expected != domain)
        {
            return Err(NotTheApi(format!("it is the API of {domain}, not of {expected}")));
        }
        let sent = sent.iter().filter_map(|der| Certificate::from_der(der).ok());
        sent.chain(self.roots.iter().cloned())
            .find(|ca| leaf.verify_signed_by(ca).is_ok() && self.is_services_ca(ca))
            .ok_or_else(|| NotTheApi("the services CA of the installation did not issue it".to_owned()))
    }

    fn is_services_ca(&self, ca: &Certificate) -> bool {
        let for_tls_alone = ca.eku().is_some_and(|purposes| {
            !purposes.is_empty()
                && purposes
                    .iter()
                    .all(|purpose| matches!(purpose, Eku::ServerAuth | Eku::ClientAuth))
        });
        // Of several certificates only self-signed ones count as roots: a file may hold the users' CA too, and what that
        // certified is not a services CA.
        let alone = self.roots.len() == 1;
        let trusted = self.roots.iter().any(|root| {
            root.der() == ca.der() || ((alone || root.is_self_issued()) && ca.verify_signed_by(root).is_ok())
        });
        ca.is_ca() && ca.path_len() == Some(0) && for_tls_alone && trusted
    }
}

impl ServerRule for ApiRule {
    fn accept(&self, shown: &Shown<'_>, algorithms: &WebPkiSupportedAlgorithms) -> Result<(), rustls::Error> {
        let parsed = ParsedCertificate::try_from(shown.leaf)?;
        let signed_by = |intermediates: &[CertificateDer<'_>]| {
            verify_server_cert_signed_by_trust_anchor(
                &parsed,
                &self.anchors,
                intermediates,
                shown.now,
                algorithms.all,
            )
        };
        // First by everything that was sent: a foreign or expired certificate is called that.
        signed_by(shown.intermediates)?;
        verify_server_name(&parsed, shown.host)?;
        let refused = |why: NotTheApi| CertificateError::Other(OtherError(Arc::new(why)));
        let own = Certificate::from_der(shown.leaf).map_err(|error| refused(NotTheApi(error.to_string())))?;
        let ca = self.services_ca(&own, shown.intermediates).map_err(refused)?;
        // Then by the services CA and no other way.
        signed_by(&[CertificateDer::from(ca.der().to_vec())])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_read_and_written() {
        for text in ["name", "gigvault", "spiffe://gigvault.internal/svc/api"] {
            assert_eq!(text.parse::<ServerIdentity>().unwrap().to_string(), text);
        }
        for bad in [
            "",
            "GigVault",
            "none",
            "spiffe:///svc/api",
            "spiffe://a/b/svc/api",
            "spiffe://a/svc/ca",
            "https://a/svc/api",
        ] {
            assert!(bad.parse::<ServerIdentity>().is_err(), "{bad}");
        }
    }
}
