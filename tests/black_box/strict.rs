//! What no route takes, refused on every route alike, and in the right order.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::Postgres;
use testkit::system::System;

use crate::csr;
use crate::rest::Rest;

/// Sends text over plain HTTP and reads until the server closes.
fn raw(base: &str, request: &[u8]) -> (String, Duration) {
    let mut stream = TcpStream::connect(base.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let begun = Instant::now();
    stream.write_all(request).unwrap();
    let mut answer = Vec::new();
    let _reset = stream.read_to_end(&mut answer);
    (String::from_utf8_lossy(&answer).into_owned(), begun.elapsed())
}

fn problem(answer: &str) -> (u16, Value) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    assert!(head.contains("application/problem+json"), "{answer}");
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let document: Value = serde_json::from_str(body).unwrap();
    assert_eq!(document["status"], status, "{answer}");
    assert!(document["correlation_id"].is_string(), "{answer}");
    (status, document)
}

#[test]
fn a_listener_without_bodies_refuses_one_at_once() {
    let system = System::up().unwrap();
    for base in [&system.ready().http, &system.ready().metrics] {
        for (line, status) in [
            ("POST /nothing", 404),
            ("POST /healthz", 405),
            ("GET /healthz", 413),
            ("PUT /readyz", 405),
        ] {
            for framing in ["Content-Length: 262144", "Transfer-Encoding: chunked"] {
                let request = format!("{line} HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n1\r\nx\r\n");
                let (answer, took) = raw(base, request.as_bytes());
                assert_eq!(problem(&answer).0, status, "{line} {framing}");
                assert!(took < Duration::from_secs(4), "{line}: {took:?}");
                assert!(answer.contains("connection: close"), "{answer}");
            }
        }
    }
}

#[test]
fn what_is_refused_before_a_route_is_a_problem_document_too() {
    let system = System::up().unwrap();
    let long = format!(
        "GET /healthz HTTP/1.1\r\nHost: a\r\nX-Long: {}\r\n\r\n",
        "x".repeat(32 * 1024)
    );
    let uri = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(15 * 1024));
    let many = format!(
        "GET /healthz HTTP/1.1\r\nHost: a\r\n{}\r\n",
        "X-Many: 1\r\n".repeat(200)
    );
    for (request, status) in [
        ("GET /healthz HTTP/1.1\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost: user@a\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        ("GET /hea lthz HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("nonsense\r\n\r\n", 400),
        (
            "GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
            400,
        ),
        (
            "GET /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
            400,
        ),
        (
            "GET /healthz HTTP/1.1\r\nHost: a\r\nExpect: tea\r\nConnection: close\r\n\r\n",
            417,
        ),
        (long.as_str(), 431),
        (many.as_str(), 431),
        (uri.as_str(), 404),
    ] {
        let request = request.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
        let (answer, _) = raw(&system.ready().http, request.as_bytes());
        let shown: String = request.chars().take(80).collect();
        assert_eq!(problem(&answer).0, status, "{shown}: {answer}");
    }
    let (answer, _) = raw(&system.ready().http, b"GET /healthz HTTP/1.0\r\n\r\n");
    assert!(answer.contains(" 200 "), "{answer}");
}

#[tokio::test]
async fn nobody_without_a_credential_has_a_body_read() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    // A body that never ends: an answer shows that the server did not wait for it.
    for (token, status) in [(None, 401), (Some("gv_00000000_nonsense"), 401)] {
        let forever = endless_body();
        let mut request = rest
            .http
            .post(format!("{}/api/v1/certificates", rest.base))
            .header("content-type", "application/json")
            .body(forever);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let begun = Instant::now();
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status);
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    }
}

/// A body of one byte, and then nothing.
fn endless_body() -> reqwest::Body {
    let byte = stream::once(async { Ok::<_, std::io::Error>("{") });
    reqwest::Body::wrap_stream(byte.chain(stream::pending()))
}

#[tokio::test]
async fn a_body_that_stalls_is_the_clients_fault() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let request = rest
        .http
        .post(format!("{}/api/v1/certificates", rest.base))
        .header("content-type", "application/json")
        .bearer_auth(&rest.token)
        .body(endless_body());
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::REQUEST_TIMEOUT);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
}

#[tokio::test]
async fn undeclared_and_doubled_query_parameters_are_refused_on_every_route() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let issued = rest
        .issue(&json!({"csr": csr::p256("a.example.test"), "profile": "tls-server"}))
        .await;
    let serial = issued["serial"].as_str().unwrap();
    // Whoever means a dry run and misspells it must not have revoked.
    for (query, field) in [
        ("dryrun=true", "dryrun"),
        ("dry_run=false&dry_run=true", "dry_run"),
        ("dry_run=1", "dry_run"),
    ] {
        let revoke = format!("/api/v1/certificates/{serial}/revoke?{query}");
        let answer = rest.post(&revoke, &json!({"reason": "superseded"})).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(answer.json::<Value>().await.unwrap()["field"], field);
    }
    let still = rest.get(&format!("/api/v1/certificates/{serial}")).await;
    assert_eq!(still.json::<Value>().await.unwrap()["status"], "valid");

    let document: Value = rest.get("/api/openapi.json").await.json().await.unwrap();
    for (path, operations) in document["paths"].as_object().unwrap() {
        let path = path
            .replace("{serial}", serial)
            .replace("{name}", "nosuch")
            .replace("{prefix}", "deadbeef")
            .replace("{id}", "ca-0198f3a2-6b1e-7c4d-9a55-2f60c1d7e8b9");
        for (method, operation) in operations.as_object().unwrap() {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let limit = operation["parameters"].to_string().contains("\"limit\"");
            let doubled = if limit { "limit=1&limit=1" } else { "x=1&x=1" };
            for query in ["no_such_parameter=1", doubled] {
                let url = format!("{}{path}?{query}", rest.base);
                let mut request = rest.http.request(method.clone(), &url).bearer_auth(&rest.token);
                if operation["requestBody"].is_object() {
                    request = request.json(&json!({}));
                }
                let answer = request.send().await.unwrap();
                assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{method} {url}");
            }
        }
    }
    for (base, path) in [
        (&system.ready().https, "/healthz"),
        (&system.ready().https, "/api/openapi.json"),
        (&system.ready().http, "/roots.pem"),
        (&system.ready().http, "/ca/issuing.crt"),
        (&system.ready().metrics, "/metrics"),
    ] {
        let answer = rest.http.get(format!("{base}{path}?x=1")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{path}");
    }
}

#[tokio::test]
async fn the_openapi_document_is_not_sent_to_who_has_it() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let url = format!("{}/api/openapi.json", rest.base);
    let first = rest.http.get(&url).send().await.unwrap();
    assert_eq!(first.status(), StatusCode::OK);
    assert_eq!(first.headers()["content-type"], "application/json");
    let etag = first.headers()["etag"].to_str().unwrap().to_owned();
    let among = format!("\"a,b\", {etag}");
    for (known, status) in [
        (etag.as_str(), 304),
        ("*", 304),
        (among.as_str(), 304),
        ("\"other\"", 200),
    ] {
        let again = rest
            .http
            .get(&url)
            .header("if-none-match", known)
            .send()
            .await
            .unwrap();
        assert_eq!(again.status(), status, "{known}");
        assert_eq!(again.version(), reqwest::Version::HTTP_2);
        assert_eq!(again.headers()["etag"], etag);
        let length = again.headers().get("content-length");
        assert_eq!(length.is_none(), status == 304, "{known}: {length:?}");
    }
    let viewer = rest
        .http
        .get(format!("{}/api/docs/swagger-initializer.js", rest.base));
    let viewer = viewer.send().await.unwrap().text().await.unwrap();
    assert!(viewer.contains("/api/openapi.json"), "{viewer}");
}

#[tokio::test]
async fn control_characters_are_refused_wherever_text_is_taken() {
    control_characters_are_refused(System::up().unwrap()).await;
}

/// PostgreSQL takes no NUL in text, where SQLite does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn control_characters_are_refused_wherever_text_is_taken_on_postgresql() {
    let database = Postgres::shared().await.unwrap().fresh_database().await.unwrap();
    control_characters_are_refused(System::up_with(&["--database-url", &database]).unwrap()).await;
}

async fn control_characters_are_refused(system: System) {
    let rest = Rest::of(&system);
    for path in [
        "/api/v1/certificates?subject=a%00b",
        "/api/v1/certificates?requester=%00",
        "/api/v1/certificates?profile=%1b[2J",
        "/api/v1/certificates?cursor=%0d%0a",
        "/api/v1/certificates?ca=%ff",
        "/api/v1/certificates/%00",
        "/api/v1/profiles/a%00b",
        "/api/v1/cas/%7f",
        "/api/v1/keys/%C2%85",
    ] {
        assert_eq!(rest.get(path).await.status(), StatusCode::BAD_REQUEST, "{path}");
    }
    let csr = csr::p256("a.example.test");
    for body in [
        json!({"csr": csr, "profile": "tls\u{0}-server"}),
        json!({"csr": csr, "profile": "tls-server", "ca": "\u{1b}"}),
        json!({"csr": csr, "profile": "tls-server", "san": ["dns:a\u{0}.example.test"]}),
    ] {
        assert_eq!(
            rest.try_issue(&body).await.status(),
            StatusCode::BAD_REQUEST,
            "{body}"
        );
    }
}

#[tokio::test]
async fn json_is_objects_with_each_member_once() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let csr = csr::p256("a.example.test");
    let post = |path: &str, body: String| {
        rest.http
            .post(format!("{}{path}", rest.base))
            .bearer_auth(&rest.token)
            .header("content-type", "application/json")
            .body(body)
            .send()
    };
    let doubled = format!(r#"{{"csr": {csr:?}, "profile": "device", "profile": "tls-server"}}"#);
    for (path, body, status) in [
        (
            "/api/v1/certificates",
            json!([csr, "tls-server"]).to_string(),
            422,
        ),
        (
            "/api/v1/certificates",
            json!([csr, "tls-server", null, null, null]).to_string(),
            422,
        ),
        ("/api/v1/certificates", doubled, 400),
        (
            "/api/v1/keys",
            json!(["a", "p256", "ocsp-signer"]).to_string(),
            422,
        ),
        (
            "/api/v1/api-keys",
            json!(["a", ["auditor"], null]).to_string(),
            422,
        ),
        (
            "/api/v1/api-keys",
            json!({"name": 7, "roles": "auditor"}).to_string(),
            422,
        ),
        ("/api/v1/certificates", "7".to_owned(), 422),
    ] {
        let answer = post(path, body.clone()).await.unwrap();
        let (found, text) = (answer.status().as_u16(), answer.text().await.unwrap());
        assert_eq!(found, status, "{body}: {text}");
        for word in ["struct", "IssueBody", "NewKey", "sequence"] {
            assert!(!text.contains(word), "{body}: {text}");
        }
    }
}

/// An array has an order and no names: whoever reads it as an object guesses.
#[tokio::test]
async fn no_route_takes_an_array_for_an_object() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let issued = rest
        .issue(&json!({"csr": csr::p256("a.example.test"), "profile": "tls-server"}))
        .await;
    let serial = issued["serial"].as_str().unwrap();
    let document: Value = rest.get("/api/openapi.json").await.json().await.unwrap();
    let mut tried = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            if !operation["requestBody"].is_object() {
                continue;
            }
            let place = path
                .replace("{serial}", serial)
                .replace("{name}", "issuing")
                .replace("{prefix}", "deadbeef");
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            for body in [json!([]), json!([null]), json!(["superseded", null, null])] {
                let url = format!("{}{place}", rest.base);
                let request = rest.http.request(method.clone(), &url).bearer_auth(&rest.token);
                let answer = request.json(&body).send().await.unwrap();
                assert_eq!(
                    answer.status(),
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "{method} {path}: {body}"
                );
            }
            tried.push(path.rsplit_once('/').unwrap().1);
        }
    }
    for verb in ["certificates", "keys", "api-keys", "revoke", "renew", "hold"] {
        assert!(tried.contains(&verb), "{verb} is not among {tried:?}");
    }
    let still = rest.get(&format!("/api/v1/certificates/{serial}")).await;
    assert_eq!(still.json::<Value>().await.unwrap()["status"], "valid");
}

#[tokio::test]
async fn a_coded_body_is_refused_and_not_misread() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let body = json!({"csr": csr::p256("a.example.test"), "profile": "tls-server"});
    for (coding, status) in [("gzip", 415), ("identity", 201)] {
        let answer = rest
            .http
            .post(format!("{}/api/v1/certificates", rest.base))
            .bearer_auth(&rest.token)
            .header("content-encoding", coding)
            .json(&body)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status().as_u16(), status, "{coding}");
    }
}
