//! Tables on a terminal: what is copied from them is whole.

use serde_json::json;
use unicode_width::UnicodeWidthStr;

use crate::harness::{Desk, Server};
use crate::terminal::{on_terminal, page};

/// Values by the column that they are in.
type Values = Vec<(&'static str, &'static str)>;

/// Commands with values that no other one shows, or that another one takes: each with its answer.
fn values() -> Vec<(&'static [&'static str], String, Values)> {
    let ca = json!({
        "name": "issuing-for-a-department", "subject": "CN=A CA with a long name,OU=Department,O=Example,C=DE",
        "not_before": "2026-01-01T00:00:00Z", "not_after": "2031-01-01T00:00:00Z", "key_algorithm": "rsa3072",
        "certificate": "", "chain": ""
    });
    let apikey = json!({
        "prefix": "7f3a2b1c", "name": "a key for a pipeline with a long name", "roles": ["ca-operator", "ra-approver", "auditor"],
        "status": "active", "created_at": "2026-01-01T00:00:00Z", "created_by": "x", "expires_at": "2030-01-01T00:00:00Z",
        "last_used_at": "2026-01-01T00:00:00Z"
    });
    let item = json!({
        "object": "4f1c0a9be27d5f60813e9a4c2b7d1e05", "state": "failed",
        "detail": "the certificate was revoked already, on 2026-11-26 at 08:00, by apikey:7f3a2b1c, as superseded"
    });
    let setting = json!({
        "field": "limits.unauthenticated_cpu_per_peer",
        "value": "postgres://db1.example.test:5432,db2.example.test:5432/gigvault?sslmode=verify-full",
        "source": "environment", "from": "GIGVAULT_LIMITS__UNAUTHENTICATED_CPU_PER_PEER"
    });
    vec![
        (
            &["ca", "list"],
            page(&[ca]),
            vec![
                ("NAME", "issuing-for-a-department"),
                ("SUBJECT", "CN=A CA with a long name,OU=Department,O=Example,C=DE"),
            ],
        ),
        (
            &["apikey", "list"],
            page(&[apikey]),
            vec![
                ("PREFIX", "7f3a2b1c"),
                ("NAME", "a key for a pipeline with a long name"),
                ("ROLES", "ca-operator, ra-approver, auditor"),
            ],
        ),
        (
            &["job", "items", "ca-0f"],
            page(&[item]),
            vec![
                ("OBJECT", "4f1c0a9be27d5f60813e9a4c2b7d1e05"),
                (
                    "DETAIL",
                    "the certificate was revoked already, on 2026-11-26 at 08:00, by apikey:7f3a2b1c, as superseded",
                ),
            ],
        ),
        (
            &["config", "show", "--running"],
            json!({ "settings": [setting] }).to_string(),
            vec![
                ("SETTING", "limits.unauthenticated_cpu_per_peer"),
                (
                    "VALUE",
                    "\"postgres://db1.example.test:5432,db2.example.test:5432/gigvault?sslmode=verify-full\"",
                ),
                ("FROM", "GIGVAULT_LIMITS__UNAUTHENTICATED_CPU_PER_PEER"),
            ],
        ),
    ]
}

/// What is in a column below its header, without blanks: where a value is broken is not told.
fn in_column(shown: &str, name: &str) -> String {
    let header = shown.lines().next().unwrap();
    let start = header.find(name).unwrap();
    let rest = &header[start..];
    let gap = rest.find("  ").unwrap_or(rest.len());
    let end = start + rest.len() - rest[gap..].trim_start().len();
    let last = end == header.len();
    let lines = shown.lines().skip(1);
    let cells = lines.map(|line| {
        let end = if last { line.len() } else { end.min(line.len()) };
        line.get(start..end).unwrap_or_default()
    });
    cells.flat_map(str::split_whitespace).collect()
}

#[test]
fn a_value_that_is_copied_is_whole_at_any_width() {
    for columns in [60, 80, 120] {
        for (arguments, answer, values) in values() {
            let server = Server::answering(&[(200, &answer)]);
            let shown = on_terminal(&Desk::new(), &server, columns, arguments, "");
            for (column, value) in values {
                let value: String = value.split_whitespace().collect();
                assert_eq!(
                    in_column(&shown, column),
                    value,
                    "{arguments:?} at {columns}:\n{shown}"
                );
            }
            for line in shown.lines() {
                // The name of the setting, and the least for its value and its source.
                assert!(
                    line.width() <= usize::from(columns).max(35 + 2 + 16 + 2 + 16),
                    "{arguments:?} at {columns}: {line:?}"
                );
            }
        }
    }
}
