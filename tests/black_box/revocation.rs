//! Revoke, hold, release, suspend: over REST and the command line.

use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::system::System;

use crate::csr;
use crate::rest::Rest;

async fn problem(answer: reqwest::Response, status: StatusCode) -> Value {
    let (found, text) = (answer.status(), answer.text().await.unwrap());
    assert_eq!(found, status, "{text}");
    serde_json::from_str(&text).unwrap()
}

fn kind(problem: &Value) -> &str {
    problem["type"].as_str().unwrap().rsplit('/').next().unwrap()
}

#[tokio::test]
async fn a_key_revoked_for_compromise_is_neither_certified_nor_renewed_again() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("key.pem");
    let body = |name: &str| {
        let csr = csr::with_key(&key, &format!("/CN={name}"), &format!("DNS:{name}"));
        json!({"csr": csr, "profile": "tls-server"})
    };
    let old = rest.issue(&body("a.example.test")).await;
    let other = rest.issue(&body("b.example.test")).await;
    rest.revoke(old["serial"].as_str().unwrap(), "key-compromise")
        .await;

    let refused = problem(
        rest.try_issue(&body("c.example.test")).await,
        StatusCode::UNPROCESSABLE_ENTITY,
    )
    .await;
    assert_eq!(
        (kind(&refused), &refused["field"]),
        ("compromised-key", &json!("csr"))
    );
    let renew = format!("/api/v1/certificates/{}/renew", other["serial"].as_str().unwrap());
    let refused = problem(
        rest.post(&renew, &json!({})).await,
        StatusCode::UNPROCESSABLE_ENTITY,
    )
    .await;
    assert_eq!(kind(&refused), "compromised-key");
    let fresh = json!({"csr": csr::p256("b.example.test")});
    assert_eq!(rest.post(&renew, &fresh).await.status(), StatusCode::CREATED);

    let serial = other["serial"].as_str().unwrap();
    let cli = system.cli(&["cert", "renew", serial, "--force"]).unwrap();
    assert_eq!(cli.status.code(), Some(3), "{cli:?}");
    assert!(
        String::from_utf8_lossy(&cli.stderr).contains("make a new key"),
        "{cli:?}"
    );
}

#[tokio::test]
async fn hold_and_release_are_verbs_and_not_reasons() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let issued = rest
        .issue(&json!({"csr": csr::p256("a.example.test"), "profile": "tls-server"}))
        .await;
    let serial = issued["serial"].as_str().unwrap();
    let path = format!("/api/v1/certificates/{serial}");
    for (reason, verb) in [("certificate-hold", "/hold"), ("remove-from-crl", "/release")] {
        let answer = rest
            .post(&format!("{path}/revoke"), &json!({"reason": reason}))
            .await;
        let refused = problem(answer, StatusCode::BAD_REQUEST).await;
        assert!(refused["detail"].as_str().unwrap().contains(verb), "{refused}");
        let cli = system
            .cli(&["cert", "revoke", serial, "--reason", reason, "--yes"])
            .unwrap();
        assert_eq!(cli.status.code(), Some(2), "{cli:?}");
    }
    let status = |text: String| {
        let shown: Value = serde_json::from_str(&text).unwrap();
        shown["status"].as_str().unwrap().to_owned()
    };
    let cli = |verb: &str| system.cli_ok(&["cert", verb, serial, "-o", "json"]).unwrap();
    assert_eq!(status(cli("hold")), "on_hold");
    let again = problem(
        rest.post(&format!("{path}/hold"), &json!({})).await,
        StatusCode::CONFLICT,
    )
    .await;
    assert_eq!(kind(&again), "conflict");
    assert_eq!(status(cli("release")), "valid");
    problem(
        rest.post(&format!("{path}/release"), &json!({})).await,
        StatusCode::CONFLICT,
    )
    .await;
    problem(
        rest.post(&format!("{path}/hold"), &json!({"reason": "superseded"}))
            .await,
        StatusCode::UNPROCESSABLE_ENTITY,
    )
    .await;
    assert_eq!(status(rest.get(&path).await.text().await.unwrap()), "valid");
    let metrics = reqwest::get(format!("{}/metrics", system.ready().metrics))
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    for line in [
        "gigvault_certificates_held_total{ca=\"issuing\"} 1",
        "gigvault_certificates_released_total{ca=\"issuing\"} 1",
    ] {
        assert!(metrics.contains(line), "{metrics}");
    }
    assert!(
        !metrics.contains("gigvault_certificates_revoked_total{"),
        "{metrics}"
    );
}

#[tokio::test]
async fn a_suspended_ca_says_so_and_lasts_over_a_restart() {
    let mut system = System::up().unwrap();
    let rest = Rest::of(&system);
    let issued = rest
        .issue(&json!({"csr": csr::p256("a.example.test"), "profile": "tls-server"}))
        .await;
    let shown: Value = serde_json::from_str(
        &system
            .cli_ok(&["ca", "suspend", "issuing", "-o", "json"])
            .unwrap(),
    )
    .unwrap();
    assert!(
        shown["suspended_since"].is_string() && shown["suspended_by"].is_string(),
        "{shown}"
    );
    system.restart().unwrap();
    let rest = Rest::of(&system);
    let renew = format!(
        "/api/v1/certificates/{}/renew",
        issued["serial"].as_str().unwrap()
    );
    for answer in [
        rest.try_issue(&json!({"csr": csr::p256("b.example.test"), "profile": "tls-server"}))
            .await,
        rest.post(&renew, &json!({})).await,
    ] {
        let refused = problem(answer, StatusCode::CONFLICT).await;
        assert_eq!(kind(&refused), "ca-suspended");
    }
    assert_eq!(rest.get("/readyz").await.status(), StatusCode::OK);
    system.cli_ok(&["ca", "resume", "issuing"]).unwrap();
    assert_eq!(rest.post(&renew, &json!({})).await.status(), StatusCode::CREATED);
    let unknown = system.cli(&["ca", "suspend", "nosuch"]).unwrap();
    assert_eq!(unknown.status.code(), Some(4));
}
