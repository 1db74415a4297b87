//! An installation for each test: a CA with two authorities, a key manager, and a responder that follows them.

mod idle;
mod key_manager;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use ca::{Ca, NewAuthority, USER_PROFILES};
use http_body_util::BodyExt as _;
use keymgr::Keymgr;
use keys::{Signer as _, SoftwareKey};
use kit::clock::MockClock;
use kit::service::Finding;
use kit::transport::{Transport, in_process};
use ocsp::{Config, Deps, MIGRATIONS, Ocsp};
use proto::ca::v1 as wire;
use proto::ca::v1::ca_client::CaClient;
use proto::keymgr::v1::keymgr_client::KeymgrClient;
use proto::keymgr::v1::{GenerateRequest, Purpose};
use redis::Redis;
use rootca::{Intermediate, Root};
use store::Db;
use testkit::credentials::ByRole;
use testkit::database::TestDatabase;
use time::OffsetDateTime;
use time::macros::datetime;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use x509::csr::Csr;
use x509::ocsp::{
    CertId, ErrorStatus, Expected, HashAlgorithm, IssuerIds, Nonce, OcspRequest, OcspResponse, ResponseError,
};
use x509::{Certificate, KeyAlgorithm, PublicKey, ReceivedSerial, SignatureAlgorithm};

use crate::gate::Gate;
use key_manager::{kek_file, key_manager};

pub(crate) const NOW: OffsetDateTime = datetime!(2027-01-02 03:04:05.678901 UTC);
/// Reached only by a failure.
const PATIENCE: usize = 1000;

pub(crate) struct World {
    databases: [TestDatabase; 3],
    root: Root,
    pub(crate) clock: Arc<MockClock>,
    pub(crate) db: Db,
    pub(crate) ca_db: Db,
    keymgr: Keymgr,
    /// Between the responder and the CA service, and the key manager.
    pub(crate) to_ca: Gate,
    pub(crate) to_keymgr: Gate,
    pub(crate) responder: Responder,
}

/// A process with the responder.
pub(crate) struct Responder {
    ca: Ca,
    pub(crate) ocsp: Ocsp,
    /// Ends the feed that it follows.
    pub(crate) feed: CancellationToken,
    stop: CancellationToken,
    _jobs: JoinSet<()>,
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// What a client gets.
pub(crate) struct Answer {
    pub(crate) headers: HeaderMap,
    pub(crate) der: Vec<u8>,
}

impl World {
    pub(crate) async fn on(database: TestDatabase) -> Self {
        let clock = Arc::new(MockClock::new(NOW));
        let others = [
            database.another().await.unwrap(),
            database.another().await.unwrap(),
        ];
        let [of_ca, of_keymgr] = others;
        keys::KeyEncryptionKey::create_file(&kek_file(&of_keymgr)).unwrap();
        let keymgr = key_manager(&of_keymgr, &clock, true).await;
        let ca_db = of_ca.open("ca", &ca::MIGRATIONS).await.unwrap();
        let stop = CancellationToken::new();
        let ca = build_ca(&ca_db, &keymgr, &clock, &stop).await;
        let root = Root::create(&"CN=Test Root".parse().unwrap(), KeyAlgorithm::P384, None, NOW).unwrap();
        let db = database.open("ocsp", &MIGRATIONS).await.unwrap();
        add_authority(&ca, &keymgr, &root, "issuing").await;
        add_authority(&ca, &keymgr, &root, "second").await;
        let (to_ca, to_keymgr) = (Gate::default(), Gate::default());
        let at = Place {
            ca_db: &ca_db,
            keymgr: &keymgr,
            clock: &clock,
            db: &db,
            gates: (&to_ca, &to_keymgr),
        };
        let responder = at.start(Config::default(), None).await;
        eventually("the responder is ready", async || responder.is_ready().await).await;
        Self {
            databases: [database, of_ca, of_keymgr],
            root,
            clock,
            db,
            ca_db,
            keymgr,
            to_ca,
            to_keymgr,
            responder,
        }
    }

    /// Another process that shares the database of the responder.
    pub(crate) async fn replica(&self, config: Config) -> Responder {
        self.replica_with(config, None).await
    }

    pub(crate) async fn replica_with(&self, config: Config, redis: Option<Redis>) -> Responder {
        let responder = self.starting(config, redis).await;
        eventually("the responder is ready", async || responder.is_ready().await).await;
        responder
    }

    /// The same, which may never be ready.
    pub(crate) async fn starting(&self, config: Config, redis: Option<Redis>) -> Responder {
        let at = Place {
            ca_db: &self.ca_db,
            keymgr: &self.keymgr,
            clock: &self.clock,
            db: &self.databases[0].open("ocsp", &MIGRATIONS).await.unwrap(),
            gates: (&self.to_ca, &self.to_keymgr),
        };
        at.start(config, redis).await
    }

    pub(crate) async fn add_authority(&self, name: &str) {
        // The process with the CA that the responder asks: another one learns of it when it is asked for it.
        add_authority(&self.responder.ca, &self.keymgr, &self.root, name).await;
    }

    fn client(&self, caller: &'static str) -> CaClient<Transport> {
        CaClient::new(in_process(self.responder.ca.service().grpc, caller))
    }

    /// Certificate of a CA.
    pub(crate) async fn authority(&self, name: &str) -> Certificate {
        let all = self
            .client("ocsp")
            .list_cas(wire::ListCasRequest {})
            .await
            .unwrap()
            .into_inner();
        let found = all.items.into_iter().find(|ca| ca.name == name).unwrap();
        Certificate::from_der(&found.certificate).unwrap()
    }

    /// Issues a certificate of that CA.
    pub(crate) async fn issue(&self, authority: &str) -> Certificate {
        let key = SoftwareKey::generate(KeyAlgorithm::P256).unwrap();
        let algorithm = SignatureAlgorithm::EcdsaSha256;
        let sans = ["dns:a.example.test".parse().unwrap()];
        let sign = |message: &[u8]| key.sign(message, algorithm);
        let csr = Csr::build(&"".parse().unwrap(), &sans, key.public_key(), algorithm, sign).unwrap();
        let request = wire::IssueRequest {
            csr,
            profile: "tls-server".to_owned(),
            ca: authority.to_owned(),
            requester: "user:ada".to_owned(),
            ..wire::IssueRequest::default()
        };
        let issued = self.client("ra").issue(request).await.unwrap().into_inner();
        Certificate::from_der(&issued.certificate).unwrap()
    }

    pub(crate) async fn revoke(&self, certificate: &Certificate, reason: wire::Reason) {
        let request = wire::RevokeRequest {
            serial: certificate.serial().to_string(),
            reason: reason.into(),
            requester: "user:ada".to_owned(),
            ..wire::RevokeRequest::default()
        };
        self.client("ra").revoke(request).await.unwrap();
    }

    pub(crate) async fn hold(&self, certificate: &Certificate) {
        let request = wire::HoldRequest {
            serial: certificate.serial().to_string(),
            requester: "user:ada".to_owned(),
        };
        self.client("ra").hold(request).await.unwrap();
    }

    pub(crate) async fn release(&self, certificate: &Certificate) {
        let request = wire::ReleaseRequest {
            serial: certificate.serial().to_string(),
            requester: "user:ada".to_owned(),
        };
        self.client("ra").release(request).await.unwrap();
    }

    /// What the responder answers for a certificate of `issuing`, verified as a relying party does.
    pub(crate) async fn status(
        &self,
        certificate: &Certificate,
    ) -> Result<x509::ocsp::CertStatus, ErrorStatus> {
        self.status_by(&self.responder, certificate).await
    }

    pub(crate) async fn status_by(
        &self,
        responder: &Responder,
        certificate: &Certificate,
    ) -> Result<x509::ocsp::CertStatus, ErrorStatus> {
        let issuer = self.authority("issuing").await;
        let request = OcspRequest::build(vec![id(&issuer, certificate.serial())], None).unwrap();
        let answer = responder.post(request.der()).await;
        let response = match OcspResponse::from_der(&answer.der) {
            Err(ResponseError::Refused(status)) => return Err(status),
            other => other.unwrap(),
        };
        let verified = response
            .verify(&self.expected(&issuer, certificate.serial(), None))
            .unwrap();
        assert!(verified.no_check);
        Ok(verified.single.status)
    }

    pub(crate) fn expected<'a>(
        &self,
        issuer: &'a Certificate,
        serial: &'a ReceivedSerial,
        nonce: Option<&'a Nonce>,
    ) -> Expected<'a> {
        Expected {
            issuer,
            serial,
            now: kit::clock::Clock::now(&*self.clock),
            tolerance: time::Duration::ZERO,
            nonce,
        }
    }

    pub(crate) async fn count(&self, table: &'static str) -> i64 {
        self.db.count_rows(table, i64::MAX).await.unwrap()
    }
}

impl Responder {
    pub(crate) async fn post(&self, der: &[u8]) -> Answer {
        let request = Request::post("/ocsp")
            .header(header::HOST, "localhost")
            .header(header::CONTENT_TYPE, "application/ocsp-request");
        self.send(request.body(Body::from(der.to_vec())).unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        let request = Request::get(path).header(header::HOST, "localhost");
        self.send(request.body(Body::empty()).unwrap()).await
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let answer = self.ocsp.service().public.answer(request).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(
            answer.headers()[header::CONTENT_TYPE],
            "application/ocsp-response"
        );
        let mut headers = answer.headers().clone();
        // Of the request, and so another each time.
        headers.remove("x-correlation-id");
        let der = answer.into_body().collect().await.unwrap().to_bytes().to_vec();
        Answer { headers, der }
    }

    /// What `doctor` says of who signs.
    pub(crate) async fn of_responders(&self) -> Finding {
        self.look("OCSP responders").await
    }

    /// What `doctor` says.
    pub(crate) async fn look(&self, name: &str) -> Finding {
        let checks = self.ocsp.service().doctor;
        let check = checks.iter().find(|check| check.name == name);
        check.unwrap().look().await
    }

    /// Whether it says that it is ready.
    pub(crate) async fn is_ready(&self) -> bool {
        let mut ready = true;
        for check in self.ocsp.service().readiness {
            ready &= check.ask().await.is_ok();
        }
        ready
    }
}

/// What a responder is started beside.
struct Place<'a> {
    ca_db: &'a Db,
    keymgr: &'a Keymgr,
    clock: &'a Arc<MockClock>,
    db: &'a Db,
    gates: (&'a Gate, &'a Gate),
}

impl Place<'_> {
    async fn start(&self, config: Config, redis: Option<Redis>) -> Responder {
        let (feed, stop) = (CancellationToken::new(), CancellationToken::new());
        // It reaches a process of its own with the CA: the feed of that one can be ended.
        let ca = build_ca(self.ca_db, self.keymgr, self.clock, &feed).await;
        let (to_ca, to_keymgr) = self.gates;
        let deps = Deps {
            db: self.db.clone(),
            clock: Arc::<MockClock>::clone(self.clock),
            ca: to_ca.before(in_process(ca.service().grpc, "ocsp")),
            keymgr: to_keymgr.before(in_process(self.keymgr.service().grpc, "ocsp")),
            redis,
            stop: stop.clone(),
        };
        let ocsp = Ocsp::build(config, deps).unwrap();
        let mut jobs = JoinSet::new();
        for job in ocsp.service().jobs {
            jobs.spawn(job.run(stop.clone()));
        }
        Responder {
            ca,
            ocsp,
            feed,
            stop,
            _jobs: jobs,
        }
    }
}

/// Waits until something is so.
pub(crate) async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..PATIENCE {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("never: {what}");
}

pub(crate) fn id(issuer: &Certificate, serial: &ReceivedSerial) -> CertId {
    CertId::new(&IssuerIds::of(issuer), HashAlgorithm::Sha1, serial)
}

async fn build_ca(db: &Db, keymgr: &Keymgr, clock: &Arc<MockClock>, stop: &CancellationToken) -> Ca {
    let deps = ca::Deps {
        db: db.clone(),
        clock: Arc::<MockClock>::clone(clock),
        keymgr: in_process(keymgr.service().grpc, "ca"),
        crl: kit::transport::pending("no crl runs beside it".to_owned()).0,
        ocsp: kit::transport::pending("ocsp asks ca here, and not the other way round".to_owned()).0,
        authenticator: Arc::new(ByRole),
        public_http_url: "http://pki.example.test".to_owned(),
        stop: stop.clone(),
        trust_domain: "example.test".to_owned(),
        identity_validity: None,
        api_names: vec!["dns:api.example.test".parse().unwrap()],
    };
    Ca::build(ca::Config::default(), deps).await.unwrap()
}

async fn add_authority(ca: &Ca, keymgr: &Keymgr, root: &Root, name: &str) {
    let key_name = format!("ca-{name}");
    let mut keymgr = KeymgrClient::new(in_process(keymgr.service().grpc, "ca"));
    let made = keymgr
        .generate(GenerateRequest {
            name: key_name.clone(),
            algorithm: "p256".to_owned(),
            purpose: Purpose::CertificateAuthority.into(),
        })
        .await
        .unwrap()
        .into_inner();
    let public_key = PublicKey::from_spki(&made.spki).unwrap();
    let subject = format!("CN=Test {name}").parse().unwrap();
    let wanted = Intermediate::new(subject, public_key);
    let new = NewAuthority {
        name: name.to_owned(),
        key_name,
        algorithm: SignatureAlgorithm::EcdsaSha256,
        certificate: root.sign_intermediate(&wanted, NOW).unwrap(),
        chain: vec![root.certificate().clone()],
        profiles: vec![USER_PROFILES.to_owned()],
    };
    ca.app().add_authority(new).await.unwrap();
}
