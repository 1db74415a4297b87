//! TLS identities: of a service among services, and of the HTTPS listener.
//!
//! An [`Identity`] proves who a service is, in both directions of mutual TLS; a [`ServerIdentity`] is what
//! browsers and clients see, with [`OptionalClientCertificates`] where they may show one too. All are swapped whole while
//! they are in use: open connections go on, new ones see the new certificate. TLS 1.3 and 1.2, AEAD suites only, by aws-lc-rs.

mod client_certificates;
mod files;
mod identity;
mod peer_rule;
mod revoked_peers;
mod server_identity;
mod spiffe;
mod watch;

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::server::NoServerSessionStorage;
use rustls::time_provider::TimeProvider;
use rustls_pki_types::{CertificateDer, UnixTime};

pub use client_certificates::OptionalClientCertificates;
pub use files::IdentityFiles;
pub use identity::Identity;
pub use revoked_peers::RevokedPeers;
pub use server_identity::{ServerFiles, ServerIdentity};
pub use spiffe::SpiffeId;

use crate::clock::SharedClock;
use crate::peer::Peer;

/// For servers to which clients show certificates: a resumed session would not show its certificate again, and so outlive
/// it.
fn never_resume(config: &mut ServerConfig) {
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
}

/// What a listener takes its TLS from, at each accept.
pub trait TlsSource: Send + Sync {
    /// The configuration for the next connection.
    fn server_config(&self) -> Arc<ServerConfig>;

    /// Who the holder of this verified client certificate is.
    fn peer(&self, leaf: &CertificateDer<'_>) -> Peer;

    /// Returns once peers can be told from those that are revoked; they wait for it.
    fn ready(&self) -> BoxFuture<'static, ()> {
        std::future::ready(()).boxed()
    }

    /// Returns once this client certificate is revoked, where that is looked at.
    fn revoked(&self, _leaf: CertificateDer<'static>) -> BoxFuture<'static, ()> {
        std::future::pending().boxed()
    }
}

/// An identity cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] ::files::Error),
    /// Not the PEM that was expected.
    #[error("{what}: {detail}; it takes PEM")]
    Pem {
        /// Which part.
        what: &'static str,
        /// What is wrong.
        detail: String,
    },
    /// The private key cannot be read.
    #[error("private key: {0}")]
    Key(#[from] keys::KeyError),
    /// The private key is encrypted, and nothing opens it.
    #[error(
        "the private key is encrypted: for HTTPS, name a file of mode 0600 with its passphrase as \
         listen.tls.passphrase_file; the key of a service identity is never encrypted"
    )]
    Encrypted,
    /// Certificate and key do not go together, or rustls cannot use them.
    #[error("{what} cannot be used: {source}")]
    Unusable {
        /// Which part.
        what: &'static str,
        /// Why.
        source: rustls::Error,
    },
    /// The certificate does not name a service.
    #[error(
        "{0}; a service certificate has one URI of the form spiffe://<trust-domain>/svc/<name> in its SAN"
    )]
    NotAService(String),
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// Certificates expire by the clock that everything else goes by.
#[derive(Debug)]
struct Time(SharedClock);

impl TimeProvider for Time {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.now().unix_timestamp()).ok()?;
        Some(UnixTime::since_unix_epoch(std::time::Duration::from_secs(
            seconds,
        )))
    }
}

fn alpn() -> Vec<Vec<u8>> {
    vec![b"h2".to_vec(), b"http/1.1".to_vec()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suite_is_an_aead() {
        for suite in &provider().cipher_suites {
            let name = format!("{:?}", suite.suite());
            assert!(
                name.contains("GCM") || name.contains("CHACHA20_POLY1305"),
                "{name}"
            );
        }
    }
}
