//! Starts that find something missing: keymgr away, no address for others, a lost credential.

use std::process::Command;
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::Postgres;
use testkit::fleet::{Fleet, Options};
use testkit::system::{System, binary};

use crate::rest::Rest;
use crate::{csr, judge, services};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ca_waits_for_keymgr_at_its_very_first_start() {
    let database = Postgres::shared().await.unwrap().fresh_database().await.unwrap();
    let mut fleet = Fleet::start(&database, &Options::default()).unwrap();
    fleet.terminate("ca").unwrap();
    fleet.kill("keymgr").unwrap();
    // What a first start does not have.
    std::fs::remove_dir_all(fleet.dir().join("ca/data/identities/https")).unwrap();
    fleet.launch("ca").unwrap();
    let readyz = format!("{}/readyz", fleet.ready("ca").unwrap().http);
    let http = fleet.http().unwrap();
    let waiting = http.get(&readyz).send().await.unwrap();
    assert_eq!(waiting.status(), StatusCode::SERVICE_UNAVAILABLE);
    let waiting: Value = waiting.json().await.unwrap();
    let failing = waiting["failing"].as_array().unwrap();
    assert!(failing.contains(&json!("keymgr")), "{waiting}");

    fleet.launch("keymgr").unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while http.get(&readyz).send().await.unwrap().status() != StatusCode::OK {
        assert!(Instant::now() < deadline, "{}", fleet.log("ca").unwrap());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let body = json!({"csr": csr::p256("a.example.test"), "profile": "tls-server"});
    services::rest(&fleet).issue(&body).await;
}

#[test]
fn certificates_that_point_to_localhost_are_warned_of_where_others_are_served() {
    let warned = |arguments: &[&str]| {
        let system = System::up_with(&[&["--listen", "0.0.0.0"], arguments].concat()).unwrap();
        let shown = system
            .cli_ok(&["cert", "create", "a.example.test", "-o", "json"])
            .unwrap();
        let shown: Value = serde_json::from_str(&shown).unwrap();
        let leaf = system.dir().join("leaf.crt");
        std::fs::write(&leaf, shown["certificate"].as_str().unwrap()).unwrap();
        let text = judge::run("openssl", &["x509", "-in", judge::text(&leaf), "-noout", "-text"]);
        let warned = system.log().unwrap().contains("listen.public_http_url");
        (
            warned,
            text.contains("http://localhost"),
            text.contains("http://pki.example.test/ca/issuing.crt"),
        )
    };
    assert_eq!(warned(&[]), (true, true, false));
    assert_eq!(
        warned(&["--public-http-url", "http://pki.example.test/"]),
        (false, false, true)
    );
    let system = System::up().unwrap();
    assert!(!system.log().unwrap().contains("listen.public_http_url"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_first_starts_at_once_on_one_database_server_one_makes_the_installation() {
    let server = Postgres::shared().await.unwrap();
    let database = server.fresh_database().await.unwrap();
    let up = || System::up_with(&["--database-url", &database]);
    let (one, other) = std::thread::scope(|scope| {
        let other = scope.spawn(up);
        (up(), other.join().unwrap())
    });
    let (system, refused) = match (one, other) {
        (Ok(system), Err(refused)) | (Err(refused), Ok(system)) => (system, format!("{refused:#}")),
        (one, other) => panic!("{:?}, {:?}", one.err(), other.err()),
    };
    let record = std::fs::read(system.ready().data_dir.join("keys/installation")).unwrap();
    let record: Value = serde_json::from_slice(&record).unwrap();
    let id = record["id"].as_str().unwrap();
    // Whether it looked before or after the other had joined.
    assert!(refused.contains("belong") && refused.contains(id), "{refused}");
    for service in ["ca", "keymgr", "auth", "ocsp", "crl"] {
        let query = format!("SELECT id FROM {service}.installation");
        assert_eq!(server.sql_in(&database, &query).await.unwrap().trim(), id);
    }
    system.cli_ok(&["cert", "create", "a.example.test"]).unwrap();
}

#[tokio::test]
async fn a_lost_admin_token_is_replaced_offline() {
    let mut system = System::up().unwrap();
    let lost = system.token().unwrap();
    let data = system.ready().data_dir.clone();
    let replace = |dir: &str| {
        let mut command = Command::new(binary().unwrap());
        command.current_dir(data.parent().unwrap());
        command
            .args(["bootstrap", "--new-admin-token", "--data-dir", dir])
            .output()
            .unwrap()
    };
    let running = replace("data");
    assert_eq!(running.status.code(), Some(1), "the server runs");
    assert_eq!(system.token().unwrap(), lost);
    system.terminate().unwrap();
    let done = replace("data");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let token = system.token().unwrap();
    assert_ne!(token, lost);
    for secret in [&token, &lost] {
        assert!(!String::from_utf8_lossy(&done.stdout).contains(secret.as_str()));
    }
    assert_eq!(replace("nowhere").status.code(), Some(1));
    assert!(!data.parent().unwrap().join("nowhere").exists());

    system.restart().unwrap();
    let rest = Rest::of(&system);
    assert_eq!(rest.token, token);
    let me: Value = rest.get("/api/v1/whoami").await.json().await.unwrap();
    assert_eq!(me["roles"], json!(["root-admin"]));
    // The other one is taken back by whoever thinks that it was stolen.
    let prefix = lost.split('_').nth(1).unwrap();
    system.cli_ok(&["apikey", "revoke", prefix, "--yes"]).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_url_may_stand_in_a_file_or_a_variable() {
    let postgres = Postgres::shared().await.unwrap();
    let (one, two) = (
        postgres.fresh_database().await.unwrap(),
        postgres.fresh_database().await.unwrap(),
    );
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("url"), format!("{one}\n")).unwrap();
    let file = format!("file:{}", dir.path().join("url").display());
    let system = System::up_with(&["--database-url", &file]).unwrap();
    system.cli_ok(&["cert", "create", "a.example.test"]).unwrap();
    let output = Command::new(binary().unwrap())
        .current_dir(dir.path())
        .args(["bootstrap", "--database-url", "env:PKI_DATABASE"])
        .env("PKI_DATABASE", &two)
        .env(testkit::system::ALLOW_UNSAFE, "true")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    for url in [&one, &two] {
        let cas = postgres
            .sql_in(url, "SELECT count(*) FROM ca.authorities")
            .await
            .unwrap();
        assert_eq!(cas, "2", "{url}");
    }
}
