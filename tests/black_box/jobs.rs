//! Long work: accepted at once, done to its end, each item once.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use testkit::postgres::Postgres;
use testkit::system::System;

use crate::authorization::key_for;
use crate::csr;
use crate::rest::Rest;

const PATIENCE: Duration = Duration::from_secs(120);
const REVOCATIONS: &str = "/api/v1/certificates/revocations";

async fn issue(rest: &Rest, count: usize) -> Vec<String> {
    let csr = csr::p256("bulk.example.test");
    let body = json!({"csr": csr, "profile": "tls-server"});
    let mut serials = Vec::new();
    for _ in 0..count {
        let issued = rest.issue(&body).await;
        serials.push(issued["serial"].as_str().unwrap().to_owned());
    }
    serials
}

async fn json_of(answer: Response, status: StatusCode) -> Value {
    let (found, text) = (answer.status(), answer.text().await.unwrap());
    assert_eq!(found, status, "{text}");
    serde_json::from_str(&text).unwrap()
}

/// Accepts a job; its path.
pub(crate) async fn accepted(rest: &Rest, body: &Value) -> String {
    let answer = rest.post(REVOCATIONS, body).await;
    let location = answer.headers().get("location").cloned();
    let job = json_of(answer, StatusCode::ACCEPTED).await;
    let location = location.unwrap().to_str().unwrap().to_owned();
    assert_eq!(location, format!("/api/v1/jobs/{}", job["id"].as_str().unwrap()));
    assert!(location.starts_with("/api/v1/jobs/ca-"), "{location}");
    location
}

async fn job(rest: &Rest, path: &str) -> Value {
    json_of(rest.get(path).await, StatusCode::OK).await
}

async fn until(rest: &Rest, path: &str, reached: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let job = job(rest, path).await;
        if reached(&job) {
            return job;
        }
        assert!(Instant::now() < deadline, "{job:#}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(crate) async fn until_its_end(rest: &Rest, path: &str) -> Value {
    until(rest, path, |job| !job["ended_at"].is_null()).await
}

async fn items(rest: &Rest, path: &str) -> BTreeMap<String, (String, Value)> {
    let page = json_of(rest.get(&format!("{path}/items?limit=500")).await, StatusCode::OK).await;
    let item = |item: &Value| {
        let text = |name: &str| item[name].as_str().unwrap().to_owned();
        (text("object"), (text("state"), item["detail"].clone()))
    };
    page["items"].as_array().unwrap().iter().map(item).collect()
}

/// How often each certificate was revoked, by the events in the outbox itself.
fn revoked_events(system: &System, database: Option<&str>) -> BTreeMap<String, usize> {
    let sql = "SELECT subject FROM outbox WHERE kind = 'certificate.revoked'";
    let out = match database {
        Some(url) => crate::judge::run("psql", &["-At", "-c", &sql.replace("outbox", "ca.outbox"), url]),
        None => {
            let file = system.ready().data_dir.join("db/ca.db");
            let script = "import sqlite3, sys\nfor row in sqlite3.connect(sys.argv[1]).execute(sys.argv[2]): print(row[0])";
            crate::judge::run("python3", &["-c", script, crate::judge::text(&file), sql])
        }
    };
    let mut counts = BTreeMap::new();
    for serial in out.lines() {
        *counts.entry(serial.to_owned()).or_default() += 1;
    }
    counts
}

#[tokio::test]
async fn many_revocations_are_one_job_that_says_what_became_of_each() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let serials = issue(&rest, 4).await;
    rest.revoke(&serials[0], "superseded").await;
    rest.hold(&serials[1]).await;
    let unknown = "0123456789abcdef";
    let body = json!({
        "reason": "cessation-of-operation",
        "serials": [&serials[0], &serials[1], &serials[2], unknown],
    });
    let preview = rest.post(&format!("{REVOCATIONS}?dry_run=true"), &body).await;
    let preview = json_of(preview, StatusCode::OK).await;
    let counts: BTreeMap<&str, u64> = preview["consequences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["kind"].as_str().unwrap(), one["count"].as_u64().unwrap()))
        .collect();
    let expected = [
        ("certificate.revoked", 2),
        ("certificate.skipped", 1),
        ("certificate.missing", 1),
    ];
    assert_eq!(counts, BTreeMap::from(expected));
    assert_eq!(
        json_of(rest.get("/api/v1/jobs").await, StatusCode::OK).await["items"],
        json!([])
    );

    let path = accepted(&rest, &body).await;
    let done = until_its_end(&rest, &path).await;
    assert_eq!(
        [&done["state"], &done["kind"], &done["total"], &done["pending"]],
        [
            &json!("done"),
            &json!("certificates.revoke"),
            &json!(4),
            &json!(0)
        ]
    );
    assert_eq!(
        [&done["done"], &done["skipped"], &done["failed"]],
        [&json!(2), &json!(1), &json!(1)]
    );
    assert_eq!(done["allowed_actions"], json!([]));
    let items = items(&rest, &path).await;
    assert_eq!(items[&serials[0]].0, "skipped");
    assert!(
        items[&serials[0]].1.as_str().unwrap().contains("revoked already"),
        "{items:?}"
    );
    assert_eq!(
        (items[&serials[1]].0.as_str(), items[&serials[2]].0.as_str()),
        ("done", "done")
    );
    assert_eq!(items[unknown].0, "failed");
    let failed = json_of(
        rest.get(&format!("{path}/items?state=failed")).await,
        StatusCode::OK,
    )
    .await;
    assert_eq!(failed["items"].as_array().unwrap().len(), 1);
    assert_eq!(
        rest.all("status=valid&ca=issuing", 500).await,
        [serials[3].clone()]
    );
    let listed = json_of(rest.get("/api/v1/jobs").await, StatusCode::OK).await;
    assert_eq!(listed["items"], json!([done]));
}

#[tokio::test]
async fn the_same_request_twice_is_one_job() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let body = json!({"reason": "superseded", "serials": ["0123456789abcdef"]});
    let with_key = async |body: &Value| {
        let url = format!("{}{REVOCATIONS}", rest.base);
        let request = rest.http.post(url).bearer_auth(&rest.token).json(body);
        request.header("idempotency-key", "k").send().await.unwrap()
    };
    let again = json!({"reason": "superseded", "filter": {"ca": ["issuing"]}});
    let first = json_of(with_key(&again).await, StatusCode::ACCEPTED).await;
    let second = json_of(with_key(&again).await, StatusCode::ACCEPTED).await;
    assert_eq!(first["id"], second["id"]);
    // Many clients send what they leave out as null.
    let nulls = json!({"reason": "superseded", "serials": null, "filter": {"ca": ["issuing"], "q": null, "status": null}});
    let third = json_of(with_key(&nulls).await, StatusCode::ACCEPTED).await;
    assert_eq!(first["id"], third["id"]);
    assert_eq!(with_key(&body).await.status(), StatusCode::CONFLICT);
}

#[tokio::test]
async fn what_a_job_cannot_be_is_refused() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    for (body, field) in [
        (json!({"reason": "superseded"}), "serials"),
        (json!({"reason": "superseded", "serials": []}), "serials"),
        (json!({"reason": "superseded", "serials": ["x"]}), "serials"),
        (
            json!({"reason": "superseded", "serials": ["00ab"], "filter": {}}),
            "serials",
        ),
        (json!({"reason": "superseded", "filter": {}}), "filter"),
        (
            json!({"reason": "superseded", "filter": {"internal": true, "status": ["valid", "on_hold"]}}),
            "filter",
        ),
        (
            json!({"reason": "superseded", "filter": {"ca": ["?"]}}),
            "filter.ca",
        ),
        (json!({"reason": "superseded", "all": false}), "all"),
        (
            json!({"reason": "superseded", "all": true, "filter": {"ca": ["issuing"]}}),
            "all",
        ),
        (
            json!({"reason": "superseded", "all": true, "serials": ["00ab"]}),
            "all",
        ),
        (
            json!({"reason": "superseded", "filter": {"fields": "certificate"}}),
            "filter.fields",
        ),
        (
            json!({"reason": "superseded", "filter": {"status": ["valid", "revoked"]}}),
            "filter.status",
        ),
        (json!({"reason": "certificate-hold", "all": true}), "reason"),
        (json!({"reason": "ca-compromise", "all": true}), "reason"),
    ] {
        let answer = rest.post(REVOCATIONS, &body).await;
        let problem = json_of(answer, StatusCode::BAD_REQUEST).await;
        assert_eq!(problem["field"], field, "{body}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.starts_with(field), "{body}: {detail}");
    }
    for (status, filter, field) in [
        (400, json!({"ca": null, "q": null}), "filter"),
        (400, json!({"ca": [], "profile": ["tls-server"]}), "filter.ca"),
        (400, json!({"q": ""}), "filter.q"),
        (422, json!({"ca": "issuing"}), "filter.ca"),
        (
            422,
            json!({"status": vec!["valid"; 1500], "profile": ["nix"]}),
            "filter.status",
        ),
        (422, json!({"cas": ["issuing"]}), "filter.cas"),
    ] {
        let body = json!({"reason": "superseded", "filter": filter});
        let answer = rest.post(REVOCATIONS, &body).await;
        let problem = json_of(answer, StatusCode::from_u16(status).unwrap()).await;
        assert_eq!(problem["field"], field, "{body}");
        let detail = problem["detail"].as_str().unwrap();
        let place = if field == "filter.cas" { "filter: " } else { field };
        assert!(detail.starts_with(place), "{body}: {detail}");
    }
    for path in [
        "/api/v1/jobs/ca",
        "/api/v1/jobs/nosuch-0198f3a2-6b1e-7c4d-9a55-2f60c1d7e8b9",
    ] {
        assert_eq!(rest.get(path).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_job_belongs_to_who_asked_for_it_and_revokes_what_is_theirs() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let foreign = issue(&rest, 1).await;
    let developer = Rest {
        token: key_for(&system, "developer"),
        ..Rest::of(&system)
    };
    let own = issue(&developer, 2).await;
    let path = accepted(&developer, &json!({"reason": "superseded", "all": true})).await;
    let done = until_its_end(&developer, &path).await;
    assert_eq!((&done["total"], &done["done"]), (&json!(2), &json!(2)));
    assert_eq!(rest.all("status=valid&ca=issuing", 500).await, foreign);
    assert_eq!(rest.all("status=revoked", 500).await.len(), own.len());
    let named = json!({"reason": "superseded", "serials": foreign});
    let named = accepted(&developer, &named).await;
    assert_eq!(until_its_end(&developer, &named).await["failed"], 1);

    // The auditor sees it, the other developer does not, and neither ends it.
    let auditor = Rest {
        token: key_for(&system, "auditor"),
        ..Rest::of(&system)
    };
    let other = Rest {
        token: key_for(&system, "developer"),
        ..Rest::of(&system)
    };
    assert_eq!(auditor.get(&path).await.status(), StatusCode::OK);
    assert_eq!(other.get(&path).await.status(), StatusCode::NOT_FOUND);
    let listed = json_of(other.get("/api/v1/jobs").await, StatusCode::OK).await;
    assert_eq!(listed["items"], json!([]));
    let cancel = format!("{path}/cancel");
    assert_eq!(
        auditor.post(&cancel, &json!({})).await.status(),
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        other.post(&cancel, &json!({})).await.status(),
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        developer.post(&cancel, &json!({})).await.status(),
        StatusCode::CONFLICT
    );
}

#[tokio::test]
async fn a_canceled_job_begins_no_further_item() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    issue(&rest, 200).await;
    let path = accepted(
        &rest,
        &json!({"reason": "superseded", "filter": {"ca": ["issuing"]}}),
    )
    .await;
    let cancel = format!("{path}/cancel");
    let preview = rest.post(&format!("{cancel}?dry_run=true"), &json!({})).await;
    let canceled = rest.post(&cancel, &json!({})).await;
    if canceled.status() == StatusCode::CONFLICT {
        // It was faster.
        assert_eq!(job(&rest, &path).await["state"], "done");
        return;
    }
    assert!(preview.status() == StatusCode::OK || preview.status() == StatusCode::CONFLICT);
    let at_once = json_of(canceled, StatusCode::OK).await;
    assert!(!at_once["cancel_requested_at"].is_null(), "{at_once:#}");
    let ended = until_its_end(&rest, &path).await;
    assert_eq!(ended["state"], "canceled");
    assert_eq!(
        ended["done"], at_once["done"],
        "an item was done after the cancellation was answered"
    );
    let revoked = rest.all("status=revoked", 500).await.len();
    assert_eq!(json!(revoked), ended["done"]);
}

/// Kills the server while it is at a job, twice, and lets it come to its end.
async fn killed_in_between(mut system: System, database: Option<&str>) {
    const CERTIFICATES: usize = 300;
    let serials = issue(&Rest::of(&system), CERTIFICATES).await;
    let body = json!({"reason": "cessation-of-operation", "filter": {"ca": ["issuing"]}});
    let path = accepted(&Rest::of(&system), &body).await;
    for least in [5, 60] {
        let rest = Rest::of(&system);
        let reached = |job: &Value| job["done"].as_u64().unwrap() >= least;
        until(&rest, &path, reached).await;
        system.kill().unwrap();
        system.restart().unwrap();
    }
    let rest = Rest::of(&system);
    let done = until_its_end(&rest, &path).await;
    assert_eq!(
        [&done["state"], &done["total"], &done["done"]],
        [&json!("done"), &json!(CERTIFICATES), &json!(CERTIFICATES)]
    );
    let expected: BTreeMap<String, usize> = serials.into_iter().map(|serial| (serial, 1)).collect();
    assert_eq!(revoked_events(&system, database), expected);
    assert_eq!(rest.all("status=revoked", 500).await.len(), CERTIFICATES);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_goes_on_with_its_job_and_does_each_item_once() {
    killed_in_between(System::up().unwrap(), None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_on_postgresql_goes_on_with_its_job_and_does_each_item_once() {
    let server = Postgres::shared().await.unwrap();
    let url = server.fresh_database().await.unwrap();
    let system = System::up_with(&["--database-url", &url]).unwrap();
    killed_in_between(system, Some(&url)).await;
}
