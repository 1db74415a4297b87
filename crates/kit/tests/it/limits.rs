//! One client cannot hurt the others, and stopping hurts no client.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use kit::http::{BodyMemory, Edge, Limits, PublicRoutes, Raw, Takes, Unauthenticated, standard_layers};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::{Ca, Leaf, Served, client, clock, eventually};

const BINARY: &str = "application/octet-stream";

fn router() -> Router {
    Router::new()
        .route("/", get(async || "fine"))
        .route(
            "/pause",
            get(async || begun_for(Duration::from_millis(600)).await),
        )
        .route("/stuck", get(async || begun_for(Duration::from_secs(60)).await))
}

/// Requests of this test's thread that have reached their handler.
async fn begun_for(time: Duration) {
    BEGUN.with(|begun| begun.fetch_add(1, Ordering::Relaxed));
    tokio::time::sleep(time).await;
}

thread_local! {
    static BEGUN: AtomicUsize = const { AtomicUsize::new(0) };
}

async fn one_has_begun() {
    eventually("a request", || {
        BEGUN.with(|begun| begun.load(Ordering::Relaxed)) > 0
    })
    .await;
}

async fn served(limits: Limits) -> Served {
    Served::new(None, standard_layers(router(), "test"), limits).await
}

async fn connect(served: &Served) -> TcpStream {
    TcpStream::connect(("127.0.0.1", served.port)).await.unwrap()
}

/// What the server says until it closes the connection, and how long that takes.
async fn until_closed(mut stream: TcpStream) -> (String, Duration) {
    let started = Instant::now();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await;
    let _reset_is_closed_too = read.expect("the connection stays open");
    (String::from_utf8_lossy(&answer).into_owned(), started.elapsed())
}

#[tokio::test]
async fn a_head_that_does_not_come_to_an_end_is_cut_off() {
    let served = served(Limits {
        head: Duration::from_millis(300),
        ..Limits::default()
    })
    .await;
    let silent = connect(&served).await;
    let mut dripping = connect(&served).await;
    dripping
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\nX-Drip: ")
        .await
        .unwrap();
    let (reader, mut writer) = dripping.into_split();
    let drip = tokio::spawn(async move {
        while writer.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let mut reader = reader;
    let mut rest = Vec::new();
    let started = Instant::now();
    let _reset = tokio::time::timeout(Duration::from_secs(10), reader.read_to_end(&mut rest))
        .await
        .unwrap();
    assert!(started.elapsed() < Duration::from_secs(3));
    drip.abort();
    assert!(until_closed(silent).await.1 < Duration::from_secs(3));
}

#[tokio::test]
async fn a_handshake_that_does_not_come_to_an_end_is_cut_off() {
    let ca = Ca::new();
    let pair = ca.pair(&Leaf {
        names: &["localhost"],
        ..Leaf::default()
    });
    let identity =
        kit::tls::ServerIdentity::from_pem(pair.chain.as_bytes(), pair.key.as_bytes(), clock()).unwrap();
    let limits = Limits {
        handshake: Duration::from_millis(300),
        ..Limits::default()
    };
    let site = standard_layers(router(), "test");
    let served = Served::new(Some(Arc::new(identity)), site, limits).await;
    assert!(until_closed(connect(&served).await).await.1 < Duration::from_secs(3));
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() {
    let served = served(Limits::default()).await;
    let response = client()
        .get(served.http("/"))
        .header("x-long", "x".repeat(64 * 1024))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 431);
    let mut many = client().get(served.http("/"));
    for number in 0..200 {
        many = many.header(format!("x-{number}"), "x");
    }
    assert_eq!(many.send().await.unwrap().status(), 431);
    assert!(
        client()
            .get(served.http("/"))
            .send()
            .await
            .unwrap()
            .status()
            .is_success()
    );
}

#[tokio::test]
async fn bodies_beyond_a_clients_part_of_the_memory_are_refused_until_there_is_room() {
    let routes = PublicRoutes::new().post(
        "/",
        Takes::NOTHING.body(&[BINARY], 256 * 1024),
        async |Unauthenticated(Raw(body)): Unauthenticated<Raw>| body.len().to_string(),
    );
    // Half of it is for callers who are not authenticated.
    let edge = Edge::new("test").body_memory(BodyMemory::new(200 * 1024, 200 * 1024));
    let served = Served::new(None, edge.around_public(routes), Limits::default()).await;
    let slow = || async {
        let mut stream = connect(&served).await;
        let head = "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/octet-stream\r\n\
                    Content-Length: 60000\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&[b'x'; 59_000]).await.unwrap();
        stream
    };
    let mut first = slow().await;
    let send = || {
        let request = client().post(served.http("/")).header("content-type", BINARY);
        request.body(vec![b'x'; 50_000]).send()
    };
    let mut refused = send().await.unwrap();
    // The first body's bytes may still be on their way.
    for _ in 0..100 {
        if refused.status() == 429 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        refused = send().await.unwrap();
    }
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().contains_key("retry-after"));
    first.write_all(&[b'x'; 1_000]).await.unwrap();
    let (answer, _) = until_closed(first).await;
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with("60000"),
        "{answer}"
    );
    assert_eq!(
        send().await.unwrap().status(),
        200,
        "the memory was not given back"
    );
    // A client that goes away gives back what it held.
    drop(slow().await);
    eventually_ok(&send).await;
}

/// Waiting does not help what is too large alone.
#[tokio::test]
async fn a_body_beyond_the_memory_of_its_sender_is_too_large_and_names_the_setting() {
    for (all, each, setting) in [
        (200, 40, "limits.body_memory_per_peer"),
        (80, 60, "limits.body_memory "),
    ] {
        let takes = Takes::NOTHING.body(&[BINARY], 256 * 1024);
        let routes = PublicRoutes::new().post(
            "/",
            takes,
            async |Unauthenticated(Raw(body)): Unauthenticated<Raw>| body.len().to_string(),
        );
        let edge = Edge::new("test").body_memory(BodyMemory::new(all * 1024, each * 1024));
        let served = Served::new(None, edge.around_public(routes), Limits::default()).await;
        let send = |body: reqwest::Body| {
            let request = client().post(served.http("/")).header("content-type", BINARY);
            request.body(body).send()
        };
        let pieces = || futures::stream::iter((0..5).map(|_| Ok::<_, std::io::Error>(vec![b'x'; 10 * 1024])));
        for body in [vec![b'x'; 50 * 1024].into(), reqwest::Body::wrap_stream(pieces())] {
            let refused = send(body).await.unwrap();
            assert_eq!(refused.status(), 413);
            assert!(!refused.headers().contains_key("retry-after"));
            let problem: serde_json::Value = refused.json().await.unwrap();
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains(setting), "{detail}");
        }
        let taken = send(vec![b'x'; 40 * 1024].into()).await.unwrap();
        assert_eq!(taken.status(), 200);
    }
}

async fn eventually_ok<F: Future<Output = reqwest::Result<reqwest::Response>>>(send: &impl Fn() -> F) {
    for _ in 0..100 {
        if send().await.unwrap().status() == 200 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the memory was not given back");
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_their_turn() {
    let served = served(Limits {
        connections: 2,
        head: Duration::from_millis(500),
        ..Limits::default()
    })
    .await;
    let (one, two) = (connect(&served).await, connect(&served).await);
    let started = Instant::now();
    let response = client().get(served.http("/")).send().await.unwrap();
    assert!(response.status().is_success());
    assert!(started.elapsed() > Duration::from_millis(300), "served at once");
    drop((one, two));
}

#[tokio::test]
async fn a_running_request_is_finished_before_the_listener_stops() {
    let mut served = served(Limits::default()).await;
    let url = served.http("/pause");
    let running = tokio::spawn(async move { client().get(url).send().await });
    one_has_begun().await;
    served.stop.cancel();
    let response = running.await.unwrap().unwrap();
    assert!(response.status().is_success());
    (&mut served.task).await.unwrap();
    assert!(
        TcpStream::connect(("127.0.0.1", served.port)).await.is_err(),
        "still listening"
    );
}

#[tokio::test]
async fn idle_and_unused_connections_do_not_hold_up_the_stop() {
    let mut served = served(Limits::default()).await;
    let unused = connect(&served).await;
    let mut half = connect(&served).await;
    half.write_all(b"GET / HT").await.unwrap();
    let idle = client();
    idle.get(served.http("/")).send().await.unwrap();
    let started = Instant::now();
    served.stop.cancel();
    (&mut served.task).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(4));
    drop((unused, half, idle));
}

#[tokio::test]
async fn a_request_that_does_not_end_is_cut_off_at_the_end_of_the_drain() {
    let mut served = served(Limits {
        drain: Duration::from_millis(300),
        ..Limits::default()
    })
    .await;
    let url = served.http("/stuck");
    let running = tokio::spawn(async move { client().get(url).send().await });
    one_has_begun().await;
    let started = Instant::now();
    served.stop.cancel();
    (&mut served.task).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(3));
    assert!(running.await.unwrap().is_err());
}

#[tokio::test]
async fn rapid_resets_end_the_connection_and_not_the_server() {
    let ca = Ca::new();
    let pair = ca.pair(&Leaf {
        names: &["localhost"],
        ..Leaf::default()
    });
    let identity =
        kit::tls::ServerIdentity::from_pem(pair.chain.as_bytes(), pair.key.as_bytes(), clock()).unwrap();
    let begun = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&begun);
    let slow = async move || {
        counter.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs(5)).await;
    };
    let router = router().route("/slow", get(slow));
    let site = standard_layers(router, "test");
    let served = Served::new(Some(Arc::new(identity)), site, Limits::default()).await;
    let root = reqwest::Certificate::from_pem(ca.pem.as_bytes()).unwrap();
    client();
    let build = || {
        reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([root.clone()])
            .build()
            .unwrap()
    };
    let (attacker, url) = (build(), format!("https://localhost:{}", served.port));
    for _ in 0..2000 {
        // Dropping the future resets the stream.
        let _reset = tokio::time::timeout(
            Duration::from_micros(200),
            attacker.get(format!("{url}/slow")).send(),
        )
        .await;
    }
    assert!(build().get(&url).send().await.unwrap().status().is_success());
    eventually("some streams", || begun.load(Ordering::Relaxed) > 0).await;
}
