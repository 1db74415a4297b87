//! `/api/v1/api-keys`, `/api/v1/roles`, `/api/v1/whoami`.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::world::{Running, World, text};

/// Method and path, with a credential and a body if there are any.
pub(crate) async fn call(
    running: &Running,
    line: &str,
    token: Option<&str>,
    body: Option<Value>,
) -> (StatusCode, Value) {
    let (method, path) = line.split_once(' ').unwrap();
    let mut request = Request::builder()
        .method(Method::from_bytes(method.as_bytes()).unwrap())
        .uri(path);
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let body = match body {
        Some(body) => {
            request = request.header(header::CONTENT_TYPE, "application/json");
            Body::from(body.to_string())
        }
        None => Body::empty(),
    };
    let (router, _) = running.auth.service().rest.split_for_parts();
    let response = router.oneshot(request.body(body).unwrap()).await.unwrap();
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

async fn token(running: &Running, role: &str) -> String {
    text(&running.key(&[role], None).await).to_owned()
}

#[tokio::test]
async fn a_key_is_made_used_listed_and_revoked() {
    let world = World::sqlite();
    let running = world.start().await;
    let admin = token(&running, "root-admin").await;
    let body = json!({ "name": "ci", "roles": ["developer"], "validity": "90d" });
    let (status, made) = call(&running, "POST /api/v1/api-keys", Some(&admin), Some(body)).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let (prefix, theirs) = (made["prefix"].as_str().unwrap(), made["token"].as_str().unwrap());
    assert!(theirs.starts_with(&format!("gv_{prefix}_")), "{made}");
    assert_eq!(made["created_at"], "2027-01-02T03:04:05Z");
    assert_eq!(made["expires_at"], "2027-04-02T03:04:05Z");
    assert_eq!(made["status"], "active");

    let (status, whoami) = call(&running, "GET /api/v1/whoami", Some(theirs), None).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(whoami["subject"], format!("apikey:{prefix}"));
    assert_eq!(whoami["roles"], json!(["developer"]));
    assert_eq!(whoami["expires_at"], made["expires_at"]);

    let (status, page) = call(&running, "GET /api/v1/api-keys?limit=500", Some(&admin), None).await;
    assert_eq!(status, StatusCode::OK);
    let listed = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["prefix"] == prefix)
        .unwrap();
    assert_eq!(listed["name"], "ci");
    let line = format!("GET /api/v1/api-keys/{prefix}");
    assert_eq!(
        call(&running, &line, Some(&admin), None).await,
        (StatusCode::OK, listed.clone())
    );
    for other in ["deadbeef", "nosuch"] {
        let line = format!("GET /api/v1/api-keys/{other}");
        assert_eq!(
            call(&running, &line, Some(&admin), None).await.0,
            StatusCode::NOT_FOUND
        );
    }
    let all = page.to_string();
    assert!(!all.contains(&theirs[12..]) && !all.contains("sha256"), "{all}");

    let line = format!("DELETE /api/v1/api-keys/{prefix}");
    for _ in 0..2 {
        assert_eq!(
            call(&running, &line, Some(&admin), None).await,
            (StatusCode::NO_CONTENT, Value::Null)
        );
    }
    assert_eq!(
        call(&running, "GET /api/v1/whoami", Some(theirs), None).await.0,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn each_route_asks_for_its_permission() {
    let world = World::sqlite();
    let running = world.start().await;
    let lines: [(&str, &[&str]); 5] = [
        ("GET /api/v1/api-keys", &["root-admin", "auditor"]),
        ("GET /api/v1/api-keys/deadbeef", &["root-admin", "auditor"]),
        ("GET /api/v1/roles", &["root-admin", "auditor"]),
        ("DELETE /api/v1/api-keys/deadbeef", &["root-admin"]),
        ("GET /api/v1/whoami", &kit::auth::roles::NAMES),
    ];
    let stranger = auth::Token::generate().unwrap();
    let stranger = secrecy::ExposeSecret::expose_secret(stranger.text());
    for role in kit::auth::roles::NAMES {
        let token = token(&running, role).await;
        for (line, allowed) in lines {
            let (status, problem) = call(&running, line, Some(&token), None).await;
            assert_eq!(
                status != StatusCode::FORBIDDEN,
                allowed.contains(&role),
                "{role} {line}: {problem}"
            );
            assert_eq!(
                call(&running, line, Some(stranger), None).await.0,
                StatusCode::UNAUTHORIZED
            );
            assert_eq!(call(&running, line, None, None).await.0, StatusCode::UNAUTHORIZED);
        }
        if role != "root-admin" {
            let body = json!({ "name": "stolen", "roles": ["developer"] });
            let (status, _) = call(&running, "POST /api/v1/api-keys", Some(&token), Some(body)).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{role}");
        }
    }
    let names: Vec<_> = running
        .events()
        .await
        .into_iter()
        .map(|(_, _, data)| data["name"].clone())
        .collect();
    assert!(
        names.iter().all(|name| name != "stolen"),
        "a refused call had an effect"
    );
}

#[tokio::test]
async fn the_document_names_a_permission_for_every_operation() {
    let world = World::sqlite();
    let (_, document) = world.start().await.auth.service().rest.split_for_parts();
    let document = serde_json::to_value(document).unwrap();
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
    assert_eq!(
        seen,
        [
            "delete /api/v1/api-keys/{prefix}: api-keys:write",
            "get /api/v1/api-keys/{prefix}: api-keys:read",
            "get /api/v1/api-keys: api-keys:read",
            "get /api/v1/roles: roles:read",
            "get /api/v1/whoami: ",
            "post /api/v1/api-keys: api-keys:write",
        ]
    );
}

#[tokio::test]
async fn bad_requests_are_problems_that_name_the_field() {
    let world = World::sqlite();
    let running = world.start().await;
    let admin = token(&running, "root-admin").await;
    for (body, field) in [
        (json!({ "name": "", "roles": ["auditor"] }), "name"),
        (json!({ "name": "a\u{202e}b", "roles": ["auditor"] }), "name"),
        (json!({ "name": "a", "roles": [] }), "roles"),
        (json!({ "name": "a", "roles": ["nosuch"] }), "roles"),
        (
            json!({ "name": "a", "roles": ["auditor"], "validity": "soon" }),
            "validity",
        ),
        (
            json!({ "name": "a", "roles": ["auditor"], "validity": "0s" }),
            "validity",
        ),
        (
            json!({ "name": "a", "roles": ["auditor"], "validity": "5000y" }),
            "validity",
        ),
    ] {
        let (status, problem) = call(&running, "POST /api/v1/api-keys", Some(&admin), Some(body)).await;
        assert_eq!(
            (status, problem["field"].as_str()),
            (StatusCode::BAD_REQUEST, Some(field)),
            "{problem}"
        );
    }
    for body in [
        json!({}),
        json!([]),
        json!({ "name": "a", "roles": ["auditor"], "token": "gv_mine" }),
    ] {
        let (status, problem) = call(&running, "POST /api/v1/api-keys", Some(&admin), Some(body)).await;
        assert!(status.is_client_error(), "{problem}");
        assert!(
            problem["type"]
                .as_str()
                .unwrap()
                .starts_with("https://gigvault.io/problems/"),
            "{problem}"
        );
    }
    for line in ["limit=0", "limit=501", "limit=x", "cursor=x", "nosuch=1"] {
        let line = format!("GET /api/v1/api-keys?{line}");
        assert_eq!(
            call(&running, &line, Some(&admin), None).await.0,
            StatusCode::BAD_REQUEST,
            "{line}"
        );
    }
    for prefix in ["deadbeef", "DEADBEEF", "x", "%00", "..%2f..", &"f".repeat(4000)] {
        let line = format!("DELETE /api/v1/api-keys/{prefix}");
        assert_eq!(
            call(&running, &line, Some(&admin), None).await.0,
            StatusCode::NOT_FOUND,
            "{line}"
        );
    }
}

#[tokio::test]
async fn the_last_admin_is_told_why_the_key_stays() {
    let world = World::sqlite();
    let running = world.start().await;
    let made = running.key(&["root-admin"], None).await;
    let line = format!("DELETE /api/v1/api-keys/{}", made.key.prefix);
    let (status, problem) = call(&running, &line, Some(text(&made)), None).await;
    assert_eq!(status, StatusCode::CONFLICT, "{problem}");
    assert_eq!(problem["type"], "https://gigvault.io/problems/last-admin");
    assert_eq!(
        call(&running, "GET /api/v1/whoami", Some(text(&made)), None)
            .await
            .0,
        StatusCode::OK
    );
}
