//! One service follows the feed of another, in process and over mutual TLS.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kit::feed::{CaughtUp, Follower, Following, Watch, follow};
use kit::grpc::{Edged, edge};
use kit::http::{BodyMemory, Site};
use kit::peer::AllowTable;
use kit::transport::{Transport, channel, in_process};
use proto::auth::v1::auth_client::AuthClient;
use proto::auth::v1::auth_server::{Auth, AuthServer};
use proto::auth::v1::{AuthenticateRequest, Identity};
use proto::feed::v1::{FeedEvent, WatchRequest};
use sqlx::migrate::Migrator;
use store::Db;
use store::outbox::{NewEvent, append};
use testkit::database::TestDatabase;
use testkit::on_both_databases;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Response, Status};
use tower::Layer;
use vocabulary::EventType;

use crate::world::{Ca, Served, eventually, now};

const ALLOW: AllowTable = &[("/gigvault.auth.v1.Auth/Watch", &["ocsp"])];
const HEARTBEAT: Duration = Duration::from_millis(100);

/// A service with events.
struct World {
    _database: TestDatabase,
    db: Db,
}

impl World {
    async fn on(database: TestDatabase) -> Self {
        let migrator = Migrator::with_migrations(Vec::new());
        let db = database.open("auth", &migrator).await.unwrap();
        Self {
            _database: database,
            db: db.declaring(EventType::ALL),
        }
    }

    async fn commit(&self, subject: &str) {
        let mut tx = self.db.begin().await.unwrap();
        let event = NewEvent {
            kind: EventType::CaSuspended,
            subject: subject.to_owned(),
            data: serde_json::json!({"ca": subject, "actor": "test:operator"}),
            correlation_id: None,
            traceparent: None,
        };
        append(&mut tx, &[event], now()).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Its gRPC, which ends with the token.
    fn service(&self, stop: &CancellationToken) -> Edged<AuthServer<Told>> {
        let watch = Watch::new(self.db.clone(), stop.clone());
        edge("auth", ALLOW).layer(AuthServer::new(Told(watch)))
    }

    fn transport(&self, stop: &CancellationToken) -> Transport {
        in_process(self.service(stop), "ocsp")
    }
}

struct Told(Watch);

#[tonic::async_trait]
impl Auth for Told {
    type WatchStream = kit::feed::WatchStream;

    async fn authenticate(&self, _: Request<AuthenticateRequest>) -> Result<Response<Identity>, Status> {
        Err(Status::unimplemented("not asked for here"))
    }

    async fn watch(&self, request: Request<WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        self.0.answer(request)
    }
}

/// What a follower was told.
#[derive(Default)]
struct Log {
    place: String,
    snapshots: u32,
    subjects: Vec<String>,
    /// The number of events seen, and the instant up to which those are all.
    ends: Vec<(usize, Instant)>,
}

#[derive(Clone, Default)]
struct Recorder {
    log: Arc<Mutex<Log>>,
    fails: Arc<AtomicBool>,
}

#[derive(Debug, thiserror::Error)]
#[error("no room")]
struct NoRoom;

impl Follower for Recorder {
    type Error = NoRoom;

    async fn place(&mut self) -> Result<String, NoRoom> {
        Ok(self.log.lock().unwrap().place.clone())
    }

    async fn events(&mut self, events: Vec<FeedEvent>) -> Result<(), NoRoom> {
        if self.fails.swap(false, Ordering::SeqCst) {
            return Err(NoRoom);
        }
        let mut log = self.log.lock().unwrap();
        for event in events {
            log.place = event.cursor;
            log.subjects.push(event.subject);
        }
        Ok(())
    }

    async fn caught_up(&mut self, at: CaughtUp) -> Result<(), NoRoom> {
        let mut log = self.log.lock().unwrap();
        let seen = log.subjects.len();
        log.ends.push((seen, at.as_of));
        Ok(())
    }

    async fn lost(&mut self) -> Result<(), NoRoom> {
        let mut log = self.log.lock().unwrap();
        log.snapshots += 1;
        log.place.clear();
        Ok(())
    }
}

impl Recorder {
    fn start(&self, transport: Arc<Mutex<Transport>>, stop: &CancellationToken) -> JoinHandle<()> {
        let (mut follower, stop) = (self.clone(), stop.clone());
        let watch = move |request| {
            let mut client = AuthClient::new(transport.lock().unwrap().clone());
            async move { client.watch(request).await }
        };
        let following = Following {
            service: "auth",
            heartbeat: HEARTBEAT,
        };
        tokio::spawn(async move { follow(following, watch, &mut follower, stop).await })
    }

    fn subjects(&self) -> Vec<String> {
        self.log.lock().unwrap().subjects.clone()
    }

    /// Waits until it knows that `count` events are all that there are.
    async fn has_all(&self, count: usize, committed: Instant) {
        eventually("the end of the feed", || {
            let log = self.log.lock().unwrap();
            log.ends
                .iter()
                .any(|(seen, as_of)| *seen == count && *as_of >= committed)
        })
        .await;
    }
}

on_both_databases!(
    a_follower_sees_all_events_and_when_there_were_no_more,
    a_follower_goes_on_where_it_was_when_the_service_stops_or_it_fails_itself,
    a_follower_whose_place_is_gone_takes_a_snapshot,
);

async fn a_follower_sees_all_events_and_when_there_were_no_more(world: World) {
    let stop = CancellationToken::new();
    let ca = Ca::new();
    let site = Site::grpc(
        tonic::service::Routes::new(world.service(&stop)),
        BodyMemory::new(64 << 20, 32 << 20),
    );
    let served = Served::mutual(&ca.identity("auth"), site).await;
    let remote = channel(&served.url(), "auth", &ca.identity("ocsp")).unwrap();
    let followers = [world.transport(&stop), remote].map(|transport| {
        let follower = Recorder::default();
        let running = follower.start(Arc::new(Mutex::new(transport)), &stop);
        (follower, running)
    });
    let mut wanted = Vec::new();
    for number in 0..20 {
        wanted.push(number.to_string());
        world.commit(&number.to_string()).await;
        for (follower, _) in &followers {
            follower.has_all(wanted.len(), Instant::now()).await;
        }
    }
    stop.cancel();
    for (follower, running) in followers {
        running.await.unwrap();
        assert_eq!(follower.subjects(), wanted);
        let log = follower.log.lock().unwrap();
        assert!(
            log.ends.is_sorted_by_key(|(_, as_of)| *as_of),
            "the time went back"
        );
        assert!(log.ends.iter().all(|(_, as_of)| *as_of <= Instant::now()));
    }
}

async fn a_follower_goes_on_where_it_was_when_the_service_stops_or_it_fails_itself(world: World) {
    let (stop, first) = (CancellationToken::new(), CancellationToken::new());
    let transport = Arc::new(Mutex::new(world.transport(&first)));
    let follower = Recorder::default();
    let running = follower.start(Arc::clone(&transport), &stop);
    world.commit("a").await;
    follower.has_all(1, Instant::now()).await;

    *transport.lock().unwrap() = world.transport(&stop);
    first.cancel();
    world.commit("b").await;
    follower.has_all(2, Instant::now()).await;

    follower.fails.store(true, Ordering::SeqCst);
    world.commit("c").await;
    follower.has_all(3, Instant::now()).await;
    stop.cancel();
    running.await.unwrap();
    assert_eq!(follower.subjects(), ["a", "b", "c"]);
}

async fn a_follower_whose_place_is_gone_takes_a_snapshot(world: World) {
    world.commit("a").await;
    let stop = CancellationToken::new();
    let transport = world.transport(&stop);
    let mut client = AuthClient::new(transport.clone());
    let after = format!("{}-1", i64::MAX);
    let heartbeat_ms = 0;
    let mut stream = client
        .watch(WatchRequest {
            after: after.clone(),
            heartbeat_ms,
        })
        .await
        .unwrap()
        .into_inner();
    assert_eq!(stream.message().await.unwrap_err().code(), Code::OutOfRange);

    let follower = Recorder::default();
    follower.log.lock().unwrap().place = after;
    let running = follower.start(Arc::new(Mutex::new(transport)), &stop);
    follower.has_all(1, Instant::now()).await;
    stop.cancel();
    running.await.unwrap();
    assert_eq!(follower.log.lock().unwrap().snapshots, 1);
}
