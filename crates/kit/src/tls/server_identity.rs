//! The certificate of the HTTPS listener. No client certificate is asked for.

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls_pki_types::CertificateDer;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use super::{Time, TlsError, TlsSource, alpn, files, provider, watch};
use crate::clock::SharedClock;
use crate::peer::Peer;

/// A certificate and its key for HTTPS; clones share it.
#[derive(Clone)]
pub struct ServerIdentity(Arc<Inner>);

/// Where a certificate and its key are read from.
#[derive(Clone, Debug)]
pub struct ServerFiles {
    /// Chain in PEM, leaf first; or PKCS#12.
    pub certificate: PathBuf,
    /// The private key: PKCS#8, SEC 1 or PKCS#1 in PEM or DER, or PKCS#12.
    pub key: PathBuf,
    /// Holds the passphrase of an encrypted key; mode 0600.
    pub passphrase: Option<PathBuf>,
}

struct Inner {
    clock: SharedClock,
    files: Option<ServerFiles>,
    current: ArcSwap<Loaded>,
}

struct Loaded {
    source: Source,
    leaf: CertificateDer<'static>,
    config: Arc<ServerConfig>,
}

/// Files as they were read.
#[derive(PartialEq, Eq)]
struct Source {
    chain: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

impl Source {
    fn new(chain: &[u8], key: &[u8]) -> Self {
        Self {
            chain: chain.to_vec(),
            key: key.to_vec().into(),
        }
    }
}

impl ServerFiles {
    fn read(&self) -> Result<Source, TlsError> {
        Ok(Source {
            chain: files::read(&self.certificate)?,
            key: files::read(&self.key)?.into(),
        })
    }

    fn passphrase(&self) -> Result<Option<SecretString>, TlsError> {
        let path = self.passphrase.as_deref();
        Ok(path.map(keys::secret_file::read_passphrase).transpose()?)
    }
}

impl ServerIdentity {
    /// From a chain in PEM and a key that is not encrypted.
    ///
    /// # Errors
    /// When they cannot be parsed or do not go together.
    pub fn from_pem(chain: &[u8], key: &[u8], clock: SharedClock) -> Result<Self, TlsError> {
        let loaded = Loaded::new(Source::new(chain, key), None, &clock)?;
        Ok(Self::with(loaded, None, clock))
    }

    /// From files, which [`ServerIdentity::reload`] reads again.
    ///
    /// # Errors
    /// As [`ServerIdentity::from_pem`], or when a file cannot be read or not be decrypted.
    pub fn from_files(files: ServerFiles, clock: SharedClock) -> Result<Self, TlsError> {
        let loaded = Loaded::new(files.read()?, files.passphrase()?.as_ref(), &clock)?;
        Ok(Self::with(loaded, Some(files), clock))
    }

    fn with(loaded: Loaded, files: Option<ServerFiles>, clock: SharedClock) -> Self {
        Self(Arc::new(Inner {
            clock,
            files,
            current: ArcSwap::from_pointee(loaded),
        }))
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
        let loaded = Loaded::new(Source::new(chain, key), None, &self.0.clock)?;
        self.0.current.store(Arc::new(loaded));
        Ok(())
    }

    /// Reads the files again; says whether anything changed. Without files it does nothing.
    ///
    /// # Errors
    /// As [`ServerIdentity::from_files`]; the old one then stays.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let Some(files) = &self.0.files else {
            return Ok(false);
        };
        let source = files.read()?;
        if self.0.current.load().source == source {
            return Ok(false);
        }
        let loaded = Loaded::new(source, files.passphrase()?.as_ref(), &self.0.clock)?;
        self.0.current.store(Arc::new(loaded));
        Ok(true)
    }

    /// Reloads whenever the files change, until `stop`.
    pub async fn watch(self, stop: CancellationToken) {
        watch::run(move || self.reload(), stop).await;
    }
}

impl Loaded {
    fn new(source: Source, passphrase: Option<&SecretString>, clock: &SharedClock) -> Result<Self, TlsError> {
        let certificates = files::chain(&source.chain, passphrase)?;
        let leaf = certificates
            .first()
            .cloned()
            .unwrap_or_else(|| CertificateDer::from(Vec::new()));
        let private_key = files::private_key(&source.key, passphrase)?;
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
            source,
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
