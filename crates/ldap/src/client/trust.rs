//! Which directories are accepted: those with a certificate for their name under given CAs, by the rules of rustls.

use std::fmt;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use x509::Certificate;

/// The CAs that certify a directory.
#[derive(Clone)]
pub struct Trust(Arc<ClientConfig>);

/// What was given cannot be trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnusableRoots(String);

impl Trust {
    /// These certificates, PEM.
    ///
    /// # Errors
    /// If there is none, or one cannot be used.
    pub fn of(pem: &[u8]) -> Result<Self, UnusableRoots> {
        let unusable =
            |error: &dyn fmt::Display| UnusableRoots(format!("no CA certificates in PEM: {error}"));
        let mut roots = RootCertStore::empty();
        for root in Certificate::chain_from_pem(pem).map_err(|error| unusable(&error))? {
            roots
                .add(CertificateDer::from(root.der().to_vec()))
                .map_err(|error| unusable(&error))?;
        }
        if roots.is_empty() {
            return Err(unusable(&"the file has none"));
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable(&error))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(Arc::new(config)))
    }

    pub(super) fn config(&self) -> &Arc<ClientConfig> {
        &self.0
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trust")
    }
}
