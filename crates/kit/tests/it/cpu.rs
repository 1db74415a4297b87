//! CPU time of callers without a credential.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::FromRef;
use axum::routing::get;
use futures::FutureExt;
use futures::future::BoxFuture;
use kit::auth::{AuthFault, Authenticated, Authenticator, Caller};
use kit::http::{CpuBudget, Limits, Site, standard_layers};
use rustix::time::{ClockId, clock_gettime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio::sync::Semaphore;

use crate::world::{Ca, Leaf, Served, clock, eventually};

const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// What a bucket holds, in seconds of its rate.
const BURST: f64 = 2.0;

fn cores() -> f64 {
    std::thread::available_parallelism().unwrap().get() as f64
}

fn thread_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap()
}

fn burn(time: Duration) {
    let begun = thread_time();
    while thread_time() - begun < time {}
}

/// Knows the token `good`.
struct Known;

impl Authenticator for Known {
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Caller, AuthFault>> {
        async move {
            let caller = Caller {
                allowed_names: Vec::new(),
                subject: "apikey:1".to_owned(),
                roles: Vec::new(),
                permissions: Vec::new(),
                expires: None,
            };
            (token == "good").then_some(caller).ok_or(AuthFault::Invalid)
        }
        .boxed()
    }
}

#[derive(Clone, FromRef)]
struct State {
    authenticator: Arc<dyn Authenticator>,
}

/// What the handlers of `/burn` and `/ordered` have done.
#[derive(Default)]
struct Work {
    burned: AtomicUsize,
    now: AtomicUsize,
    most: AtomicUsize,
    /// Requests of callers with a credential under way.
    ordered: AtomicUsize,
}

impl Work {
    fn burned(&self) -> usize {
        self.burned.load(Ordering::Relaxed)
    }

    fn burn(&self, time: Duration) {
        let now = self.now.fetch_add(1, Ordering::AcqRel) + 1;
        self.most.fetch_max(now, Ordering::AcqRel);
        burn(time);
        self.now.fetch_sub(1, Ordering::AcqRel);
        self.burned.fetch_add(1, Ordering::Relaxed);
    }
}

/// Every request to `/burn` takes `time` of a core. Those to `/ordered` with a credential are answered when the test says so.
fn site(time: Duration, work: &Arc<Work>) -> Site {
    let (burning, ordering) = (Arc::clone(work), Arc::clone(work));
    let burn = async move || {
        burning.burn(time);
        "burned"
    };
    let ordered = async move |Authenticated(_): Authenticated| {
        ordering.ordered.fetch_add(1, Ordering::AcqRel);
        std::future::pending::<&str>().await
    };
    let one = Arc::new(Semaphore::new(1));
    // As a connection of a database is.
    let shared = async move || {
        let _held = one.acquire().await;
        tokio::time::sleep(Duration::from_millis(2)).await;
        "fine"
    };
    let router = Router::new()
        .route("/burn", get(burn))
        .route("/", get(async || "fine"))
        .route("/shared", get(shared))
        .route("/ordered", get(ordered))
        .route(
            "/known",
            get(async |Authenticated(caller): Authenticated| caller.subject),
        )
        .with_state(State {
            authenticator: Arc::new(Known),
        });
    standard_layers(router, "test")
}

/// Sends one request after the other, waits for no answer, and reads them all.
async fn pipeline(port: u16, request: &'static [u8]) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((ELSEWHERE, 0).into()).unwrap();
    let stream = socket.connect(([127, 0, 0, 1], port).into()).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let write = async { while writer.write_all(request).await.is_ok() {} };
    let read = async {
        let mut answers = [0; 4096];
        while reader.read(&mut answers).await.is_ok_and(|read| read > 0) {}
    };
    tokio::join!(write, read);
}

/// Requests of callers with a credential that need all cores, until it is dropped.
async fn needed(port: u16, work: &Work) -> tokio::task::JoinSet<()> {
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..cores() as usize {
        callers.spawn(async move {
            let url = format!("http://127.0.0.1:{port}/ordered");
            let _never = crate::world::client().get(url).bearer_auth("good").send().await;
        });
    }
    let all = || work.ordered.load(Ordering::Acquire) == cores() as usize;
    eventually("the other callers", all).await;
    callers
}

async fn used_by(request: &'static [u8]) -> (Duration, Duration) {
    const EACH: Duration = Duration::from_millis(2);
    let work = Arc::default();
    let limits = Limits {
        cpu: CpuBudget::new(10),
        ..Limits::default()
    };
    let served = Served::new(None, site(EACH, &work), limits).await;
    let _needed = needed(served.port, &work).await;
    let begun = Instant::now();
    let mut attack = tokio::task::JoinSet::new();
    for _ in 0..8 {
        attack.spawn(pipeline(served.port, request));
    }
    tokio::time::sleep(Duration::from_secs(4)).await;
    let used = EACH * u32::try_from(work.burned()).unwrap();
    attack.shutdown().await;
    (used, begun.elapsed())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beside_others_pipelined_requests_of_one_address_use_a_bounded_part_of_the_cores() {
    for request in [
        b"GET /burn HTTP/1.1\r\nHost: a\r\n\r\n".as_slice(),
        b"HEAD /burn HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /burn HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer bad\r\n\r\n",
    ] {
        let (used, time) = used_by(request).await;
        // A connection is polled for some requests at a time, which can overdraw once.
        let most = 0.1 * cores() * (time.as_secs_f64() + BURST) + 0.2;
        assert!(used.as_secs_f64() < most, "{used:?} of {time:?}");
        assert!(
            used.as_secs_f64() > 0.05 * cores() * BURST,
            "it is served: {used:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_has_the_cores_that_nobody_else_needs() {
    const EACH: Duration = Duration::from_micros(500);
    // With a hundredth of the cores it would take more than a minute and a half for this.
    let many = (cores() / EACH.as_secs_f64()) as usize;
    let work: Arc<Work> = Arc::default();
    let limits = Limits {
        cpu: CpuBudget::new(1),
        ..Limits::default()
    };
    let served = Served::new(None, site(EACH, &work), limits).await;
    let mut attack = tokio::task::JoinSet::new();
    for _ in 0..8 {
        attack.spawn(pipeline(served.port, b"GET /burn HTTP/1.1\r\nHost: a\r\n\r\n"));
    }
    let patience = tokio::time::timeout(Duration::from_secs(60), async {
        while work.burned() < many {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    patience.await.expect("it is held back");
    let most = work.most.load(Ordering::Acquire);
    assert_eq!(
        most,
        2.min(cores() as usize),
        "requests at a time, on two threads"
    );
    // And gives them back to whoever comes.
    let needed = needed(served.port, &work).await;
    // What was begun before.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let before = work.burned();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let used = EACH * u32::try_from(work.burned() - before).unwrap();
    assert!(used.as_secs_f64() < 0.01 * cores() + 0.1, "{used:?} of a second");
    drop(needed);
    attack.shutdown().await;
}

/// A client with an address of its own.
fn client(ca: &Ca, address: Ipv4Addr) -> reqwest::Client {
    let _first_wins = rustls::crypto::aws_lc_rs::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .local_address(IpAddr::V4(address))
        .tls_certs_only([reqwest::Certificate::from_pem(ca.pem.as_bytes()).unwrap()])
        .build()
        .unwrap()
}

async fn ask(client: reqwest::Client, port: u16, path: &str) -> u16 {
    let url = format!("https://localhost:{port}{path}");
    let answer = client.get(url).bearer_auth("good").send().await.unwrap();
    let status = answer.status().as_u16();
    // Only a connection whose answer was read is used again.
    answer.bytes().await.unwrap();
    status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_callers_without_a_credential_pay_for_what_their_address_has_used() {
    let percent = (20.0 / cores()).max(1.0);
    let rate = percent / 100.0 * cores();
    // More than the bucket holds, and less than it can be overdrawn by.
    let burned = Duration::from_secs_f64(rate * (BURST + 1.5));
    let ca = Ca::new();
    let pair = ca.pair(&Leaf {
        names: &["localhost"],
        ..Leaf::default()
    });
    let identity =
        kit::tls::ServerIdentity::from_pem(pair.chain.as_bytes(), pair.key.as_bytes(), clock()).unwrap();
    let limits = Limits {
        cpu: CpuBudget::new(percent as u8),
        ..Limits::default()
    };
    let work: Arc<Work> = Arc::default();
    let served = Served::new(Some(Arc::new(identity)), site(burned, &work), limits).await;
    let port = served.port;
    let ordering = |number| {
        let client = client(&ca, Ipv4Addr::new(127, 0, 3, number));
        tokio::spawn(ask(client, port, "/ordered"))
    };
    let needed: Vec<_> = (1..=cores() as u8).map(ordering).collect();
    let all = || work.ordered.load(Ordering::Acquire) == needed.len();
    eventually("the other callers", all).await;
    let known = client(&ca, ELSEWHERE);
    assert_eq!(ask(known.clone(), port, "/known").await, 200);
    // What the request has used is known when it is done, and its connection waits from then on, with the answer.
    let hostile = tokio::spawn(ask(client(&ca, ELSEWHERE), port, "/burn"));
    eventually("the request", || work.burned() == 1).await;
    let begun = Instant::now();
    for _ in 0..20 {
        assert_eq!(ask(known.clone(), port, "/known").await, 200);
    }
    let (new, other) = (client(&ca, ELSEWHERE), client(&ca, Ipv4Addr::LOCALHOST));
    assert_eq!(ask(new, port, "/known").await, 200, "a new connection");
    assert_eq!(ask(other, port, "/").await, 200, "another address");
    assert!(!hostile.is_finished(), "it has to wait: {:?}", begun.elapsed());
    assert_eq!(hostile.await.unwrap(), 200);
    assert!(begun.elapsed() > Duration::from_secs(1), "{:?}", begun.elapsed());
    needed.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_of_an_address_in_debt_holds_up_nobody_who_needs_what_it_has() {
    const EACH: Duration = Duration::from_millis(2);
    let limits = Limits {
        cpu: CpuBudget::new(1),
        ..Limits::default()
    };
    let work = Arc::default();
    let served = Served::new(None, site(EACH, &work), limits).await;
    let _needed = needed(served.port, &work).await;
    let mut attack = tokio::task::JoinSet::new();
    for _ in 0..24 {
        attack.spawn(pipeline(served.port, b"GET /burn HTTP/1.1\r\nHost: a\r\n\r\n"));
        attack.spawn(pipeline(served.port, b"GET /shared HTTP/1.1\r\nHost: a\r\n\r\n"));
    }
    // The bucket of the attackers is empty by then.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let http = crate::world::client();
    for _ in 0..20 {
        let begun = Instant::now();
        let url = format!("http://127.0.0.1:{}/shared", served.port);
        let answer = http.get(url).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    }
}
