//! What a person sees: the binary on a terminal of a given width, made by `script`.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use crate::bench::{Desk, Server, certificate};

/// Runs on a terminal of that many columns, with this typed into it, and answers what was shown.
fn on_terminal(desk: &Desk, server: &Server, columns: u16, arguments: &[&str], typed: &str) -> String {
    let quoted: Vec<String> = arguments.iter().map(|argument| format!("'{argument}'")).collect();
    let command = format!(
        "stty cols {columns} rows 50 -echo; exec {} {}",
        env!("CARGO_BIN_EXE_gigvault"),
        quoted.join(" ")
    );
    let mut child = Command::new("script")
        .args(["-qec", &command, "/dev/null"])
        .current_dir(desk.path(""))
        .env("GIGVAULT_URL", &server.url)
        .env("GIGVAULT_TOKEN", "gv_sesame")
        .env("NO_COLOR", "1")
        .env("SHELL", "/bin/sh")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap().replace('\r', "")
}

fn page(items: &[Value]) -> String {
    json!({ "items": items, "next_cursor": null }).to_string()
}

fn certificates() -> String {
    let mut wide = certificate("4f1c0a9be27d5f60813e9a4c2b7d1e05", &["dns:a.example.test"]);
    wide["subject"] = "CN=東京都千代田区霞が関の証明書発行センターの試験用証明書".into();
    wide["san"] = json!([]);
    wide["profile"] = "a-profile-with-a-long-name".into();
    let mut hostile = certificate("00cd", &[]);
    hostile["subject"] = "CN=\u{1b}[2J\u{9b}31m\r\u{202e}x".into();
    let long = [
        "dns:a-host-with-a-long-name.department.example.test",
        "dns:b.example.test",
        "ip:10.0.0.1",
    ];
    page(&[
        wide,
        hostile,
        certificate("4f1c0a9be27d5f60813e9a4c2b7d1e06", &long),
    ])
}

fn lists() -> Vec<(&'static [&'static str], String)> {
    let ca = json!({
        "name": "issuing-for-a-department", "subject": "CN=A CA with a long name,OU=Department,O=Example,C=DE",
        "not_before": "2026-01-01T00:00:00Z", "not_after": "2031-01-01T00:00:00Z", "key_algorithm": "rsa3072",
        "certificate": "", "chain": ""
    });
    let key = json!({
        "name": "ca-issuing-with-a-long-name-that-goes-on-and-on-and-on", "algorithm": "rsa3072",
        "purpose": "certificate-authority", "backend": "software", "created_at": "2026-01-01T00:00:00Z",
        "spki_sha256": "aa", "public_key": ""
    });
    let apikey = json!({
        "prefix": "7f3a2b1c", "name": "a key for a pipeline with a long name", "roles": ["ca-operator", "ra-approver", "auditor"],
        "status": "active", "created_at": "2026-01-01T00:00:00Z", "created_by": "x", "expires_at": "2030-01-01T00:00:00Z",
        "last_used_at": "2026-01-01T00:00:00Z"
    });
    vec![
        (&["cert", "list"], certificates()),
        (&["ca", "list"], page(&[ca])),
        (&["key", "list"], page(&[key])),
        (&["apikey", "list"], page(&[apikey])),
    ]
}

#[test]
fn every_list_fits_the_terminal_with_one_line_for_each_row() {
    for columns in [60, 80, 120] {
        for (arguments, answer) in lists() {
            let rows = serde_json::from_str::<Value>(&answer).unwrap()["items"]
                .as_array()
                .unwrap()
                .len();
            let server = Server::answering(&[(200, &answer)]);
            let shown = on_terminal(&Desk::new(), &server, columns, arguments, "");
            assert_eq!(
                shown.lines().count(),
                rows + 1,
                "{arguments:?} at {columns}:\n{shown}"
            );
            for line in shown.lines() {
                assert!(
                    line.width() <= usize::from(columns),
                    "{arguments:?} at {columns}: {line:?}"
                );
            }
        }
    }
}

#[test]
fn a_serial_number_is_shortened_in_the_middle_unless_a_form_is_asked_for() {
    let server = Server::answering(&[(200, &certificates()), (200, &certificates())]);
    let shown = on_terminal(&Desk::new(), &server, 80, &["cert", "list"], "");
    assert!(
        shown.contains("4f1c0a…7d1e05") && shown.contains("NAMES"),
        "{shown}"
    );
    let whole = on_terminal(&Desk::new(), &server, 80, &["cert", "list", "-o", "table"], "");
    assert!(whole.contains("4f1c0a9be27d5f60813e9a4c2b7d1e05"), "{whole}");
}

#[test]
fn names_do_not_command_the_terminal_in_any_form() {
    for form in [&[][..], &["-o", "table"], &["-o", "json"], &["-o", "yaml"]] {
        let server = Server::answering(&[(200, &certificates())]);
        let shown = on_terminal(&Desk::new(), &server, 80, &[&["cert", "list"], form].concat(), "");
        let obeyed = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!shown.contains(obeyed), "{form:?}: {shown:?}");
    }
    let server = Server::answering(&[(
        404,
        r#"{"type": "x/not-found", "title": "t", "status": 404, "detail": "no \u001b[31m"}"#,
    )]);
    let shown = on_terminal(&Desk::new(), &server, 80, &["cert", "show", "00"], "");
    assert!(shown.contains("\\u001b[31m"), "{shown:?}");
}

#[test]
fn a_person_is_asked_before_a_certificate_is_revoked() {
    let one = certificate("4f1c0a9be27d5f60813e9a4c2b7d1e05", &["dns:a.example.test"]).to_string();
    let arguments = [
        "cert",
        "revoke",
        "4f1c0a9be27d5f60813e9a4c2b7d1e05",
        "--reason",
        "key-compromise",
    ];
    let server = Server::answering(&[(200, &one), (200, &one)]);
    let shown = on_terminal(&Desk::new(), &server, 100, &arguments, "n");
    let question = "Revoke certificate 4f1c…1e05 (CN=a.example.test) with reason key-compromise? [y/N]";
    assert!(
        shown.contains(question) && shown.contains("nothing was done"),
        "{shown}"
    );
    assert_eq!(server.asked().len(), 1);
    let server = Server::answering(&[(200, &one), (200, &one)]);
    let shown = on_terminal(&Desk::new(), &server, 100, &arguments, "y");
    assert!(server.asked().last().unwrap().starts_with("POST"), "{shown}");
}
