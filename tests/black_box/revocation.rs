//! Revoke, hold, release, suspend: over REST and the command line.

use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::system::System;

use crate::rest::Rest;
use crate::{csr, judge};

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
    let refused = problem(rest.post(&renew, &fresh).await, StatusCode::UNPROCESSABLE_ENTITY).await;
    assert_eq!(kind(&refused), "compromised-key", "not with another key either");

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

/// Certificates of one key, from two CAs, and a folder that holds the key.
async fn of_one_key(rest: &Rest, key: &std::path::Path, names: &[&str]) -> Vec<Value> {
    let mut made = Vec::new();
    for name in names {
        let csr = csr::with_key(key, &format!("/CN={name}"), &format!("DNS:{name}"));
        made.push(rest.issue(&json!({"csr": csr, "profile": "tls-server"})).await);
    }
    made
}

#[tokio::test]
async fn other_certificates_of_a_compromised_key_are_named_and_revoked_on_request() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("key.pem");
    let made = of_one_key(
        &rest,
        &key,
        &["a.example.test", "b.example.test", "c.example.test"],
    )
    .await;
    let serial = |n: usize| made[n]["serial"].as_str().unwrap();
    let path = format!("/api/v1/certificates/{}/revoke", serial(0));
    let body = json!({"reason": "superseded", "same_key": true});
    let refused = problem(rest.post(&path, &body).await, StatusCode::BAD_REQUEST).await;
    assert_eq!(refused["field"], "same_key");

    let cli = system
        .cli(&[
            "cert",
            "revoke",
            serial(0),
            "--reason",
            "key-compromise",
            "-o",
            "table",
        ])
        .unwrap();
    let (shown, warned) = (
        String::from_utf8_lossy(&cli.stdout).into_owned(),
        String::from_utf8_lossy(&cli.stderr).into_owned(),
    );
    assert!(cli.status.success(), "{cli:?}");
    for n in [1, 2] {
        assert!(shown.contains(serial(n)), "{shown}");
    }
    assert!(
        warned.contains("2 other certificates") && warned.contains("--same-key"),
        "{warned}"
    );

    let without_consent = system
        .cli(&[
            "cert",
            "revoke",
            serial(0),
            "--reason",
            "key-compromise",
            "--same-key",
        ])
        .unwrap();
    assert_eq!(without_consent.status.code(), Some(2), "{without_consent:?}");
    let more = ["--reason", "key-compromise", "--same-key", "--yes", "-o", "json"];
    let answer = system
        .cli_ok(&[&["cert", "revoke", serial(0)], &more[..]].concat())
        .unwrap();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["status"], "revoked");
    assert_eq!(answer["same_key"]["revoked"].as_array().unwrap().len(), 2);
    assert_eq!(rest.all("status=revoked", 50).await.len(), 3);
    let usage = system
        .cli(&[
            "cert",
            "revoke",
            serial(0),
            "--reason",
            "superseded",
            "--same-key",
            "--yes",
        ])
        .unwrap();
    assert_eq!(usage.status.code(), Some(2), "{usage:?}");
}

#[tokio::test]
async fn an_owner_does_not_undo_what_an_operator_decided() {
    let system = System::up().unwrap();
    let operator = Rest::of(&system);
    let made = system
        .cli_ok(&["apikey", "create", "dev", "--role", "developer", "-o", "json"])
        .unwrap();
    let made: Value = serde_json::from_str(&made).unwrap();
    let owner = Rest {
        token: made["token"].as_str().unwrap().to_owned(),
        ..operator.clone()
    };
    let body = json!({"csr": csr::p256("a.example.test"), "profile": "dev-server"});
    let profiles: Value = operator.get("/api/v1/profiles").await.json().await.unwrap();
    let development = profiles["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|profile| profile["development"] == true)
        .map(|profile| profile["name"].as_str().unwrap().to_owned());
    let body = match development {
        Some(name) => json!({"csr": body["csr"], "profile": name}),
        None => body,
    };
    let issued = owner.issue(&body).await;
    let serial = issued["serial"].as_str().unwrap();
    let path = format!("/api/v1/certificates/{serial}");
    owner.hold(serial).await;
    owner.release(serial).await;
    operator.hold(serial).await;
    let shown: Value = owner.get(&path).await.json().await.unwrap();
    assert_eq!(shown["revocation"]["decided_as"], "operator");
    let refused = problem(
        owner.post(&format!("{path}/release"), &json!({})).await,
        StatusCode::FORBIDDEN,
    )
    .await;
    assert!(
        refused["detail"].as_str().unwrap().contains("operator"),
        "{refused}"
    );
    operator.release(serial).await;

    // Within the certificate's life, which begins before now.
    let at = |seconds: u32| {
        let moment = format!("{} + {seconds} seconds", issued["not_before"].as_str().unwrap());
        let text = judge::run("date", &["-u", "-d", &moment, "+%Y-%m-%dT%H:%M:%SZ"]);
        text.trim().to_owned()
    };
    let revoke = |seconds: u32| json!({"reason": "key-compromise", "invalidity_time": at(seconds)});
    let path = format!("{path}/revoke");
    assert_eq!(owner.post(&path, &revoke(2)).await.status(), StatusCode::OK);
    problem(owner.post(&path, &revoke(3)).await, StatusCode::FORBIDDEN).await;
    assert_eq!(owner.post(&path, &revoke(1)).await.status(), StatusCode::OK);
    assert_eq!(operator.post(&path, &revoke(2)).await.status(), StatusCode::OK);
}
