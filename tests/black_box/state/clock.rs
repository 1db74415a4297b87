//! Clocks that are wrong, and certificates that have expired in the meantime.

use std::fs;
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::system::{ServerInfo, System};

use super::{command, refused, started, stopped, up};
use crate::csr;
use crate::rest::Rest;

#[test]
fn a_clock_older_than_the_program_makes_no_ca() {
    let dir = tempfile::tempdir().unwrap();
    for verb in ["up", "bootstrap"] {
        let mut early = match verb {
            "up" => up(dir.path(), &[]),
            _ => command(dir.path(), verb),
        };
        early.env("GIGVAULT_CLOCK_OFFSET", "-20000d");
        let said = refused(early);
        assert!(said.contains("set the clock"), "{said}");
    }
    assert!(!dir.path().join("data/keys/root").exists());
    let (process, _) = started(up(dir.path(), &[]), dir.path());
    drop(process);
    // What exists starts, for whoever has to look or to revoke.
    let mut early = up(dir.path(), &[]);
    early.env("GIGVAULT_CLOCK_OFFSET", "-20000d");
    started(early, dir.path());
}

fn careless(ready: &ServerInfo) -> Rest {
    let _installed_before = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Rest {
        http: reqwest::Client::builder()
            .danger_accept_invalid_certs(true)
            .build()
            .unwrap(),
        base: ready.https.clone(),
        token: fs::read_to_string(ready.data_dir.join("admin.token"))
            .unwrap()
            .trim()
            .to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expired_ca_lets_one_start_look_and_revoke() {
    let (system, made) = stopped(&[]);
    let mut late = up(system.dir(), &[]);
    late.env("GIGVAULT_CLOCK_OFFSET", "+2200d");
    let (_process, ready) = started(late, system.dir());
    let rest = careless(&ready);
    let serial = made["serial"].as_str().unwrap();
    assert_eq!(
        rest.get(&format!("/api/v1/certificates/{serial}")).await.status(),
        StatusCode::OK
    );
    rest.revoke(serial, "superseded").await;
    let refused = rest
        .try_issue(&json!({"csr": csr::p256("b.example.test"), "profile": "tls-server"}))
        .await;
    assert!(refused.status().is_client_error(), "{refused:?}");
    assert!(refused.text().await.unwrap().contains("make a new CA"));
    own_certificates_are_failing(&rest).await;
}

/// The process is not ready, and says that its own certificates are why.
async fn own_certificates_are_failing(rest: &Rest) {
    let readyz = rest.get("/readyz").await;
    assert_eq!(readyz.status(), StatusCode::SERVICE_UNAVAILABLE);
    let readyz: Value = readyz.json().await.unwrap();
    let failing = readyz["failing"].as_array().unwrap();
    for name in ["HTTPS certificate", "service identity"] {
        assert!(failing.contains(&json!(name)), "{readyz}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_its_own_certificates_are_not_valid_yet_a_server_is_not_ready() {
    let (system, _) = stopped(&[]);
    let mut early = up(system.dir(), &[]);
    early.env("GIGVAULT_CLOCK_OFFSET", "-60d");
    let (_process, ready) = started(early, system.dir());
    own_certificates_are_failing(&careless(&ready)).await;
}

/// What `doctor` finds in and at the data directory.
fn doctor(system: &System) -> Value {
    let dir = system.dir().join("gigvault-data");
    if !dir.exists() {
        std::os::unix::fs::symlink(&system.ready().data_dir, &dir).unwrap();
    }
    let report = system.cli(&["doctor", "-o", "json"]).unwrap().stdout;
    serde_json::from_slice(&report).unwrap()
}

fn row<'a>(report: &'a Value, check: &str) -> &'a Value {
    let mut rows = report["checks"].as_array().unwrap().iter();
    rows.find(|row| row["check"] == check)
        .unwrap_or_else(|| panic!("no {check}: {report:#}"))
}

#[test]
fn after_a_clock_that_jumped_forward_and_back_our_own_certificates_are_valid() {
    let (mut system, _) = stopped(&[]);
    let mut late = up(system.dir(), &[]);
    late.env("GIGVAULT_CLOCK_OFFSET", "+400d");
    let (process, _) = started(late, system.dir());
    drop(process);
    let report = doctor(&system);
    let of_the_future = row(&report, "identities");
    assert_eq!(of_the_future["result"], "failed", "{report:#}");
    for (part, says) in [("detail", "tls.crt is valid from"), ("fix", "set the clock")] {
        assert!(
            of_the_future[part].as_str().unwrap().contains(says),
            "{of_the_future}"
        );
    }
    system.restart().unwrap();
    system.cli_ok(&["cert", "list"]).unwrap();
    let mut report = doctor(&system);
    for check in ["server", "clock", "certificate"] {
        assert_eq!(row(&report, check)["result"], "ok", "{report:#}");
    }
    // The identity is renewed beside the start.
    let deadline = Instant::now() + Duration::from_secs(30);
    while row(&report, "identities")["result"] != "ok" {
        assert!(Instant::now() < deadline, "{report:#}");
        std::thread::sleep(Duration::from_millis(100));
        report = doctor(&system);
    }
}
