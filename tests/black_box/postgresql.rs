//! PostgreSQL as people run it: behind PgBouncer, as one of two that fail over, with settings that lose data.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::fleet::{Fleet, Options};
use testkit::system::{ALLOW_UNSAFE, FREE_PORTS, System, binary};
use testkit::{PgBouncer, Postgres};

use crate::rest::{Rest, retry_after};
use crate::{csr, services};

const CLIENTS: usize = 6;

fn request(name: &str) -> Value {
    json!({"csr": csr::p256(name), "profile": "tls-server"})
}

/// A server of its own, as its feed is looked at, and PgBouncer in front of it.
async fn behind(mode: &str) -> (Postgres, PgBouncer, String) {
    let server = Postgres::start().await.unwrap();
    let bouncer = PgBouncer::start(&server, &format!("pool_mode = {mode}")).unwrap();
    let url = bouncer.url(&server.fresh_database().await.unwrap());
    (server, bouncer, url)
}

/// Issue, find, renew, hold, revoke, list, while others issue.
async fn whole_life(rest: &Rest) {
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| tokio::spawn(load(rest.clone(), client, Arc::clone(&stop))))
        .collect();
    let issued = rest.issue(&request("life.example.test")).await;
    let serial = issued["serial"].as_str().unwrap();
    let path = format!("/api/v1/certificates/{serial}");
    assert_eq!(rest.get(&path).await.status(), StatusCode::OK);
    let renewed = rest.post(&format!("{path}/renew"), &json!({})).await;
    assert_eq!(
        renewed.status(),
        StatusCode::CREATED,
        "{}",
        renewed.text().await.unwrap()
    );
    rest.revoke(serial, "superseded").await;
    let shown: Value = rest.get(&path).await.json().await.unwrap();
    assert_eq!(shown["status"], "revoked");
    stop.store(true, Ordering::Relaxed);
    let mut acknowledged = BTreeSet::new();
    for client in clients {
        let outcome = client.await.unwrap();
        assert_eq!(outcome.refused, 0, "a pooler is not a reason to refuse");
        acknowledged.extend(outcome.serials);
    }
    let listed: BTreeSet<String> = rest.all("protocol=rest", 100).await.into_iter().collect();
    assert!(acknowledged.is_subset(&listed));
    assert!(
        acknowledged.len() > 10,
        "there was too little load: {}",
        acknowledged.len()
    );
}

#[derive(Default)]
struct Outcome {
    serials: Vec<String>,
    refused: u32,
}

/// Issues until told to stop. Whatever happens, the answer is a certificate or 503 with the time to come back.
async fn load(rest: Rest, client: usize, stop: Arc<AtomicBool>) -> Outcome {
    let body = request(&format!("c{client}.example.test"));
    let mut outcome = Outcome::default();
    while !stop.load(Ordering::Relaxed) {
        let answer = rest.try_issue(&body).await;
        if answer.status() == StatusCode::CREATED {
            let certificate: Value = answer.json().await.unwrap();
            outcome
                .serials
                .push(certificate["serial"].as_str().unwrap().to_owned());
            continue;
        }
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(retry_after(&answer) > 0);
        outcome.refused += 1;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    outcome
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_lives_behind_pgbouncer_in_session_mode() {
    let (_server, _bouncer, url) = behind("session").await;
    let system = System::up_with(&["--database-url", &url]).unwrap();
    whole_life(&Rest::of(&system)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_lives_behind_pgbouncer_in_transaction_mode() {
    let (server, mut bouncer, url) = behind("transaction").await;
    let fleet = Fleet::start(&url, &Options::default()).unwrap();
    let rest = services::rest(&fleet);
    whole_life(&rest).await;
    let database = url.rsplit('/').next().unwrap();
    let elsewhere = "SELECT count(*) FROM pg_tables WHERE tablename IN ('certificates', 'keys', 'api_keys', 'outbox') \
        AND schemaname || '.' || tablename NOT IN ('ca.certificates', 'ca.outbox', 'keymgr.keys', 'keymgr.outbox', \
        'auth.api_keys', 'auth.outbox', 'ocsp.outbox', 'crl.outbox')";
    assert_eq!(server.sql_in(database, elsewhere).await.unwrap(), "0");
    // Connections that the pooler breaks off cost no request.
    bouncer.restart().unwrap();
    rest.issue(&request("after.example.test")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fail_over_under_load_loses_nothing_and_is_over_in_ten_seconds() {
    let primary = Postgres::start().await.unwrap();
    let standby = primary.standby().await.unwrap();
    primary.wait_for_standby().await.unwrap();
    let hosts = format!("127.0.0.1:{},127.0.0.1:{}", primary.port(), standby.port());
    let url = format!("postgres://postgres@{hosts}/postgres?target_session_attrs=read-write");
    let system = System::up_with(&["--database-url", &url]).unwrap();
    let rest = Rest::of(&system);
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| tokio::spawn(load(rest.clone(), client, Arc::clone(&stop))))
        .collect();
    rest.issue(&request("before.example.test")).await;
    tokio::time::sleep(Duration::from_secs(1)).await;

    primary.kill().await.unwrap();
    standby.promote().await.unwrap();
    let promoted = Instant::now();
    while rest.try_issue(&request("after.example.test")).await.status() != StatusCode::CREATED {
        assert!(
            promoted.elapsed() < Duration::from_secs(60),
            "it does not come back"
        );
    }
    assert!(
        promoted.elapsed() < Duration::from_secs(10),
        "{:?}",
        promoted.elapsed()
    );
    stop.store(true, Ordering::Relaxed);
    let mut acknowledged = BTreeSet::new();
    for client in clients {
        acknowledged.extend(client.await.unwrap().serials);
    }
    let listed: BTreeSet<String> = rest.all("protocol=rest", 500).await.into_iter().collect();
    let lost: Vec<_> = acknowledged.difference(&listed).collect();
    assert!(
        lost.is_empty(),
        "{} of {}: {lost:?}",
        lost.len(),
        acknowledged.len()
    );
    assert!(
        acknowledged.len() > 20,
        "there was too little load: {}",
        acknowledged.len()
    );
    let announced = "SELECT count(DISTINCT subject) FROM ca.outbox WHERE kind = 'certificate.issued' \
        AND data::json->>'protocol' = 'rest'";
    assert_eq!(standby.sql(announced).await.unwrap(), listed.len().to_string());
}

#[tokio::test]
async fn a_server_that_loses_data_or_lacks_rights_is_refused_in_words() {
    let server = Postgres::shared().await.unwrap();
    let url = server.fresh_database().await.unwrap();
    server.sql_in(&url, "CREATE ROLE visitor LOGIN").await.unwrap();
    let as_visitor = url.replace("postgres@", "visitor@");
    for (url, unsafe_too, words) in [
        (&url, "false", "database.allow_unsafe: true"),
        (&as_visitor, "true", "AUTHORIZATION \"visitor\""),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let output = Command::new(binary().unwrap())
            .current_dir(dir.path())
            .arg("up")
            .args(FREE_PORTS)
            .args(["--database-url", url])
            .env(ALLOW_UNSAFE, unsafe_too)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{said}");
        assert!(said.contains(words), "{said}");
    }
}

/// Starts `up` again on a data directory, by settings; what it says.
fn refused(dir: &Path, url: &str, config: &str) -> String {
    std::fs::write(dir.join("gigvault.yaml"), config).unwrap();
    let output = Command::new(binary().unwrap())
        .current_dir(dir)
        .arg("up")
        .args(FREE_PORTS)
        .args([
            "--config",
            "gigvault.yaml",
            "--data-dir",
            "data",
            "--database-url",
            url,
        ])
        .env(ALLOW_UNSAFE, "true")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{said}");
    said
}

#[tokio::test]
async fn a_schema_that_is_not_this_programs_is_refused_where_a_start_does_not_migrate() {
    let server = Postgres::shared().await.unwrap();
    let url = server.fresh_database().await.unwrap();
    let mut system = System::up_with(&["--database-url", &url]).unwrap();
    system.terminate().unwrap();
    let config = "database: { migrate: false }\n";
    let newest = "SELECT max(version) FROM ca._store_migrations";
    let newest = server.sql_in(&url, newest).await.unwrap();
    let forget = format!("DELETE FROM ca._store_migrations WHERE version = {newest}");
    server.sql_in(&url, &forget).await.unwrap();
    let said = refused(system.dir(), &url, config);
    assert!(
        said.contains("gigvault migrate") && said.contains("of ca"),
        "{said}"
    );
    let newer = "INSERT INTO ca._store_migrations VALUES (999999, 'future', now(), true, 'x', 1)";
    server.sql_in(&url, newer).await.unwrap();
    let said = refused(system.dir(), &url, config);
    assert!(said.contains("newer"), "{said}");
}

#[tokio::test]
async fn a_role_without_rights_on_a_table_is_refused_with_what_to_grant() {
    let server = Postgres::shared().await.unwrap();
    let url = server.fresh_database().await.unwrap();
    let mut system = System::up_with(&["--database-url", &url]).unwrap();
    system.terminate().unwrap();
    let rights: String = ["ca", "auth", "keymgr", "ocsp", "crl"]
        .map(|schema| {
            format!(
                "GRANT USAGE, CREATE ON SCHEMA {schema} TO limited; GRANT ALL ON ALL TABLES IN SCHEMA {schema} TO limited;"
            )
        })
        .concat();
    let role = format!("CREATE ROLE limited LOGIN; {rights} REVOKE INSERT ON ca.outbox FROM limited");
    server.sql_in(&url, &role).await.unwrap();
    let limited = url.replace("postgres@", "limited@");
    let said = refused(system.dir(), &limited, "database: { migrate: false }\n");
    assert!(
        said.contains("outbox") && said.contains("GRANT ALL ON ALL TABLES IN SCHEMA ca TO \"limited\""),
        "{said}"
    );
}
