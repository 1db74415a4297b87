//! Services as processes of their own: two replicas behind a pooler, and those that have no certificate of the API.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::fleet::{Fleet, Options};
use testkit::system::{System, binary, spawn};
use testkit::{PgBouncer, Postgres};

use crate::csr;
use crate::judge::Killed;
use crate::rest::{Rest, retry_after};
use crate::services::rest;

/// Another process of `ca` on the same database, with a data directory of its own.
fn replica_of_ca(fleet: &Fleet) -> (Killed, Rest) {
    let folder = fleet.dir().join("ca-2");
    fs::create_dir(&folder).unwrap();
    let config = fs::read_to_string(fleet.dir().join("ca/config.yaml")).unwrap();
    let data = |name: &str| format!("data_dir: {}", fleet.dir().join(name).join("data").display());
    assert!(config.contains(&data("ca")), "{config}");
    let config: String = config
        .replace(&data("ca"), &data("ca-2"))
        .lines()
        .map(|line| match line.trim_start().starts_with("grpc_port:") {
            true => "  grpc_port: 0\n".to_owned(),
            false => format!("{line}\n"),
        })
        .collect();
    fs::write(folder.join("config.yaml"), config).unwrap();
    let mut command = Command::new(binary().unwrap());
    command
        .args(["serve", "ca", "--config"])
        .arg(folder.join("config.yaml"));
    let (child, ready) = spawn(command, &folder).unwrap();
    let first = rest(fleet);
    (
        Killed(child),
        Rest {
            base: ready.https,
            ..first
        },
    )
}

/// Issues, and comes back where it is told to.
async fn issue(rest: &Rest, request: &Value) -> Value {
    loop {
        let answer = rest.try_issue(request).await;
        match answer.status() {
            StatusCode::CREATED => return answer.json().await.unwrap(),
            StatusCode::SERVICE_UNAVAILABLE => {
                tokio::time::sleep(Duration::from_secs(retry_after(&answer).into())).await;
            }
            other => panic!("{other}: {}", answer.text().await.unwrap()),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_replicas_behind_a_pooler_in_transaction_mode_issue_at_once() {
    const CLIENTS: usize = 4;
    const EACH: usize = 25;
    let server = Postgres::start().await.unwrap();
    let bouncer = PgBouncer::start(&server, "pool_mode = transaction").unwrap();
    let direct = server.fresh_database().await.unwrap();
    let fleet = Fleet::start(&bouncer.url(&direct), &Options::default()).unwrap();
    let (_second, other) = replica_of_ca(&fleet);
    let replicas = [rest(&fleet), other];
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..CLIENTS {
        for (number, replica) in replicas.iter().enumerate() {
            let replica = replica.clone();
            // One key for all requests of a client: its uses are counted across the replicas.
            let body = json!({"csr": csr::p256(&format!("c{client}.example.test")), "profile": "tls-server"});
            clients.spawn(async move {
                let mut made = Vec::new();
                for _ in 0..EACH {
                    let issued = issue(&replica, &body).await;
                    made.push(issued["serial"].as_str().unwrap().to_owned());
                }
                (number, made)
            });
        }
    }
    let made: Vec<(usize, Vec<String>)> = clients.join_all().await;
    let answered: Vec<&String> = made.iter().flat_map(|(_, serials)| serials).collect();
    let distinct: BTreeSet<&String> = answered.iter().copied().collect();
    assert_eq!(answered.len(), 2 * CLIENTS * EACH);
    assert_eq!(distinct.len(), answered.len(), "a serial number was given twice");
    let stored = server
        .sql_in(&direct, "SELECT encode(serial, 'hex') FROM ca.certificates")
        .await
        .unwrap();
    let stored: Vec<&str> = stored.lines().collect();
    let in_the_database: BTreeSet<&str> = stored.iter().copied().collect();
    assert_eq!(in_the_database.len(), stored.len());
    for serial in &distinct {
        assert!(
            in_the_database.contains(serial.as_str()),
            "{serial} is not in the database"
        );
    }
    // Each replica finds what the other answered, and sees its revocations.
    for (number, serials) in &made {
        let other = &replicas[1 - number];
        let path = format!("/api/v1/certificates/{}", serials[0]);
        assert_eq!(other.get(&path).await.status(), StatusCode::OK);
        other.revoke(&serials[0], "superseded").await;
        let shown: Value = replicas[*number].get(&path).await.json().await.unwrap();
        assert_eq!(shown["status"], "revoked");
        let renewal = replicas[*number].post(&format!("{path}/renew"), &json!({})).await;
        assert_eq!(renewal.status(), StatusCode::CONFLICT);
    }
}

/// `gigvault whoami` at that URL under the root of the fleet.
fn whoami(fleet: &Fleet, url: &str, more: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(binary().unwrap())
        .args(["whoami", "-o", "json"])
        .args(more)
        .env("GIGVAULT_URL", url)
        .env("GIGVAULT_TOKEN", fleet.token().unwrap())
        .env("GIGVAULT_CA_FILE", fleet.bootstrapped().join("root.crt"))
        .current_dir(fleet.dir())
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

/// `auth` and `keymgr` alone have no certificate of the API. They serve no HTTPS, or that of `listen.tls`, which the CLI takes
/// for the API only if it is told to go by the name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn auth_and_keymgr_alone_do_not_pass_for_the_api() {
    let database = Postgres::shared().await.unwrap().fresh_database().await.unwrap();
    let mut fleet = Fleet::start(&database, &Options::default()).unwrap();
    let made = Command::new(binary().unwrap())
        .args(["cert", "create", "localhost", "--san", "ip:127.0.0.1", "--out"])
        .arg(fleet.dir())
        .env("GIGVAULT_URL", &fleet.ready("ca").unwrap().https)
        .env("GIGVAULT_TOKEN", fleet.token().unwrap())
        .env("GIGVAULT_CA_FILE", fleet.bootstrapped().join("root.crt"))
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    for service in ["auth", "keymgr"] {
        assert_eq!(
            fleet.ready(service).unwrap().https,
            "",
            "{service} has no certificate"
        );
        let path = fleet.dir().join(service).join("config.yaml");
        let config = fs::read_to_string(&path).unwrap();
        let tls = format!(
            "listen:\n  tls: {{ certificate: {}, key: {} }}\n",
            fleet.dir().join("localhost.chain.pem").display(),
            fleet.dir().join("localhost.key").display()
        );
        fs::write(&path, config.replace("listen:\n", &tls)).unwrap();
        fleet.terminate(service).unwrap();
        fleet.launch(service).unwrap();
    }
    for service in ["auth", "keymgr"] {
        let url = fleet.ready(service).unwrap().https.clone();
        let (status, said) = whoami(&fleet, &url, &[]);
        assert_eq!(status, Some(1), "{service}: {said}");
        assert!(said.contains("is not the GigVault API"), "{service}: {said}");
    }
    let url = fleet.ready("auth").unwrap().https.clone();
    let (status, said) = whoami(&fleet, &url, &["--server-identity", "name"]);
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("root-admin"), "{said}");
}

/// A database that takes no writes is not a database to issue from, although it answers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgresql_database_that_takes_no_writes_makes_the_process_unready_until_it_does() {
    let server = Postgres::shared().await.unwrap();
    let database = server.fresh_database().await.unwrap();
    let system = System::up_with(&["--database-url", &database]).unwrap();
    let rest = Rest::of(&system);
    let until = async |wanted: StatusCode| {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let url = format!("{}/readyz", rest.base);
            let answer = rest.http.get(url).send().await.unwrap();
            let (status, text) = (answer.status(), answer.text().await.unwrap());
            if status == wanted {
                return text;
            }
            assert!(Instant::now() < deadline, "{status}: {text}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    until(StatusCode::OK).await;
    for service in ["ca", "auth", "keymgr"] {
        // As a full disk answers.
        let full = format!(
            "CREATE FUNCTION {service}.full() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$;
             CREATE TRIGGER full_disk BEFORE UPDATE ON {service}.readiness_probe
             FOR EACH ROW EXECUTE FUNCTION {service}.full()"
        );
        server.sql_in(&database, &full).await.unwrap();
        let report = until(StatusCode::SERVICE_UNAVAILABLE).await;
        assert!(report.contains(service), "{report}");
        let shown = rest.get("/api/v1/certificates").await;
        assert_eq!(shown.status(), StatusCode::OK, "it still answers");
        let space = format!("DROP TRIGGER full_disk ON {service}.readiness_probe");
        server.sql_in(&database, &space).await.unwrap();
        until(StatusCode::OK).await;
    }
}
