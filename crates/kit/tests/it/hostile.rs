//! Clients that mean harm, one listener, short limits.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::routing::get;
use axum::{Extension, Router};
use futures::future::BoxFuture;
use kit::auth::{AuthFault, Authenticated, Authenticator, Caller};
use kit::http::{
    AnswerMemory, Edge, Json, Limits, Pace, PublicRoutes, Raw, Shared, Site, Takes, Unauthenticated,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::world::{Served, client};

fn site() -> Site {
    const JSON: Takes = Takes::NOTHING.body(&["application/json"], 256 * 1024);
    let routes = PublicRoutes::new()
        .get("/", Takes::NOTHING, async || "fine")
        .get("/large", Takes::NOTHING, async || vec![b'x'; 8 << 20])
        .get("/stuck", Takes::NOTHING, async || {
            std::future::pending::<()>().await
        })
        .post(
            "/open",
            JSON,
            async |Unauthenticated(Raw(body)): Unauthenticated<Raw>| body.len().to_string(),
        )
        .post(
            "/forgetful",
            JSON,
            async |Json(_): Json<serde_json::Value>| "read",
        );
    Edge::new("test")
        .pace(Pace {
            grace: Duration::from_millis(300),
            rate: 16 * 1024,
        })
        .around_public(routes)
}

async fn served(limits: Limits) -> Served {
    Served::new(None, site(), limits).await
}

pub(crate) async fn from(address: Ipv4Addr, served: &Served) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.bind((address, 0).into()).unwrap();
    socket
        .connect(([127, 0, 0, 1], served.port).into())
        .await
        .unwrap()
}

/// What the server says until it closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
    let _reset_is_closed_too = read.expect("the connection stays open");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_body_that_stalls_is_408_and_the_connection_closes() {
    let served = served(Limits::default()).await;
    let mut stream = from(Ipv4Addr::LOCALHOST, &served).await;
    let head = "POST /open HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n123456789";
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = rest(&mut stream).await;
    assert!(
        answer.starts_with("HTTP/1.1 408 ") && answer.contains("connection: close"),
        "{answer}"
    );
    assert!(answer.contains("problems/request-timeout"), "{answer}");
}

#[tokio::test]
async fn a_handler_that_reads_before_it_knows_the_caller_reads_nothing() {
    let served = served(Limits::default()).await;
    let request = client().post(served.http("/forgetful"));
    let answer = request
        .header("content-type", "application/json")
        .body("{}")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 500);
}

#[tokio::test]
async fn one_address_has_a_part_of_the_connections() {
    let served = served(Limits {
        connections_per_peer: 2,
        ..Limits::default()
    })
    .await;
    let elsewhere = Ipv4Addr::new(127, 0, 0, 2);
    let held = (from(elsewhere, &served).await, from(elsewhere, &served).await);
    let mut third = from(elsewhere, &served).await;
    assert_eq!(rest(&mut third).await, "");
    let answer = client().get(served.http("/")).send().await.unwrap();
    assert_eq!(answer.status(), 200, "others are served");
    drop(held);
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_cut_off() {
    let limits = Limits {
        answer: Pace {
            grace: Duration::from_millis(300),
            rate: 1024 * 1024,
        },
        ..Limits::default()
    };
    let served = served(limits).await;
    let mut stream = from(Ipv4Addr::LOCALHOST, &served).await;
    let request = b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let begun = Instant::now();
    // It sends on, which fails once the server has ended the connection.
    while stream.write_all(request).await.is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(10), "it is never cut off");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_connection_of_age_ends_whatever_still_runs() {
    let served = served(Limits {
        age: Duration::from_millis(100),
        drain: Duration::from_millis(200),
        ..Limits::default()
    })
    .await;
    let mut stream = from(Ipv4Addr::LOCALHOST, &served).await;
    stream
        .write_all(b"GET /stuck HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    let begun = Instant::now();
    assert_eq!(rest(&mut stream).await, "");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn requests_beyond_a_clients_part_are_429() {
    let router = Router::new().route("/stuck", get(async || std::future::pending::<()>().await));
    let router = router.route("/", get(async || "fine"));
    let served = Served::plain(Edge::new("test").requests_per_peer(2).around(router)).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = from(Ipv4Addr::LOCALHOST, &served).await;
        stream
            .write_all(b"GET /stuck HTTP/1.1\r\nHost: a\r\n\r\n")
            .await
            .unwrap();
        held.push(stream);
    }
    let mut status = 0;
    for _ in 0..500 {
        let answer = client().get(served.http("/")).send().await.unwrap();
        status = answer.status().as_u16();
        if status == 429 {
            assert!(answer.headers().contains_key("retry-after"));
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(status, 429);
    drop(held);
}

#[tokio::test]
async fn a_request_counts_until_its_answer_was_taken() {
    const PAGE: usize = 4 << 20;
    let router = Router::new().route("/page", get(async || vec![b'x'; PAGE]));
    let served = Served::plain(Edge::new("test").requests_per_peer(2).around(router)).await;
    let (elsewhere, request) = (
        Ipv4Addr::new(127, 0, 0, 2),
        b"GET /page HTTP/1.1\r\nHost: a\r\n\r\n",
    );
    let mut held = Vec::new();
    for status in ["200", "200", "429"] {
        let mut stream = from(elsewhere, &served).await;
        stream.write_all(request).await.unwrap();
        let mut line = [0; 12];
        stream.read_exact(&mut line).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&line), format!("HTTP/1.1 {status}"));
        held.push(stream);
    }
    let others = client().get(served.http("/page")).send().await.unwrap();
    assert_eq!(others.bytes().await.unwrap().len(), PAGE);
    let taken = held.first_mut().unwrap();
    taken.read_exact(&mut vec![0; PAGE]).await.unwrap();
    let mut again = [0; 12];
    // The place is given back when the last of it has gone to the kernel, which is before the client has it.
    taken.write_all(request).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"HTTP/1.1 200") && head.len() < 1024 {
        taken.read_exact(&mut again[..1]).await.unwrap();
        head.push(again[0]);
    }
    assert!(
        head.ends_with(b"HTTP/1.1 200"),
        "{}",
        String::from_utf8_lossy(&head)
    );
}

#[tokio::test]
async fn pages_that_one_client_leaves_unread_are_bounded_over_http_1() {
    const PAGE: usize = 1 << 20;
    let router = Router::new().route("/page", get(async || vec![b'x'; PAGE]));
    let edge = Edge::new("test").answer_memory(AnswerMemory::new(8 * PAGE, 2 * PAGE));
    let served = Served::plain(edge.around(router)).await;
    let elsewhere = Ipv4Addr::new(127, 0, 0, 2);
    let request = b"GET /page HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut held = Vec::new();
    for status in ["200", "200", "429", "429"] {
        let mut stream = from(elsewhere, &served).await;
        stream.write_all(request).await.unwrap();
        let mut line = [0; 12];
        stream.read_exact(&mut line).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&line), format!("HTTP/1.1 {status}"));
        held.push(stream);
    }
    let answer = client().get(served.http("/page")).send().await.unwrap();
    assert_eq!(answer.status(), 200, "others have theirs");
    assert_eq!(answer.bytes().await.unwrap().len(), PAGE);
}

/// Knows every token: it is the name of the principal.
pub(crate) struct Everybody;

impl Authenticator for Everybody {
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Caller, AuthFault>> {
        let caller = Caller {
            subject: token.to_owned(),
            roles: Vec::new(),
            permissions: Vec::new(),
            expires: None,
            allowed_names: Vec::new(),
        };
        Box::pin(async { Ok(caller) })
    }
}

/// The status of an answer whose rest stays unread while the stream is held.
async fn unread(address: Ipv4Addr, served: &Served, head: &str) -> (String, TcpStream) {
    let mut stream = from(address, served).await;
    let request = format!("GET {head}\r\nHost: a\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut line = [0; 12];
    stream.read_exact(&mut line).await.unwrap();
    (String::from_utf8_lossy(&line[9..]).into_owned(), stream)
}

#[tokio::test]
async fn answers_that_strangers_leave_unread_take_nothing_from_callers_with_a_credential() {
    const PAGE: usize = 4 << 20;
    static DOCUMENT: [u8; PAGE] = [b'x'; PAGE];
    let router = Router::new()
        .route("/page", get(async || vec![b'x'; PAGE]))
        .route("/list", get(async |_: Authenticated| vec![b'x'; PAGE]))
        .route(
            "/document",
            get(async || (Extension(Shared), DOCUMENT.as_slice())),
        )
        .with_state::<()>(Arc::new(Everybody) as Arc<dyn Authenticator>);
    let edge = Edge::new("test").answer_memory(AnswerMemory::new(8 * PAGE, 2 * PAGE));
    let served = Served::plain(edge.around(router)).await;
    let address = |last| Ipv4Addr::new(127, 0, 0, last);
    let mut held = Vec::new();
    for (last, status) in [
        (2, "200"),
        (2, "200"),
        (2, "429"),
        (3, "200"),
        (3, "200"),
        (4, "503"),
        (5, "503"),
    ] {
        let (answered, stream) = unread(address(last), &served, "/page HTTP/1.1").await;
        assert_eq!(answered, status, "a stranger at {last}");
        held.push(stream);
    }
    for (last, name, status) in [
        (2, "one", "200"),
        (4, "one", "200"),
        (5, "one", "429"),
        (2, "two", "200"),
        (2, "two", "200"),
        (2, "three", "503"),
    ] {
        let head = format!("/list HTTP/1.1\r\nAuthorization: Bearer {name}");
        let (answered, stream) = unread(address(last), &served, &head).await;
        assert_eq!(answered, status, "{name} at {last}");
        held.push(stream);
    }
    let (answered, _stream) = unread(address(2), &served, "/document HTTP/1.1").await;
    assert_eq!(answered, "200", "what takes no memory is always answered");
}

#[tokio::test]
async fn requests_of_strangers_take_no_place_of_callers_with_a_credential_at_their_address() {
    const PAGE: usize = 4 << 20;
    let router = Router::new()
        .route("/page", get(async || vec![b'x'; PAGE]))
        .route("/list", get(async |_: Authenticated| vec![b'x'; PAGE]))
        .with_state::<()>(Arc::new(Everybody) as Arc<dyn Authenticator>);
    let served = Served::plain(Edge::new("test").requests_per_peer(2).around(router)).await;
    let address = Ipv4Addr::new(127, 0, 0, 2);
    let mut held = Vec::new();
    for status in ["200", "200", "429"] {
        let (answered, stream) = unread(address, &served, "/page HTTP/1.1").await;
        assert_eq!(answered, status, "a stranger");
        held.push(stream);
    }
    for (name, status) in [("one", "200"), ("two", "200"), ("three", "429")] {
        let head = format!("/list HTTP/1.1\r\nAuthorization: Bearer {name}");
        let (answered, stream) = unread(address, &served, &head).await;
        assert_eq!(answered, status, "{name}");
        held.push(stream);
    }
}
