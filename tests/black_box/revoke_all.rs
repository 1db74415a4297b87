//! `cert revoke --ca X --all`: nothing unasked, nothing twice, nothing of another CA.

use serde_json::{Value, json};
use testkit::system::System;

use crate::csr;
use crate::rest::Rest;

fn all(system: &System, more: &[&str]) -> Value {
    let arguments = ["cert", "revoke", "--ca", "issuing", "--all", "-o", "json"];
    serde_json::from_str(&system.cli_ok(&[&arguments[..], more].concat()).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_certificate_of_a_ca_is_revoked_once_and_none_of_another() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    for host in 0..20 {
        let csr = csr::p256(&format!("host-{host}.example.test"));
        rest.issue(&json!({"csr": csr, "profile": "tls-server"})).await;
    }
    let serials = rest.all("protocol=rest", 500).await;
    rest.revoke(&serials[0], "superseded").await;
    rest.revoke(&serials[1], "certificate-hold").await;

    // The server's own HTTPS certificate is among them.
    let dry = all(&system, &["--dry-run"]);
    assert_eq!(
        dry,
        json!({"ca": "issuing", "reason": "unspecified", "dry_run": true, "valid": 19, "on_hold": 1,
               "revoked": 0, "revoked_meanwhile": 0})
    );
    let unasked = system
        .cli(&["cert", "revoke", "--ca", "issuing", "--all"])
        .unwrap();
    assert_eq!(unasked.status.code(), Some(2));
    assert_eq!(rest.all("ca=issuing&status=valid", 500).await.len(), 19);

    let done = all(&system, &["--yes", "--reason", "ca-compromise"]);
    assert_eq!(
        (&done["revoked"], &done["revoked_meanwhile"]),
        (&json!(20), &json!(0))
    );
    assert!(rest.all("ca=issuing&status=valid", 500).await.is_empty());
    assert!(rest.all("ca=issuing&status=on_hold", 500).await.is_empty());
    assert_eq!(rest.all("ca=issuing&status=revoked", 500).await.len(), 21);
    assert!(!rest.all("ca=services&status=valid", 500).await.is_empty());
    for (serial, reason) in [(&serials[0], "superseded"), (&serials[1], "ca-compromise")] {
        let shown: Value = rest
            .get(&format!("/api/v1/certificates/{serial}"))
            .await
            .json()
            .await
            .unwrap();
        assert_eq!(shown["revocation"]["reason"], reason);
    }

    let again = all(&system, &["--yes"]);
    assert_eq!(
        (&again["valid"], &again["on_hold"], &again["revoked"]),
        (&json!(0), &json!(0), &json!(0))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hold_of_all_leaves_those_that_are_held() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let hold = ["--yes", "--reason", "certificate-hold"];
    assert_eq!(all(&system, &hold)["revoked"], 1);
    assert_eq!(all(&system, &hold)["revoked"], 0);
    assert_eq!(rest.all("ca=issuing&status=on_hold", 500).await.len(), 1);
}

#[test]
fn what_does_not_go_together_is_refused() {
    let system = System::up().unwrap();
    for (code, arguments) in [
        (2, &["--all"][..]),
        (2, &["--ca", "issuing"]),
        (2, &["--dry-run"]),
        (2, &["00ab", "--ca", "issuing", "--all"]),
        (
            2,
            &["--ca", "issuing", "--all", "--yes", "--reason", "remove-from-crl"],
        ),
        (4, &["--ca", "nosuch", "--all", "--yes"]),
    ] {
        let output = system.cli(&[&["cert", "revoke"], arguments].concat()).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}
