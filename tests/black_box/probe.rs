//! The probe of visible revocation, off unless it is set.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::Value;
use testkit::system::System;

use crate::judge;
use crate::metrics::sum;

/// A canary is looked for during a minute, from the start of the server on.
const PATIENCE: Duration = Duration::from_secs(120);

fn up(settings: &str) -> (System, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("gigvault.yaml");
    fs::write(&config, settings).unwrap();
    let system = System::up_with(&["--config", judge::text(&config)]).unwrap();
    (system, dir)
}

async fn until_counted(system: &System, series: &str) {
    let begun = Instant::now();
    while sum(system, series).await == 0 {
        assert!(begun.elapsed() < PATIENCE, "{series} stays away");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn seen(channel: &str) -> String {
    format!("gigvault_revocation_visible_seconds_count{{ca=\"issuing\",channel=\"{channel}\"}} ")
}

fn unseen(channel: &str) -> String {
    format!("gigvault_revocation_unseen_total{{ca=\"issuing\",channel=\"{channel}\"}} ")
}

#[tokio::test]
async fn how_soon_a_revocation_is_visible_is_measured_where_that_is_set() {
    let (system, _dir) = up("ca:\n  probe_interval: 1m\n");
    for channel in ["ocsp", "crl", "delta"] {
        until_counted(&system, &seen(channel)).await;
        assert_eq!(sum(&system, &unseen(channel)).await, 0, "{channel}");
    }
    // It was a certificate of GigVault's own, with a short life.
    let listed = |internal: &[&str]| -> Vec<Value> {
        let arguments = [&["cert", "list", "--status", "revoked", "-o", "json"], internal].concat();
        let list: Value = serde_json::from_str(&system.cli_ok(&arguments).unwrap()).unwrap();
        let items = list["items"].as_array().unwrap().iter();
        let of_probe = |item: &&Value| item["requester"] == "gigvault:revocation-probe";
        items.filter(of_probe).cloned().collect()
    };
    assert!(listed(&[]).is_empty());
    let canaries = listed(&["--internal"]);
    assert!(!canaries.is_empty());
    assert_eq!(canaries[0]["revocation"]["reason"], "cessation-of-operation");
}

#[tokio::test]
async fn a_revocation_that_is_not_seen_in_time_is_counted_by_channel() {
    let (system, _dir) = up("ca:\n  probe_interval: 1m\ncrl:\n  immediate: false\n");
    until_counted(&system, &seen("ocsp")).await;
    for channel in ["crl", "delta"] {
        until_counted(&system, &unseen(channel)).await;
        assert_eq!(sum(&system, &seen(channel)).await, 0, "{channel}");
    }
    assert_eq!(sum(&system, &unseen("ocsp")).await, 0);
    assert!(system.log().unwrap().contains("was not visible in time"));
}
