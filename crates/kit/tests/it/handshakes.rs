//! TLS handshakes of strangers, who do not go on with them.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use kit::auth::{Authenticated, Authenticator};
use kit::http::{Edge, Limits};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::hostile::{Everybody, from};
use crate::world::{Ca, Leaf, Served, clock};

/// A server that has this many handshakes at a time.
async fn served(ca: &Ca, handshakes: usize) -> Served {
    let pair = ca.pair(&Leaf {
        names: &["localhost"],
        ..Leaf::default()
    });
    let identity =
        kit::tls::ServerIdentity::from_pem(pair.chain.as_bytes(), pair.key.as_bytes(), clock()).unwrap();
    let limits = Limits {
        handshake: Duration::from_secs(60),
        handshakes,
        ..Limits::default()
    };
    let router = Router::new()
        .route("/", get(async || "fine"))
        .route("/known", get(async |_: Authenticated| "known"))
        .with_state::<()>(Arc::new(Everybody) as Arc<dyn Authenticator>);
    Served::new(Some(Arc::new(identity)), Edge::new("test").around(router), limits).await
}

/// The ClientHello of a client that speaks TLS 1.3.
fn client_hello() -> Vec<u8> {
    let config = rustls::ClientConfig::builder()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let name = "localhost".try_into().unwrap();
    let mut connection = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let mut hello = Vec::new();
    connection.write_tls(&mut hello).unwrap();
    hello
}

/// Handshakes from this many addresses, of which nothing but `begun` is sent.
async fn strangers(count: u8, served: &Served, begun: &[u8]) -> Vec<TcpStream> {
    let mut held = Vec::new();
    for number in 2..2 + count {
        let mut stream = from(Ipv4Addr::new(127, 0, 0, number), served).await;
        stream.write_all(begun).await.unwrap();
        held.push(stream);
    }
    held
}

/// A request on a new connection.
async fn call(ca: &Ca, served: &Served, path: &str) {
    let root = reqwest::Certificate::from_pem(ca.pem.as_bytes()).unwrap();
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([root]);
    let url = format!("https://localhost:{}{path}", served.port);
    let call = client.build().unwrap().get(url).bearer_auth("one").send();
    let answer = tokio::time::timeout(Duration::from_secs(30), call).await;
    assert_eq!(answer.expect("it is kept out").unwrap().status(), 200);
}

#[tokio::test]
async fn handshakes_that_do_not_go_on_keep_nobody_out() {
    let ca = Ca::new();
    let served = served(&ca, 2).await;
    for begun in [client_hello()[..7].to_vec(), client_hello()] {
        let _held = strangers(8, &served, &begun).await;
        call(&ca, &served, "/").await;
    }
}

#[tokio::test]
async fn handshakes_of_strangers_hold_up_no_address_with_a_known_caller() {
    const STRANGERS: u8 = 60;
    let ca = Ca::new();
    let served = served(&ca, 1).await;
    call(&ca, &served, "/known").await;
    let begun = Instant::now();
    let _held = strangers(STRANGERS, &served, &client_hello()).await;
    call(&ca, &served, "/known").await;
    // The place of each rests for a tenth of a second, so that all of them take at least this long.
    let most = Duration::from_millis(100) * u32::from(STRANGERS);
    assert!(begun.elapsed() < most, "{:?}", begun.elapsed());
}
