//! What was acknowledged is found, whatever happens to the process or the database.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::postgres::Postgres;
use testkit::system::System;

use crate::csr;

const KILLS: u32 = 20;
const CLIENTS: usize = 8;

/// Clients that ask for certificates until told to stop, and remember every serial number they were given.
struct Load {
    stop: Arc<AtomicBool>,
    acknowledged: Arc<Mutex<Vec<String>>>,
    clients: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    fn start(system: &System) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let acknowledged = Arc::new(Mutex::new(Vec::new()));
        let clients = (0..CLIENTS)
            .map(|client| {
                let (stop, acknowledged) = (Arc::clone(&stop), Arc::clone(&acknowledged));
                let (http, token) = (system.http().unwrap(), system.token().unwrap());
                let url = format!("{}/api/v1/certificates", system.ready().https);
                let name = format!("c{client}.example.test");
                let body = json!({"csr": csr::p256(&name), "profile": "tls-server"});
                tokio::spawn(async move {
                    while !stop.load(Ordering::Relaxed) {
                        let answer = http.post(&url).bearer_auth(&token).json(&body).send().await;
                        let Ok(answer) = answer else { continue };
                        if answer.status() != StatusCode::CREATED {
                            continue;
                        }
                        // A body that broke off in the middle acknowledged nothing.
                        if let Ok(certificate) = answer.json::<Value>().await {
                            let serial = certificate["serial"].as_str().unwrap().to_owned();
                            acknowledged.lock().unwrap().push(serial);
                        }
                    }
                })
            })
            .collect();
        Self {
            stop,
            acknowledged,
            clients,
        }
    }

    async fn finish(self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.await.unwrap();
        }
        Arc::try_unwrap(self.acknowledged).unwrap().into_inner().unwrap()
    }
}

/// Every serial number of the inventory, in the order of the list.
async fn inventory(system: &System) -> Vec<String> {
    let (http, token) = (system.http().unwrap(), system.token().unwrap());
    let mut serials = Vec::new();
    let mut cursor = String::new();
    loop {
        let url = format!(
            "{}/api/v1/certificates?protocol=rest&limit=500{cursor}",
            system.ready().https
        );
        let page: Value = http
            .get(url)
            .bearer_auth(&token)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        for item in page["items"].as_array().unwrap() {
            serials.push(item["serial"].as_str().unwrap().to_owned());
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return serials,
        }
    }
}

/// Subjects of the issue events in the outbox, read from the database itself.
fn events(system: &System, database: Option<&str>) -> Vec<String> {
    let out = match database {
        Some(url) => {
            let sql = "SELECT subject FROM ca.outbox WHERE kind = 'certificate.issued' AND data::json->>'protocol' = 'rest'";
            crate::judge::run("psql", &["-At", "-c", sql, url])
        }
        None => {
            let file = system.ready().data_dir.join("db/ca.db");
            let sql = "SELECT subject FROM outbox WHERE kind = 'certificate.issued' AND json_extract(data, '$.protocol') = 'rest'";
            let script = "import sqlite3, sys\nfor row in sqlite3.connect(sys.argv[1]).execute(sys.argv[2]): print(row[0])";
            crate::judge::run("python3", &["-c", script, crate::judge::text(&file), sql])
        }
    };
    out.lines().map(str::to_owned).collect()
}

/// Random moments. The seed is printed, so that a failure shows it, and taken from `GIGVAULT_SEED` where that is set.
struct Dice(u64);

impl Dice {
    #[expect(clippy::print_stdout, reason = "shown when the test fails")]
    fn new() -> Self {
        let seed = match std::env::var("GIGVAULT_SEED") {
            Ok(seed) => seed.parse().unwrap(),
            Err(_) => RandomState::new().build_hasher().finish(),
        };
        println!("GIGVAULT_SEED={seed}");
        Self(seed | 1)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_random_moments_it_loses_nothing_that_it_acknowledged_on_sqlite() {
    killed_at_random_moments(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_random_moments_it_loses_nothing_that_it_acknowledged_on_postgresql() {
    let database = Postgres::shared().await.unwrap().fresh_database().await.unwrap();
    killed_at_random_moments(Some(&database)).await;
}

async fn killed_at_random_moments(database: Option<&str>) {
    let arguments = database.map(|url| ["--database-url", url]);
    let mut system = System::up_with(arguments.as_ref().map_or(&[], |both| both)).unwrap();
    let mut dice = Dice::new();
    let mut acknowledged = Vec::new();
    for _ in 0..KILLS {
        let load = Load::start(&system);
        // Anywhere in the course of many group commits; the first may not have begun.
        tokio::time::sleep(Duration::from_millis(50 + dice.below(300))).await;
        system.kill().unwrap();
        acknowledged.extend(load.finish().await);
        system.restart().unwrap();
    }
    assert!(
        acknowledged.len() > 50,
        "there was too little load: {} certificates",
        acknowledged.len()
    );
    let stored = inventory(&system).await;
    let distinct: BTreeSet<_> = stored.iter().cloned().collect();
    assert_eq!(distinct.len(), stored.len(), "a certificate is listed twice");
    let given: BTreeSet<_> = acknowledged.iter().cloned().collect();
    assert_eq!(
        given.len(),
        acknowledged.len(),
        "a serial number was given out twice"
    );
    let lost: Vec<_> = given.difference(&distinct).collect();
    assert!(
        lost.is_empty(),
        "{} of {} acknowledged certificates are lost",
        lost.len(),
        given.len()
    );
    let announced = events(&system, database);
    assert_eq!(announced.len(), stored.len(), "inventory and outbox differ");
    assert_eq!(announced.into_iter().collect::<BTreeSet<_>>(), distinct);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_goes_away_means_503_and_comes_back_without_a_restart() {
    let postgres = Postgres::start().await.unwrap();
    let system = System::up_with(&["--database-url", &postgres.url()]).unwrap();
    let (http, token) = (system.http().unwrap(), system.token().unwrap());
    let url = format!("{}/api/v1/certificates", system.ready().https);
    let body = json!({"csr": csr::p256("a.example.test"), "profile": "tls-server"});
    let issue = || http.post(&url).bearer_auth(&token).json(&body).send();
    assert_eq!(issue().await.unwrap().status(), StatusCode::CREATED);
    postgres.kill().await.unwrap();
    let refused = issue().await.unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(
        refused.headers()["retry-after"]
            .to_str()
            .unwrap()
            .parse::<u32>()
            .unwrap()
            > 0
    );
    assert_eq!(refused.headers()["content-type"], "application/problem+json");
    let ready = http
        .get(format!("{}/readyz", system.ready().https))
        .send()
        .await
        .unwrap();
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
    let alive = http
        .get(format!("{}/healthz", system.ready().https))
        .send()
        .await
        .unwrap();
    assert_eq!(alive.status(), StatusCode::OK);
    postgres.resume().await.unwrap();
    let mut status = StatusCode::SERVICE_UNAVAILABLE;
    for _ in 0..100 {
        status = issue().await.unwrap().status();
        if status == StatusCode::CREATED {
            break;
        }
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(status, StatusCode::CREATED);
}
