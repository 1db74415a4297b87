//! What the listeners do at their edges: limits, headers, ids.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::system::{FREE_PORTS, System, binary};

use crate::rest::Rest;
use crate::{csr, judge};

#[tokio::test]
async fn ids_of_a_request_come_back_and_stand_in_the_log() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let answer = rest
        .http
        .get(format!("{}/api/v1/certificates/00ff", rest.base))
        .bearer_auth(&rest.token)
        .header("x-correlation-id", "order-4711")
        .header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.headers()["x-correlation-id"], "order-4711");
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["correlation_id"], "order-4711");
    let log = system.log().unwrap();
    let line = log
        .lines()
        .find(|line| line.contains("order-4711"))
        .unwrap_or_default();
    assert!(line.contains(trace), "the log has no line with both ids:\n{log}");
    // One that could forge a line of the log is not taken.
    let bad = rest
        .http
        .get(format!("{}/healthz", rest.base))
        .header("x-correlation-id", "a b\tc")
        .send()
        .await
        .unwrap();
    let made = bad.headers()["x-correlation-id"].to_str().unwrap();
    assert!(!made.is_empty() && !made.contains(' '), "{made}");
}

#[tokio::test]
async fn wrong_paths_methods_types_and_sizes_are_problems() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let certificates = format!("{}/api/v1/certificates", rest.base);
    let request = |method: Method, url: &str| rest.http.request(method, url).bearer_auth(&rest.token);
    let long = "x".repeat(300 * 1024);
    let cases = [
        (
            StatusCode::NOT_FOUND,
            request(Method::GET, &format!("{}/nosuch", rest.base)),
        ),
        (
            StatusCode::NOT_FOUND,
            request(Method::GET, &format!("{}/api/v1/nosuch", rest.base)),
        ),
        (
            StatusCode::METHOD_NOT_ALLOWED,
            request(Method::PUT, &certificates),
        ),
        (
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            request(Method::POST, &certificates)
                .header("content-type", "text/plain")
                .body("{}"),
        ),
        (
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            request(Method::POST, &certificates).body("{}"),
        ),
        (
            StatusCode::PAYLOAD_TOO_LARGE,
            request(Method::POST, &certificates).json(&json!({"csr": long, "profile": "tls-server"})),
        ),
    ];
    for (wanted, request) in cases {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), wanted, "{}", answer.url());
        let head = answer.headers().clone();
        assert_eq!(head["content-type"], "application/problem+json", "{wanted}");
        if wanted == StatusCode::METHOD_NOT_ALLOWED {
            let allow = head["allow"].to_str().unwrap();
            assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
        }
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["status"], wanted.as_u16());
        assert!(
            problem["type"]
                .as_str()
                .unwrap()
                .starts_with("https://gigvault.io/problems/")
        );
        assert!(!head.contains_key("server"), "{wanted}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
            ("strict-transport-security", "max-age=31536000"),
        ] {
            assert_eq!(head[name], value, "{wanted}");
        }
        assert!(
            head["content-security-policy"]
                .to_str()
                .unwrap()
                .contains("default-src")
        );
    }
}

#[tokio::test]
async fn only_an_answer_of_several_forms_can_be_406() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let body = json!({"csr": csr::p256("a.example.test"), "profile": "tls-server"});
    let chain = format!(
        "/api/v1/certificates/{}/chain",
        rest.issue(&body).await["serial"].as_str().unwrap()
    );
    let answer = async |method: Method, path: &str, accept: &str| {
        let url = format!("{}{path}", rest.base);
        let posts = method == Method::POST;
        let mut request = rest.http.request(method, url).bearer_auth(&rest.token);
        if posts {
            request = request.json(&body);
        }
        request.header("accept", accept).send().await.unwrap()
    };
    for (path, accept, wanted) in [
        ("/api/v1/cas", "application/json", 200),
        ("/api/v1/cas", "text/html, application/*;q=0.1", 200),
        ("/api/v1/cas", "*/*", 200),
        ("/api/v1/cas", "text/html", 406),
        // A list is CSV too.
        ("/api/v1/cas", "*/*, application/json;q=0", 200),
        ("/api/v1/cas", "*/*;q=0", 406),
        // What has one form is sent: generated clients ask for the media type of problems, or for JSON everywhere.
        ("/api/v1/cas/issuing", "*/*, application/json;q=0", 200),
        (&chain, "application/pem-certificate-chain", 200),
        (&chain, "application/problem+json", 200),
        (&chain, "application/json", 200),
        ("/api/openapi.json", "text/html", 200),
        // The reason is told in any case.
        ("/api/v1/cas/nosuch", "text/html", 404),
    ] {
        let status = answer(Method::GET, path, accept).await.status();
        assert_eq!(status.as_u16(), wanted, "{path} as {accept}");
        assert_eq!(
            answer(Method::HEAD, path, accept).await.status(),
            status,
            "{path} as {accept}"
        );
    }
    let problem = answer(Method::GET, "/api/v1/cas", "text/html").await;
    assert_eq!(problem.headers()["content-type"], "application/problem+json");
    // What was made must not be hidden behind an error.
    let made = answer(Method::POST, "/api/v1/certificates", "text/html").await;
    assert_eq!(made.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn what_was_created_stands_where_the_answer_says() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let is_there = async |made: reqwest::Response| {
        let place = made.headers()["location"].to_str().unwrap().to_owned();
        let made: Value = made.json().await.unwrap();
        let found: Value = rest.get(&place).await.json().await.unwrap();
        assert_eq!(found, made, "{place}");
        (place, made)
    };
    let body = json!({"csr": csr::p256("a.example.test"), "profile": "tls-server"});
    let (place, made) = is_there(rest.try_issue(&body).await).await;
    let serial = made["serial"].as_str().unwrap();
    assert_eq!(place, format!("/api/v1/certificates/{serial}"));
    is_there(rest.post(&format!("{place}/renew"), &json!({})).await).await;
    let key = json!({"name": "spare", "purpose": "ocsp-signer"});
    is_there(rest.post("/api/v1/keys", &key).await).await;
}

#[test]
fn both_tls_listeners_refuse_tls_1_1() {
    let system = System::up().unwrap();
    for listener in [&system.ready().https, &system.ready().grpc] {
        let address = listener.rsplit("//").next().unwrap();
        // Without @SECLEVEL=0 openssl itself would not go so low.
        let connect = ["s_client", "-connect", address, "-cipher", "ALL:@SECLEVEL=0"];
        let old = judge::try_run("openssl", &[&connect[..], &["-tls1_1"]].concat());
        let said = String::from_utf8_lossy(&old.stderr).into_owned();
        assert!(
            !old.status.success() && said.contains("SSL alert number"),
            "{listener}: {said}"
        );
        let new = judge::try_run("openssl", &[&connect[..], &["-tls1_2"]].concat());
        let said = String::from_utf8_lossy(&new.stdout).into_owned();
        assert!(said.contains("TLSv1.2"), "{listener}: {said}");
    }
}

#[test]
fn a_head_that_never_ends_is_closed() {
    let system = System::up().unwrap();
    let address = system.ready().http.replace("http://", "");
    let mut slow = TcpStream::connect(address).unwrap();
    slow.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n")
        .unwrap();
    let begun = Instant::now();
    // A byte now and then must not keep it open.
    loop {
        assert!(begun.elapsed() < Duration::from_secs(50), "it is still open");
        if slow.write_all(b"x-a: b\r\n").is_err() {
            break;
        }
        let mut answer = [0; 512];
        match slow.read(&mut answer) {
            Ok(0) => break,
            Ok(read) => {
                let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
                assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
                break;
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_reset) => break,
        }
    }
    assert!(
        begun.elapsed() > Duration::from_secs(5),
        "a slow client is not a hostile one"
    );
}

#[tokio::test]
async fn metrics_and_public_certificates_are_read_by_others() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    rest.issue(&json!({"csr": csr::p256("a.example.test"), "profile": "tls-server"}))
        .await;
    let ready = system.ready();
    let file = system.dir().join("metrics.txt");
    let metrics = format!("{}/metrics", ready.metrics);
    judge::run("curl", &["-sSf", "-o", judge::text(&file), &metrics]);
    for pattern in [
        "^# TYPE gigvault_http_requests_total counter$",
        "^gigvault_http_requests_total[{].*code=\"201\".*[}] 1$",
        "^gigvault_build_info[{].*[}] 1$",
        "^gigvault_service_identity_expiry_seconds[{]identity=\"gigvault\"[}] ",
    ] {
        judge::run("grep", &["-E", "-q", pattern, judge::text(&file)]);
    }
    let metrics = std::fs::read_to_string(&file).unwrap();
    assert!(!metrics.contains(&rest.token));
    let fetch = |path: &str, name: &str| {
        let file = system.dir().join(name);
        let url = format!("{}{path}", ready.http);
        judge::run("curl", &["-sSf", "-o", judge::text(&file), &url]);
        file
    };
    let roots = fetch("/roots.pem", "roots.pem");
    let issuing = fetch("/ca/issuing.crt", "issuing.der");
    judge::run(
        "openssl",
        &["verify", "-CAfile", judge::text(&roots), judge::text(&roots)],
    );
    let pem = system.dir().join("issuing.pem");
    let arguments = [
        "x509",
        "-inform",
        "DER",
        "-in",
        judge::text(&issuing),
        "-out",
        judge::text(&pem),
    ];
    judge::run("openssl", &arguments);
    judge::run(
        "openssl",
        &["verify", "-CAfile", judge::text(&roots), judge::text(&pem)],
    );
    let strange = rest
        .http
        .get(format!("{}/ca/nosuch.crt", ready.http))
        .send()
        .await
        .unwrap();
    assert_eq!(strange.status(), StatusCode::NOT_FOUND);
}

#[test]
fn an_unreachable_database_is_said_plainly_and_soon() {
    let dir = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let port = testkit::port::unused().unwrap();
    let mut command = std::process::Command::new(binary().unwrap());
    command.current_dir(dir.path()).arg("up");
    command.args(FREE_PORTS);
    let url = format!("postgres://someone:hunter2@127.0.0.1:{port}/gigvault");
    let output = command.args(["--database-url", &url]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "{:?}: {said}",
        begun.elapsed()
    );
    let error = said
        .lines()
        .find(|line| line.starts_with("error:"))
        .unwrap_or_default();
    assert!(error.contains("database"), "{said}");
    assert!(!said.contains("hunter2"), "the password is shown: {said}");
    assert!(!said.contains("panicked"), "{said}");
}

#[tokio::test]
async fn the_status_names_version_services_and_checks() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let status: Value = rest.get("/api/v1/status").await.json().await.unwrap();
    assert_eq!(status["status"], "ready");
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(status["services"], json!(["ca", "keymgr", "auth", "ocsp", "crl"]));
    let checks = status["checks"].as_array().unwrap();
    for name in ["auth database", "keymgr database", "keymgr", "ca database"] {
        assert!(
            checks.contains(&json!({"name": name, "result": "ok"})),
            "{status}"
        );
    }
}

#[tokio::test]
async fn a_revoked_api_key_is_refused_at_once() {
    let system = System::up().unwrap();
    let mut rest = Rest::of(&system);
    let key = system
        .cli_ok(&["apikey", "create", "ci", "--role", "auditor", "-o", "json"])
        .unwrap();
    let key: Value = serde_json::from_str(&key).unwrap();
    rest.token = key["token"].as_str().unwrap().to_owned();
    // Remembered from here on.
    for path in ["/api/v1/cas", "/api/v1/keys", "/api/v1/whoami"] {
        assert_eq!(rest.get(path).await.status(), StatusCode::OK, "{path}");
    }
    system
        .cli_ok(&["apikey", "revoke", key["prefix"].as_str().unwrap(), "--yes"])
        .unwrap();
    for path in ["/api/v1/cas", "/api/v1/keys", "/api/v1/whoami"] {
        assert_eq!(rest.get(path).await.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
}
