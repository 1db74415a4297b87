//! Who is let in and who is believed; identities in files.

use std::sync::Arc;
use std::time::Duration;

use kit::http::standard_layers;
use kit::tls::{Identity, IdentityFiles, ServerFiles, ServerIdentity, TlsError};
use kit::transport::channel;
use proto::auth::v1::AuthenticateRequest;
use proto::auth::v1::auth_client::AuthClient;
use rcgen::ExtendedKeyUsagePurpose;

use crate::world::{Ca, Leaf, Served, clock, echo_site, eventually};

async fn call(served: &Served, peer: &str, identity: &Identity) -> Result<String, tonic::Status> {
    let mut client = AuthClient::new(channel(&served.url(), peer, identity).unwrap());
    let answer = client
        .authenticate(AuthenticateRequest {
            token: "x".to_owned(),
        })
        .await?;
    Ok(answer.into_inner().subject)
}

#[tokio::test]
async fn a_client_of_another_ca_is_refused() {
    let (ours, other) = (Ca::new(), Ca::new());
    let served = Served::mutual(&ours.identity("auth"), echo_site()).await;
    let pair = other.service_pair("ca");
    let stranger = Identity::from_pem(
        pair.chain.as_bytes(),
        pair.key.as_bytes(),
        ours.pem.as_bytes(),
        clock(),
    )
    .unwrap();
    assert!(call(&served, "auth", &stranger).await.is_err());
    assert_eq!(call(&served, "auth", &ours.identity("ca")).await.unwrap(), "ca");
}

#[tokio::test]
async fn a_client_whose_certificate_has_expired_is_refused() {
    let ca = Ca::new();
    let served = Served::mutual(&ca.identity("auth"), echo_site()).await;
    let expired = ca.pair(&Leaf {
        life: Duration::ZERO,
        ..Leaf::default()
    });
    assert!(call(&served, "auth", &ca.identity_of(&expired)).await.is_err());
}

#[tokio::test]
async fn a_client_whose_certificate_is_not_for_clients_is_refused() {
    let ca = Ca::new();
    let served = Served::mutual(&ca.identity("auth"), echo_site()).await;
    let server_only = ca.pair(&Leaf {
        usages: &[ExtendedKeyUsagePurpose::ServerAuth],
        ..Leaf::default()
    });
    assert!(
        call(&served, "auth", &ca.identity_of(&server_only))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_client_of_another_trust_domain_is_nobody() {
    let ca = Ca::new();
    let served = Served::mutual(&ca.identity("auth"), echo_site()).await;
    let foreign = ca.pair(&Leaf {
        names: &["spiffe://other.test/svc/ca"],
        ..Leaf::default()
    });
    // It would not believe the server either: the two ends are taken apart to see the server's view.
    let config = ca.identity_of(&foreign);
    assert!(call(&served, "auth", &config).await.is_err());
    let client = mutual_http(&foreign).build().unwrap();
    let response = client
        .post(format!("{}/gigvault.auth.v1.Auth/Authenticate", served.url()))
        .header("content-type", "application/grpc")
        .send()
        .await
        .unwrap();
    assert_eq!(response.headers().get("grpc-status").unwrap(), "16");
}

#[tokio::test]
async fn without_a_client_certificate_there_is_no_connection() {
    let ca = Ca::new();
    let served = Served::mutual(&ca.identity("auth"), echo_site()).await;
    crate::world::client();
    let client = reqwest::Client::builder()
        .no_proxy()
        .tls_danger_accept_invalid_certs(true)
        .build()
        .unwrap();
    assert!(client.get(served.url()).send().await.is_err());
}

#[tokio::test]
async fn a_server_that_is_another_service_is_not_believed() {
    let ca = Ca::new();
    let served = Served::mutual(&ca.identity("keymgr"), echo_site()).await;
    let status = call(&served, "auth", &ca.identity("ca")).await.unwrap_err();
    let text = kit::error::chain(&kit::grpc::RemoteFault::from(status));
    assert!(
        text.contains("spiffe://t.test/svc/keymgr") && text.contains("spiffe://t.test/svc/auth"),
        "{text}"
    );
}

#[tokio::test]
async fn a_server_of_another_ca_is_not_believed() {
    let (ours, other) = (Ca::new(), Ca::new());
    let served = Served::mutual(&other.identity("auth"), echo_site()).await;
    assert!(call(&served, "auth", &ours.identity("ca")).await.is_err());
}

#[tokio::test]
async fn rest_is_served_over_mutual_tls() {
    let ca = Ca::new();
    let rest = axum::Router::new().route("/api/v1/status", axum::routing::get(async || "fine"));
    let served = Served::mutual(&ca.identity("auth"), standard_layers(rest, "test")).await;
    let client = mutual_http(&ca.service_pair("ca")).http1_only().build().unwrap();
    let response = client
        .get(format!("{}/api/v1/status", served.url()))
        .send()
        .await
        .unwrap();
    assert_eq!(response.version(), http::Version::HTTP_11);
    assert_eq!(response.text().await.unwrap(), "fine");
}

/// A client with a certificate that does not look at the server's.
fn mutual_http(pair: &crate::world::Pair) -> reqwest::ClientBuilder {
    crate::world::client();
    let identity = reqwest::Identity::from_pem(format!("{}{}", pair.key, pair.chain).as_bytes()).unwrap();
    reqwest::Client::builder()
        .no_proxy()
        .tls_danger_accept_invalid_certs(true)
        .identity(identity)
}

#[tokio::test]
async fn grpc_is_served_over_http2_only() {
    let ca = Ca::new();
    let served = Served::mutual(&ca.identity("auth"), echo_site()).await;
    let client = mutual_http(&ca.service_pair("ca")).http1_only().build().unwrap();
    let answer = client
        .post(format!("{}/gigvault.auth.v1.Auth/Authenticate", served.url()))
        .send()
        .await;
    assert!(answer.is_err(), "{answer:?}");
}

#[test]
fn what_does_not_go_together_is_refused() {
    let ca = Ca::new();
    let (one, two) = (ca.service_pair("ca"), ca.service_pair("ca"));
    let load = |chain: &str, key: &str, roots: &str| {
        Identity::from_pem(chain.as_bytes(), key.as_bytes(), roots.as_bytes(), clock())
            .map(drop)
            .unwrap_err()
    };
    assert!(matches!(
        load(&one.chain, &two.key, &ca.pem),
        TlsError::Unusable { .. }
    ));
    assert!(matches!(load("", &one.key, &ca.pem), TlsError::Pem { .. }));
    assert!(matches!(load(&one.chain, "", &ca.pem), TlsError::Key(_)));
    assert!(matches!(
        load(&one.chain, &one.key, "no PEM"),
        TlsError::Pem { .. }
    ));
    for names in [
        &[][..],
        &["localhost"],
        &["spiffe://t.test/svc/a", "spiffe://t.test/svc/b"],
        &["https://t.test/svc/a"],
    ] {
        let pair = ca.pair(&Leaf {
            names,
            ..Leaf::default()
        });
        assert!(
            matches!(load(&pair.chain, &pair.key, &ca.pem), TlsError::NotAService(_)),
            "{names:?}"
        );
    }
}

fn write(ca: &Ca, directory: &std::path::Path, pair: &crate::world::Pair) -> IdentityFiles {
    let files = IdentityFiles::new(directory, "ca", directory.join("roots.pem"));
    std::fs::write(&files.roots, &ca.pem).unwrap();
    files.write(pair.chain.as_bytes(), pair.key.as_bytes()).unwrap();
    files
}

#[test]
fn a_new_pair_in_the_files_is_taken_up_and_a_broken_one_is_not() {
    let (ca, directory) = (Ca::new(), tempfile::tempdir().unwrap());
    let files = write(&ca, directory.path(), &ca.service_pair("ca"));
    let identity = Identity::from_files(files.clone(), clock()).unwrap();
    let first = identity.leaf();
    assert!(!identity.reload().unwrap());
    write(&ca, directory.path(), &ca.service_pair("ca"));
    assert!(identity.reload().unwrap());
    let second = identity.leaf();
    assert_ne!(first, second);
    std::fs::write(&files.certificate, "half a certif").unwrap();
    assert!(identity.reload().is_err());
    write(&ca, directory.path(), &ca.service_pair("keymgr"));
    assert!(identity.reload().unwrap_err().to_string().contains("svc/keymgr"));
    assert_eq!(identity.leaf(), second);
}

#[test]
fn a_replacement_is_in_the_files_too() {
    let (ca, directory) = (Ca::new(), tempfile::tempdir().unwrap());
    let files = write(&ca, directory.path(), &ca.service_pair("ca"));
    let identity = Identity::from_files(files.clone(), clock()).unwrap();
    let next = ca.service_pair("ca");
    identity
        .replace(next.chain.as_bytes(), next.key.as_bytes())
        .unwrap();
    assert_eq!(std::fs::read_to_string(&files.certificate).unwrap(), next.chain);
    assert_eq!(
        Identity::from_files(files, clock()).unwrap().leaf(),
        identity.leaf()
    );
    let other = ca.service_pair("keymgr");
    assert!(
        identity
            .replace(other.chain.as_bytes(), other.key.as_bytes())
            .is_err()
    );
}

#[test]
fn a_crash_between_the_two_files_of_a_pair_does_no_harm() {
    let (ca, directory) = (Ca::new(), tempfile::tempdir().unwrap());
    let files = write(&ca, directory.path(), &ca.service_pair("ca"));
    let next = ca.service_pair("ca");
    // As a crash leaves it after the key was renamed into place: the certificate still waits.
    std::fs::write(&files.key, &next.key).unwrap();
    let waiting = directory.path().join("ca.crt.new");
    std::fs::write(&waiting, &next.chain).unwrap();
    let identity = Identity::from_files(files.clone(), clock()).unwrap();
    assert_eq!(identity.leaf(), ca.identity_of(&next).leaf());
    assert_eq!(std::fs::read_to_string(&files.certificate).unwrap(), next.chain);
    assert!(!waiting.exists());
    // A waiting certificate that fits no better is not taken.
    std::fs::write(&files.key, &ca.service_pair("ca").key).unwrap();
    std::fs::write(&waiting, &ca.service_pair("ca").chain).unwrap();
    assert!(Identity::from_files(files.clone(), clock()).is_err());
    assert_eq!(std::fs::read_to_string(&files.certificate).unwrap(), next.chain);
}

#[tokio::test]
async fn an_answer_that_the_client_has_tells_no_length_over_either_protocol() {
    let ca = Ca::new();
    let pair = ca.pair(&Leaf {
        names: &["localhost"],
        ..Leaf::default()
    });
    let identity = ServerIdentity::from_pem(pair.chain.as_bytes(), pair.key.as_bytes(), clock()).unwrap();
    let path = "/api/v1/things";
    let router = axum::Router::new().route(path, axum::routing::get(async || "fine"));
    let served = Served::new(
        Some(Arc::new(identity)),
        standard_layers(router, "test"),
        kit::http::Limits::default(),
    )
    .await;
    crate::world::client();
    for http1 in [false, true] {
        let root = reqwest::Certificate::from_pem(ca.pem.as_bytes()).unwrap();
        let builder = reqwest::Client::builder().no_proxy().tls_certs_only([root]);
        let builder = if http1 { builder.http1_only() } else { builder };
        let client = builder.build().unwrap();
        let url = format!("https://localhost:{}{path}", served.port);
        for (known, status, length) in [("\"other\"", 200, Some("4")), ("*", 304, None)] {
            let request = client.get(&url).header("if-none-match", known);
            let answer = request.send().await.unwrap();
            assert_eq!(answer.version() == http::Version::HTTP_11, http1);
            assert_eq!(answer.status(), status, "{known}");
            let told = answer.headers().get("content-length");
            assert_eq!(told.map(|told| told.to_str().unwrap()), length, "{known}");
        }
    }
}

#[tokio::test]
async fn https_takes_a_new_certificate_without_a_restart_and_speaks_both_protocols() {
    let (one, two) = (Ca::new(), Ca::new());
    let leaf = Leaf {
        names: &["localhost"],
        ..Leaf::default()
    };
    let first = one.pair(&leaf);
    let identity = ServerIdentity::from_pem(first.chain.as_bytes(), first.key.as_bytes(), clock()).unwrap();
    let router = axum::Router::new().route("/", axum::routing::get(async || "fine"));
    let served = Served::new(
        Some(Arc::new(identity.clone())),
        standard_layers(router, "test"),
        kit::http::Limits::default(),
    )
    .await;
    let get = async |ca: &Ca, http1: bool| {
        crate::world::client();
        let root = reqwest::Certificate::from_pem(ca.pem.as_bytes()).unwrap();
        let builder = reqwest::Client::builder().no_proxy().tls_certs_only([root]);
        let builder = if http1 { builder.http1_only() } else { builder };
        let response = builder
            .build()
            .unwrap()
            .get(format!("https://localhost:{}/", served.port))
            .send()
            .await;
        response.map(|response| response.version())
    };
    assert_eq!(get(&one, false).await.unwrap(), http::Version::HTTP_2);
    assert_eq!(get(&one, true).await.unwrap(), http::Version::HTTP_11);
    assert!(get(&two, false).await.is_err());
    let second = two.pair(&leaf);
    identity
        .replace(second.chain.as_bytes(), second.key.as_bytes())
        .unwrap();
    assert_eq!(get(&two, false).await.unwrap(), http::Version::HTTP_2);
    assert!(
        identity
            .replace(first.chain.as_bytes(), second.key.as_bytes())
            .is_err()
    );
    assert!(get(&two, false).await.is_ok());
}

#[tokio::test]
async fn files_that_change_are_noticed() {
    let (ca, directory) = (Ca::new(), tempfile::tempdir().unwrap());
    let files = write(&ca, directory.path(), &ca.service_pair("ca"));
    let identity = Identity::from_files(files, clock()).unwrap();
    let server_files = ServerFiles {
        certificate: directory.path().join("ca.crt"),
        key: directory.path().join("ca.key"),
        passphrase: None,
    };
    let server = ServerIdentity::from_files(server_files, clock()).unwrap();
    let stop = tokio_util::sync::CancellationToken::new();
    let watches = [
        tokio::spawn(identity.clone().watch(stop.clone())),
        tokio::spawn(server.clone().watch(stop.clone())),
    ];
    let (first, first_config) = (identity.leaf(), kit::tls::TlsSource::server_config(&server));
    write(&ca, directory.path(), &ca.service_pair("ca"));
    eventually("a new identity", || identity.leaf() != first).await;
    eventually("a new HTTPS certificate", || {
        !Arc::ptr_eq(&kit::tls::TlsSource::server_config(&server), &first_config)
    })
    .await;
    stop.cancel();
    for watch in watches {
        watch.await.unwrap();
    }
}
