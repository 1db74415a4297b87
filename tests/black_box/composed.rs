//! Answers that are composed of what several services know.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::system::System;

use crate::authorization::key_for;
use crate::csr;
use crate::rest::Rest;
use crate::services::{fleet, rest};

async fn shown(rest: &Rest) -> Value {
    let answer = rest.get("/api/v1/cas/issuing").await;
    assert_eq!(answer.status(), StatusCode::OK);
    answer.json().await.unwrap()
}

/// The same once the key manager has written what it counted.
async fn shown_with_signatures(rest: &Rest) -> Value {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let ca = shown(rest).await;
        if ca["key"]["signatures"] != json!([]) {
            return ca;
        }
        assert!(Instant::now() < deadline, "{ca:#}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ca_is_shown_with_its_key_to_those_who_may_read_keys() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    rest.issue(&json!({"csr": csr::p256("a.example.test"), "profile": "tls-server"}))
        .await;
    let ca = shown_with_signatures(&rest).await;
    let name = ca["key"]["name"].as_str().unwrap();
    let key: Value = rest
        .get(&format!("/api/v1/keys/{name}"))
        .await
        .json()
        .await
        .unwrap();
    for field in ["algorithm", "purpose", "backend", "created_at"] {
        assert_eq!(ca["key"][field], key[field], "{field}");
    }
    assert_eq!(ca["key"]["purpose"], "certificate-authority");
    assert_eq!(ca["key"]["signatures"][0]["structure"], "certificate");
    assert!(ca["key"]["signatures"][0]["count"].as_i64().unwrap() > 0);
    let text = system.cli_ok(&["-o", "table", "ca", "show", "issuing"]).unwrap();
    let line = text.lines().find(|line| line.contains("key of keymgr"));
    assert!(line.unwrap().contains(&format!("{name}: ")), "{text}");

    let developer = Rest {
        token: key_for(&system, "developer"),
        ..rest
    };
    let ca = shown(&developer).await;
    assert_eq!((&ca["name"], ca.get("key")), (&json!("issuing"), None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_keymgr_a_ca_is_shown_and_its_service_starts() {
    let mut fleet = fleet().await;
    let rest_before = rest(&fleet);
    assert!(shown(&rest_before).await["key"]["name"].is_string());
    fleet.kill("keymgr").unwrap();
    let missing = json!({"unavailable": {"service": "keymgr", "detail": "it does not answer"}});
    let at_once = async |rest: &Rest| {
        let begun = Instant::now();
        let ca = shown(rest).await;
        // Two seconds are waited for a part; the rest is for a machine that is busy.
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
        assert_eq!((&ca["name"], &ca["key"]), (&json!("issuing"), &missing));
    };
    at_once(&rest_before).await;
    fleet.terminate("ca").unwrap();
    fleet.launch("ca").unwrap();
    at_once(&rest(&fleet)).await;

    fleet.launch("keymgr").unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while shown(&rest(&fleet)).await["key"] == missing {
        assert!(Instant::now() < deadline, "ca does not find keymgr again");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
