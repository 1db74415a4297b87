//! What Prometheus reads about certificates.

use std::time::{Duration, Instant};

use serde_json::json;
use testkit::system::System;

use crate::csr;
use crate::rest::Rest;

/// The values of all series that begin so: with a metric's name, or a name and its labels.
async fn values(system: &System, series: &str) -> Vec<u64> {
    let url = format!("{}/metrics", system.ready().metrics);
    let answer = system.http().unwrap().get(url).send().await.unwrap();
    let text = answer.text().await.unwrap();
    text.lines()
        .filter(|line| line.starts_with(series))
        .map(|line| line.rsplit_once(' ').unwrap().1.parse().unwrap())
        .collect()
}

/// Their sum.
pub(crate) async fn sum(system: &System, series: &str) -> u64 {
    values(system, series).await.iter().sum()
}

#[tokio::test]
async fn certificates_are_counted_where_they_are_issued_revoked_and_about_to_expire() {
    const ISSUED: &str = "gigvault_certificates_issued_total{ca=\"issuing\",profile=\"tls-server\"} ";
    const REVOKED: &str = "gigvault_certificates_revoked_total{ca=\"issuing\",reason=\"superseded\"} ";
    let expiring = |days: u8| format!("gigvault_certificates_expiring{{ca=\"issuing\",days=\"{days}\"}} ");
    let mut system = System::up().unwrap();
    let rest = Rest::of(&system);
    // It made itself a certificate for HTTPS.
    let own = sum(&system, ISSUED).await;
    let mut serials = Vec::new();
    for validity in ["12h", "5d", "20d", "90d", "12h"] {
        let body = json!({"csr": csr::p256("a.example.test"), "profile": "tls-server", "validity": validity});
        serials.push(rest.issue(&body).await["serial"].as_str().unwrap().to_owned());
    }
    assert_eq!(sum(&system, ISSUED).await, own + 5);
    assert_eq!(sum(&system, REVOKED).await, 0);
    assert_eq!(
        values(&system, "gigvault_queue_depth{queue=\"issuance\"} ")
            .await
            .len(),
        1
    );
    rest.revoke(&serials[4], "superseded").await;
    assert_eq!(sum(&system, REVOKED).await, 1);

    // They are counted when the service starts, and every ten minutes.
    system.restart().unwrap();
    let begun = Instant::now();
    while values(&system, &expiring(30)).await.is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(20), "nothing was counted");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // The OCSP responder of the CA lives for thirty days, and is replaced: it is not counted.
    for (days, count) in [(1, 1), (7, 2), (30, 3)] {
        assert_eq!(sum(&system, &expiring(days)).await, count, "{days} days");
    }
}
