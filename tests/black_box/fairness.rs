//! What one caller may use up: memory of pages, cores for keys, the disk.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::system::System;

use crate::csr;
use crate::procfs::resident;
use crate::rest::{Rest, retry_after};

/// 100 names of together nearly as many bytes as a certificate may hold.
fn large_names() -> Vec<String> {
    let label = "a".repeat(60);
    let name = |number| match number {
        0 => "dns:a.example.test".to_owned(),
        _ => format!("dns:n{number:03}.{label}.{label}.{label}.{label}.test"),
    };
    (0..100).map(name).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_large_pages_at_a_time_take_bounded_memory() {
    const MIB: usize = 1024 * 1024;
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let body = json!({
        "csr": csr::p256("a.example.test"), "profile": "tls-server", "san": large_names(),
    });
    let issue = async || {
        for _ in 0..75 {
            rest.issue(&body).await;
        }
    };
    tokio::join!(issue(), issue(), issue(), issue());
    let page = rest
        .get("/api/v1/certificates?limit=500")
        .await
        .bytes()
        .await
        .unwrap();
    let document: Value = serde_json::from_slice(&page).unwrap();
    assert!(page.len() < 4 * MIB, "{}", page.len());
    assert!(document["next_cursor"].is_string(), "it ends by bytes");
    let all = rest.all("protocol=rest", 500).await;
    assert_eq!(all.len(), 300, "and goes on");

    let before = resident(system.ready().pid);
    let mut most = before;
    let lists: Vec<_> = (0..32)
        .map(|_| {
            let rest = rest.clone();
            tokio::spawn(async move { rest.get("/api/v1/certificates?limit=500").await.status() })
        })
        .collect();
    while !lists.iter().all(tokio::task::JoinHandle::is_finished) {
        most = most.max(resident(system.ready().pid));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for list in lists {
        let status = list.await.unwrap();
        assert!(matches!(status.as_u16(), 200 | 429), "{status}");
    }
    assert!(most - before < 96 * MIB, "from {before} to {most} bytes");
}

#[tokio::test]
async fn names_of_a_certificate_are_bounded_together() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let path = "p".repeat(1000);
    let mut names = vec!["dns:a.example.test".to_owned()];
    names.extend((0..60).map(|number| format!("uri:https://a.example.test/{number}/{path}")));
    let body = json!({"csr": csr::p256("a.example.test"), "profile": "device", "san": names});
    let answer = rest.try_issue(&body).await;
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{text}");
    assert!(text.contains("at most 32768"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn making_large_keys_is_bounded_and_holds_nobody_up() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let make = |number: usize| {
        let rest = rest.clone();
        let key = json!({"name": format!("k{number}"), "algorithm": "rsa4096", "purpose": "ocsp-signer"});
        tokio::spawn(async move {
            let answer = rest.post("/api/v1/keys", &key).await;
            let wait = answer
                .headers()
                .contains_key("retry-after")
                .then(|| retry_after(&answer));
            (answer.status(), wait)
        })
    };
    let keys: Vec<_> = (0..40).map(make).collect();
    let body = json!({"csr": csr::p256("a.example.test"), "profile": "tls-server"});
    let mut slowest = Duration::ZERO;
    for _ in 0..20 {
        let begun = Instant::now();
        rest.issue(&body).await;
        slowest = slowest.max(begun.elapsed());
    }
    assert!(slowest < Duration::from_secs(3), "{slowest:?}");
    let mut refused = 0;
    for key in keys {
        let (status, wait) = key.await.unwrap();
        match status {
            StatusCode::CREATED => {}
            StatusCode::SERVICE_UNAVAILABLE => {
                assert!(wait.is_some_and(|seconds| seconds > 0));
                refused += 1;
            }
            other => panic!("{other}"),
        }
    }
    assert!(refused >= 32, "only {refused} of 40 were refused");
}
