//! Identities of services change under load, and no caller notices.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::json;
use testkit::Postgres;
use testkit::fleet::{Fleet, Options, SERVICES};

use crate::rest::Rest;
use crate::{csr, judge, services};

const ROTATIONS: usize = 10;
const CLIENTS: usize = 4;
/// Life of an identity, of which a tenth is in the past: renewed about every four seconds.
const LIFE: &str = "7s";
const PATIENCE: Duration = Duration::from_secs(120);

/// Requests that do not stop; what was not answered 201.
async fn load(rest: Rest, stop: Arc<AtomicBool>, client: usize) -> (usize, Vec<String>) {
    let body = json!({"csr": csr::p256(&format!("c{client}.example.test")), "profile": "tls-server"});
    let (mut issued, mut failed) = (0, Vec::new());
    while !stop.load(Ordering::Relaxed) {
        let url = format!("{}/api/v1/certificates", rest.base);
        let request = rest.http.post(url).bearer_auth(&rest.token).json(&body);
        match request.send().await {
            Ok(answer) if answer.status() == StatusCode::CREATED => issued += 1,
            Ok(answer) => failed.push(format!("{}: {}", answer.status(), answer.text().await.unwrap())),
            Err(error) => failed.push(format!("{error:?}")),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    (issued, failed)
}

/// Serial number of the certificate that a service shows to who connects now.
fn shown(fleet: &Fleet, service: &str) -> String {
    let address = fleet.ready(service).unwrap().grpc.replace("https://", "");
    let ra = fleet.identity("ra");
    let script = format!(
        "openssl s_client -connect {address} -cert {ra}/tls.crt -key {ra}/tls.key </dev/null 2>/dev/null \
         | openssl x509 -noout -serial",
        ra = ra.display()
    );
    judge::run("sh", &["-c", &script])
}

fn on_disk(fleet: &Fleet, service: &str) -> String {
    let file = fleet.identity(service).join("tls.crt");
    judge::run(
        "openssl",
        &["x509", "-in", judge::text(&file), "-noout", "-serial"],
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_rotations_of_every_identity_under_load_fail_no_request() {
    let database = Postgres::shared().await.unwrap().fresh_database().await.unwrap();
    let options = Options {
        identity_validity: LIFE.to_owned(),
        identities: vec!["ra".to_owned()],
        ..Options::default()
    };
    let mut fleet = Fleet::start(&database, &options).unwrap();
    let rest = services::rest(&fleet);
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| tokio::spawn(load(rest.clone(), Arc::clone(&stop), client)))
        .collect();
    let mut seen: BTreeMap<&str, BTreeSet<Vec<u8>>> = BTreeMap::new();
    let begun = Instant::now();
    while seen.len() < SERVICES.len() || seen.values().any(|files| files.len() <= ROTATIONS) {
        let counts: Vec<_> = seen.iter().map(|(name, files)| (name, files.len())).collect();
        assert!(begun.elapsed() < PATIENCE, "too few rotations: {counts:?}");
        for service in SERVICES {
            let file = std::fs::read(fleet.identity(service).join("tls.crt")).unwrap();
            seen.entry(service).or_default().insert(file);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // Who connects now is shown the identity of now.
    for service in SERVICES {
        let deadline = Instant::now() + Duration::from_secs(10);
        while shown(&fleet, service) != on_disk(&fleet, service) {
            assert!(Instant::now() < deadline, "{service} shows an identity of before");
        }
    }
    stop.store(true, Ordering::Relaxed);
    let (mut issued, mut failed) = (0, Vec::new());
    for client in clients {
        let (of_client, failures) = client.await.unwrap();
        issued += of_client;
        failed.extend(failures);
    }
    assert!(
        failed.is_empty(),
        "{} of {issued} failed: {failed:#?}",
        failed.len()
    );
    assert!(issued > 100, "there was too little load: {issued}");
    // The first identities expired long ago: new connections can only use renewed ones.
    let before = on_disk(&fleet, "keymgr");
    while on_disk(&fleet, "keymgr") == before {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    fleet.terminate("keymgr").unwrap();
    fleet.launch("keymgr").unwrap();
    let body = json!({"csr": csr::p256("after.example.test"), "profile": "tls-server"});
    let deadline = Instant::now() + Duration::from_secs(20);
    while rest.try_issue(&body).await.status() != StatusCode::CREATED {
        assert!(
            Instant::now() < deadline,
            "ca does not reach the restarted keymgr"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
