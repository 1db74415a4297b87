//! The identity of a service among services.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use futures::FutureExt;
use futures::future::BoxFuture;
use rustls::client::Resumption;
use rustls::server::WebPkiClientVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::time_provider::TimeProvider as _;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::CertificateDer;
use tokio_util::sync::CancellationToken;
use x509::Certificate;
use zeroize::Zeroizing;

use super::peer_rule::PeerRule;
use super::{IdentityFiles, RevokedPeers, SpiffeId, Time, TlsError, TlsSource, alpn, files, provider, watch};
use crate::clock::SharedClock;
use crate::peer::Peer;

/// How long a connection stays that is made with a certificate that is known to be revoked: its calls are refused.
const TOLD: Duration = Duration::from_secs(1);

/// Certificate, key and roots of a service; clones share it, and all see a replacement at once.
#[derive(Clone)]
pub struct Identity(Arc<Inner>);

struct Inner {
    clock: SharedClock,
    files: Option<IdentityFiles>,
    current: ArcSwap<Loaded>,
    revoked: RevokedPeers,
}

/// The three parts in PEM.
#[derive(PartialEq, Eq)]
struct Pem {
    chain: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
    roots: Vec<u8>,
}

struct Loaded {
    pem: Pem,
    id: SpiffeId,
    certified: Arc<CertifiedKey>,
    roots: Arc<RootCertStore>,
    server: Arc<ServerConfig>,
}

impl Identity {
    /// From PEM: chain, PKCS#8 key, and the roots that peers' certificates must come from.
    ///
    /// # Errors
    /// When they cannot be parsed, do not go together, or the certificate names no service.
    pub fn from_pem(chain: &[u8], key: &[u8], roots: &[u8], clock: SharedClock) -> Result<Self, TlsError> {
        let pem = Pem {
            chain: chain.to_vec(),
            key: key.to_vec().into(),
            roots: roots.to_vec(),
        };
        Ok(Self::loaded(Loaded::new(pem, &clock)?, None, clock))
    }

    /// From files, which [`Identity::reload`] reads again and [`Identity::replace`] writes.
    ///
    /// # Errors
    /// As [`Identity::from_pem`], or when a file cannot be read.
    pub fn from_files(files: IdentityFiles, clock: SharedClock) -> Result<Self, TlsError> {
        let (loaded, waited) = Loaded::from_files(&files, &clock)?;
        if waited {
            files.finish_write()?;
        }
        Ok(Self::loaded(loaded, Some(files), clock))
    }

    /// Whose identity [`Identity::from_files`] would read. The files stay as they are.
    ///
    /// # Errors
    /// As [`Identity::from_files`].
    pub fn check_files(files: &IdentityFiles, clock: &SharedClock) -> Result<SpiffeId, TlsError> {
        Loaded::from_files(files, clock).map(|(loaded, _)| loaded.id)
    }

    fn loaded(loaded: Loaded, files: Option<IdentityFiles>, clock: SharedClock) -> Self {
        Self(Arc::new(Inner {
            clock,
            files,
            current: ArcSwap::from_pointee(loaded),
            revoked: RevokedPeers::default(),
        }))
    }

    /// Who this is.
    #[must_use]
    pub fn id(&self) -> SpiffeId {
        self.0.current.load().id.clone()
    }

    /// The certificate in use, DER.
    #[must_use]
    pub fn leaf(&self) -> CertificateDer<'static> {
        self.0
            .current
            .load()
            .certified
            .cert
            .first()
            .cloned()
            .unwrap_or_else(|| CertificateDer::from(Vec::new()))
    }

    /// The peers that it refuses, as a client and as a server; none until it is told of some.
    #[must_use]
    pub fn revoked_peers(&self) -> &RevokedPeers {
        &self.0.revoked
    }

    /// Whether the certificate in use is revoked.
    #[must_use]
    pub fn is_revoked(&self) -> bool {
        self.0.revoked.contains(&self.leaf())
    }

    /// A service said that the certificate in use is revoked, by this serial number. Nothing is believed of another certificate.
    pub(crate) fn told_revoked(&self, serial: &str) {
        let own = Certificate::from_der(&self.leaf()).ok();
        let own = own.and_then(|certificate| certificate.serial().proper().ok());
        if let Some(own) = own.filter(|own| own.to_string() == serial && !self.is_revoked()) {
            tracing::error!(
                serial,
                identity = %self.id(),
                "the identity of this process is revoked or on hold: no service takes it; if it is not released, make another with `gigvault bootstrap --identity NAME`"
            );
            self.0.revoked.add_own(own);
        }
    }

    /// Whether others would take that chain now: it ends at the roots that are in use, is valid, and is not revoked.
    pub(crate) fn would_be_taken(&self, chain: &[u8]) -> bool {
        let Ok(chain) = files::certificates("certificate", chain) else {
            return false;
        };
        let (Some((leaf, intermediates)), Some(now)) = (
            chain.split_first(),
            Time(Arc::clone(&self.0.clock)).current_time(),
        ) else {
            return false;
        };
        let roots = Arc::clone(&self.0.current.load().roots);
        let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider()).build();
        let verified = verifier.is_ok_and(|rule| rule.verify_client_cert(leaf, intermediates, now).is_ok());
        verified && !self.0.revoked.contains(leaf)
    }

    /// Puts another certificate and key of the same service in place, in the files too.
    ///
    /// # Errors
    /// As [`Identity::from_files`], or when the certificate names another service; the old one then stays.
    pub fn replace(&self, chain: &[u8], key: &[u8]) -> Result<(), TlsError> {
        let current = self.0.current.load_full();
        let pem = Pem {
            chain: chain.to_vec(),
            key: key.to_vec().into(),
            roots: current.pem.roots.clone(),
        };
        let next = Loaded::new(pem, &self.0.clock)?;
        self.same_service(&next)?;
        if let Some(files) = &self.0.files {
            files.write(chain, key)?;
        }
        self.0.current.store(Arc::new(next));
        Ok(())
    }

    /// Reads the files again; says whether anything changed. Without files it does nothing.
    ///
    /// # Errors
    /// As [`Identity::from_files`], or when the certificate names another service; the old one then stays.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let Some(files) = &self.0.files else {
            return Ok(false);
        };
        let pem = Pem::read(files)?;
        if self.0.current.load().pem == pem {
            return Ok(false);
        }
        let next = Loaded::new(pem, &self.0.clock)?;
        self.same_service(&next)?;
        self.0.current.store(Arc::new(next));
        Ok(true)
    }

    /// Reloads whenever the files change, until `stop`.
    pub async fn watch(self, stop: CancellationToken) {
        watch::run(move || self.reload(), stop).await;
    }

    /// For one connection to the service named `peer`: shows our certificate and accepts that service only.
    ///
    /// # Errors
    /// When rustls cannot be set up with this identity.
    pub fn client_config(&self, peer: &str) -> Result<Arc<ClientConfig>, TlsError> {
        let current = self.0.current.load();
        let expected = current.id.sibling(peer);
        let rule = PeerRule {
            expected,
            roots: Arc::clone(&current.roots),
            revoked: self.0.revoked.clone(),
        };
        let provider = provider();
        let verifier = verify::by_rule(rule, &provider);
        let mut config =
            ClientConfig::builder_with_details(provider, Arc::new(Time(Arc::clone(&self.0.clock))))
                .with_safe_default_protocol_versions()
                .map_err(unusable)?
                .dangerous()
                .with_custom_certificate_verifier(verifier)
                .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(&current.certified))));
        config.alpn_protocols = vec![b"h2".to_vec()];
        config.resumption = Resumption::disabled();
        Ok(Arc::new(config))
    }

    fn same_service(&self, next: &Loaded) -> Result<(), TlsError> {
        let current = self.id();
        if next.id == current {
            return Ok(());
        }
        Err(TlsError::NotAService(format!(
            "the new certificate is for {}, not for {current}",
            next.id
        )))
    }
}

fn unusable(source: rustls::Error) -> TlsError {
    TlsError::Unusable {
        what: "the service certificate",
        source,
    }
}

impl Pem {
    fn read(files: &IdentityFiles) -> Result<Self, TlsError> {
        let (chain, key) = (files::read(&files.certificate)?, files::read(&files.key)?);
        Ok(Self {
            chain,
            key: key.into(),
            roots: files::read(&files.roots)?,
        })
    }
}

impl Loaded {
    /// And whether it is with the waiting certificate of an interrupted write, where that is what fits the key.
    fn from_files(files: &IdentityFiles, clock: &SharedClock) -> Result<(Self, bool), TlsError> {
        let pem = Pem::read(files)?;
        let (key, roots) = (pem.key.clone(), pem.roots.clone());
        match Self::new(pem, clock) {
            Err(error @ TlsError::Unusable { .. }) => {
                let waiting = files.waiting_certificate();
                let waiting = waiting.and_then(|chain| Self::new(Pem { chain, key, roots }, clock).ok());
                waiting.map(|loaded| (loaded, true)).ok_or(error)
            }
            loaded => Ok((loaded?, false)),
        }
    }

    fn new(pem: Pem, clock: &SharedClock) -> Result<Self, TlsError> {
        let chain = files::certificates("certificate", &pem.chain)?;
        let id = match chain.first() {
            Some(leaf) => SpiffeId::of(leaf)?,
            None => return Err(TlsError::NotAService("there is no certificate".to_owned())),
        };
        let provider = provider();
        let certified = CertifiedKey::from_der(chain, files::private_key(&pem.key, None)?, &provider)
            .map_err(unusable)?;
        let certified = Arc::new(certified);
        let roots = Arc::new(roots(&pem.roots)?);
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&provider))
            .build()
            .map_err(|error| TlsError::Pem {
                what: "roots",
                detail: error.to_string(),
            })?;
        let mut server = ServerConfig::builder_with_details(provider, Arc::new(Time(Arc::clone(clock))))
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(&certified))));
        server.alpn_protocols = alpn();
        super::never_resume(&mut server);
        Ok(Self {
            pem,
            id,
            certified,
            roots,
            server: Arc::new(server),
        })
    }
}

fn roots(pem: &[u8]) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    for root in files::certificates("roots", pem)? {
        store.add(root).map_err(|error| TlsError::Pem {
            what: "roots",
            detail: error.to_string(),
        })?;
    }
    Ok(store)
}

impl TlsSource for Identity {
    fn server_config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.current.load().server)
    }

    fn peer(&self, leaf: &CertificateDer<'_>) -> Peer {
        if let Some(serial) = self.0.revoked.serial_of(leaf) {
            return Peer::revoked(serial);
        }
        match SpiffeId::of(leaf) {
            _ if !self.0.revoked.admit(leaf) => Peer::default(),
            Ok(peer) if peer.trust_domain() == self.0.current.load().id.trust_domain() => {
                Peer::named(peer.service())
            }
            _ => Peer::default(),
        }
    }

    fn ready(&self) -> BoxFuture<'static, ()> {
        self.0.revoked.clone().until_known().boxed()
    }

    fn revoked(&self, leaf: CertificateDer<'static>) -> BoxFuture<'static, ()> {
        let revoked = self.0.revoked.clone();
        async move {
            // Whoever connects with it nevertheless is told why nothing is answered.
            if revoked.contains(&leaf) {
                tokio::time::sleep(TOLD).await;
            }
            revoked.until_among(leaf).await;
        }
        .boxed()
    }
}
