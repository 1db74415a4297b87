//! What is said of a server that does not know what this program asks.

use serde_json::json;

use crate::harness::{Desk, Server};

const OURS: &str = env!("CARGO_PKG_VERSION");
const LIST: &[&str] = &["job", "list"];
const CSV: &[&str] = &["job", "list", "--csv"];
const SHOW: &[&str] = &["job", "show", "ca-0f"];

/// A refusal as an older server has it.
fn refusal(status: u16, slug: &str, detail: &str) -> (u16, String) {
    let kind = format!("https://gigvault.io/problems/{slug}");
    let problem = json!({"type": kind, "title": "No", "status": status, "detail": detail});
    (status, problem.to_string())
}

/// What an older server answers, each to the command beside it.
fn unknown() -> [(&'static [&'static str], (u16, String)); 6] {
    [
        (LIST, refusal(404, "unknown-path", "no such path")),
        (
            LIST,
            refusal(405, "method-not-allowed", "this path does not take that method"),
        ),
        (LIST, refusal(400, "unknown-parameter", "sort is not taken")),
        (
            CSV,
            refusal(406, "not-acceptable", "the answer is application/json"),
        ),
        (LIST, refusal(422, "unknown-member", "sort is not taken")),
        // Without its kind.
        (SHOW, (200, json!({"id": "ca-0f"}).to_string())),
    ]
}

fn said(answer: &(u16, String), arguments: &[&str], status: (u16, &str)) -> String {
    said_by(answer, arguments, status, r#"{"status": "alive"}"#)
}

fn said_by(answer: &(u16, String), arguments: &[&str], status: (u16, &str), alive: &str) -> String {
    let server = Server::answering(&[(answer.0, &answer.1), status, (200, alive)]);
    let ran = Desk::new().ask(&server, arguments);
    assert_ne!(ran.code, 0, "{ran:?}");
    let asked = server.asked();
    assert!(asked[1].starts_with("GET /api/v1/status "), "{asked:?}");
    ran.stderr
}

fn of_version(version: &str) -> String {
    json!({"version": version, "status": "ready"}).to_string()
}

#[test]
fn a_server_of_another_version_is_named_with_both_versions() {
    for (arguments, answer) in unknown() {
        let said = said(&answer, arguments, (200, &of_version("0.0.7")));
        let hints: Vec<&str> = said.lines().filter(|line| line.starts_with("hint: ")).collect();
        assert_eq!(hints.len(), 1, "{said}");
        assert!(
            hints[0].contains("version 0.0.7") && hints[0].contains(&format!("version {OURS}")),
            "{said}"
        );
    }
}

#[test]
fn a_server_that_does_not_tell_its_version_may_be_older() {
    let denied = refusal(403, "forbidden", "permission denied: status:read required");
    for (arguments, answer) in unknown() {
        let said = said(&answer, arguments, (denied.0, &denied.1));
        let hint = format!("hint: the server may be older than this program, which is of version {OURS}");
        assert!(said.contains(&hint), "{said}");
    }
}

/// Builds before a release share their version.
#[test]
fn of_a_server_of_the_same_version_it_is_said_that_the_version_does_not_tell() {
    for (arguments, answer) in unknown() {
        let said = said(&answer, arguments, (200, &of_version(OURS)));
        assert!(
            said.contains("which of the two is older cannot be known"),
            "{said}"
        );
        assert!(!said.contains("may be older"), "{said}");
    }
}

#[test]
fn a_process_without_the_service_is_not_called_older_to_whoever_asks() {
    let denied = refusal(403, "forbidden", "this needs the permission status:read");
    let own = of_version(OURS);
    let answer = refusal(404, "unknown-path", "there is nothing at this path");
    for status in [(denied.0, denied.1.as_str()), (200, own.as_str())] {
        let alive = r#"{"status": "alive", "services": ["ca"]}"#;
        let said = said_by(&answer, &["apikey", "list"], status, alive);
        assert!(
            said.contains("serves the routes of ca, and no others") && !said.contains("older"),
            "{said}"
        );
        let alive = r#"{"status": "alive", "services": ["ca", "keymgr", "auth", "ocsp", "crl"]}"#;
        let said = said_by(&answer, &["apikey", "list"], status, alive);
        assert!(said.contains("older"), "{said}");
    }
}

#[test]
fn other_refusals_ask_for_no_version() {
    for (status, slug, detail) in [
        (404, "not-found", "there is no such job, or it is not yours"),
        // Whatever the texts say.
        (404, "not-found", "there is nothing at this path"),
        (
            400,
            "invalid-request",
            "there is no query parameter \"sort\" here",
        ),
        (422, "invalid-request", "there is no member \"sort\" here"),
    ] {
        let (status, problem) = refusal(status, slug, detail);
        let server = Server::answering(&[(status, &problem)]);
        let ran = Desk::new().ask(&server, SHOW);
        assert_ne!(ran.code, 0, "{ran:?}");
        assert!(!ran.stderr.contains("older"), "{ran:?}");
        assert_eq!(server.asked().len(), 1);
    }
}
