//! The inventory: every filter finds exactly what it should, and paging visits each certificate once.

mod lookups;

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::Postgres;
use testkit::system::{FREE_PORTS, System, binary, spawn};

use crate::csr;
use crate::judge::Killed;
use crate::rest::Rest;

/// What the scenario issued, by a name of ours.
struct Inventory {
    system: System,
    rest: Rest,
    certificates: BTreeMap<&'static str, Value>,
}

impl Inventory {
    fn text(&self, name: &str, member: &str) -> String {
        self.certificates[name][member].as_str().unwrap().to_owned()
    }

    /// The query must find exactly these, in whatever order.
    async fn finds(&self, query: &str, wanted: &[&str]) {
        let name = |serial: &String| {
            let found = self
                .certificates
                .iter()
                .find(|(_, made)| made["serial"] == serial.as_str());
            found.map_or_else(|| format!("stranger {serial}"), |(name, _)| (*name).to_owned())
        };
        let mut found: Vec<String> = self.rest.all(query, 50).await.iter().map(name).collect();
        let mut wanted = wanted.to_vec();
        found.sort();
        wanted.sort_unstable();
        assert_eq!(found, wanted, "{query}");
    }
}

/// A REST client with a credential of its own.
fn other_user(system: &System, rest: &Rest) -> (Rest, String) {
    let made = system
        .cli_ok(&["apikey", "create", "grace", "--role", "root-admin", "-o", "json"])
        .unwrap();
    let made: Value = serde_json::from_str(&made).unwrap();
    let token = made["token"].as_str().unwrap().to_owned();
    let who = system
        .command()
        .unwrap()
        .args(["whoami", "-o", "json"])
        .env("GIGVAULT_TOKEN", &token)
        .output()
        .unwrap();
    let who: Value = serde_json::from_slice(&who.stdout).unwrap();
    let rest = Rest {
        token,
        ..rest.clone()
    };
    (rest, who["subject"].as_str().unwrap().to_owned())
}

/// Answers with the requester's name of the second user.
async fn populate(system: System) -> (Inventory, String) {
    let rest = Rest::of(&system);
    let (grace, requester) = other_user(&system, &rest);
    let mut certificates = BTreeMap::new();
    let key = system.dir().join("shared.key");
    let names = [
        ("web", "DNS:web.alpha.test,DNS:www.alpha.test"),
        ("api", "DNS:api.alpha.test"),
        ("near", "DNS:notalpha.test"),
        ("held", "DNS:held.beta.test"),
        ("released", "DNS:released.beta.test"),
        ("revoked", "DNS:revoked.beta.test"),
    ];
    for (name, san) in names {
        let body = json!({"csr": csr::with_san("/", san), "profile": "tls-server"});
        certificates.insert(name, rest.issue(&body).await);
    }
    for name in ["first", "second"] {
        let san = format!("DNS:{name}.gamma.test");
        let csr = csr::with_key(&key, &format!("/CN={name}.gamma.test"), &san);
        let body = json!({"csr": csr, "profile": "mtls", "validity": "20d"});
        certificates.insert(name, rest.issue(&body).await);
    }
    let mail = csr::with_san("/", "email:ada@delta.test");
    let body = json!({"csr": mail, "profile": "email", "validity": "30d"});
    certificates.insert("mail", grace.issue(&body).await);
    let body = json!({"csr": csr::p256("brief.delta.test"), "profile": "short-lived", "validity": "1h"});
    certificates.insert("brief", grace.issue(&body).await);
    let serial = |name: &str| certificates[name]["serial"].as_str().unwrap();
    rest.hold(serial("held")).await;
    rest.hold(serial("released")).await;
    rest.release(serial("released")).await;
    rest.revoke(serial("revoked"), "key-compromise").await;
    let inventory = Inventory {
        system,
        rest,
        certificates,
    };
    (inventory, requester)
}

const EVERYTHING: [&str; 10] = [
    "web", "api", "near", "held", "released", "revoked", "first", "second", "mail", "brief",
];

/// The same data, served at another time. Returns the base URL.
fn later(system: &System, offset: &str, arguments: &[&str]) -> (Killed, String) {
    let mut command = Command::new(binary().unwrap());
    command
        .env("GIGVAULT_CLOCK_OFFSET", offset)
        .env(testkit::system::ALLOW_UNSAFE, "true")
        .arg("up");
    command.args(FREE_PORTS);
    command.arg("--data-dir").arg(&system.ready().data_dir);
    command.args(arguments);
    let (child, ready) = spawn(command, system.dir()).unwrap();
    (Killed(child), ready.https)
}

async fn every_filter(arguments: &[&str]) {
    let system = System::up_with(arguments).unwrap();
    let (inventory, requester) = populate(system).await;
    by_name(&inventory).await;
    by_origin_and_status(&inventory, &requester).await;
    by_key(&inventory).await;
    by_expiry_and_several_at_once(&inventory, &requester).await;
    lookups::by_what_a_person_types(&inventory).await;
    lookups::by_what_became_of_it(&inventory).await;
    after_25_days(inventory, arguments).await;
}

async fn by_name(inventory: &Inventory) {
    inventory.finds("protocol=rest", &EVERYTHING).await;
    inventory.finds("san=dns:www.alpha.test", &["web"]).await;
    inventory.finds("san=dns:WWW.alpha.test", &["web"]).await;
    inventory.finds("san=dns:alpha.test", &[]).await;
    inventory.finds("san=email:ada@delta.test", &["mail"]).await;
    // Two of its names end so; it is one certificate.
    inventory.finds("san_suffix=.alpha.test", &["web", "api"]).await;
    inventory
        .finds("san_suffix=alpha.test", &["web", "api", "near"])
        .await;
    inventory.finds("san_suffix=email:@delta.test", &["mail"]).await;
}

async fn by_origin_and_status(inventory: &Inventory, requester: &str) {
    let of_admin: Vec<_> = EVERYTHING[..8].to_vec();
    let valid: Vec<_> = EVERYTHING
        .into_iter()
        .filter(|name| !["held", "revoked"].contains(name))
        .collect();
    inventory.finds("subject=CN=first.gamma.test", &["first"]).await;
    inventory
        .finds(&format!("requester={requester}"), &["mail", "brief"])
        .await;
    let admin = inventory.text("web", "requester");
    inventory
        .finds(&format!("requester={admin}&protocol=rest"), &of_admin)
        .await;
    inventory.finds("profile=mtls", &["first", "second"]).await;
    inventory.finds("ca=issuing&protocol=rest", &EVERYTHING).await;
    inventory.finds("ca=services&protocol=rest", &[]).await;
    inventory.finds("status=valid&protocol=rest", &valid).await;
    inventory.finds("status=revoked", &["revoked"]).await;
    inventory.finds("status=on_hold", &["held"]).await;
    inventory.finds("status=expired", &[]).await;
}

async fn by_key(inventory: &Inventory) {
    for (filter, member) in [("spki", "spki_sha256"), ("fingerprint", "fingerprint_sha256")] {
        let value = inventory.text("web", member);
        inventory.finds(&format!("{filter}={value}"), &["web"]).await;
        let upper = value.to_uppercase();
        let octets: Vec<&str> = (0..upper.len()).step_by(2).map(|at| &upper[at..at + 2]).collect();
        // As OpenSSL and browsers print it.
        for printed in [octets.join(":"), upper.clone()] {
            inventory.finds(&format!("{filter}={printed}"), &["web"]).await;
        }
    }
    let spki = inventory.text("web", "spki_sha256");
    inventory
        .finds(&format!("spki={spki}&san_suffix=alpha.test"), &["web"])
        .await;
    let shared = inventory.text("first", "spki_sha256");
    inventory
        .finds(&format!("spki={shared}"), &["first", "second"])
        .await;
    inventory.finds("key_reused=true", &["second"]).await;
    let first_of_its_key: Vec<_> = EVERYTHING.into_iter().filter(|name| *name != "second").collect();
    inventory
        .finds("key_reused=false&protocol=rest", &first_of_its_key)
        .await;
    inventory.finds("protocol=grpc", &[]).await;
}

async fn by_expiry_and_several_at_once(inventory: &Inventory, requester: &str) {
    // The bounds of the window: the first second counts, the last does not.
    let (after, before) = (
        inventory.text("first", "not_after"),
        inventory.text("mail", "not_after"),
    );
    let seconds: Vec<_> = ["first", "second"]
        .into_iter()
        .filter(|name| inventory.text(name, "not_after") >= after)
        .collect();
    inventory
        .finds(&format!("expires_from={after}&expires_to={before}"), &seconds)
        .await;
    inventory
        .finds("san_suffix=beta.test&status=valid", &["released"])
        .await;
    inventory
        .finds(
            &format!("profile=email&requester={requester}&san=email:ada@delta.test"),
            &["mail"],
        )
        .await;
    inventory.finds("profile=email&san_suffix=alpha.test", &[]).await;
}

async fn after_25_days(mut inventory: Inventory, arguments: &[&str]) {
    inventory.system.terminate().unwrap();
    let (_later, base) = later(&inventory.system, "+25d", arguments);
    inventory.rest.base = base;
    inventory
        .finds("status=expired&protocol=rest", &["first", "second", "brief"])
        .await;
    inventory
        .finds(
            "status=valid&protocol=rest",
            &["web", "api", "near", "released", "mail"],
        )
        .await;
    inventory.finds("status=revoked", &["revoked"]).await;
    let path = format!("/api/v1/certificates/{}/renew", inventory.text("first", "serial"));
    let renewed = inventory.rest.post(&path, &json!({})).await;
    assert_eq!(
        renewed.status(),
        StatusCode::CONFLICT,
        "an expired certificate was renewed"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_filter_finds_exactly_the_right_ones_on_sqlite() {
    every_filter(&[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_filter_finds_exactly_the_right_ones_on_postgresql() {
    let database = Postgres::shared().await.unwrap().fresh_database().await.unwrap();
    every_filter(&["--database-url", &database]).await;
}

async fn paging(system: System) {
    let rest = Rest::of(&system);
    let mut before = Vec::new();
    for number in 0..15 {
        // Some share their expiry, so that the order needs its tie-breaker.
        let validity = format!("{}d", 30 + number % 3);
        let csr = csr::p256(&format!("h{number}.page.test"));
        let made = rest
            .issue(&json!({"csr": csr, "profile": "tls-server", "validity": validity}))
            .await;
        before.push(made["serial"].as_str().unwrap().to_owned());
    }
    let stop = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn({
        let (rest, stop) = (rest.clone(), Arc::clone(&stop));
        async move {
            let body = json!({"csr": csr::with_san("/", "DNS:new.page.test,DNS:old.page.test"), "profile": "tls-server", "validity": "31d"});
            let mut issued = 0;
            while !stop.load(Ordering::Relaxed) {
                rest.issue(&body).await;
                issued += 1;
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            issued
        }
    });
    let far = "expires_from=2020-01-01T00:00:00Z&expires_to=2100-01-01T00:00:00Z";
    for query in [
        "protocol=rest",
        far,
        "san_suffix=.page.test",
        "ca=issuing&status=valid",
    ] {
        let mut found = Vec::new();
        let mut cursor = String::new();
        loop {
            let (items, next) = rest.page(&format!("{query}&limit=2{cursor}")).await;
            assert!(items.len() <= 2, "{query}: {items:?}");
            found.extend(items);
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            let Some(next) = next else { break };
            cursor = format!("&cursor={next}");
            // New ones may be added behind; enough is seen when all of before are.
            if before.iter().all(|serial| found.contains(serial)) && found.len() > 60 {
                break;
            }
        }
        for serial in &before {
            let times = found.iter().filter(|seen| *seen == serial).count();
            assert_eq!(times, 1, "{query}: {serial} was visited {times} times");
        }
        let mut distinct = found.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(
            distinct.len(),
            found.len(),
            "{query}: something was visited twice"
        );
    }
    stop.store(true, Ordering::Relaxed);
    assert!(writer.await.unwrap() > 10);
    let (_, cursor) = rest.page("protocol=rest&limit=2").await;
    let foreign = format!("/api/v1/certificates?{far}&limit=2&cursor={}", cursor.unwrap());
    let answer = rest.get(&foreign).await;
    assert_eq!(
        answer.status(),
        StatusCode::BAD_REQUEST,
        "a cursor of another order was taken"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paging_visits_each_once_while_others_issue_on_sqlite() {
    paging(System::up().unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paging_visits_each_once_while_others_issue_on_postgresql() {
    let database = Postgres::shared().await.unwrap().fresh_database().await.unwrap();
    paging(System::up_with(&["--database-url", &database]).unwrap()).await;
}
