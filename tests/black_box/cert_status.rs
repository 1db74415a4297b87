//! `cert status`: what a relying party learns at the URLs in a certificate, also where something in between answers otherwise.

use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::Value;
use testkit::system::System;

use crate::between::{Between, Mode};
use crate::judge;
use crate::rest::Rest;

/// Far beyond what it takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Exit code and report.
fn status(system: &System, arguments: &[&str]) -> (Option<i32>, Value) {
    let output = system
        .cli(&[&["cert", "status", "-o", "json"], arguments].concat())
        .unwrap();
    read(&output)
}

fn read(output: &Output) -> (Option<i32>, Value) {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
    (output.status.code(), report)
}

/// Until each channel has answered so: CRLs are published a moment after OCSP knows.
fn until(system: &System, file: &str, wanted: impl Fn(&Value) -> bool) -> (Option<i32>, Value) {
    let begun = Instant::now();
    loop {
        let (code, report) = status(system, &[file]);
        if wanted(&report) {
            return (code, report);
        }
        assert!(begun.elapsed() < PATIENCE, "{report:#}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn answers(report: &Value) -> Vec<(&str, &str)> {
    let channels = report["channels"].as_array().unwrap().iter();
    channels
        .map(|channel| {
            (
                channel["channel"].as_str().unwrap(),
                channel["answer"].as_str().unwrap(),
            )
        })
        .collect()
}

fn serial(report: &Value) -> String {
    report["serial"].as_str().unwrap().to_owned()
}

fn openssl_says(system: &System, leaf: &str) -> String {
    let issuer = system.ready().data_dir.join("ca.crt");
    let root = system.ready().data_dir.join("root.crt");
    let leaf = system.dir().join(leaf);
    let url = judge::run(
        "openssl",
        &["x509", "-in", judge::text(&leaf), "-noout", "-ocsp_uri"],
    );
    let mut arguments = vec!["ocsp", "-url", url.trim(), "-CAfile", judge::text(&root)];
    arguments.extend(["-issuer", judge::text(&issuer), "-cert", judge::text(&leaf)]);
    judge::run("openssl", &arguments)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_followed_through_its_life_on_every_channel() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let file = "a.example.test.crt";
    system.cli_ok(&["cert", "create", "a.example.test"]).unwrap();
    let (code, good) = status(&system, &[file]);
    assert_eq!(
        (code, &good["status"]),
        (Some(0), &Value::from("good")),
        "{good:#}"
    );
    let all = [("ocsp", "good"), ("crl", "not_listed"), ("delta", "not_listed")];
    assert_eq!(answers(&good), all);
    assert_eq!(good["channels"][0]["nonce_repeated"], true);
    assert_eq!(good["notes"], serde_json::json!([]), "{good:#}");
    let only = |flag| answers(&status(&system, &[flag, file]).1).len();
    assert_eq!((only("--ocsp-only"), only("--crl-only")), (1, 2));

    rest.hold(&serial(&good)).await;
    let listed = |report: &Value| answers(report)[1].1 == "on_hold";
    let (code, held) = until(&system, file, listed);
    assert_eq!((code, &held["status"]), (Some(6), &Value::from("on_hold")));
    rest.release(&serial(&good)).await;
    let (code, released) = until(&system, file, |report| answers(report)[1].1 == "not_listed");
    assert_eq!((code, &released["status"]), (Some(0), &Value::from("good")));

    rest.revoke(&serial(&good), "key-compromise").await;
    let (code, revoked) = until(&system, file, |report| answers(report)[1].1 == "revoked");
    assert_eq!((code, &revoked["status"]), (Some(6), &Value::from("revoked")));
    let (ocsp, crl) = (&revoked["channels"][0], &revoked["channels"][1]);
    assert_eq!(ocsp["reason"], "key-compromise");
    assert_eq!(
        (&ocsp["reason"], &ocsp["revoked_at"]),
        (&crl["reason"], &crl["revoked_at"])
    );
    let said = openssl_says(&system, file);
    assert!(
        said.contains(": revoked") && said.contains("keyCompromise"),
        "{said}"
    );

    let table = system.cli(&["cert", "status", file, "-o", "table"]).unwrap();
    let shown = String::from_utf8(table.stdout).unwrap();
    assert!(
        shown.contains("key-compromise") && shown.contains("/crl/issuing.crl"),
        "{shown}"
    );
    let said = String::from_utf8(table.stderr).unwrap();
    assert!(said.contains("is revoked since"), "{said}");
}

/// Wherever the issuer was found, the certificate is one of the server's CA.
#[test]
fn a_certificate_of_the_server_is_asked_about_at_its_urls_also_with_a_chain() {
    let system = System::up().unwrap();
    system.cli_ok(&["cert", "create", "a.example.test"]).unwrap();
    let leaf = system.dir().join("a.example.test.crt");
    let ca = system.ready().data_dir.join("ca.crt");
    let both = system.dir().join("both.pem");
    let content = [&leaf, &ca].map(|file| std::fs::read_to_string(file).unwrap());
    std::fs::write(&both, content.concat()).unwrap();
    for arguments in [
        &[judge::text(&leaf)][..],
        &[judge::text(&leaf), "--chain", judge::text(&ca), "--ocsp-only"],
        &[judge::text(&both)],
    ] {
        let (code, report) = status(&system, arguments);
        assert_eq!(
            (code, &report["status"]),
            (Some(0), &Value::from("good")),
            "{arguments:?}: {report:#}"
        );
        assert_eq!(report["notes"], serde_json::json!([]), "{report:#}");
    }
}

#[test]
fn without_a_server_the_issuer_is_given_and_private_addresses_are_asked_only_if_told() {
    let mut system = System::up().unwrap();
    system.cli_ok(&["cert", "create", "a.example.test"]).unwrap();
    let ca = system.ready().data_dir.join("ca.crt");
    let alone = |arguments: &[&str]| {
        let mut command = system.command().unwrap();
        for name in ["GIGVAULT_URL", "GIGVAULT_TOKEN", "GIGVAULT_CA_FILE"] {
            command.env_remove(name);
        }
        command.args(["cert", "status", "a.example.test.crt", "-o", "json"]);
        command.args(arguments).output().unwrap()
    };
    let chain = ["--chain", judge::text(&ca)];
    let (code, refused) = read(&alone(&chain));
    assert_eq!(code, Some(1));
    assert!(
        refused.to_string().contains("an address of this machine"),
        "{refused:#}"
    );
    assert!(refused.to_string().contains("--allow-private"), "{refused:#}");
    let (code, good) = read(&alone(&[&chain[..], &["--allow-private"]].concat()));
    assert_eq!(
        (code, &good["status"]),
        (Some(0), &Value::from("good")),
        "{good:#}"
    );
    // The issuer from where the certificate says it is.
    let (code, fetched) = read(&alone(&["--allow-private"]));
    assert_eq!(code, Some(0), "{fetched:#}");
    assert!(
        fetched["notes"][0]
            .as_str()
            .unwrap()
            .contains("the issuer is from")
    );

    system.terminate().unwrap();
    let mut command = system.command().unwrap();
    command.args([
        "cert",
        "status",
        "a.example.test.crt",
        "-o",
        "json",
        "--allow-private",
    ]);
    let (code, away) = read(&command.args(chain).output().unwrap());
    assert_eq!((code, &away["status"]), (Some(1), &Value::from("not_known")));
    assert_eq!(answers(&away), [("ocsp", "failed"), ("crl", "failed")]);
    assert!(away.to_string().contains("cannot be reached"), "{away:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_between_is_seen_and_explained() {
    let between = Between::start().await;
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("config.yaml");
    std::fs::write(
        &config,
        format!("listen: {{public_http_url: '{}'}}\n", between.url),
    )
    .unwrap();
    let system = System::up_with(&["--config", judge::text(&config)]).unwrap();
    between.lead_to(&system.ready().http);
    let rest = Rest::of(&system);
    let file = "a.example.test.crt";
    system.cli_ok(&["cert", "create", "a.example.test"]).unwrap();
    // What is answered now is what an attacker keeps.
    let (code, good) = status(&system, &[file]);
    assert_eq!(code, Some(0), "{good:#}");
    rest.revoke(&serial(&good), "key-compromise").await;
    until(&system, file, |report| answers(report)[1].1 == "revoked");

    // Older lists, in date and signed: OCSP tells, and the difference is explained.
    between.set("/crl/", Mode::First);
    let (code, old) = status(&system, &[file]);
    assert_eq!(
        (code, &old["status"]),
        (Some(6), &Value::from("revoked")),
        "{old:#}"
    );
    assert_eq!(answers(&old)[1], ("crl", "not_listed"));
    assert!(
        old["notes"].to_string().contains("OCSP says revoked since"),
        "{old:#}"
    );
    // An older answer of OCSP, which is not one to this nonce: the lists tell.
    between.set("/crl/", Mode::Through);
    between.set("/ocsp", Mode::First);
    let (code, replayed) = status(&system, &[file]);
    assert_eq!((code, &replayed["status"]), (Some(6), &Value::from("revoked")));
    let ocsp = &replayed["channels"][0];
    assert!(
        ocsp["error"].as_str().unwrap().contains("another nonce"),
        "{ocsp:#}"
    );
    // Other octets.
    between.set("/ocsp", Mode::Damaged);
    between.set("/crl/", Mode::Damaged);
    let (code, damaged) = status(&system, &[file]);
    assert_eq!((code, &damaged["status"]), (Some(1), &Value::from("not_known")));
    assert!(damaged.to_string().contains("signature"), "{damaged:#}");

    // Doctor follows the same URLs.
    let output = system.cli(&["doctor", "-o", "json"]).unwrap();
    let (code, report) = read(&output);
    assert_eq!(code, Some(1));
    let row = |check: &str| {
        let rows = report["checks"].as_array().unwrap().iter();
        let mut rows = rows.filter(|row| row["check"] == check);
        rows.next().unwrap_or_else(|| panic!("no {check} in {report:#}"))
    };
    for check in ["ocsp url", "crl url"] {
        assert_eq!(row(check)["result"], "failed", "{report:#}");
        assert!(
            row(check)["detail"].as_str().unwrap().contains(&between.url),
            "{report:#}"
        );
    }
    assert_eq!(row("issuer url")["result"], "ok", "{report:#}");
}
