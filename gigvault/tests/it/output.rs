//! Results for people and for programs.

use serde_json::{Value, json};

use crate::harness::{Desk, Server, certificate};

fn page() -> String {
    let names = [
        "dns:a.example.test",
        "dns:b.example.test",
        "ip:10.0.0.1",
        "dns:c.example.test",
    ];
    json!({ "items": [certificate("00ab", &names), certificate("00cd", &[])], "next_cursor": "more" })
        .to_string()
}

fn list(arguments: &[&str]) -> crate::harness::Ran {
    let server = Server::answering(&[(200, &page())]);
    Desk::new().ask(&server, &[&["cert", "list"], arguments].concat())
}

#[test]
fn programs_get_json_when_they_read_us() {
    let whole: Value = serde_json::from_str(&list(&[]).ok()).unwrap();
    assert_eq!(whole["items"][0]["serial"], "00ab");
    assert_eq!(whole["items"][0]["san"][3], "dns:c.example.test");
    assert_eq!(whole["items"][0]["not_after"], "2099-12-31T23:59:59Z");
    assert_eq!(whole["next_cursor"], "more");
}

#[test]
fn yaml_holds_the_same() {
    let yaml = list(&["-o", "yaml"]).ok();
    assert!(
        yaml.contains("serial: 00ab") || yaml.contains("serial: \"00ab\""),
        "{yaml}"
    );
    assert!(yaml.contains("next_cursor: more"), "{yaml}");
}

#[test]
fn a_table_names_hosts_and_what_is_left_without_colours_in_a_pipe() {
    let table = list(&["-o", "table"]).ok();
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 3, "{table}");
    for column in ["SERIAL", "NAMES", "PROFILE", "CA", "STATUS", "NOT AFTER"] {
        assert!(lines[0].contains(column), "{table}");
    }
    assert!(
        lines[1].contains("a.example.test, b.example.test and 2 more"),
        "{table}"
    );
    assert!(lines[2].contains("CN=a.example.test"), "{table}");
    assert!(!table.contains('\u{1b}'), "{table}");
}

#[test]
fn a_table_that_is_not_the_whole_list_says_so_in_a_pipe_too() {
    let part = list(&["-o", "table"]);
    assert!(
        part.stderr.contains("more: --cursor more, or --all"),
        "{}",
        part.stderr
    );
    let whole = |arguments: &[&str]| {
        let server = Server::answering(&[(200, r#"{"items": [], "next_cursor": null}"#)]);
        let list = ["cert", "list", "-o", "table"];
        Desk::new().ask(&server, &[&list, arguments].concat()).stderr
    };
    assert_eq!(whole(&["--internal"]), "");
    let of_users = whole(&[]);
    assert!(
        of_users.contains("--internal") && !of_users.contains("--cursor"),
        "{of_users}"
    );
}

#[test]
fn an_answer_that_is_not_csv_is_not_written_as_csv() {
    let server = Server::answering(&[(200, &page())]);
    let ran = Desk::new().ask(&server, &["cert", "list", "--csv"]);
    assert_ne!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.contains("not text/csv"), "{}", ran.stderr);
}

#[test]
fn every_filter_reaches_the_server() {
    let server = Server::answering(&[(200, r#"{"items": [], "next_cursor": null}"#)]);
    let arguments = [
        "cert",
        "list",
        "--san",
        "dns:a.test",
        "--san-suffix",
        "b.test",
        "--subject",
        "CN=c",
        "--requester",
        "apikey:1",
        "--profile",
        "mtls",
        "--ca",
        "issuing",
        "--status",
        "valid",
        "--expires-after",
        "2027-01-01T00:00:00Z",
        "--expires-before",
        "2028-01-01T00:00:00Z",
        "--spki-sha256",
        "aa",
        "--fingerprint-sha256",
        "bb",
        "--protocol",
        "rest",
        "--key-reused",
        "--limit",
        "7",
        "--cursor",
        "-d",
    ];
    Desk::new().ask(&server, &arguments).ok();
    let asked = server.asked().remove(0);
    let line = asked.lines().next().unwrap().to_owned();
    for pair in [
        "san=dns%3Aa.test",
        "san_suffix=b.test",
        "subject=CN%3Dc",
        "requester=apikey%3A1",
        "profile=mtls",
        "ca=issuing",
        "status=valid",
        "expires_from=2027-01-01T00%3A00%3A00Z",
        "expires_to=2028-01-01T00%3A00%3A00Z",
        "spki=aa",
        "fingerprint=bb",
        "protocol=rest",
        "key_reused=true",
        "limit=7",
        "cursor=-d",
    ] {
        assert!(line.contains(pair), "{pair} in {line}");
    }
}

#[test]
fn all_pages_are_one_list() {
    let last = json!({ "items": [certificate("00ef", &[])], "next_cursor": null }).to_string();
    let server = Server::answering(&[(200, &page()), (200, &last)]);
    let whole: Value =
        serde_json::from_str(&Desk::new().ask(&server, &["cert", "list", "--all"]).ok()).unwrap();
    assert_eq!(whole["items"].as_array().unwrap().len(), 3);
    assert_eq!(whole["next_cursor"], Value::Null);
}

#[test]
fn an_api_key_is_shown_when_it_is_made() {
    let made = json!({
        "prefix": "0123abcd", "name": "ci", "roles": ["developer"], "status": "active", "created_by": "apikey:9",
        "created_at": "2027-01-02T03:04:05Z", "expires_at": null, "token": "gv_0123abcd_x",
    });
    let server = Server::answering(&[(201, &made.to_string())]);
    let arguments = ["apikey", "create", "ci", "--role", "developer", "-o", "json"];
    let printed: Value = serde_json::from_str(&Desk::new().ask(&server, &arguments).ok()).unwrap();
    assert_eq!(printed["token"], "gv_0123abcd_x");
    assert!(
        server.asked()[0].contains(r#""roles":["developer"]"#),
        "{:?}",
        server.asked()
    );
}
