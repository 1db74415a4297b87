//! `/api/v1/keys`.

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use testkit::on_both_databases;
use tower::ServiceExt;
use utoipa::openapi::OpenApi;

use crate::world::{Running, World};

on_both_databases!(
    a_repeated_request_makes_one_key,
    concurrent_requests_with_one_idempotency_key_make_one_key,
);

fn routes(running: &Running) -> (Router, OpenApi) {
    running.keymgr.service().rest.split_for_parts()
}

/// Method and path, with a role as credential and a body if there are any.
async fn call(running: &Running, line: &str, role: Option<&str>, body: Option<Value>) -> (StatusCode, Value) {
    let response = send(running, line, role, None, body).await;
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

async fn send(
    running: &Running,
    line: &str,
    role: Option<&str>,
    idempotency_key: Option<&str>,
    body: Option<Value>,
) -> Response<Body> {
    let (method, path) = line.split_once(' ').unwrap();
    let mut request = Request::builder()
        .method(Method::from_bytes(method.as_bytes()).unwrap())
        .uri(path);
    if let Some(role) = role {
        request = request.header(header::AUTHORIZATION, format!("Bearer {role}"));
    }
    if let Some(key) = idempotency_key {
        request = request.header("idempotency-key", key);
    }
    let body = match body {
        Some(body) => {
            request = request.header(header::CONTENT_TYPE, "application/json");
            Body::from(body.to_string())
        }
        None => Body::empty(),
    };
    routes(running)
        .0
        .oneshot(request.body(body).unwrap())
        .await
        .unwrap()
}

fn new_key(name: &str) -> Value {
    json!({ "name": name, "algorithm": "p256", "purpose": "certificate-authority" })
}

async fn post(running: &Running, idempotency_key: &str, role: &str, body: Value) -> (StatusCode, Value) {
    let response = send(
        running,
        "POST /api/v1/keys",
        Some(role),
        Some(idempotency_key),
        Some(body),
    )
    .await;
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap())
}

async fn a_repeated_request_makes_one_key(world: World) {
    let running = world.start().await;
    let first = post(&running, "retry-1", "ca-operator", new_key("issuing")).await;
    assert_eq!(first.0, StatusCode::CREATED, "{first:?}");
    assert_eq!(
        post(&running, "retry-1", "ca-operator", new_key("issuing")).await,
        first
    );

    let (status, problem) = post(&running, "retry-1", "ca-operator", new_key("other")).await;
    assert_eq!(
        (status, problem["type"].as_str().unwrap()),
        (StatusCode::CONFLICT, slug("idempotency-conflict").as_str())
    );
    let (status, problem) = post(&running, "retry-2", "ca-operator", new_key("issuing")).await;
    assert_eq!(
        (status, problem["type"].as_str().unwrap()),
        (StatusCode::CONFLICT, slug("key-exists").as_str())
    );
    // Another person's key of the same text is another key.
    let (status, _) = post(&running, "retry-1", "root-admin", new_key("other")).await;
    assert_eq!(status, StatusCode::CREATED);
}

async fn concurrent_requests_with_one_idempotency_key_make_one_key(world: World) {
    let running = std::sync::Arc::new(world.start().await);
    let attempts: Vec<_> = (0..8)
        .map(|_| {
            let running = std::sync::Arc::clone(&running);
            tokio::spawn(async move { post(&running, "same", "ca-operator", new_key("issuing")).await })
        })
        .collect();
    let mut answers = Vec::new();
    for attempt in attempts {
        answers.push(attempt.await.unwrap());
    }
    assert_eq!(answers[0].0, StatusCode::CREATED, "{answers:?}");
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
}

fn slug(name: &str) -> String {
    format!("https://gigvault.io/problems/{name}")
}

#[tokio::test]
async fn a_key_is_made_shown_and_listed() {
    let world = World::sqlite();
    let running = world.start().await;
    let operator = Some("ca-operator");
    let body = json!({ "name": "ocsp-1", "algorithm": "p384", "purpose": "ocsp-signer" });
    let (status, made) = call(&running, "POST /api/v1/keys", operator, Some(body)).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    for (member, value) in [
        ("name", "ocsp-1"),
        ("algorithm", "p384"),
        ("purpose", "ocsp-signer"),
        ("backend", "software"),
        ("created_at", "2027-01-02T03:04:05Z"),
    ] {
        assert_eq!(made[member], value, "{made}");
    }
    assert!(
        made["public_key"]
            .as_str()
            .unwrap()
            .starts_with("-----BEGIN PUBLIC KEY-----\n"),
        "{made}"
    );
    assert_eq!(made["spki_sha256"].as_str().unwrap().len(), 64);

    assert_eq!(
        call(&running, "GET /api/v1/keys/ocsp-1", Some("auditor"), None).await,
        (StatusCode::OK, made.clone())
    );
    let (_, second) = call(
        &running,
        "POST /api/v1/keys",
        operator,
        Some(json!({ "name": "p", "purpose": "ocsp-signer" })),
    )
    .await;
    assert_eq!(second["algorithm"], "p256", "the default");
    let (status, page) = call(&running, "GET /api/v1/keys?limit=1", operator, None).await;
    assert_eq!((status, &page["items"]), (StatusCode::OK, &json!([made])));
    let next = format!(
        "GET /api/v1/keys?limit=1&cursor={}",
        page["next_cursor"].as_str().unwrap()
    );
    let (_, page) = call(&running, &next, operator, None).await;
    assert_eq!(
        (&page["items"], &page["next_cursor"]),
        (&json!([second]), &Value::Null)
    );
    let back = format!(
        "GET /api/v1/keys?limit=1&cursor={}",
        page["prev_cursor"].as_str().unwrap()
    );
    let (_, page) = call(&running, &back, operator, None).await;
    assert_eq!(
        (&page["items"], &page["prev_cursor"]),
        (&json!([made]), &Value::Null)
    );
    let down = "GET /api/v1/keys?sort=-name&count=exact";
    let (_, page) = call(&running, down, operator, None).await;
    assert_eq!(page["items"], json!([second, made]));
    assert_eq!(page["count"], json!({ "rows": 2, "precision": "exact" }));
    let (status, page) = call(&running, "GET /api/v1/keys?sort=purpose", operator, None).await;
    assert_eq!(
        (status, &page["field"]),
        (StatusCode::BAD_REQUEST, &json!("sort"))
    );
}

#[tokio::test]
async fn each_route_asks_for_its_permission() {
    let world = World::sqlite();
    let running = world.start().await;
    let reads = ["GET /api/v1/keys", "GET /api/v1/keys/none"];
    for line in reads {
        assert_eq!(call(&running, line, None, None).await.0, StatusCode::UNAUTHORIZED);
        assert_eq!(
            call(&running, line, Some("stranger"), None).await.0,
            StatusCode::UNAUTHORIZED
        );
        for role in ["developer", "ra-approver"] {
            assert_eq!(
                call(&running, line, Some(role), None).await.0,
                StatusCode::FORBIDDEN,
                "{line} {role}"
            );
        }
        for role in ["auditor", "ca-operator", "root-admin"] {
            assert_ne!(
                call(&running, line, Some(role), None).await.0,
                StatusCode::FORBIDDEN,
                "{line} {role}"
            );
        }
    }
    for role in ["developer", "ra-approver", "auditor"] {
        for purpose in ["certificate-authority", "ocsp-signer"] {
            let body = json!({ "name": "stolen", "purpose": purpose });
            let (status, _) = call(&running, "POST /api/v1/keys", Some(role), Some(body)).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{role} {purpose}");
        }
    }
    let (_, page) = call(&running, "GET /api/v1/keys", Some("auditor"), None).await;
    assert_eq!(page["items"], json!([]));
}

#[tokio::test]
async fn the_document_names_a_permission_for_every_operation() {
    let world = World::sqlite();
    let document = serde_json::to_value(routes(&world.start().await).1).unwrap();
    let mut seen = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            seen.push(format!(
                "{method} {path}: {}",
                operation["x-permission"].as_str().unwrap()
            ));
        }
    }
    seen.sort();
    let parameters = document["paths"]["/api/v1/keys"]["get"]["parameters"]
        .as_array()
        .unwrap();
    assert!(parameters.iter().all(|parameter| parameter["in"] == "query"));
    let names: Vec<_> = parameters.iter().map(|parameter| &parameter["name"]).collect();
    assert_eq!(names, ["limit", "cursor", "count", "sort"]);
    assert_eq!(
        seen,
        [
            "get /api/v1/keys/{name}: keys:read",
            "get /api/v1/keys: keys:read",
            "post /api/v1/keys: keys:generate",
        ]
    );
}

#[tokio::test]
async fn bad_requests_are_problems_that_name_the_field() {
    let world = World::sqlite();
    let running = world.start().await;
    let operator = Some("ca-operator");
    for (body, field) in [
        (json!({ "name": "a/b", "purpose": "ocsp-signer" }), "name"),
        (json!({ "name": "a", "purpose": "tls" }), "purpose"),
        (
            json!({ "name": "a", "algorithm": "dsa", "purpose": "ocsp-signer" }),
            "algorithm",
        ),
        (
            json!({ "name": "a", "algorithm": "rsa8192", "purpose": "ocsp-signer" }),
            "algorithm",
        ),
    ] {
        let (status, problem) = call(&running, "POST /api/v1/keys", operator, Some(body)).await;
        assert_eq!(
            (status, problem["field"].as_str()),
            (StatusCode::BAD_REQUEST, Some(field)),
            "{problem}"
        );
    }
    for body in [
        json!({}),
        json!([]),
        json!({ "name": "a", "purpose": "ocsp-signer", "exportable": true }),
    ] {
        let (status, problem) = call(&running, "POST /api/v1/keys", operator, Some(body)).await;
        assert!(status.is_client_error(), "{problem}");
        assert!(
            problem["type"]
                .as_str()
                .unwrap()
                .starts_with("https://gigvault.io/problems/"),
            "{problem}"
        );
    }
    for line in [
        "GET /api/v1/keys?limit=0",
        "GET /api/v1/keys?limit=501",
        "GET /api/v1/keys?cursor=x",
    ] {
        assert_eq!(
            call(&running, line, operator, None).await.0,
            StatusCode::BAD_REQUEST,
            "{line}"
        );
    }
    for line in [
        "GET /api/v1/keys/none",
        "GET /api/v1/keys/%2e%2e",
        "GET /api/v1/keys/a%00",
    ] {
        assert_eq!(
            call(&running, line, operator, None).await.0,
            StatusCode::NOT_FOUND,
            "{line}"
        );
    }
    for key in ["", &"x".repeat(256), "a b"] {
        let (status, problem) = post(&running, key, "ca-operator", new_key("k")).await;
        assert_eq!(
            (status, problem["field"].as_str()),
            (StatusCode::BAD_REQUEST, Some("Idempotency-Key"))
        );
    }
}
