//! A service of its own for each test, with a database, beside a ca and a keymgr that are played.

mod ca;
mod keymgr;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::Response;
use crl::{Config, Crl, Deps, Kind, MIGRATIONS, Scope};
use futures::StreamExt as _;
use http_body_util::BodyExt as _;
use keys::{Signer as _, SoftwareKey};
use kit::clock::MockClock;
use kit::transport::{Transport, in_process};
use proto::ca::v1 as wire;
use proto::ca::v1::ca_server::CaServer;
use proto::crl::v1::crl_client::CrlClient;
use proto::keymgr::v1::keymgr_server::KeymgrServer;
use rootca::{Intermediate, Root};
use serde::Deserialize;
use store::feed::{Cursor, Feed};
use store::{Db, Options};
use testkit::database::TestDatabase;
use time::OffsetDateTime;
use time::macros::datetime;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use x509::crl::CertificateList;
use x509::{Certificate, KeyAlgorithm};

pub(crate) use ca::FakeCa;
pub(crate) use keymgr::{FakeKeymgr, Mood};

pub(crate) const NOW: OffsetDateTime = datetime!(2027-01-02 03:04:05.678901 UTC);
/// The end of certificates: a year later.
pub(crate) const NOT_AFTER_US: i64 = 1_830_395_045_000_000;
const BASE: &str = "http://pki.example.test";

/// A running service with the issuer `issuing`.
pub(crate) struct World {
    pub(crate) ca: FakeCa,
    pub(crate) keymgr: FakeKeymgr,
    pub(crate) clock: Arc<MockClock>,
    pub(crate) config: Config,
    /// What URLs in certificates begin with.
    pub(crate) base: String,
    pub(crate) issuer: Certificate,
    pub(crate) db: Db,
    /// Connections of each process.
    pub(crate) connections: Option<u32>,
    database: TestDatabase,
}

/// A process of it.
pub(crate) struct Process {
    pub(crate) crl: Crl,
    stop: CancellationToken,
    jobs: JoinSet<()>,
}

/// What an event tells of a list that was published.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Published {
    #[serde(rename = "crl_shard")]
    pub(crate) shard: u32,
    #[serde(rename = "crl_kind")]
    pub(crate) kind: String,
    pub(crate) number: u64,
    pub(crate) base: Option<u64>,
    pub(crate) entries: u64,
}

impl World {
    pub(crate) async fn on(database: TestDatabase) -> Self {
        let db = open(&database).await;
        let (ca, keymgr) = (FakeCa::new(), FakeKeymgr::new());
        let root = Root::create(&"CN=Test Root".parse().unwrap(), KeyAlgorithm::P384, None, NOW).unwrap();
        let key = SoftwareKey::generate(KeyAlgorithm::P256).unwrap();
        let wanted = Intermediate::new("CN=Test issuing".parse().unwrap(), key.public_key().clone());
        let issuer = root.sign_intermediate(&wanted, NOW).unwrap();
        keymgr.add("ca-issuing", key);
        ca.add(wire::CaInfo {
            name: "issuing".to_owned(),
            issuer: "issuing".to_owned(),
            key_name: "ca-issuing".to_owned(),
            certificate: issuer.der().to_vec(),
            ..wire::CaInfo::default()
        });
        Self {
            ca,
            keymgr,
            clock: Arc::new(MockClock::new(NOW)),
            config: Config {
                immediate: Some(true),
                // Nothing listens at the URL.
                self_check: false,
                ..Config::default()
            },
            base: BASE.to_owned(),
            issuer,
            db,
            connections: None,
            database,
        }
    }

    /// The same with another way to its database.
    pub(crate) async fn through(database: TestDatabase, url: &str) -> Self {
        let database = database.through(url);
        Self::on(database).await
    }

    /// The certificate of another generation of `issuing`, whose key is held by that name.
    pub(crate) fn certify_another(&self, key_name: &str) -> Certificate {
        let root = Root::create(&"CN=Test Root".parse().unwrap(), KeyAlgorithm::P384, None, NOW).unwrap();
        let key = SoftwareKey::generate(KeyAlgorithm::P256).unwrap();
        let wanted = Intermediate::new(self.issuer.subject().clone(), key.public_key().clone());
        self.keymgr.add(key_name, key);
        root.sign_intermediate(&wanted, NOW).unwrap()
    }

    /// A process with a pool of its own, whose work has begun.
    pub(crate) async fn start(&self) -> Process {
        let process = self.idle().await;
        let mut jobs = JoinSet::new();
        for job in process.crl.service().jobs {
            jobs.spawn(job.run(process.stop.clone()));
        }
        Process { jobs, ..process }
    }

    async fn open(&self) -> Db {
        let options = Options {
            max_connections: self.connections,
            allow_unsafe: true,
            ..Options::default()
        };
        Db::open(self.database.url(), "crl", options).await.unwrap()
    }

    /// One that only serves.
    pub(crate) async fn idle(&self) -> Process {
        let stop = CancellationToken::new();
        let deps = Deps {
            db: self.open().await,
            clock: self.clock.clone(),
            ca: in_process(CaServer::new(self.ca.clone()), "crl"),
            keymgr: in_process(KeymgrServer::new(self.keymgr.clone()), "crl"),
            public_http_url: self.base.clone(),
            stop: stop.clone(),
        };
        Process {
            crl: Crl::build(self.config.clone(), deps).unwrap(),
            stop,
            jobs: JoinSet::new(),
        }
    }

    /// Waits for a list that was published and is like that, of those that were ever published.
    pub(crate) async fn published(&self, wanted: impl Fn(&Published) -> bool) -> Published {
        let feed = Feed::new(self.db.clone(), Duration::from_millis(20));
        let mut events = feed.subscribe(Cursor::START);
        let found = async {
            loop {
                let event = events.next().await.unwrap().unwrap();
                let list: Published = event.parse_data().unwrap();
                if wanted(&list) {
                    return list;
                }
            }
        };
        // Far beyond what it takes: a list that does not come fails the test instead of holding it up.
        let found = tokio::time::timeout(Duration::from_secs(300), found).await;
        found.expect("the list was not published within five minutes")
    }

    /// Waits until a complete list, and then a delta, has that many entries; answers the number of the complete one.
    pub(crate) async fn complete_with(&self, entries: u64) -> Published {
        self.published(|list| list.kind == "complete" && list.shard == 0 && list.entries == entries)
            .await
    }

    /// All that was published so far.
    pub(crate) async fn all_published(&self) -> Vec<Published> {
        let feed = Feed::new(self.db.clone(), Duration::from_millis(20));
        let events = feed.after(Cursor::START, 500).await.unwrap();
        events.iter().map(|event| event.parse_data().unwrap()).collect()
    }

    /// Does to the database what a disk or an operator does.
    pub(crate) async fn damage(&self, sql: &'static str, octets: &[u8]) {
        let mut tx = self.db.begin().await.unwrap();
        let changed = store::tx!(&mut tx, |c| {
            let done = sqlx::query(sql).bind(octets).execute(c).await;
            done.map(|done| done.rows_affected())
        });
        assert!(changed.unwrap() > 0, "{sql}");
        tx.commit().await.unwrap();
    }

    /// Whether the database is one that stores whatever it is given.
    pub(crate) fn is_sqlite(&self) -> bool {
        self.database.url().starts_with("sqlite:")
    }

    /// The number of the last list of that kind that was published so far.
    pub(crate) async fn published_last(&self, kind: &str, shard: u32) -> u64 {
        let all = self.all_published().await;
        let of_kind = all.iter().filter(|list| list.kind == kind && list.shard == shard);
        of_kind.map(|list| list.number).max().unwrap_or(0)
    }

    /// How many rows there are.
    pub(crate) async fn count(&self, table: &'static str) -> i64 {
        self.db.count_rows(table, i64::MAX).await.unwrap()
    }
}

async fn open(database: &TestDatabase) -> Db {
    database.open("crl", &MIGRATIONS).await.unwrap()
}

impl Process {
    /// The list at that path, as it is.
    pub(crate) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> (StatusCode, HeaderMap, Vec<u8>) {
        let answer = self.ask("GET", path, headers).await;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, headers, body.to_vec())
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Response {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).unwrap();
        self.crl.service().public.answer(request).await
    }

    /// The current list of `issuing`, verified.
    pub(crate) async fn list(&self, world: &World, shard: u32, kind: Kind) -> CertificateList {
        let scope = Scope {
            issuer: "issuing".to_owned(),
            shard,
        };
        let (status, _, body) = self.get(&scope.path(kind), &[]).await;
        assert_eq!(status, StatusCode::OK, "{}", String::from_utf8_lossy(&body));
        let list = CertificateList::from_der(&body).unwrap();
        list.verify_signed_by(&world.issuer).unwrap();
        list
    }

    /// Ends it as a stop of the process does.
    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        while self.jobs.join_next().await.is_some() {}
    }

    /// Ends it wherever it is.
    pub(crate) fn kill(mut self) {
        self.jobs.abort_all();
    }

    /// Whether it says that it is ready, and why not.
    pub(crate) async fn is_ready(&self) -> bool {
        let service = self.crl.service();
        let mut ready = true;
        for check in &service.readiness {
            ready &= check.ask().await.is_ok();
        }
        ready
    }

    /// A client of its gRPC, as that peer.
    pub(crate) fn client(&self, peer: &'static str) -> CrlClient<Transport> {
        CrlClient::new(in_process(self.crl.service().grpc, peer))
    }

    /// What doctor finds, as text.
    pub(crate) async fn doctor(&self) -> Vec<kit::service::Finding> {
        let mut found = Vec::new();
        for check in self.crl.service().doctor {
            found.push(check.look().await);
        }
        found
    }
}

/// As messages have it.
fn reason_of(reason: &str) -> wire::Reason {
    match reason {
        "key-compromise" => wire::Reason::KeyCompromise,
        "certificate-hold" => wire::Reason::CertificateHold,
        "superseded" => wire::Reason::Superseded,
        "cessation-of-operation" => wire::Reason::CessationOfOperation,
        _ => wire::Reason::Unspecified,
    }
}
