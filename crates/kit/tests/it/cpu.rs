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

/// Every request to `/burn` takes `time` of a core.
fn site(time: Duration, burned: &Arc<AtomicUsize>) -> Site {
    let burned = Arc::clone(burned);
    let burn = async move || {
        burn(time);
        burned.fetch_add(1, Ordering::Relaxed);
        "burned"
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

async fn used_by(request: &'static [u8]) -> (Duration, Duration) {
    const EACH: Duration = Duration::from_millis(2);
    let burned = Arc::default();
    let limits = Limits {
        cpu: CpuBudget::new(10),
        ..Limits::default()
    };
    let served = Served::new(None, site(EACH, &burned), limits).await;
    let begun = Instant::now();
    let mut attack = tokio::task::JoinSet::new();
    for _ in 0..8 {
        attack.spawn(pipeline(served.port, request));
    }
    tokio::time::sleep(Duration::from_secs(4)).await;
    let used = EACH * u32::try_from(burned.load(Ordering::Relaxed)).unwrap();
    attack.shutdown().await;
    (used, begun.elapsed())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pipelined_requests_of_one_address_use_a_bounded_part_of_the_cores() {
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
    let count = Arc::new(AtomicUsize::new(0));
    let served = Served::new(Some(Arc::new(identity)), site(burned, &count), limits).await;
    let port = served.port;
    let known = client(&ca, ELSEWHERE);
    assert_eq!(ask(known.clone(), port, "/known").await, 200);
    // What the request has used is known when it is done, and its connection waits from then on, with the answer.
    let hostile = tokio::spawn(ask(client(&ca, ELSEWHERE), port, "/burn"));
    eventually("the request", || count.load(Ordering::Relaxed) == 1).await;
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
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_of_an_address_in_debt_holds_up_nobody_who_needs_what_it_has() {
    const EACH: Duration = Duration::from_millis(2);
    let limits = Limits {
        cpu: CpuBudget::new(1),
        ..Limits::default()
    };
    let served = Served::new(None, site(EACH, &Arc::default()), limits).await;
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
