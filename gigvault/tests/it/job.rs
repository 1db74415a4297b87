//! `job show` and `cancel` against a server that answers by script.

use serde_json::json;

use crate::harness::{Desk, Server};

#[test]
fn a_job_that_was_asked_to_end_says_when_and_by_whom() {
    let job = json!({
        "id": "ca-0f", "service": "ca", "kind": "certificates.revoke", "state": "running", "requester": "alice",
        "created_at": "2026-01-02T03:04:05Z", "cancel_requested_at": "2026-01-02T03:09:05Z", "canceled_by": "bob",
        "total": 2, "pending": 1, "done": 1, "skipped": 0, "failed": 0,
    });
    let job = job.to_string();
    for command in ["cancel", "show"] {
        let server = Server::answering(&[(200, &job)]);
        let shown = Desk::new()
            .ask(&server, &["job", command, "ca-0f", "-o", "table"])
            .ok();
        let request = shown.lines().find(|line| line.starts_with("cancel requested"));
        let request = request.unwrap_or_else(|| panic!("{command}: {shown}"));
        assert!(
            request.contains("03:09") && request.ends_with("by bob"),
            "{command}: {request}"
        );
        let server = Server::answering(&[(200, &job)]);
        let shown = Desk::new()
            .ask(&server, &["job", command, "ca-0f", "-o", "json"])
            .ok();
        let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(shown["canceled_by"], "bob", "{command}");
        assert_eq!(shown["cancel_requested_at"], "2026-01-02T03:09:05Z", "{command}");
    }
}

/// By what every caller is told: a developer may not read the status.
#[test]
fn a_list_says_whose_jobs_it_has_only_where_others_are_elsewhere() {
    for (services, said) in [
        (
            json!(["ca"]),
            "the process that answers lists the jobs of ca, and no others\n",
        ),
        (json!(["ca", "keymgr", "auth", "ocsp", "crl"]), ""),
        (json!([]), ""),
    ] {
        let alive = json!({"status": "alive", "services": services}).to_string();
        let server = Server::answering(&[(200, r#"{"items": []}"#), (200, &alive)]);
        let ran = Desk::new().ask(&server, &["job", "list"]);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, said), "{ran:?}");
        assert!(
            server.asked()[1].starts_with("GET /healthz "),
            "{:?}",
            server.asked()
        );
    }
}
