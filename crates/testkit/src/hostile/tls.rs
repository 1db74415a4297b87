//! TLS that believes every server: an attacker does not care whom it attacks.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, Error};
use tokio_rustls::TlsConnector;
use verify::{ServerRule, Shown};

/// Shows the identity in that folder, if there is one.
pub(super) fn connector(identity: Option<&Path>, h2: bool) -> anyhow::Result<TlsConnector> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verify::by_rule(Anybody, &provider));
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(folder) => {
            let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(folder.join("tls.crt"))?.collect();
            let key = PrivateKeyDer::from_pem_file(folder.join("tls.key"))?;
            builder.with_client_auth_cert(chain?, key)?
        }
    };
    if h2 {
        config.alpn_protocols = vec![b"h2".to_vec()];
    }
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Accepts every server.
#[derive(Debug)]
struct Anybody;

impl ServerRule for Anybody {
    fn accept(&self, _: &Shown<'_>, _: &WebPkiSupportedAlgorithms) -> Result<(), Error> {
        Ok(())
    }
}
