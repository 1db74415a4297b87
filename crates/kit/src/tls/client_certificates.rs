//! HTTPS with a client certificate for those who have one.
//!
//! The client is told which CAs are accepted (RFC 8446 section 4.2.4), and may show nothing. What it shows must lead to one of
//! them, for client authentication and now, or the handshake ends. Whether it was revoked is not looked at here: that is for
//! whoever authenticates a request by it.

use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::CertificateDer;

use super::{ServerIdentity, Time, TlsSource, alpn, provider};
use crate::clock::SharedClock;
use crate::peer::Peer;

/// The certificate of the HTTPS listener, and the CAs whose certificates clients may show.
pub struct OptionalClientCertificates {
    server: ServerIdentity,
    accepted: ArcSwap<Vec<CertificateDer<'static>>>,
    built: ArcSwapOption<Built>,
    clock: SharedClock,
}

/// A configuration, and what it was made of.
struct Built {
    server: Arc<ServerConfig>,
    accepted: Arc<Vec<CertificateDer<'static>>>,
    config: Arc<ServerConfig>,
}

impl OptionalClientCertificates {
    /// Asks for no certificate until [`accept`](Self::accept) names CAs.
    #[must_use]
    pub fn new(server: ServerIdentity, clock: SharedClock) -> Self {
        Self {
            server,
            accepted: ArcSwap::default(),
            built: ArcSwapOption::default(),
            clock,
        }
    }

    /// From the next handshake on, certificates of these CAs are accepted, and no others. A CA need not be a root: clients
    /// send no more of their chain than leads to it.
    pub fn accept(&self, authorities: Vec<CertificateDer<'static>>) {
        if **self.accepted.load() != authorities {
            self.accepted.store(Arc::new(authorities));
        }
    }

    fn build(&self, server: &Arc<ServerConfig>, accepted: &[CertificateDer<'static>]) -> Arc<ServerConfig> {
        let mut roots = RootCertStore::empty();
        let (_, unusable) = roots.add_parsable_certificates(accepted.iter().cloned());
        if unusable > 0 {
            tracing::warn!(
                unusable,
                "certificates of CAs cannot be used to check client certificates"
            );
        }
        if roots.is_empty() {
            return Arc::clone(server);
        }
        self.asking(server, roots).unwrap_or_else(|error| {
            tracing::error!(error, "client certificates are not asked for");
            Arc::clone(server)
        })
    }

    fn asking(&self, server: &Arc<ServerConfig>, roots: RootCertStore) -> Result<Arc<ServerConfig>, String> {
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
            .allow_unauthenticated()
            .build()
            .map_err(|error| error.to_string())?;
        let time = Arc::new(Time(Arc::clone(&self.clock)));
        let mut config = ServerConfig::builder_with_details(provider(), time)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::clone(&server.cert_resolver));
        config.alpn_protocols = alpn();
        super::never_resume(&mut config);
        Ok(Arc::new(config))
    }
}

impl TlsSource for OptionalClientCertificates {
    fn server_config(&self) -> Arc<ServerConfig> {
        let (server, accepted) = (self.server.server_config(), self.accepted.load_full());
        let known = self.built.load();
        if let Some(built) = known.as_ref()
            && Arc::ptr_eq(&built.server, &server)
            && Arc::ptr_eq(&built.accepted, &accepted)
        {
            return Arc::clone(&built.config);
        }
        let config = self.build(&server, &accepted);
        self.built.store(Some(Arc::new(Built {
            server,
            accepted,
            config: Arc::clone(&config),
        })));
        config
    }

    fn peer(&self, _leaf: &CertificateDer<'_>) -> Peer {
        Peer::default()
    }
}
