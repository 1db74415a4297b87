//! `dry_run=true` and `--dry-run`: what would be done, and nothing is.

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use testkit::postgres::Postgres;
use testkit::system::System;

use crate::authorization::key_for;
use crate::csr;
use crate::rest::Rest;

/// A request of a route that acts.
#[derive(Clone)]
struct Act {
    method: Method,
    path: String,
    body: Option<Value>,
}

impl Act {
    fn post(path: impl Into<String>, body: Value) -> Self {
        Self {
            method: Method::POST,
            path: path.into(),
            body: Some(body),
        }
    }

    fn request(&self, rest: &Rest, query: &str) -> RequestBuilder {
        let url = format!("{}{}{query}", rest.base, self.path);
        let request = rest.http.request(self.method.clone(), url);
        let request = request.bearer_auth(&rest.token);
        match &self.body {
            Some(body) => request.json(body),
            None => request,
        }
    }

    async fn dry_run(&self, rest: &Rest) -> Value {
        let joint = if self.path.contains('?') { "&" } else { "?" };
        let answer = self.request(rest, &format!("{joint}dry_run=true")).send().await;
        let answer = answer.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert_eq!(status, StatusCode::OK, "{}: {text}", self.path);
        let preview: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(preview["dry_run"], true);
        preview
    }

    async fn holding_to(&self, rest: &Rest, preview: &Value) -> Response {
        let token = preview["preview_token"].as_str().unwrap();
        let request = self.request(rest, "").header("preview-token", token);
        request.send().await.unwrap()
    }
}

fn kinds(preview: &Value) -> Vec<&str> {
    let all = preview["consequences"].as_array().unwrap();
    all.iter().map(|one| one["kind"].as_str().unwrap()).collect()
}

async fn issued(rest: &Rest, name: &str) -> String {
    let issued = rest
        .issue(&json!({"csr": csr::p256(name), "profile": "tls-server"}))
        .await;
    issued["serial"].as_str().unwrap().to_owned()
}

fn revoke(serial: &str, reason: &str) -> Act {
    let path = format!("/api/v1/certificates/{serial}/revoke");
    Act::post(path, json!({ "reason": reason }))
}

async fn shown(rest: &Rest, serial: &str) -> Value {
    let path = format!("/api/v1/certificates/{serial}");
    rest.get(&path).await.json().await.unwrap()
}

/// Each route that acts once, with the first consequence that it has.
fn every_act(serial: &str, on_hold: &str, prefix: &str) -> Vec<(Act, &'static str)> {
    let certificate = format!("/api/v1/certificates/{serial}");
    let new = json!({"csr": csr::p256("new.example.test"), "profile": "tls-server"});
    vec![
        (Act::post("/api/v1/certificates", new), "certificate.issued"),
        (
            Act::post(format!("{certificate}/renew"), json!({})),
            "certificate.renewed",
        ),
        (revoke(serial, "superseded"), "certificate.revoked"),
        (
            Act::post(format!("{certificate}/hold"), json!({})),
            "certificate.held",
        ),
        (
            Act::post(format!("/api/v1/certificates/{on_hold}/release"), json!({})),
            "certificate.released",
        ),
        (
            Act::post("/api/v1/cas/issuing/suspend", json!({})),
            "ca.suspended",
        ),
        (
            Act::post("/api/v1/keys", json!({"name": "new", "purpose": "ocsp-signer"})),
            "key.generated",
        ),
        (
            Act::post("/api/v1/api-keys", json!({"name": "new", "roles": ["developer"]})),
            "auth.api_key_created",
        ),
        (
            Act {
                method: Method::DELETE,
                path: format!("/api/v1/api-keys/{prefix}?descendants=true"),
                body: None,
            },
            "auth.api_key_revoked",
        ),
    ]
}

/// Everything that the acts could change.
async fn state(rest: &Rest) -> Vec<Value> {
    let mut all = Vec::new();
    for path in ["certificates?internal=true&limit=500", "cas", "keys", "api-keys"] {
        let page: Value = rest.get(&format!("/api/v1/{path}")).await.json().await.unwrap();
        let mut items = page["items"].clone();
        for item in items.as_array_mut().unwrap() {
            // Moves with every request of that key.
            item.as_object_mut().unwrap().remove("last_used_at");
        }
        all.push(items);
    }
    all
}

#[tokio::test]
async fn every_route_that_changes_something_declares_a_dry_run() {
    let system = System::up().unwrap();
    let document: Value = system
        .http()
        .unwrap()
        .get(format!("{}/api/openapi.json", system.ready().https))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let mut without = Vec::new();
    let mut with = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let has = |name: &str| parameters.iter().any(|parameter| parameter["name"] == name);
            let declared = has("dry_run") && has("Preview-Token");
            assert_eq!(has("dry_run"), has("Preview-Token"), "{method} {path}");
            assert!(!declared || method != "get", "{path}");
            match declared {
                true => with += 1,
                false if method != "get" => without.push(format!("{method} {path}")),
                false => {}
            }
        }
    }
    // It looks, and changes nothing.
    assert_eq!(without, ["post /api/v1/doctor/runs"]);
    assert!(with >= 10, "{with}");
}

#[tokio::test]
async fn a_dry_run_says_what_would_be_done_and_does_nothing() {
    previews_and_acts(&System::up().unwrap()).await;
}

/// A transaction that waits for a second connection waits for itself here, and many of them for one another anywhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_connection_to_the_database_is_enough_for_everything() {
    let database = Postgres::shared().await.unwrap().fresh_database().await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("one.yaml");
    std::fs::write(&config, "database: { max_connections: 1 }\n").unwrap();
    let config = config.to_str().unwrap();
    let system = System::up_with(&["--config", config, "--database-url", &database]).unwrap();
    previews_and_acts(&system).await;
    let rest = Rest::of(&system);
    rest.post("/api/v1/cas/issuing/resume", &json!({})).await;
    let absent = json!({"reason": "superseded"});
    let absent = rest
        .post("/api/v1/certificates/00aabbccddeeff00112299/revoke", &absent)
        .await;
    assert_eq!(absent.status(), StatusCode::NOT_FOUND);
    let mut serials = Vec::new();
    for name in ["one.example.test", "two.example.test"] {
        serials.push(issued(&rest, name).await);
    }
    let path = crate::jobs::accepted(&rest, &json!({"reason": "superseded", "serials": serials})).await;
    let cancel = rest.post(&format!("{path}/cancel"), &json!({})).await.status();
    assert!(
        [StatusCode::OK, StatusCode::CONFLICT].contains(&cancel),
        "{cancel}"
    );
    crate::jobs::until_its_end(&rest, &path).await;
}

/// With the same answer.
async fn what_would_be_refused_is_refused(rest: &Rest, serial: &str) {
    let refused = Act::post(
        "/api/v1/certificates",
        json!({"csr": csr::p256("localhost"), "profile": "nosuch"}),
    );
    for query in ["", "?dry_run=true"] {
        let answer = refused.request(rest, query).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{query}");
    }
    let unread = revoke(serial, "superseded").request(rest, "?dry_run=yes");
    assert_eq!(unread.send().await.unwrap().status(), StatusCode::BAD_REQUEST);
    let reading = rest
        .get(&format!("/api/v1/certificates/{serial}?dry_run=true"))
        .await;
    assert_eq!(reading.status(), StatusCode::BAD_REQUEST);
}

async fn previews_and_acts(system: &System) {
    let rest = Rest::of(system);
    let serial = issued(&rest, "web.example.test").await;
    let on_hold = issued(&rest, "held.example.test").await;
    rest.hold(&on_hold).await;
    let key: Value = serde_json::from_str(
        &system
            .cli_ok(&["apikey", "create", "ci", "--role", "developer", "-o", "json"])
            .unwrap(),
    )
    .unwrap();
    let prefix = key["prefix"].as_str().unwrap();
    let acts = every_act(&serial, &on_hold, prefix);
    let before = state(&rest).await;
    for (act, kind) in &acts {
        let preview = act.dry_run(&rest).await;
        assert_eq!(kinds(&preview)[0], *kind, "{preview:#}");
        let first = &preview["consequences"][0];
        assert!(first["count"].as_u64().unwrap() >= 1, "{preview:#}");
        assert!(!first["text"].as_str().unwrap().is_empty(), "{preview:#}");
    }
    assert_eq!(state(&rest).await, before);

    what_would_be_refused_is_refused(&rest, &serial).await;
    assert_eq!(shown(&rest, &serial).await["status"], "valid");

    // Each of them does what it said when it is sent with the token.
    for (act, kind) in &acts {
        if matches!(*kind, "certificate.held" | "ca.suspended") {
            continue;
        }
        let preview = act.dry_run(&rest).await;
        let done = act.holding_to(&rest, &preview).await;
        assert!(
            done.status().is_success(),
            "{kind}: {}",
            done.text().await.unwrap()
        );
    }
    assert_eq!(shown(&rest, &serial).await["status"], "revoked");
}

#[tokio::test]
async fn a_commit_whose_preview_is_stale_is_refused_with_the_difference() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let serial = issued(&rest, "web.example.test").await;
    let act = revoke(&serial, "superseded");
    let preview = act.dry_run(&rest).await;
    rest.hold(&serial).await;
    let answer = act.holding_to(&rest, &preview).await;
    assert_eq!(answer.status(), StatusCode::CONFLICT);
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["type"], "https://gigvault.io/problems/preview-stale");
    let difference = &problem["difference"];
    assert_eq!(difference.as_array().unwrap().len(), 1, "{problem:#}");
    assert_eq!(difference[0]["what"], format!("certificate {serial}"));
    assert_eq!(difference[0]["before"], "not revoked");
    assert!(
        difference[0]["now"]
            .as_str()
            .unwrap()
            .starts_with("certificate-hold"),
        "{problem:#}"
    );
    assert_eq!(shown(&rest, &serial).await["status"], "on_hold");
    let again = act.dry_run(&rest).await;
    assert_eq!(act.holding_to(&rest, &again).await.status(), StatusCode::OK);
    assert_eq!(shown(&rest, &serial).await["status"], "revoked");

    // Issuing rests on the CA that would issue.
    let new = Act::post(
        "/api/v1/certificates",
        json!({"csr": csr::p256("new.example.test"), "profile": "tls-server"}),
    );
    let preview = new.dry_run(&rest).await;
    assert_eq!(
        new.holding_to(&rest, &preview).await.status(),
        StatusCode::CREATED
    );
    system.cli_ok(&["ca", "suspend", "issuing"]).unwrap();
    assert_eq!(
        new.holding_to(&rest, &preview).await.status(),
        StatusCode::CONFLICT
    );
    let refused = new.request(&rest, "?dry_run=true").send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_token_is_for_its_caller_its_route_and_its_body() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let (serial, other) = (
        issued(&rest, "a.example.test").await,
        issued(&rest, "b.example.test").await,
    );
    let preview = revoke(&serial, "superseded").dry_run(&rest).await;
    let operator = Rest {
        token: key_for(&system, "ca-operator"),
        ..Rest::of(&system)
    };
    let mut forged = preview.clone();
    let token = preview["preview_token"].as_str().unwrap();
    forged["preview_token"] = json!(format!("A{}", &token[1..]));
    for (rest, act, preview) in [
        (&operator, revoke(&serial, "superseded"), &preview),
        (&rest, revoke(&other, "superseded"), &preview),
        (&rest, revoke(&serial, "key-compromise"), &preview),
        (&rest, revoke(&serial, "superseded"), &forged),
    ] {
        let answer = act.holding_to(rest, preview).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{}", act.path);
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["field"], "Preview-Token");
    }
    let answer = revoke(&serial, "superseded")
        .request(&rest, "?dry_run=true")
        .header("preview-token", token)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    for serial in [&serial, &other] {
        assert_eq!(shown(&rest, serial).await["status"], "valid");
    }
}

#[tokio::test]
async fn commands_show_what_they_would_do_within_80_columns() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let serial = issued(&rest, "web.example.test").await;
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().to_str().unwrap();
    let commands: &[&[&str]] = &[
        &["cert", "create", "new.example.test", "--out", out],
        &["cert", "renew", &serial, "--new-key", "--out", out],
        &["cert", "revoke", &serial, "--reason", "key-compromise"],
        &["cert", "hold", &serial],
        &["ca", "suspend", "issuing"],
        &["ca", "resume", "issuing"],
        &["key", "generate", "new"],
        &["apikey", "create", "ci", "--role", "root-admin"],
    ];
    for command in commands {
        let shown = system.cli_ok(&[command, &["--dry-run", "-o", "json"][..]].concat());
        let preview: Value = serde_json::from_str(&shown.unwrap()).unwrap();
        assert_eq!(preview["dry_run"], true, "{command:?}");
        let changes = !preview["consequences"].as_array().unwrap().is_empty();
        assert_eq!(changes, command[1] != "resume", "{command:?}: {preview:#}");
        let screen = crate::terminal::on_80_columns(&system, &[command, &["--dry-run"][..]].concat());
        for line in screen.lines() {
            assert!(line.chars().count() <= 80, "{command:?}: {line:?}");
        }
        let severity = match preview["consequences"][0]["severity"].as_str() {
            Some(severity) => severity.to_owned(),
            None => "nothing would change".to_owned(),
        };
        assert!(screen.contains(&severity), "{command:?}: {screen}");
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    assert_eq!(shown(&rest, &serial).await["status"], "valid");
    assert!(rest.all("san_suffix=new.example.test", 500).await.is_empty());
}
