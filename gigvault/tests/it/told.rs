//! `-o json` has what a server tells, also what this program does not know.

use serde_json::{Value, json};

use crate::harness::{Desk, Server, certificate};

const NOON: &str = "2026-01-01T12:00:00Z";

/// A member of a later version, in every object.
fn later(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.into_iter().map(|(name, value)| (name, later(value)));
            let also = (
                "of_a_later_version".to_owned(),
                json!({"deep": [1, {"er": null}]}),
            );
            Value::Object(members.chain([also]).collect())
        }
        Value::Array(items) => items.into_iter().map(later).collect(),
        value => value,
    }
}

/// Where `shown` lacks something of `told`, or has it otherwise.
fn lost(told: &Value, shown: &Value, path: &str, found: &mut Vec<String>) {
    match (told, shown) {
        (Value::Object(told), Value::Object(shown)) => {
            for (name, value) in told {
                lost(
                    value,
                    shown.get(name).unwrap_or(&Value::Bool(false)),
                    &format!("{path}.{name}"),
                    found,
                );
            }
        }
        (Value::Array(told), Value::Array(shown)) if told.len() == shown.len() => {
            for (told, shown) in told.iter().zip(shown) {
                lost(told, shown, &format!("{path}[]"), found);
            }
        }
        _ if told == shown => {}
        _ => found.push(path.to_owned()),
    }
}

fn list(item: &Value) -> Value {
    json!({"items": [item], "next_cursor": null, "prev_cursor": null})
}

fn told() -> Vec<(&'static [&'static str], Value)> {
    let signatures = json!([{"structure": "crl", "count": 2, "last_at": NOON}]);
    let mut ca = json!({
        "name": "issuing", "subject": "CN=i", "not_before": NOON, "not_after": "2099-01-01T00:00:00Z",
        "key_algorithm": "p256", "certificate": "", "chain": "", "allowed_actions": ["suspend"],
    });
    let cas = list(&ca);
    ca["key"] = json!({
        "name": "ca-issuing", "algorithm": "p256", "purpose": "certificate-authority", "backend": "software",
        "created_at": NOON, "signatures": signatures,
    });
    let mut away = ca.clone();
    away["key"] = json!({"unavailable": {"service": "keymgr", "detail": "does not answer"}});
    let job = json!({
        "id": "ca-0f", "service": "ca", "kind": "certificates.revoke", "state": "running", "requester": "alice",
        "created_at": NOON, "total": 1, "pending": 1, "done": 0, "skipped": 0, "failed": 0, "allowed_actions": [],
    });
    let item = json!({"object": "01", "state": "pending"});
    let api_key = json!({
        "prefix": "0123abcd", "name": "ci", "roles": [], "status": "active", "created_at": NOON, "created_by": "x",
        "allowed_actions": [],
    });
    let mut made = api_key.clone();
    made["token"] = "gv_0123abcd_x".into();
    let damaged = json!({"prefix": "0123abce", "status": "revoked", "damage": ["roles"]});
    let revoked = json!({"revoked": [api_key], "remaining": [], "damaged": [damaged]});
    let key = json!({
        "name": "k", "algorithm": "p256", "purpose": "ocsp-signer", "backend": "software", "public_key": "",
        "spki_sha256": "", "created_at": NOON, "signatures": signatures,
    });
    let mut leaf = certificate("00ab", &["dns:a.example.test"]);
    leaf["allowed_actions"] = json!([]);
    leaf["key"] = json!({"type": "p256", "bits": 256});
    leaf["revocation"] = json!({"time": NOON, "reason": "superseded"});
    leaf["extensions"] = json!([{"oid": "1.2", "name": "x", "critical": false, "text": "y"}]);
    let preview = json!({
        "dry_run": true, "preview_token": "t", "expires_at": NOON,
        "consequences": [{"kind": "k", "severity": "info", "text": "t", "count": 1, "objects": ["o"]}],
    });
    let me = json!({"subject": "apikey:1", "roles": ["auditor"], "permissions": [], "allowed_names": []});
    let running = json!({"settings": [{"field": "a.b", "value": {"c": 1}, "source": "default"}]});
    vec![
        (&["ca", "show", "issuing"], ca),
        (&["ca", "show", "issuing"], away),
        (&["ca", "list"], cas),
        (&["ca", "suspend", "issuing", "--dry-run"], preview),
        (&["job", "show", "ca-0f"], job.clone()),
        (&["job", "list"], list(&job)),
        (&["job", "items", "ca-0f"], list(&item)),
        (&["apikey", "create", "ci", "--role", "auditor"], made),
        (&["apikey", "list"], list(&api_key)),
        (&["apikey", "revoke", "0123abcd", "--yes"], revoked),
        (&["key", "show", "k"], key.clone()),
        (&["key", "list"], list(&key)),
        (&["cert", "show", "00ab"], leaf.clone()),
        (&["cert", "list"], list(&leaf)),
        (&["whoami"], me),
        (&["config", "show", "--running"], running),
    ]
}

#[test]
fn json_has_what_the_server_tells_and_the_program_does_not_know() {
    for (arguments, answer) in told() {
        let answer = later(answer);
        let server = Server::answering(&[(200, &answer.to_string())]);
        let shown = Desk::new()
            .ask(&server, &[arguments, &["-o", "json"]].concat())
            .ok();
        let shown = serde_json::from_str(&shown).unwrap();
        let mut found = Vec::new();
        lost(&answer, &shown, "", &mut found);
        assert!(
            found.is_empty(),
            "{arguments:?}: {found:?} of {answer:#}\n{shown:#}"
        );
    }
}
