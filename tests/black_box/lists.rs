//! What lists and views show of an installation.

use serde_json::{Value, json};
use testkit::system::System;

use crate::csr;
use crate::rest::Rest;

fn certificates(system: &System, more: &[&str]) -> Vec<Value> {
    let list = [&["cert", "list", "-o", "json"], more].concat();
    let page: Value = serde_json::from_str(&system.cli_ok(&list).unwrap()).unwrap();
    page["items"].as_array().unwrap().clone()
}

fn protocols(items: &[Value]) -> Vec<&str> {
    let mut all: Vec<_> = items
        .iter()
        .map(|item| item["protocol"].as_str().unwrap())
        .collect();
    all.sort_unstable();
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_server_issued_to_itself_is_listed_where_it_is_asked_for() {
    let system = System::up().unwrap();
    system.cli_ok(&["cert", "create", "a.example.test"]).unwrap();
    let plain = certificates(&system, &[]);
    assert_eq!(protocols(&plain), ["rest"], "{plain:#?}");
    let all = certificates(&system, &["--internal"]);
    // The identity of the process, its HTTPS certificate, and the OCSP responders of two CAs.
    let internal = ["internal"; 4];
    assert_eq!(protocols(&all), [&internal[..], &["rest"]].concat(), "{all:#?}");
    let names = serde_json::to_string(&all).unwrap();
    for name in [
        "/svc/gigvault",
        "/svc/api",
        "dns:localhost",
        "OCSP signer of issuing",
    ] {
        assert!(names.contains(name), "{name} is not in {names}");
    }
    let rest = Rest::of(&system);
    assert_eq!(rest.all("status=valid", 500).await.len(), 1);
    assert_eq!(rest.all("internal=true", 500).await.len(), 5);
}

/// A subject is written as it was shown, or as people write it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subject_is_found_however_it_is_written() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let made = rest
        .issue(&json!({
            "csr": csr::p256("a.example.test"), "profile": "tls-server",
            "subject": "CN=a.example.test,O=Example Org",
        }))
        .await;
    for subject in [
        "CN=a.example.test,O=Example Org",
        "CN=a.example.test, O=Example Org",
        "cn=a.example.test, o=Example Org",
    ] {
        let found = certificates(&system, &["--subject", subject]);
        assert_eq!(found.len(), 1, "{subject}");
        assert_eq!(found[0]["serial"], made["serial"], "{subject}");
    }
    let other = certificates(&system, &["--subject", "CN=a.example.test, O=Other"]);
    assert!(other.is_empty(), "{other:?}");
    let refused = system
        .cli(&["cert", "list", "--subject", "a.example.test"])
        .unwrap();
    assert!(
        !refused.status.success() && refused.stdout.is_empty(),
        "{refused:?}"
    );
}

#[test]
fn the_chain_of_certificates_and_cas_is_shown_up_to_the_root() {
    let system = System::up().unwrap();
    let made = system
        .cli_ok(&["cert", "create", "a.example.test", "-o", "json"])
        .unwrap();
    let made: Value = serde_json::from_str(&made).unwrap();
    let authorities = system.cli_ok(&["ca", "list", "-o", "json"]).unwrap();
    let authorities: Value = serde_json::from_str(&authorities).unwrap();
    let issuing = authorities["items"].as_array().unwrap().iter();
    let subject = issuing
        .filter(|ca| ca["name"] == "issuing")
        .map(|ca| ca["subject"].as_str().unwrap().to_owned())
        .next()
        .unwrap();
    let root = system.ready().data_dir.join("root.crt");
    let root = crate::judge::run(
        "openssl",
        &[
            "x509",
            "-in",
            crate::judge::text(&root),
            "-noout",
            "-subject",
            "-nameopt",
            "RFC2253",
        ],
    );
    let root = root.trim().strip_prefix("subject=").unwrap().to_owned();

    let shown = system
        .cli_ok(&["cert", "show", made["serial"].as_str().unwrap(), "-o", "table"])
        .unwrap();
    let at = shown.lines().position(|line| line.starts_with("chain ")).unwrap();
    let mut lines = shown.lines().skip(at);
    let (issuer, above) = (lines.next().unwrap(), lines.next().unwrap());
    assert!(issuer.ends_with(&subject), "{subject}: {shown}");
    assert!(above.starts_with(' ') && above.trim() == root, "{root}: {shown}");

    let listed = system.cli_ok(&["ca", "list", "-o", "table"]).unwrap();
    let header = listed.lines().next().unwrap();
    let row = listed.lines().find(|line| line.starts_with("issuing")).unwrap();
    let column = header.find("ISSUER").unwrap();
    assert!(row.get(column..).unwrap().starts_with(&root), "{root}: {listed}");
    let shown = system.cli_ok(&["ca", "show", "issuing", "-o", "table"]).unwrap();
    assert!(shown.contains(&subject) && shown.contains("SHA-256"), "{shown}");
}
