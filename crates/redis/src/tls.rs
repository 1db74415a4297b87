//! TLS to servers and Sentinels: standard verification of chain and name, under the CAs of the configuration alone.

use std::path::Path;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::Tls;
use crate::error::TlsFault;

/// Longest file that is read.
const MAX_LEN: u64 = 1024 * 1024;

/// Reads the files.
pub(crate) fn client(tls: &Tls) -> Result<ClientConfig, TlsFault> {
    let mut roots = RootCertStore::empty();
    for root in certificates(&tls.ca_file)? {
        roots.add(root)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    Ok(match (&tls.certificate, &tls.key) {
        (None, None) => config.with_no_client_auth(),
        (Some(certificate), Some(key)) => {
            config.with_client_auth_cert(certificates(certificate)?, private_key(key)?)?
        }
        (Some(_), None) | (None, Some(_)) => return Err(TlsFault::Half),
    })
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsFault> {
    let pem = files::read(path, MAX_LEN)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    all.ok()
        .filter(|all| !all.is_empty())
        .ok_or_else(|| unreadable(path, "certificate"))
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsFault> {
    let pem = files::read(path, MAX_LEN)?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(|_| unreadable(path, "private key"))
}

fn unreadable(path: &Path, what: &'static str) -> TlsFault {
    TlsFault::Pem {
        path: path.display().to_string(),
        what,
    }
}
