//! Every route of the OpenAPI document against every role.
//!
//! The table says which permission each route takes. A route without a line here fails the test, and so does a
//! line without a route: whoever adds a route decides here who may call it.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::{Method, StatusCode};
use serde_json::json;
use testkit::system::System;

use crate::csr;
use crate::rest::Rest;

const CASES: &[(&str, &str, &str)] = &[
    ("POST", "/api/v1/certificates", "certificates:issue-development"),
    ("GET", "/api/v1/certificates", "certificates:read-own"),
    ("GET", "/api/v1/certificates/{serial}", "certificates:read-own"),
    (
        "GET",
        "/api/v1/certificates/{serial}/chain",
        "certificates:read-own",
    ),
    (
        "POST",
        "/api/v1/certificates/{serial}/renew",
        "certificates:renew-own",
    ),
    (
        "POST",
        "/api/v1/certificates/{serial}/revoke",
        "certificates:revoke-own",
    ),
    (
        "POST",
        "/api/v1/certificates/{serial}/hold",
        "certificates:revoke-own",
    ),
    (
        "POST",
        "/api/v1/certificates/{serial}/release",
        "certificates:revoke-own",
    ),
    ("GET", "/api/v1/cas", "cas:read"),
    ("GET", "/api/v1/cas/{name}", "cas:read"),
    ("GET", "/api/v1/cas/{name}/health", "cas:read"),
    ("POST", "/api/v1/cas/{name}/suspend", "cas:suspend"),
    ("POST", "/api/v1/cas/{name}/resume", "cas:suspend"),
    ("GET", "/api/v1/cas/{name}/crl", "cas:read"),
    ("POST", "/api/v1/cas/{name}/crl/publish", "crls:publish"),
    ("POST", "/api/v1/cas/{name}/crl/import", "crls:publish"),
    ("GET", "/api/v1/profiles", "profiles:read"),
    ("GET", "/api/v1/profiles/{name}", "profiles:read"),
    ("GET", "/api/v1/keys", "keys:read"),
    ("POST", "/api/v1/keys", "keys:generate"),
    ("GET", "/api/v1/keys/{name}", "keys:read"),
    ("GET", "/api/v1/api-keys", "api-keys:read"),
    ("POST", "/api/v1/api-keys", "api-keys:write"),
    ("GET", "/api/v1/api-keys/{prefix}", "api-keys:read"),
    ("DELETE", "/api/v1/api-keys/{prefix}", "api-keys:write"),
    ("GET", "/api/v1/roles", "roles:read"),
    ("GET", "/api/v1/status", "status:read"),
    ("POST", "/api/v1/doctor/runs", "status:read"),
    ("GET", "/api/v1/doctor/runs/{id}", "status:read"),
    (
        "POST",
        "/api/v1/certificates/revocations",
        "certificates:revoke-own",
    ),
    ("GET", "/api/v1/jobs", "jobs:read-own"),
    ("GET", "/api/v1/jobs/{id}", "jobs:read-own"),
    ("GET", "/api/v1/jobs/{id}/items", "jobs:read-own"),
    ("POST", "/api/v1/jobs/{id}/cancel", "jobs:cancel-own"),
    ("GET", "/api/v1/config/effective", "config:read"),
    // Any credential may ask whose it is.
    ("GET", "/api/v1/whoami", ""),
];

/// Routes that ask for no credential.
const OPEN: &[(&str, &str)] = &[("GET", "/api/v1/trust")];

/// What each role holds, from the reference page, not from the code.
pub(crate) const ROLES: &[(&str, &[&str])] = &[
    (
        "root-admin",
        &[
            "certificates:issue-development",
            "certificates:read-own",
            "certificates:renew-own",
            "certificates:revoke-own",
            "cas:read",
            "cas:suspend",
            "crls:publish",
            "profiles:read",
            "keys:read",
            "keys:generate",
            "api-keys:read",
            "api-keys:write",
            "roles:read",
            "status:read",
            "jobs:read-own",
            "jobs:cancel-own",
            "config:read",
        ],
    ),
    (
        "ca-operator",
        &[
            "certificates:issue-development",
            "certificates:read-own",
            "certificates:renew-own",
            "certificates:revoke-own",
            "cas:read",
            "cas:suspend",
            "crls:publish",
            "profiles:read",
            "keys:read",
            "keys:generate",
            "status:read",
            "jobs:read-own",
            "jobs:cancel-own",
            "config:read",
        ],
    ),
    (
        "ra-approver",
        &[
            "certificates:read-own",
            "cas:read",
            "profiles:read",
            "status:read",
            "jobs:read-own",
        ],
    ),
    (
        "auditor",
        &[
            "certificates:read-own",
            "cas:read",
            "profiles:read",
            "keys:read",
            "api-keys:read",
            "roles:read",
            "status:read",
            "jobs:read-own",
            "config:read",
        ],
    ),
    (
        "developer",
        &[
            "certificates:issue-development",
            "certificates:read-own",
            "certificates:renew-own",
            "certificates:revoke-own",
            "cas:read",
            "profiles:read",
            "jobs:read-own",
            "jobs:cancel-own",
        ],
    ),
];

pub(crate) fn key_for(system: &System, role: &str) -> String {
    let made = system
        .cli_ok(&[
            "apikey",
            "create",
            &format!("test-{role}"),
            "--role",
            role,
            "-o",
            "json",
        ])
        .unwrap();
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    made["token"].as_str().unwrap().to_owned()
}

async fn call(system: &System, method: &str, path: &str, token: Option<&str>) -> reqwest::Response {
    let path = path
        .replace("{serial}", "0123456789abcdef")
        .replace("{name}", "nosuch")
        .replace("{prefix}", "deadbeef")
        .replace("{id}", "ca-0198f3a2-6b1e-7c4d-9a55-2f60c1d7e8b9");
    let url = format!("{}{path}", system.ready().https);
    let mut request = system
        .http()
        .unwrap()
        .request(Method::from_bytes(method.as_bytes()).unwrap(), url);
    if method == "POST" {
        request = request.header("content-type", "application/json").body("{}");
    }
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    request.send().await.unwrap()
}

#[tokio::test]
async fn every_documented_route_has_a_case_and_every_case_a_route() {
    let system = System::up().unwrap();
    let document: serde_json::Value = system
        .http()
        .unwrap()
        .get(format!("{}/api/openapi.json", system.ready().https))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let mut documented = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let permission = operation["x-permission"].as_str().unwrap_or_default().to_owned();
            documented.insert((method.to_uppercase(), path.clone(), permission));
        }
    }
    let open = OPEN.iter().map(|(method, path)| (method, path, &""));
    let cases: BTreeSet<_> = CASES
        .iter()
        .map(|(method, path, permission)| (method, path, permission))
        .chain(open)
        .map(|(method, path, permission)| (method.to_string(), path.to_string(), permission.to_string()))
        .collect();
    assert_eq!(documented, cases);
}

#[tokio::test]
async fn no_route_answers_without_a_valid_credential() {
    let system = System::up().unwrap();
    let forged = format!("gv_{}_{}", "a".repeat(8), "A".repeat(43));
    for (method, path, _) in CASES {
        for token in [None, Some(forged.as_str())] {
            let response = call(&system, method, path, token).await;
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{method} {path}");
            assert!(
                response.headers().contains_key("www-authenticate"),
                "{method} {path}"
            );
            assert_eq!(
                response.headers()["content-type"],
                "application/problem+json",
                "{method} {path}"
            );
        }
    }
}

#[tokio::test]
async fn open_routes_ask_for_no_credential() {
    let system = System::up().unwrap();
    for (method, path) in OPEN {
        let response = call(&system, method, path, None).await;
        assert_eq!(response.status(), StatusCode::OK, "{method} {path}");
    }
}

#[tokio::test]
async fn each_role_reaches_its_routes_and_no_other() {
    let system = System::up().unwrap();
    let mut wrong = BTreeMap::new();
    for (role, permissions) in ROLES {
        let token = key_for(&system, role);
        for (method, path, permission) in CASES {
            let status = call(&system, method, path, Some(&token)).await.status();
            let refused = status == StatusCode::FORBIDDEN || status == StatusCode::UNAUTHORIZED;
            let allowed = permission.is_empty() || permissions.contains(permission);
            if allowed == refused || status.is_server_error() {
                wrong.insert(format!("{role} {method} {path}"), status);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn a_developer_sees_and_changes_only_what_they_asked_for() {
    let system = System::up().unwrap();
    let (mine, other) = (key_for(&system, "developer"), key_for(&system, "ca-operator"));
    let issue = |token: String, name: &str| {
        system
            .command()
            .unwrap()
            .args(["cert", "create", name, "--profile", "tls-server", "-o", "json"])
            .env("GIGVAULT_TOKEN", token)
            .output()
            .unwrap()
    };
    let foreign = issue(other, "foreign.example.test");
    assert!(
        foreign.status.success(),
        "{}",
        String::from_utf8_lossy(&foreign.stderr)
    );
    let foreign: serde_json::Value = serde_json::from_slice(&foreign.stdout).unwrap();
    let serial = foreign["serial"].as_str().unwrap();
    let url = format!("{}/api/v1/certificates/{serial}", system.ready().https);
    let http = system.http().unwrap();
    let see = http.get(&url).bearer_auth(&mine).send().await.unwrap().status();
    assert_eq!(see, StatusCode::NOT_FOUND);
    let body = json!({"reason": "superseded"});
    let revoke = http
        .post(format!("{url}/revoke"))
        .bearer_auth(&mine)
        .json(&body)
        .send()
        .await
        .unwrap()
        .status();
    assert_eq!(revoke, StatusCode::NOT_FOUND);
    let mine = Rest {
        token: mine,
        ..Rest::of(&system)
    };
    let path = format!("/api/v1/certificates/{serial}");
    let renew = mine.post(&format!("{path}/renew"), &json!({})).await;
    assert_eq!(renew.status(), StatusCode::NOT_FOUND);
    let chain = mine.get(&format!("{path}/chain")).await;
    assert_eq!(chain.status(), StatusCode::NOT_FOUND);
    assert!(mine.all("", 500).await.is_empty());
    let requester = Rest::of(&system)
        .get(&path)
        .await
        .json::<serde_json::Value>()
        .await
        .unwrap();
    let of_other = format!("requester={}", requester["requester"].as_str().unwrap());
    assert_eq!(Rest::of(&system).all(&of_other, 500).await, [serial]);
    assert!(mine.all(&of_other, 500).await.is_empty());

    let csr = csr::p256("own.example.test");
    let denied = mine.try_issue(&json!({"csr": csr, "profile": "device"})).await;
    assert_eq!(denied.status(), StatusCode::FORBIDDEN);
    let own = mine.issue(&json!({"csr": csr, "profile": "tls-server"})).await;
    assert_eq!(mine.all("", 500).await, [own["serial"].as_str().unwrap()]);
}
