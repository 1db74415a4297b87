//! `cert revoke --file` and `cert revoke` with filters: shown first, done by a job, and nothing else is touched.

use std::io::Write as _;

use serde_json::{Value, json};
use testkit::system::System;

use crate::csr;
use crate::rest::Rest;

async fn issue(rest: &Rest, count: usize, name: &str) -> Vec<String> {
    let body = json!({"csr": csr::p256(name), "profile": "tls-server"});
    let mut serials = Vec::new();
    for _ in 0..count {
        let issued = rest.issue(&body).await;
        serials.push(issued["serial"].as_str().unwrap().to_owned());
    }
    serials
}

fn revoke(system: &System, arguments: &[&str]) -> Value {
    let said = system
        .cli_ok(&[&["cert", "revoke", "-o", "json"], arguments].concat())
        .unwrap();
    serde_json::from_str(&said).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_file_names_is_shown_and_revoked_and_nothing_else_is() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let serials = issue(&rest, 14, "a.example.test").await;
    rest.hold(&serials[1]).await;
    rest.revoke(&serials[2], "superseded").await;
    let (named, spared) = serials.split_at(13);
    let path = system.dir().join("serials.txt");
    let mut file = std::fs::File::create(&path).unwrap();
    writeln!(file, "# of the old cluster\n").unwrap();
    for serial in named {
        writeln!(file, "{}  # a host", serial.to_uppercase()).unwrap();
    }
    let file = path.to_str().unwrap();

    let preview = revoke(&system, &["--file", file, "--dry-run"]);
    let first = &preview["consequences"][0];
    assert_eq!(
        (&first["kind"], &first["count"]),
        (&json!("certificate.revoked"), &json!(12))
    );
    let shown = system
        .cli_ok(&["cert", "revoke", "--file", file, "--dry-run", "-o", "table"])
        .unwrap();
    let examples = named.iter().filter(|serial| shown.contains(*serial)).count();
    // Ten of them, and the one that is revoked already.
    assert!(
        (10..=11).contains(&examples) && shown.contains("and 2 more"),
        "{shown}"
    );
    let unasked = system.cli(&["cert", "revoke", "--file", file]).unwrap();
    assert_eq!(unasked.status.code(), Some(2));
    let said = String::from_utf8(unasked.stderr).unwrap();
    assert!(
        said.contains("12 certificates") && said.contains("--yes"),
        "{said}"
    );
    assert_eq!(rest.all("status=valid&protocol=rest", 500).await.len(), 12);

    let done = revoke(
        &system,
        &["--file", file, "--yes", "--reason", "cessation-of-operation"],
    );
    assert_eq!(
        (&done["revoked"], &done["skipped"], &done["failed"]),
        (&json!(12), &json!(1), &json!(0))
    );
    assert_eq!(rest.all("status=valid&protocol=rest", 500).await, spared);
    // Again there is nothing to do, and nothing is asked.
    let again = revoke(&system, &["--file", file, "--reason", "cessation-of-operation"]);
    assert_eq!((&again["revoked"], &again["jobs"]), (&json!(0), &json!([])));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filters_say_which_and_what_could_mean_everything_is_refused() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let old = issue(&rest, 3, "a.old.example.test").await;
    let new = issue(&rest, 2, "a.new.example.test").await;
    let suffix = ["--ca", "issuing", "--san-suffix", "old.example.test"];
    let preview = revoke(&system, &[&suffix[..], &["--dry-run"]].concat());
    assert_eq!(preview["consequences"][0]["count"], 3);
    let done = revoke(&system, &[&suffix[..], &["--yes"]].concat());
    assert_eq!(done["revoked"], 3);
    let mut left = rest.all("status=valid&protocol=rest", 500).await;
    left.sort();
    let mut expected = new.clone();
    expected.sort();
    assert_eq!(left, expected);

    for arguments in [
        &[][..],
        &["--ca", "issuing", "--yes"],
        &["--ca", "issuing", "--internal", "--yes"],
        &["--all", "--yes"],
        &["--all", "--ca", "issuing", "--profile", "tls-server", "--yes"],
        &[&old[0], "--ca", "issuing"],
        &["--file", "/dev/null", "--yes"],
        &[
            "--san-suffix",
            "example.test",
            "--same-key",
            "--reason",
            "key-compromise",
            "--yes",
        ],
    ] {
        let refused = system.cli(&[&["cert", "revoke"], arguments].concat()).unwrap();
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}: {said}");
    }
    assert_eq!(rest.all("status=valid&protocol=rest", 500).await.len(), 2);
}
