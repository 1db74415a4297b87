//! `doctor` against a server that answers by script.

use serde_json::{Value, json};

use crate::harness::{Desk, Ran, Server};

const OURS: &str = env!("CARGO_PKG_VERSION");
const READY: (u16, &str) = (
    200,
    r#"{"status": "ready", "services": ["ca", "keymgr", "auth", "ocsp", "crl"]}"#,
);
const ME: (u16, &str) = (
    200,
    r#"{"subject": "apikey:1", "roles": ["admin"], "permissions": []}"#,
);
const NO_CERTIFICATES: (u16, &str) = (200, r#"{"items": []}"#);

fn problem(status: u16, slug: &str, detail: &str) -> String {
    json!({"type": format!("https://gigvault.io/problems/{slug}"), "title": "No", "status": status, "detail": detail})
        .to_string()
}

fn cas() -> String {
    json!({"items": [{
        "name": "issuing", "subject": "CN=i", "not_before": "2026-01-01T00:00:00Z",
        "not_after": "2099-01-01T00:00:00Z", "key_algorithm": "p256", "certificate": "", "chain": "",
    }]})
    .to_string()
}

fn look(server: &Server) -> (Ran, Value) {
    let ran = Desk::new().ask(server, &["doctor", "-o", "json"]);
    let report = serde_json::from_str(&ran.stdout).unwrap();
    (ran, report)
}

fn row<'a>(report: &'a Value, check: &str) -> &'a Value {
    let mut rows = report["checks"].as_array().unwrap().iter();
    rows.find(|row| row["check"] == check)
        .ok_or_else(|| format!("no {check}: {report:#}"))
        .unwrap()
}

fn says(row: &Value, member: &str, part: &str) {
    assert!(row[member].as_str().unwrap().contains(part), "{part}: {row:#}");
}

#[test]
fn where_credentials_cannot_be_checked_it_says_once_who_is_to_be_started() {
    for (why, fix) in [
        ("auth does not answer", "start auth on its machine"),
        (
            "the database of auth does not answer",
            "start the database of auth",
        ),
        ("auth failed, and its log has the cause", "see the server's log"),
    ] {
        let detail = format!("credentials cannot be checked now: {why}; try again");
        let unavailable = problem(503, "credential-unchecked", &detail);
        let answers: Vec<(u16, &str)> = [READY]
            .into_iter()
            .chain([(503, unavailable.as_str()); 6])
            .collect();
        let server = Server::answering(&answers);
        let (ran, report) = look(&server);
        assert_eq!(ran.code, 1, "{ran:?}");
        let rows = report["checks"].as_array().unwrap();
        let failed: Vec<_> = rows.iter().filter(|row| row["result"] == "failed").collect();
        assert_eq!(failed.len(), 1, "{report:#}");
        assert_eq!(failed[0]["check"], "credential");
        says(failed[0], "detail", why);
        says(failed[0], "fix", fix);
        assert_eq!(server.asked().len(), 2, "{:?}", server.asked());
    }
}

#[test]
fn a_credential_that_is_refused_is_said_once() {
    let refused = problem(401, "unauthorized", "this credential is not valid");
    let answers: Vec<(u16, &str)> = [READY].into_iter().chain([(401, refused.as_str()); 6]).collect();
    let server = Server::answering(&answers);
    let (ran, report) = look(&server);
    assert_eq!(ran.code, 1, "{ran:?}");
    let rows = report["checks"].as_array().unwrap();
    let said: Vec<_> = rows.iter().filter(|row| row["result"] == "failed").collect();
    assert_eq!(said.len(), 1, "{report:#}");
    assert_eq!(said[0]["check"], "credential");
    says(
        said[0],
        "detail",
        "this credential is not valid; what needs a credential was not looked at",
    );
    assert_eq!(server.asked().len(), 3, "{:?}", server.asked());
}

#[test]
fn what_an_older_server_does_not_know_is_no_fault_of_it() {
    let field = problem(
        400,
        "unknown-parameter",
        "there is no query parameter \"fields\" here; this path takes: limit",
    );
    let path = problem(404, "unknown-path", "there is nothing at this path");
    let denied = problem(403, "forbidden", "this needs the permission status:read");
    for (status, hint) in [
        (
            (200, json!({"version": "0.0.7", "status": "ready"}).to_string()),
            "the server is of version 0.0.7".to_owned(),
        ),
        (
            (200, json!({"version": OURS, "status": "ready"}).to_string()),
            "which of the two is older cannot be known".to_owned(),
        ),
        ((403, denied), "the server may be older".to_owned()),
    ] {
        let server = Server::answering(&[
            (200, r#"{"status": "ready"}"#),
            (status.0, &status.1),
            ME,
            (200, &cas()),
            (400, &field),
            (404, &path),
        ]);
        let (ran, report) = look(&server);
        assert_eq!(ran.code, 0, "{ran:?}");
        for check in ["issuer url", "services"] {
            let found = row(&report, check);
            assert_eq!(found["result"], "warning", "{report:#}");
            says(found, "detail", "not looked at: ");
            says(found, "fix", &hint);
        }
    }
}

#[test]
fn a_process_that_says_that_it_has_the_service_is_not_said_to_lack_it() {
    let path = problem(404, "unknown-path", "there is nothing at this path");
    let status = json!({"version": "0.0.7", "status": "ready"}).to_string();
    for (ready, part) in [
        (READY, "there is nothing at this path"),
        (
            (200, r#"{"status": "ready", "services": ["ca"]}"#),
            "serves no routes of auth",
        ),
    ] {
        let healthy = (200, r#"{"id": "1", "healthy": true, "checks": []}"#);
        let server = Server::answering(&[
            ready,
            (200, &status),
            (404, &path),
            (200, &cas()),
            NO_CERTIFICATES,
            healthy,
        ]);
        let (ran, report) = look(&server);
        assert_eq!(ran.code, 0, "{ran:?}");
        says(row(&report, "credential"), "detail", part);
    }
}
