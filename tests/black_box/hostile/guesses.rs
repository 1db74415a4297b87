//! One client guesses API keys as fast as the server answers: clients that have a key go on.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use serde_json::json;
use testkit::hostile::{Abuse, targets};
use testkit::system::System;

use super::{CORES, ELSEWHERE, attacks};
use crate::csr;
use crate::metrics::sum;
use crate::rest::Rest;

const REFUSED: &str = "gigvault_authentications_total{result=\"refused\"}";

/// A caller at the address of the one who guesses.
fn neighbour(system: &System) -> Rest {
    let _installed_before = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let root = std::fs::read(system.ready().data_dir.join("root.crt")).unwrap();
    let http = reqwest::Client::builder()
        .tls_certs_only([reqwest::Certificate::from_pem(&root).unwrap()])
        .local_address(IpAddr::from(ELSEWHERE))
        .build()
        .unwrap();
    Rest {
        http,
        ..Rest::of(system)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_one_client_guesses_api_keys_all_others_issue() {
    let _alone = CORES.lock().await;
    let system = System::up().unwrap();
    let body = json!({"csr": csr::p256("a.example.test"), "profile": "tls-server"});
    // Let in before, on a connection that stays.
    let neighbour = neighbour(&system);
    neighbour.issue(&body).await;
    let found = targets(system.dir(), None).unwrap();
    let _attacks = attacks(&found, Abuse::BadCredentials, ELSEWHERE).await;
    let before = sum(&system, REFUSED).await;
    let deadline = Instant::now() + Duration::from_secs(60);
    for round in 1.. {
        // A client of its own makes a connection of its own, whose credential is looked at like any stranger's.
        Rest::of(&system).issue(&body).await;
        neighbour.issue(&body).await;
        if round >= 5 && sum(&system, REFUSED).await > before + 20 {
            return;
        }
        assert!(Instant::now() < deadline, "the guesses are not looked at");
    }
}
