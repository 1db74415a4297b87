//! gRPC: one client type over both transports, callers known and checked, deadlines, panics.

use std::time::Duration;

use kit::error::{Fault, Kind};
use kit::grpc::RemoteFault;
use kit::transport::{Transport, channel, in_process};
use proto::auth::v1::AuthenticateRequest;
use proto::auth::v1::auth_client::AuthClient;
use tonic::{Code, Request};

use crate::world::{Ca, Served, echo, echo_site};

fn ask(token: &str) -> AuthenticateRequest {
    AuthenticateRequest {
        token: token.to_owned(),
    }
}

struct Both {
    _served: Served,
    clients: [(&'static str, AuthClient<Transport>); 2],
}

/// The same service in process and over mutual TLS, called as `caller`.
async fn both(caller: &'static str) -> Both {
    let ca = Ca::new();
    let served = Served::mutual(&ca.identity("auth"), echo_site()).await;
    let remote = channel(&served.url(), "auth", &ca.identity(caller)).unwrap();
    let clients = [
        ("in process", AuthClient::new(in_process(echo(), caller))),
        ("over mTLS", AuthClient::new(remote)),
    ];
    Both {
        _served: served,
        clients,
    }
}

#[tokio::test]
async fn the_caller_is_known_in_process_and_over_mutual_tls() {
    for (way, mut client) in both("ca").await.clients {
        let answer = client.authenticate(ask("x")).await.unwrap().into_inner();
        assert_eq!(answer.subject, "ca", "{way}");
    }
}

#[tokio::test]
async fn a_service_that_is_not_listed_is_refused() {
    for (way, mut client) in both("ra").await.clients {
        let status = client.authenticate(ask("x")).await.unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied, "{way}");
        assert_eq!(RemoteFault::from(status).kind(), Kind::Internal, "{way}");
    }
}

#[tokio::test]
async fn a_method_that_is_not_listed_is_refused() {
    let ca = Ca::new();
    let served = Served::mutual(&ca.identity("auth"), echo_site()).await;
    for transport in [
        in_process(echo(), "ca"),
        channel(&served.url(), "auth", &ca.identity("ca")).unwrap(),
    ] {
        let mut client = tonic::client::Grpc::new(transport);
        client.ready().await.unwrap();
        let path = http::uri::PathAndQuery::from_static("/gigvault.auth.v1.Auth/Delete");
        let codec = tonic_prost::ProstCodec::<AuthenticateRequest, AuthenticateRequest>::default();
        let status = client
            .unary(Request::new(ask("x")), path, codec)
            .await
            .unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied);
    }
}

#[tokio::test]
async fn without_a_peer_nothing_is_served() {
    let served = Served::plain(echo_site()).await;
    let response = crate::world::client()
        .post(served.http("/gigvault.auth.v1.Auth/Authenticate"))
        .header("content-type", "application/grpc")
        .body(vec![0; 5])
        .send()
        .await
        .unwrap();
    assert_eq!(response.headers().get("grpc-status").unwrap(), "16");
}

#[tokio::test]
async fn ids_of_the_request_travel_both_ways_alike() {
    for (way, client) in both("ca").await.clients {
        let mut headers = http::HeaderMap::new();
        let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        headers.insert("traceparent", traceparent.parse().unwrap());
        headers.insert("x-correlation-id", "order-7".parse().unwrap());
        let call = async {
            let ours = kit::trace::current().traceparent.unwrap();
            (
                ours,
                client
                    .clone()
                    .authenticate(ask("x"))
                    .await
                    .unwrap()
                    .into_inner()
                    .roles,
            )
        };
        let (ours, theirs) = kit::trace::RequestScope::accept(&headers).run(call).await;
        let [their_parent, correlation_id] = theirs.try_into().unwrap();
        assert_eq!(correlation_id, "order-7", "{way}");
        assert_eq!(their_parent.get(..36), traceparent.get(..36), "{way}");
        assert_ne!(their_parent, ours, "{way}: the callee has a span of its own");
    }
}

#[tokio::test]
async fn a_deadline_is_obeyed_and_says_that_it_was() {
    for (way, mut client) in both("ca").await.clients {
        let mut request = Request::new(ask("slow"));
        request.set_timeout(Duration::from_millis(100));
        let started = std::time::Instant::now();
        let status = client.authenticate(request).await.unwrap_err();
        assert!(started.elapsed() < Duration::from_secs(5), "{way}");
        assert!(
            matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled),
            "{way}: {status}"
        );
        assert_eq!(RemoteFault::from(status).kind(), Kind::Unavailable, "{way}");
    }
}

#[tokio::test]
async fn a_malformed_deadline_is_refused() {
    for (way, mut client) in both("ca").await.clients {
        let mut request = Request::new(ask("x"));
        request
            .metadata_mut()
            .insert("grpc-timeout", "soon".parse().unwrap());
        assert_eq!(
            client.authenticate(request).await.unwrap_err().code(),
            Code::InvalidArgument,
            "{way}"
        );
    }
}

#[tokio::test]
async fn a_panic_is_an_internal_error_and_the_service_goes_on() {
    for (way, mut client) in both("ca").await.clients {
        let status = client.authenticate(ask("panic")).await.unwrap_err();
        assert_eq!(status.code(), Code::Internal, "{way}");
        assert!(!status.message().contains("asked for"), "{way}");
        assert!(client.authenticate(ask("x")).await.is_ok(), "{way}");
    }
}

#[tokio::test]
async fn a_message_that_is_too_long_is_refused() {
    for (way, mut client) in both("ca").await.clients {
        let status = client
            .authenticate(ask(&"x".repeat(kit::grpc::MAX_MESSAGE + 1)))
            .await
            .unwrap_err();
        assert_eq!(status.code(), Code::OutOfRange, "{way}: {status}");
        assert!(client.authenticate(ask("x")).await.is_ok(), "{way}");
    }
}

#[tokio::test]
async fn a_service_that_is_away_is_unavailable_and_found_again() {
    let ca = Ca::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let mut client =
        AuthClient::new(channel(&format!("https://127.0.0.1:{port}"), "auth", &ca.identity("ca")).unwrap());
    let fault = RemoteFault::from(client.authenticate(ask("x")).await.unwrap_err());
    assert_eq!(fault.kind(), Kind::Unavailable);
    assert!(fault.shown().retry_after.is_some());
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let stop = tokio_util::sync::CancellationToken::new();
    let tls: std::sync::Arc<dyn kit::tls::TlsSource> = std::sync::Arc::new(ca.identity("auth"));
    let task = tokio::spawn(kit::http::serve(
        listener,
        Some(tls),
        echo_site(),
        kit::http::Limits::default(),
        stop.clone(),
    ));
    assert!(client.authenticate(ask("x")).await.is_ok());
    stop.cancel();
    task.await.unwrap();
}

#[tokio::test]
async fn calls_are_measured_by_method_and_code_and_unlisted_methods_share_a_label() {
    let metrics = kit::metrics::install().unwrap();
    let measured = tower::Layer::layer(
        &kit::grpc::edge("measured", crate::world::ALLOW),
        proto::auth::v1::auth_server::AuthServer::new(crate::world::Echo),
    );
    AuthClient::new(in_process(measured.clone(), "ca"))
        .authenticate(ask("x"))
        .await
        .unwrap();
    let mut client = tonic::client::Grpc::new(in_process(measured, "ca"));
    client.ready().await.unwrap();
    let path = http::uri::PathAndQuery::from_static("/gigvault.auth.v1.Auth/Made-up");
    let codec = tonic_prost::ProstCodec::<AuthenticateRequest, AuthenticateRequest>::default();
    assert!(client.unary(Request::new(ask("x")), path, codec).await.is_err());
    let text = metrics.render();
    let counted = |method: &str, code: &str| {
        let labels = [
            r#"service="measured""#,
            &format!(r#"method="{method}""#),
            &format!(r#"code="{code}""#),
        ]
        .map(str::to_owned);
        text.lines().any(|line| {
            line.starts_with("gigvault_grpc_request_seconds_count")
                && labels.iter().all(|label| line.contains(label))
        })
    };
    assert!(counted("/gigvault.auth.v1.Auth/Authenticate", "Ok"), "{text}");
    assert!(counted("unlisted", "PermissionDenied"), "{text}");
    assert!(!text.contains("Made-up"));
}
