//! A CA of its own for each test: two databases, a key manager, a root, a clock that does not move.

mod gate;
mod processes;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use ca::{
    Ca, Error, IdempotencyKey, IssueRequest, Issued, NewAuthority, ProfileScope, Protocol, RenewRequest,
    Requester, RevokeRequest, Seen, USER_PROFILES, Visibility,
};
use http_body_util::BodyExt as _;
use keys::{Signer, SoftwareKey};
use kit::clock::MockClock;
use kit::dry_run::Commit;
use kit::error::{Fault, Kind};
use kit::transport::{Transport, in_process};
use proto::ca::v1::ca_client::CaClient;
use proto::keymgr::v1::keymgr_client::KeymgrClient;
use proto::keymgr::v1::{GenerateRequest, Purpose};
use rootca::{Intermediate, Root};
use serde_json::Value;
use store::Db;
use store::feed::{Cursor, Event, Feed};
use testkit::database::TestDatabase;
use time::OffsetDateTime;
use time::macros::datetime;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use x509::crl::Reason;
use x509::csr::Csr;
use x509::serial::Serial;
use x509::{KeyAlgorithm, PublicKey, San, SignatureAlgorithm};

pub(crate) const NOW: OffsetDateTime = datetime!(2027-01-02 03:04:05.678901 UTC);

pub(crate) use gate::Gate;
use processes::{build, handle, key_manager};

/// A running CA with the two authorities of an installation: `issuing` and `services`.
pub(crate) struct World {
    database: TestDatabase,
    _of_keymgr: TestDatabase,
    pub(crate) keymgr_db: Db,
    pub(crate) keymgr: Transport,
    /// The same as `ocsp` reaches it.
    pub(crate) keymgr_of_ocsp: Transport,
    root: Root,
    pub(crate) stop: CancellationToken,
    pub(crate) clock: Arc<MockClock>,
    pub(crate) db: Db,
    pub(crate) ca: Ca,
}

impl World {
    pub(crate) async fn sqlite() -> Self {
        Self::on(TestDatabase::sqlite().unwrap()).await
    }

    pub(crate) async fn on(database: TestDatabase) -> Self {
        let clock = Arc::new(MockClock::new(NOW));
        let of_keymgr = database.another().await.unwrap();
        let keymgr_db = of_keymgr.open("keymgr", &keymgr::MIGRATIONS).await.unwrap();
        let key_manager = key_manager(&of_keymgr, keymgr_db.clone(), Arc::clone(&clock)).await;
        let [keymgr, keymgr_of_ocsp] =
            ["ca", "ocsp"].map(|caller| in_process(key_manager.service().grpc, caller));
        let db = handle(&database).await;
        let stop = CancellationToken::new();
        let ca = build(&db, keymgr.clone(), &clock, &stop, ca::Config::default()).await;
        let root = Root::create(&"CN=Test Root".parse().unwrap(), KeyAlgorithm::P384, None, NOW).unwrap();
        let world = Self {
            database,
            _of_keymgr: of_keymgr,
            keymgr_db,
            keymgr,
            keymgr_of_ocsp,
            root,
            stop,
            clock,
            db,
            ca,
        };
        world.add_authority("issuing", USER_PROFILES).await;
        world.add_authority("services", "service-identity").await;
        world
    }

    /// The database with a pool of its own, as another process has.
    pub(crate) async fn another_handle(&self) -> Db {
        handle(&self.database).await
    }

    /// Another process on the same database, with a pool of its own.
    pub(crate) async fn replica(&self) -> Ca {
        let db = self.another_handle().await;
        let settings = ca::Config::default();
        build(&db, self.keymgr.clone(), &self.clock, &self.stop, settings).await
    }

    /// A CA on the same database that reaches keymgr by another way.
    pub(crate) async fn with_keymgr(&self, keymgr: Transport) -> Ca {
        self.with_settings(keymgr, ca::Config::default()).await
    }

    /// The same with other settings.
    pub(crate) async fn with_settings(&self, keymgr: Transport, settings: ca::Config) -> Ca {
        build(&self.db, keymgr, &self.clock, &self.stop, settings).await
    }

    /// Adds a CA below the root that issues this profile.
    pub(crate) async fn add_authority(&self, name: &str, profile: &str) {
        let key_name = format!("ca-{name}");
        let made = KeymgrClient::new(self.keymgr.clone())
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
        let wanted = match name {
            "services" => Intermediate::for_services(subject, public_key),
            // One that has CAs below it.
            "parent" => Intermediate {
                path_len: Some(1),
                ..Intermediate::new(subject, public_key)
            },
            _ => Intermediate::new(subject, public_key),
        };
        let new = NewAuthority {
            name: name.to_owned(),
            key_name,
            algorithm: SignatureAlgorithm::EcdsaSha256,
            certificate: self.root.sign_intermediate(&wanted, NOW).unwrap(),
            chain: vec![self.root.certificate().clone()],
            profiles: vec![profile.to_owned()],
        };
        self.ca.app().add_authority(new).await.unwrap();
    }

    /// What service `caller` sees.
    pub(crate) fn client(&self, caller: &'static str) -> CaClient<Transport> {
        CaClient::new(in_process(self.ca.service().grpc, caller))
    }

    /// Sends JSON to a route as a caller of that role; `token` is that of a preview.
    pub(crate) async fn post(
        &self,
        role: &str,
        path: &str,
        token: Option<&Value>,
        body: &Value,
    ) -> (StatusCode, Value) {
        let mut request = Request::post(path)
            .header(header::AUTHORIZATION, format!("Bearer {role}"))
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(token) = token {
            request = request.header("preview-token", token.as_str().unwrap());
        }
        let (router, _) = self.ca.service().rest.split_for_parts();
        let request = request.body(Body::from(body.to_string())).unwrap();
        let answer = router.oneshot(request).await.unwrap();
        let status = answer.status();
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap())
    }

    pub(crate) async fn issue(&self, request: IssueRequest) -> Issued {
        self.ca.app().issue(&anyone(), request, &Commit).await.unwrap()
    }

    /// As the inventory has it now.
    pub(crate) async fn issued(&self, serial: &Serial) -> Issued {
        self.ca.app().find(&anyone(), &serial.to_string()).await.unwrap()
    }

    pub(crate) async fn renew(&self, request: RenewRequest) -> Result<Issued, Error> {
        self.ca.app().renew(&anyone(), request, &Commit).await
    }

    pub(crate) async fn revoke(&self, serial: &str, reason: Reason) -> Result<Issued, Error> {
        let request = RevokeRequest {
            serial: serial.to_owned(),
            reason,
            invalidity: None,
            same_key: false,
            descendants: false,
        };
        let revoked = self.ca.app().revoke(&anyone(), &request, &Commit).await;
        revoked.map(|revoked| revoked.certificate)
    }

    pub(crate) async fn hold(&self, serial: &str) -> Result<Issued, Error> {
        let held = self.ca.app().hold(&anyone(), serial, &Commit).await;
        held.map(|held| held.certificate)
    }

    pub(crate) async fn release(&self, serial: &str) -> Result<Issued, Error> {
        self.ca.app().release(&anyone(), serial, &Commit).await
    }

    /// Events of certificates and of health, in the order of the feed.
    pub(crate) async fn events(&self) -> Vec<Event> {
        let feed = Feed::new(self.db.clone(), Duration::from_millis(10));
        let mut events = Vec::new();
        let mut cursor = Cursor::START;
        // PostgreSQL shows an event once no older transaction of the server is open: other tests' are short.
        for _ in 0..500 {
            let page = feed.after(cursor, 500).await.unwrap();
            cursor = page.last().map_or(cursor, |last| last.cursor);
            events.extend(page);
            if events.len() as i64 == self.count("outbox").await {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(
            events.len() as i64,
            self.count("outbox").await,
            "the feed does not show all events"
        );
        events.retain(|event| event.kind.contains("certificate.") || event.kind.contains("health"));
        events
    }

    pub(crate) async fn count(&self, table: &'static str) -> i64 {
        store::read!(&self.db, |connection| {
            sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}")))
                .fetch_one(connection)
                .await
        })
        .unwrap()
    }

    /// `(spki_sha256, key_use)` of every certificate, in order.
    pub(crate) async fn key_uses(&self) -> Vec<(Vec<u8>, i64)> {
        store::read!(&self.db, |connection| {
            sqlx::query_as("SELECT spki_sha256, key_use FROM certificates ORDER BY spki_sha256, key_use")
                .fetch_all(connection)
                .await
        })
        .unwrap()
    }
}

pub(crate) fn requester(subject: &str, issues: ProfileScope) -> Requester {
    Requester {
        subject: subject.to_owned(),
        issues,
        sees: Visibility::All,
        rights: ca::Rights::default(),
        on_behalf: false,
        seen: Seen::Any,
    }
}

pub(crate) fn owner(subject: &str) -> Requester {
    Requester {
        sees: Visibility::Own,
        ..requester(subject, ProfileScope::Any)
    }
}

pub(crate) fn anyone() -> Requester {
    requester("test:anyone", ProfileScope::Any)
}

pub(crate) fn key() -> SoftwareKey {
    SoftwareKey::generate(KeyAlgorithm::P256).unwrap()
}

pub(crate) fn csr(key: &SoftwareKey, sans: &[&str]) -> Vec<u8> {
    csr_of("", key, sans)
}

pub(crate) fn csr_of(subject: &str, key: &SoftwareKey, sans: &[&str]) -> Vec<u8> {
    let sans: Vec<San> = sans.iter().map(|san| san.parse().unwrap()).collect();
    let algorithm = SignatureAlgorithm::EcdsaSha256;
    let sign = |message: &[u8]| key.sign(message, algorithm);
    Csr::build(
        &subject.parse().unwrap(),
        &sans,
        key.public_key(),
        algorithm,
        sign,
    )
    .unwrap()
}

/// A TLS server certificate of that key for that host.
pub(crate) fn server(key: &SoftwareKey, host: &str) -> IssueRequest {
    on_profile("tls-server", key, &format!("dns:{host}"))
}

pub(crate) fn on_profile(profile: &str, key: &SoftwareKey, san: &str) -> IssueRequest {
    IssueRequest {
        csr: csr(key, &[san]),
        profile: profile.to_owned(),
        ca: None,
        validity: None,
        subject: None,
        sans: None,
        protocol: Protocol::Rest,
        idempotency_key: None,
    }
}

pub(crate) fn with_key(request: &IssueRequest, key: &str) -> IssueRequest {
    IssueRequest {
        idempotency_key: Some(IdempotencyKey::new(key).unwrap()),
        ..request.clone()
    }
}

pub(crate) fn renewal(old: &Issued, csr: Option<Vec<u8>>) -> RenewRequest {
    RenewRequest {
        serial: old.serial.to_string(),
        csr,
        validity: None,
        protocol: Protocol::Rest,
        idempotency_key: None,
    }
}

/// All of them at once.
pub(crate) async fn issue_all(
    requests: impl IntoIterator<Item = (Ca, Requester, IssueRequest)>,
) -> Vec<Result<Issued, Error>> {
    let mut tasks = JoinSet::new();
    for (ca, requester, request) in requests {
        tasks.spawn(async move { ca.app().issue(&requester, request, &Commit).await });
    }
    tasks.join_all().await
}

#[track_caller]
pub(crate) fn refused<T: std::fmt::Debug>(result: Result<T, Error>, kind: Kind) -> Error {
    match result {
        Ok(answer) => panic!("{answer:?} was not refused"),
        Err(error) => {
            assert_eq!(error.kind(), kind, "{error:?}");
            error
        }
    }
}
