//! What every answer carries, and how requests are counted.

use std::sync::Arc;

use kit::http::{Declared, Edge};
use reqwest::Method;

use crate::http::{routes, send, served, site};
use crate::world::{Ca, Leaf, Served, clock};

#[tokio::test]
async fn answers_carry_the_headers_that_protect_a_browser() {
    let response = send(&served().await, Method::GET, "/orders", "").await;
    let header = |name: &str| {
        response
            .headers()
            .get(name)
            .map(|value| value.to_str().unwrap().to_owned())
    };
    assert_eq!(header("x-content-type-options").unwrap(), "nosniff");
    assert_eq!(header("cache-control").unwrap(), "no-store");
    assert!(
        header("content-security-policy")
            .unwrap()
            .contains("frame-ancestors 'none'")
    );
    assert_eq!(header("strict-transport-security"), None, "not over plain HTTP");
    assert_eq!(header("server"), None);

    let ca = Ca::new();
    let pair = ca.pair(&Leaf {
        names: &["localhost"],
        ..Leaf::default()
    });
    let identity =
        kit::tls::ServerIdentity::from_pem(pair.chain.as_bytes(), pair.key.as_bytes(), clock()).unwrap();
    let served = Served::new(
        Some(Arc::new(identity)),
        site("test"),
        kit::http::Limits::default(),
    )
    .await;
    let root = reqwest::Certificate::from_pem(ca.pem.as_bytes()).unwrap();
    let client = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([root])
        .build()
        .unwrap();
    let response = client
        .get(format!("https://localhost:{}/orders", served.port))
        .send()
        .await
        .unwrap();
    assert_eq!(
        response.headers().get("strict-transport-security").unwrap(),
        "max-age=31536000"
    );
}

#[tokio::test]
async fn requests_are_counted_by_route_and_code() {
    let metrics = kit::metrics::install().unwrap();
    let (router, declared) = routes().add_to(metrics.router(), Declared::default());
    let edge = Edge::new("counted").declared(declared);
    let served = Served::plain(edge.around(router)).await;
    for number in 0..3 {
        send(&served, Method::GET, &format!("/orders/{number}"), "").await;
    }
    send(&served, Method::GET, "/orders/x", "").await;
    send(&served, Method::GET, "/nowhere/1", "").await;
    send(&served, Method::GET, "/nowhere/2", "").await;
    let text = send(&served, Method::GET, "/metrics", "")
        .await
        .text()
        .await
        .unwrap();
    let line = |labels: &str| {
        text.lines()
            .find(|line| line.contains("counted") && line.contains(labels))
    };
    let count = |route: &str, code: &str| {
        let found = text.lines().find(|line| {
            let requests =
                line.starts_with("gigvault_http_requests_total") && line.contains(r#"service="counted""#);
            requests
                && line.contains(&format!(r#"route="{route}""#))
                && line.contains(&format!(r#"code="{code}""#))
        });
        found
            .and_then(|line| line.rsplit(' ').next())
            .unwrap_or("0")
            .to_owned()
    };
    assert_eq!(count("/orders/{number}", "200"), "3");
    assert_eq!(count("/orders/{number}", "400"), "1");
    assert_eq!(count("unmatched", "404"), "2");
    assert!(line("gigvault_http_request_seconds_bucket").is_some(), "{text}");
}
