//! Several services in one process, and those that they call in others: each calls with an identity of its own.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;
use testkit::Postgres;
use testkit::fleet::{Fleet, Options};

use crate::rest::Rest;
use crate::{csr, judge, services};

/// Reached only by a failure.
const PATIENCE: Duration = Duration::from_secs(30);

async fn fleet(processes: &[&'static [&'static str]], validity: &str) -> Fleet {
    let database = Postgres::shared().await.unwrap().fresh_database().await.unwrap();
    let options = Options {
        identity_validity: validity.to_owned(),
        processes: processes.to_vec(),
        ..Options::default()
    };
    Fleet::start(&database, &options).unwrap()
}

/// The process that a service is part of.
fn process_of(processes: &[&'static [&'static str]], service: &str) -> &'static str {
    let process = processes.iter().find(|services| services.contains(&service));
    process.unwrap()[0]
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What relying parties are told of a certificate.
struct Asked<'a> {
    fleet: &'a Fleet,
    leaf: PathBuf,
    serial: String,
    ocsp: String,
    crl: String,
}

impl Asked<'_> {
    fn ocsp(&self) -> String {
        let data = self.fleet.bootstrapped();
        let (root, issuer) = (data.join("root.crt"), data.join("ca.crt"));
        let output = judge::try_run(
            "openssl",
            &[
                "ocsp",
                "-CAfile",
                judge::text(&root),
                "-issuer",
                judge::text(&issuer),
                "-verify_other",
                judge::text(&issuer),
                "-cert",
                judge::text(&self.leaf),
                "-url",
                &self.ocsp,
            ],
        );
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }

    fn is_listed(&self) -> bool {
        let file = self.fleet.dir().join("list.der");
        let fetched = judge::try_run("curl", &["-sf", "-o", judge::text(&file), &self.crl]);
        let read = [
            "crl",
            "-inform",
            "DER",
            "-in",
            judge::text(&file),
            "-noout",
            "-text",
        ];
        fetched.status.success() && judge::run("openssl", &read).to_lowercase().contains(&self.serial)
    }
}

async fn certificate<'a>(fleet: &'a Fleet, rest: &Rest, processes: &[&'static [&'static str]]) -> Asked<'a> {
    let body = json!({"csr": csr::p256("a.example.test"), "profile": "tls-server"});
    let made = rest.issue(&body).await;
    let leaf = fleet.dir().join("leaf.crt");
    std::fs::write(&leaf, made["certificate"].as_str().unwrap()).unwrap();
    let http = |service: &str| fleet.ready(process_of(processes, service)).unwrap().http.clone();
    Asked {
        fleet,
        leaf,
        serial: made["serial"].as_str().unwrap().to_owned(),
        ocsp: format!("{}/ocsp", http("ocsp")),
        crl: format!("{}/crl/issuing.crl", http("crl")),
    }
}

async fn revocation_reaches_ocsp_and_crl(processes: &[&'static [&'static str]]) {
    let fleet = fleet(processes, "").await;
    let rest = Rest {
        http: fleet.http().unwrap(),
        base: fleet.ready(process_of(processes, "ca")).unwrap().https.clone(),
        token: fleet.token().unwrap(),
    };
    let asked = certificate(&fleet, &rest, processes).await;
    until("OCSP does not say good", || asked.ocsp().contains(": good")).await;
    assert!(asked.ocsp().contains("Response verify OK"), "{}", asked.ocsp());
    // Told at once without `crl.immediate` too.
    rest.revoke(&asked.serial, "key-compromise").await;
    until("OCSP does not say revoked", || asked.ocsp().contains(": revoked")).await;
    until("no CRL has it", || asked.is_listed()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ocsp_and_crl_beside_ca_have_keymgr_elsewhere_sign_for_them() {
    revocation_reaches_ocsp_and_crl(&[&["keymgr"], &["auth"], &["ca", "ocsp", "crl"]]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ocsp_and_crl_in_one_process_call_ca_and_keymgr_elsewhere() {
    revocation_reaches_ocsp_and_crl(&[&["keymgr"], &["ca", "auth"], &["ocsp", "crl"]]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_service_is_a_process() {
    revocation_reaches_ocsp_and_crl(&[&["keymgr"], &["auth"], &["ca"], &["ocsp"], &["crl"]]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ca_and_crl_call_each_others_neighbor() {
    revocation_reaches_ocsp_and_crl(&[&["keymgr", "ocsp"], &["ca", "auth", "crl"]]).await;
}

fn serial(file: &Path) -> String {
    judge::run(
        "openssl",
        &["x509", "-in", judge::text(file), "-noout", "-serial"],
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_identity_of_a_process_is_renewed() {
    let processes: [&[&str]; 3] = [&["keymgr"], &["ca", "auth"], &["ocsp", "crl"]];
    let fleet = fleet(&processes, "15s").await;
    let identities = fleet.dir().join("ocsp/data/identities");
    for service in ["ocsp", "crl"] {
        let file = identities.join(service).join("tls.crt");
        let first = serial(&file);
        until(&format!("the identity of {service} is not renewed"), || {
            serial(&file) != first
        })
        .await;
    }
    let url = format!("{}/metrics", fleet.ready("ocsp").unwrap().metrics);
    let metrics = fleet.http().unwrap().get(url).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    for service in ["ocsp", "crl"] {
        let metric = format!("gigvault_service_identity_expiry_seconds{{identity=\"{service}\"}}");
        assert!(metrics.contains(&metric), "{metrics}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_without_the_identity_that_it_calls_others_with_is_not_started() {
    let processes: [&[&str]; 3] = [&["keymgr"], &["auth"], &["ca", "ocsp"]];
    let mut fleet = fleet(&processes, "").await;
    fleet.terminate("ca").unwrap();
    std::fs::remove_dir_all(fleet.dir().join("ca/data/identities/ocsp")).unwrap();
    let Err(error) = fleet.launch("ca") else {
        panic!("it started");
    };
    let said = format!("{error:#}");
    for part in [
        "service ocsp calls other processes with an identity of its own",
        "`gigvault bootstrap --identity ocsp` makes the first",
    ] {
        assert!(said.contains(part), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn identities_of_services_are_found_in_the_folder_that_is_configured() {
    let processes: [&[&str]; 3] = [&["keymgr"], &["auth"], &["ca", "ocsp"]];
    let mut fleet = fleet(&processes, "").await;
    fleet.terminate("ca").unwrap();
    let (data, folder) = (fleet.dir().join("ca/data/identities"), fleet.dir().join("ids"));
    std::fs::rename(data.join("ca"), &folder).unwrap();
    std::fs::rename(data.join("ocsp"), folder.join("ocsp")).unwrap();
    let config = fleet.dir().join("ca/config.yaml");
    let text = std::fs::read_to_string(&config).unwrap();
    let configured = format!("directory: {}", folder.display());
    std::fs::write(&config, text.replace("directory: \"\"", &configured)).unwrap();
    fleet.launch("ca").unwrap();
    let rest = services::rest(&fleet);
    let looked_at = async || -> String {
        let run = rest.post("/api/v1/doctor/runs", &json!({})).await;
        let run: serde_json::Value = run.json().await.unwrap();
        let mut checks = run["checks"].as_array().unwrap().iter();
        let check = checks.find(|check| check["check"] == "identity directory");
        check.unwrap()["result"].as_str().unwrap().to_owned()
    };
    assert_eq!(looked_at().await, "ok");
    std::fs::rename(folder.join("ocsp/tls.key"), folder.join("key")).unwrap();
    assert_eq!(looked_at().await, "failed");
}
