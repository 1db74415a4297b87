//! Our own certificates are revoked: services refuse each other then, and what can be replaced is replaced at once.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::json;
use testkit::fleet::Fleet;
use testkit::system::{System, binary};

use crate::rest::Rest;
use crate::{csr, judge, services};

const PATIENCE: Duration = Duration::from_secs(20);

fn serial(certificate: &Path) -> String {
    let line = judge::run(
        "openssl",
        &["x509", "-in", judge::text(certificate), "-noout", "-serial"],
    );
    line.trim().trim_start_matches("serial=").to_lowercase()
}

/// Serial number of the certificate that whoever connects now is shown.
fn shown(url: &str) -> String {
    let address = url.replace("https://", "");
    let script =
        format!("openssl s_client -connect {address} </dev/null 2>/dev/null | openssl x509 -noout -serial");
    let line = judge::run("sh", &["-c", &script]);
    line.trim().trim_start_matches("serial=").to_lowercase()
}

async fn eventually(what: &str, happened: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !happened().await {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn our_own_certificates_are_replaced_once_they_are_revoked() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let files = ["identities/https/tls.crt", "identities/gigvault/tls.crt"];
    let files = files.map(|file| system.ready().data_dir.join(file));
    let before = files.each_ref().map(|file| serial(file));
    for serial in &before {
        rest.revoke(serial, "key-compromise").await;
    }
    eventually("the HTTPS certificate is served on", async || {
        shown(&system.ready().https) != before[0]
    })
    .await;
    eventually("the identity is kept", async || serial(&files[1]) != before[1]).await;
    assert_eq!(shown(&system.ready().https), serial(&files[0]));
    assert_eq!(shown(&system.ready().mtls), serial(&files[0]));
}

fn bootstrap(fleet: &Fleet, identity: &str) {
    let output = Command::new(binary().unwrap())
        .args(["bootstrap", "--identity", identity, "--config"])
        .arg(fleet.dir().join("keymgr/config.yaml"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_service_is_refused_until_bootstrap_gives_it_another_identity() {
    let mut fleet = services::fleet().await;
    let rest = services::rest(&fleet);
    let body = json!({"csr": csr::p256("a.example.test"), "profile": "tls-server"});
    assert_eq!(rest.try_issue(&body).await.status(), StatusCode::CREATED);

    let revoked = serial(&fleet.identity("keymgr").join("tls.crt"));
    rest.revoke(&revoked, "key-compromise").await;
    eventually("ca goes on to call a keymgr that is revoked", async || {
        rest.try_issue(&body).await.status() == StatusCode::SERVICE_UNAVAILABLE
    })
    .await;
    assert!(fleet.log("ca").unwrap().contains("revoked"));

    fleet.terminate("keymgr").unwrap();
    bootstrap(&fleet, "keymgr");
    assert_ne!(serial(&fleet.identity("keymgr").join("tls.crt")), revoked);
    fleet.launch("keymgr").unwrap();
    eventually("ca does not call the keymgr with another identity", async || {
        rest.try_issue(&body).await.status() == StatusCode::CREATED
    })
    .await;
}
