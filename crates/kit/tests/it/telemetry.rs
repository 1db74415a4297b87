//! What is logged, and what is not. A process logs once and for all, so each case is a process of its own:
//! this test binary again, running one of the ignored tests.

use std::process::Command;

use kit::http::{Edge, PublicRoutes, Takes};
use kit::telemetry::{Format, init};
use serde_json::Value;

use crate::world::{Served, client};

/// Standard error of the ignored test `name`, run alone.
fn logged_by(name: &str) -> String {
    let binary = std::env::current_exe().unwrap();
    let output = Command::new(binary)
        .args(["--exact", name, "--ignored", "--nocapture"])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test]
#[ignore = "run by the tests below"]
async fn serve_and_log_json() {
    init(Format::Json, "debug").unwrap();
    assert!(init(Format::Json, "debug").is_err());
    serve_some().await;
}

#[tokio::test]
#[ignore = "run by the tests below"]
async fn serve_and_log_info() {
    init(Format::Json, "info").unwrap();
    serve_some().await;
}

async fn serve_some() {
    async fn fails() -> &'static str {
        panic!("asked for")
    }
    let routes = PublicRoutes::new()
        .get("/things/{id}", Takes::NOTHING.query(&["q"]), async || "fine")
        .get("/panic", Takes::NOTHING, fails);
    let served = Served::plain(Edge::new("test").around_public(routes)).await;
    for path in ["/things/secret-path?q=secret-query", "/panic", "/nowhere"] {
        let request = client()
            .get(served.http(path))
            .header("x-correlation-id", "order-7");
        request.bearer_auth("secret-token").send().await.unwrap();
    }
}

fn events(log: &str) -> Vec<Value> {
    log.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}")))
        .collect()
}

#[test]
fn every_line_is_an_object_with_the_ids_of_its_request() {
    let log = logged_by("telemetry::serve_and_log_json");
    let events = events(&log);
    let requests: Vec<_> = events
        .iter()
        .filter(|event| event["message"] == "request")
        .collect();
    let facts: Vec<_> = requests
        .iter()
        .map(|event| (&event["level"], &event["route"], &event["status"]))
        .collect();
    let expected = [
        (
            &Value::from("DEBUG"),
            &Value::from("/things/{id}"),
            &Value::from(200),
        ),
        (&Value::from("WARN"), &Value::from("/panic"), &Value::from(500)),
        (&Value::from("INFO"), &Value::from("unmatched"), &Value::from(404)),
    ];
    assert_eq!(facts, expected);
    for event in requests {
        assert_eq!(event["span"]["correlation_id"], "order-7");
        assert_eq!(event["span"]["trace_id"].as_str().unwrap().len(), 32);
    }
    let panic = events
        .iter()
        .find(|event| event["message"] == "asked for")
        .unwrap();
    assert!(panic["location"].as_str().unwrap().contains("telemetry.rs"));
    assert_eq!(panic["span"]["correlation_id"], "order-7");
}

#[test]
fn what_a_caller_keeps_secret_is_not_logged() {
    let log = logged_by("telemetry::serve_and_log_json");
    for secret in ["secret-token", "secret-query"] {
        assert!(!log.contains(secret), "{secret}");
    }
}

#[test]
fn requests_that_succeed_are_silent_unless_asked_for() {
    let log = logged_by("telemetry::serve_and_log_info");
    assert!(
        !log.contains("\"status\":200") && log.contains("\"status\":500"),
        "{log}"
    );
}

#[test]
fn a_filter_that_cannot_be_read_is_named() {
    let error = init(Format::Auto, "info,ca=loud").unwrap_err().to_string();
    assert!(
        error.contains("info,ca=loud") && error.contains("ca=debug"),
        "{error}"
    );
}
