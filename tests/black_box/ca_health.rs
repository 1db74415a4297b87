//! How a CA does, as its own service says: of what others tell, and of what the self-check finds where certificates point to.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::system::System;

use crate::between::{Between, Mode};
use crate::rest::Rest;
use crate::services::{fleet, rest};
use crate::{csr, judge, metrics};

/// Far beyond what it takes.
const PATIENCE: Duration = Duration::from_secs(60);

async fn health(rest: &Rest) -> Value {
    let answer = rest.get("/api/v1/cas/issuing/health").await;
    assert_eq!(answer.status(), 200);
    answer.json().await.unwrap()
}

async fn until(rest: &Rest, status: &str) -> Value {
    let begun = Instant::now();
    loop {
        let health = health(rest).await;
        if health["status"] == status {
            return health;
        }
        assert!(begun.elapsed() < PATIENCE, "{health:#}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The row of what the self-check found.
fn doctor(system: &System) -> Value {
    let output = system
        .command()
        .unwrap()
        .args(["doctor", "-o", "json"])
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = report["checks"].as_array().unwrap();
    let row = rows
        .iter()
        .find(|row| row["check"] == "self-check of CRLs and OCSP of ca");
    row.unwrap_or_else(|| panic!("{report:#}")).clone()
}

/// `ca health` without a name, and `doctor`, where the signature of the list of `issuing` is wrong.
fn all_are_shown(system: &System) {
    let all = system.cli_ok(&["ca", "health", "-o", "json"]).unwrap();
    let all: Value = serde_json::from_str(&all).unwrap();
    let named = |name: &str| {
        let items = all["items"].as_array().unwrap();
        items.iter().find(|item| item["ca"] == name).unwrap().clone()
    };
    assert_eq!(named("issuing")["status"], "unhealthy", "{all:#}");
    assert!(named("services")["status"].is_string(), "{all:#}");
    let row = doctor(system);
    assert_eq!(row["result"], "failed", "{row:#}");
    assert!(
        row["detail"].to_string().contains("signature of the CRL"),
        "{row:#}"
    );
}

async fn issue(rest: &Rest) -> String {
    let body = json!({"csr": csr::p256("a.example.test"), "profile": "tls-server"});
    rest.issue(&body).await["serial"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_relying_parties_see_wrong_is_found_told_and_over_once_it_is_right() {
    let between = Between::start().await;
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("config.yaml");
    std::fs::write(
        &config,
        format!("listen: {{public_http_url: '{}'}}\n", between.url),
    )
    .unwrap();
    let system = System::up_with(&["--config", judge::text(&config)]).unwrap();
    between.lead_to(&system.ready().http);
    let rest = Rest::of(&system);
    let serial = issue(&rest).await;
    rest.hold(&serial).await;

    let healthy = until(&rest, "healthy").await;
    let crls = healthy["crls"].as_array().unwrap();
    assert_eq!(crls.len(), 2, "{healthy:#}");
    assert!(crls.iter().all(|list| list["in_force"] == true), "{healthy:#}");
    assert_eq!(
        (&crls[0]["kind"], &crls[1]["kind"]),
        (&json!("complete"), &json!("delta"))
    );
    let ocsp = &healthy["ocsp"];
    assert_eq!(
        (&ocsp["current"], &ocsp["responders"][0]["issuer"]),
        (&json!(true), &json!("issuing"))
    );
    assert!(ocsp["responders"][0]["not_after"].is_string(), "{healthy:#}");
    let begun = Instant::now();
    // The self-check asks.
    while health(&rest).await["ocsp"]["p95_seconds"].is_null() {
        assert!(begun.elapsed() < PATIENCE, "no answer was counted");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(healthy["self_check"][0]["problems"], json!([]));
    assert_eq!(healthy["self_check"][0]["status"], "healthy");
    assert_eq!(doctor(&system)["result"], "ok");

    // A list in between with another signature; the next publication has it looked at.
    between.set("/crl/issuing", Mode::Damaged);
    rest.revoke(&serial, "key-compromise").await;
    let wrong = until(&rest, "unhealthy").await;
    let problem = wrong["self_check"][0]["problems"][0].as_str().unwrap();
    assert!(
        problem.contains("signature of the CRL") && problem.contains(&between.url),
        "{wrong:#}"
    );
    let series = "gigvault_crl_self_check_problems{ca=\"issuing\"} ";
    assert!(metrics::sum(&system, series).await > 0);
    let log = system.log().unwrap();
    assert!(
        log.contains("self-check found what relying parties see wrong"),
        "{log}"
    );
    let shown = system
        .cli_ok(&["ca", "health", "issuing", "-o", "table"])
        .unwrap();
    assert!(
        shown.contains("unhealthy") && shown.contains("signature of the CRL"),
        "{shown}"
    );
    all_are_shown(&system);

    between.set("/crl/issuing", Mode::Through);
    rest.revoke(&issue(&rest).await, "key-compromise").await;
    let right = until(&rest, "healthy").await;
    assert_eq!(right["self_check"][0]["problems"], json!([]));
    assert_eq!(metrics::sum(&system, series).await, 0);

    // An answer of OCSP from before, by someone who keeps it.
    between.set("/ocsp", Mode::First);
    rest.revoke(&issue(&rest).await, "key-compromise").await;
    let replayed = until(&rest, "unhealthy").await;
    assert!(
        replayed["self_check"].to_string().contains("/ocsp"),
        "{replayed:#}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_told_is_marked_and_the_rest_is_answered() {
    let fleet = fleet().await;
    let health = health(&rest(&fleet)).await;
    assert_eq!(
        (&health["ca"], &health["status"]),
        (&json!("issuing"), &json!("unknown"))
    );
    for (part, service) in [("crls", "crl"), ("ocsp", "ocsp")] {
        assert_eq!(health[part]["unavailable"]["service"], service, "{health:#}");
    }
    let answer = rest(&fleet).get("/api/v1/cas/nope/health").await;
    assert_eq!(answer.status(), 404);
}
