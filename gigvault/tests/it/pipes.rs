//! Readers that stop reading, and files named `-`.

use std::io::Write;
use std::process::Stdio;

use serde_json::json;

use crate::harness::{Desk, NEW_P256_KEY, Server, certificate, openssl, text};

/// The exit code and what was complained of when stdout has no reader.
fn unread(desk: &Desk, server: Option<&Server>, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = desk.command(arguments);
    if let Some(server) = server {
        command
            .env("GIGVAULT_URL", &server.url)
            .env("GIGVAULT_TOKEN", "gv_sesame");
    }
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

#[test]
fn a_reader_that_stops_is_not_an_error_for_any_command_or_form() {
    let desk = Desk::new();
    let quiet = (Some(0), String::new());
    for arguments in [
        &["completions", "bash"][..],
        &["config", "show"],
        &["config", "show", "--defaults"],
        &["help"],
        &["--help"],
        &["--version"],
        &["cert", "create", "--help"],
        &["rootca", "--help"],
    ] {
        assert_eq!(unread(&desk, None, arguments), quiet, "{arguments:?}");
    }
    let items: Vec<_> = (0..500)
        .map(|n| certificate(&format!("{n:032x}"), &["dns:a.example.test"]))
        .collect();
    let page = json!({ "items": items, "next_cursor": null }).to_string();
    for form in ["table", "json", "yaml"] {
        let server = Server::answering(&[(200, &page)]);
        assert_eq!(
            unread(&desk, Some(&server), &["cert", "list", "-o", form]),
            quiet,
            "{form}"
        );
    }
    let key = desk.path("a.key");
    let request = |kind: &str, key: &str, to: &str| {
        let to = ["-subj", "/CN=a.test", "-keyout", key, "-out", to];
        openssl(&[&["req", kind][..], &NEW_P256_KEY, &to].concat());
    };
    request("-new", text(&key), text(&desk.path("a.csr")));
    for arguments in [&["csr", "inspect", "a.csr"][..], &["rootca", "inspect", "a.csr"]] {
        assert_eq!(unread(&desk, None, arguments), quiet, "{arguments:?}");
    }
}

#[test]
fn a_file_named_by_a_dash_is_standard_input() {
    let desk = Desk::new();
    let key = desk.path("a.key");
    let request = |kind: &str, key: &str, to: &str| {
        let to = ["-subj", "/CN=a.test", "-keyout", key, "-out", to];
        openssl(&[&["req", kind][..], &NEW_P256_KEY, &to].concat());
    };
    request("-new", text(&key), text(&desk.path("a.csr")));
    let csr = desk.read("a.csr");
    let piped = |arguments: &[&str], input: &str| {
        let mut command = desk.command(arguments);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        crate::harness::Ran::of(child.wait_with_output().unwrap())
    };
    assert!(piped(&["csr", "inspect", "-"], &csr).ok().contains("CN=a.test"));
    assert!(
        piped(&["rootca", "inspect", "-"], &csr)
            .ok()
            .contains("CN=a.test")
    );
    piped(&["config", "validate", "-"], "listen: {https_port: 1}\n").ok();
    let said = piped(&["config", "validate", "-"], "listen: {https_port: x}\n").failed(1);
    assert!(
        said.contains("<stdin>:1:") && said.contains("listen.https_port"),
        "{said}"
    );
    let root = desk.path("root.crt");
    request("-x509", "/dev/null", text(&root));
    let said = piped(&["cert", "verify", "-", "--ca-file", "-"], &desk.read("root.crt")).failed(2);
    assert!(said.contains("given once"), "{said}");
}

#[test]
fn a_download_to_a_dash_is_written_to_standard_output() {
    let one = certificate("00ab", &["dns:a.example.test"]).to_string();
    let (desk, server) = (Desk::new(), Server::answering(&[(200, &one)]));
    let pem = desk
        .ask(&server, &["cert", "download", "00ab", "--out", "-"])
        .ok();
    assert_eq!(pem, "LEAF\n");
    assert!(desk.files().is_empty());
}
