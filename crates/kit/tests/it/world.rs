//! A CA for tests, services with identities of it, listeners on free ports, and a gRPC service to call.

use std::sync::Arc;
use std::time::Duration;

use kit::clock::{SharedClock, SystemClock};
use kit::grpc::edge;
use kit::http::{BodyMemory, Limits, Site, serve};
use kit::peer::{AllowTable, Peer};
use kit::tls::{Identity, TlsSource};
use proto::auth::v1::auth_server::{Auth, AuthServer};
use proto::auth::v1::{AuthenticateRequest, Identity as Answer};
use proto::feed::v1::WatchRequest;
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PublicKeyData, SanType,
};
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use tower::Layer;

pub(crate) fn clock() -> SharedClock {
    Arc::new(SystemClock::default())
}

/// A certification authority.
pub(crate) struct Ca {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: String,
}

/// Chain and key, PEM.
pub(crate) struct Pair {
    pub(crate) chain: String,
    pub(crate) key: String,
}

/// What a certificate says.
pub(crate) struct Leaf<'a> {
    pub(crate) names: &'a [&'a str],
    pub(crate) life: Duration,
    pub(crate) usages: &'a [ExtendedKeyUsagePurpose],
}

impl Default for Leaf<'_> {
    fn default() -> Self {
        Self {
            names: &["spiffe://t.test/svc/ca"],
            life: Duration::from_secs(3600),
            usages: &[
                ExtendedKeyUsagePurpose::ServerAuth,
                ExtendedKeyUsagePurpose::ClientAuth,
            ],
        }
    }
}

impl Ca {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    pub(crate) fn sign(&self, leaf: &Leaf<'_>, key: &impl PublicKeyData) -> String {
        let mut params = CertificateParams::default();
        let san = |name: &&str| match name.split_once("://") {
            Some(_) => SanType::URI((*name).try_into().unwrap()),
            None => SanType::DnsName((*name).try_into().unwrap()),
        };
        params.subject_alt_names = leaf.names.iter().map(san).collect();
        params.extended_key_usages = leaf.usages.to_vec();
        params.not_before = clock().now() - Duration::from_secs(1);
        params.not_after = params.not_before + leaf.life;
        params.signed_by(key, &self.issuer).unwrap().pem()
    }

    pub(crate) fn pair(&self, leaf: &Leaf<'_>) -> Pair {
        let key = KeyPair::generate().unwrap();
        Pair {
            chain: self.sign(leaf, &key),
            key: key.serialize_pem(),
        }
    }

    pub(crate) fn service_pair(&self, service: &str) -> Pair {
        self.pair(&Leaf {
            names: &[&format!("spiffe://t.test/svc/{service}")],
            ..Leaf::default()
        })
    }

    pub(crate) fn identity(&self, service: &str) -> Identity {
        self.identity_of(&self.service_pair(service))
    }

    pub(crate) fn identity_of(&self, pair: &Pair) -> Identity {
        Identity::from_pem(
            pair.chain.as_bytes(),
            pair.key.as_bytes(),
            self.pem.as_bytes(),
            clock(),
        )
        .unwrap()
    }
}

/// A listener that is being served.
pub(crate) struct Served {
    pub(crate) port: u16,
    pub(crate) stop: CancellationToken,
    pub(crate) task: JoinHandle<()>,
}

impl Served {
    pub(crate) async fn new(tls: Option<Arc<dyn TlsSource>>, site: Site, limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let stop = CancellationToken::new();
        let task = tokio::spawn(serve(listener, tls, site, limits, stop.clone()));
        Self { port, stop, task }
    }

    pub(crate) async fn plain(site: Site) -> Self {
        Self::new(None, site, Limits::default()).await
    }

    pub(crate) async fn mutual(identity: &Identity, site: Site) -> Self {
        Self::new(Some(Arc::new(identity.clone())), site, Limits::default()).await
    }

    pub(crate) fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    pub(crate) fn http(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A gRPC service that says what it knows of its caller; some tokens make it misbehave.
#[derive(Clone)]
pub(crate) struct Echo;

#[tonic::async_trait]
impl Auth for Echo {
    async fn authenticate(&self, request: Request<AuthenticateRequest>) -> Result<Response<Answer>, Status> {
        let peer = request
            .extensions()
            .get::<Peer>()
            .and_then(Peer::name)
            .unwrap_or("stranger")
            .to_owned();
        let trace = kit::trace::current();
        let token = request.into_inner().token;
        match token.as_str() {
            "panic" => panic!("asked for"),
            "slow" => tokio::time::sleep(Duration::from_secs(60)).await,
            "pause" => tokio::time::sleep(Duration::from_millis(20)).await,
            _ => {}
        }
        let roles = vec![
            trace.traceparent.unwrap_or_default(),
            trace.correlation_id.unwrap_or_default(),
        ];
        Ok(Response::new(Answer {
            subject: peer,
            roles,
            permissions: vec![token],
            expires_us: 0,
            allowed_names: Vec::new(),
        }))
    }

    type WatchStream = kit::feed::WatchStream;

    async fn watch(&self, _: Request<WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("it has no events"))
    }
}

pub(crate) const ALLOW: AllowTable = &[("/gigvault.auth.v1.Auth/Authenticate", &["ca", "keymgr"])];

/// The echo service behind its edge.
pub(crate) fn echo() -> kit::grpc::Edged<AuthServer<Echo>> {
    edge("auth", ALLOW).layer(AuthServer::new(Echo).max_decoding_message_size(kit::grpc::MAX_MESSAGE))
}

/// The echo service for a listener.
pub(crate) fn echo_site() -> Site {
    Site::grpc(
        tonic::service::Routes::new(echo()),
        BodyMemory::new(64 << 20, 32 << 20),
    )
}

/// The public key of a CSR, for [`Ca::sign`].
pub(crate) struct Requested(Vec<u8>);

impl Requested {
    pub(crate) fn by(csr: &[u8]) -> (Self, Vec<String>) {
        let csr = x509::Csr::from_der(csr).unwrap();
        (
            Self(csr.public_key().key_bytes().to_vec()),
            csr.sans().iter().map(ToString::to_string).collect(),
        )
    }
}

impl PublicKeyData for Requested {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

/// Waits until `condition` holds, for thirty seconds at most.
pub(crate) async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..3000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what} did not happen within thirty seconds");
}

/// A reqwest client for plain HTTP.
pub(crate) fn client() -> reqwest::Client {
    let _first_wins = rustls::crypto::aws_lc_rs::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

pub(crate) fn now() -> OffsetDateTime {
    clock().now()
}
