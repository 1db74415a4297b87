//! The certificate of the HTTPS listener. No client certificate is asked for.

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls_pki_types::CertificateDer;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use super::{Time, TlsError, TlsSource, alpn, files, provider, watch};
use crate::clock::SharedClock;
use crate::peer::Peer;

/// A certificate and its key for HTTPS; clones share it.
#[derive(Clone)]
pub struct ServerIdentity(Arc<Inner>);

struct Inner {
    clock: SharedClock,
    files: Option<(PathBuf, PathBuf)>,
    current: ArcSwap<Loaded>,
}

struct Loaded {
    pem: (Vec<u8>, Zeroizing<Vec<u8>>),
    leaf: CertificateDer<'static>,
    config: Arc<ServerConfig>,
}

impl ServerIdentity {
    /// From a chain and a PKCS#8 key in PEM.
    ///
    /// # Errors
    /// When they can't be parsed or don't go together.
    pub fn from_pem(chain: &[u8], key: &[u8], clock: SharedClock) -> Result<Self, TlsError> {
        Self::new(chain, key, clock, None)
    }

    /// From files, which [`ServerIdentity::reload`] reads again.
    ///
    /// # Errors
    /// As [`ServerIdentity::from_pem`], or when a file can't be read.
    pub fn from_files(chain: PathBuf, key: PathBuf, clock: SharedClock) -> Result<Self, TlsError> {
        let pem = (files::read(&chain)?, Zeroizing::new(files::read(&key)?));
        Self::new(&pem.0, &pem.1, clock, Some((chain, key)))
    }

    fn new(
        chain: &[u8],
        key: &[u8],
        clock: SharedClock,
        files: Option<(PathBuf, PathBuf)>,
    ) -> Result<Self, TlsError> {
        let current = ArcSwap::from_pointee(Loaded::new(chain, key, &clock)?);
        Ok(Self(Arc::new(Inner {
            clock,
            files,
            current,
        })))
    }

    /// The certificate in use, DER.
    #[must_use]
    pub fn leaf(&self) -> CertificateDer<'static> {
        self.0.current.load().leaf.clone()
    }

    /// Puts another certificate and key in place.
    ///
    /// # Errors
    /// As [`ServerIdentity::from_pem`]; the old one then stays.
    pub fn replace(&self, chain: &[u8], key: &[u8]) -> Result<(), TlsError> {
        self.0
            .current
            .store(Arc::new(Loaded::new(chain, key, &self.0.clock)?));
        Ok(())
    }

    /// Reads the files again; says whether anything changed. Without files it does nothing.
    ///
    /// # Errors
    /// As [`ServerIdentity::from_files`]; the old one then stays.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let Some((chain, key)) = &self.0.files else {
            return Ok(false);
        };
        let pem = (files::read(chain)?, Zeroizing::new(files::read(key)?));
        if self.0.current.load().pem == pem {
            return Ok(false);
        }
        self.replace(&pem.0, &pem.1)?;
        Ok(true)
    }

    /// Reloads whenever the files change, until `stop`.
    pub async fn watch(self, stop: CancellationToken) {
        watch::run(move || self.reload(), stop).await;
    }
}

impl Loaded {
    fn new(chain: &[u8], key: &[u8], clock: &SharedClock) -> Result<Self, TlsError> {
        let certificates = files::certificates("certificate", chain)?;
        let leaf = certificates
            .first()
            .cloned()
            .unwrap_or_else(|| CertificateDer::from(Vec::new()));
        let private_key = files::private_key(key)?;
        let unusable = |source| TlsError::Unusable {
            what: "the HTTPS certificate",
            source,
        };
        let mut config = ServerConfig::builder_with_details(provider(), Arc::new(Time(Arc::clone(clock))))
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_no_client_auth()
            .with_single_cert(certificates, private_key)
            .map_err(unusable)?;
        config.alpn_protocols = alpn();
        // Resumption without state: clients may reconnect to any replica that has just restarted.
        config.ticketer = Ticketer::new().map_err(unusable)?;
        Ok(Self {
            pem: (chain.to_vec(), key.to_vec().into()),
            leaf,
            config: Arc::new(config),
        })
    }
}

impl TlsSource for ServerIdentity {
    fn server_config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.current.load().config)
    }

    fn peer(&self, _leaf: &CertificateDer<'_>) -> Peer {
        Peer::default()
    }
}
