//! What a person sees: the binary on a terminal of a given width, made by `script`.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use crate::harness::{Desk, Server, certificate, openssl, text};

/// Runs on a terminal of that many columns, with this typed into it, and answers what was shown.
pub(crate) fn on_terminal(
    desk: &Desk,
    server: &Server,
    columns: u16,
    arguments: &[&str],
    typed: &str,
) -> String {
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

/// Runs on a terminal that shows what is typed unless a command asks it not to. Each answer is typed once its prompt is there.
fn asked(desk: &Desk, server: &Server, arguments: &[&str], dialogue: &[(&str, &str)]) -> String {
    let quoted: Vec<String> = arguments.iter().map(|argument| format!("'{argument}'")).collect();
    let command = format!("exec {} {}", env!("CARGO_BIN_EXE_gigvault"), quoted.join(" "));
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
    let (mut keyboard, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (mut shown, mut seen) = (Vec::new(), 0);
    for (prompt, answer) in dialogue {
        while !String::from_utf8_lossy(&shown[seen..]).contains(prompt) {
            let mut byte = [0];
            let read = screen.read(&mut byte).unwrap();
            assert_eq!(read, 1, "no {prompt:?} in {}", String::from_utf8_lossy(&shown));
            shown.push(byte[0]);
        }
        seen = shown.len();
        // The prompt is written a moment before the terminal stops to show what is typed.
        std::thread::sleep(std::time::Duration::from_millis(300));
        keyboard.write_all(format!("{answer}\r").as_bytes()).unwrap();
    }
    screen.read_to_end(&mut shown).unwrap();
    child.wait().unwrap();
    String::from_utf8(shown).unwrap()
}

#[test]
fn the_passphrase_of_a_key_is_asked_for_and_not_shown() {
    let desk = Desk::new();
    desk.write("phrase", "open the door");
    openssl(&[
        "genpkey",
        "-algorithm",
        "ED25519",
        "-aes-256-cbc",
        "-pass",
        &format!("file:{}", text(&desk.path("phrase"))),
        "-out",
        text(&desk.path("own.key")),
    ]);
    let arguments = ["cert", "create", "a.example.test", "--key", "own.key"];
    let issued = certificate("00ab", &["dns:a.example.test"]).to_string();
    let server = Server::answering(&[(201, &issued)]);
    let shown = asked(
        &desk,
        &server,
        &arguments,
        &[("Passphrase of own.key", "open the door")],
    );
    assert!(!shown.contains("open the door"), "{shown}");
    assert_eq!(desk.read("a.example.test.crt"), "LEAF\n", "{shown}");

    let server = Server::answering(&[(201, &issued)]);
    let forced = [&arguments[..], &["--force"]].concat();
    let shown = asked(&desk, &server, &forced, &[("Passphrase of own.key", "wrong")]);
    assert!(
        shown.contains("own.key") && shown.contains("passphrase is wrong"),
        "{shown}"
    );
    assert!(server.asked().is_empty());
}

#[test]
fn a_new_passphrase_is_asked_for_twice_and_again_if_they_differ() {
    let desk = Desk::new();
    let line = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=web.test -keyout";
    let (key, crt) = (desk.path("web.key"), desk.path("web.crt"));
    openssl(
        &[
            &line.split(' ').collect::<Vec<_>>()[..],
            &[text(&key), "-out", text(&crt)],
        ]
        .concat(),
    );
    let server = Server::answering(&[(200, &desk.read("web.crt"))]);
    let arguments = [
        "cert", "download", "00ab", "--format", "pkcs12", "--key", "web.key", "--out", "web.p12",
    ];
    let shown = asked(
        &desk,
        &server,
        &arguments,
        &[
            ("Passphrase for the new file", "five random words"),
            ("The same again", "five random wards"),
            ("They differ", "five random words"),
            ("The same again", "five random words"),
        ],
    );
    assert!(!shown.contains("five random"), "{shown}");
    desk.write("phrase", "five random words");
    let phrase = format!("file:{}", text(&desk.path("phrase")));
    let shown = openssl(&[
        "pkcs12",
        "-in",
        text(&desk.path("web.p12")),
        "-passin",
        &phrase,
        "-nodes",
    ]);
    assert!(shown.contains("PRIVATE KEY"), "{shown}");
}

pub(crate) fn page(items: &[Value]) -> String {
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

/// Lists of which each row is one line.
fn lists() -> Vec<(&'static [&'static str], String)> {
    let key = json!({
        "name": "ca-issuing-with-a-long-name-that-goes-on-and-on-and-on", "algorithm": "rsa3072",
        "purpose": "certificate-authority", "backend": "software", "created_at": "2026-01-01T00:00:00Z",
        "spki_sha256": "aa", "public_key": ""
    });
    let job = json!({
        "id": "ca-0198f3a2-6b1e-7c4d-9a55-2f60c1d7e8b9", "service": "ca", "kind": "certificates.revoke", "state": "canceled",
        "requester": "apikey:7f3a2b1c", "created_at": "2026-01-01T00:00:00Z", "ended_at": "2026-01-01T00:00:00Z",
        "total": 20000, "pending": 7000, "done": 12000, "skipped": 999, "failed": 1
    });
    vec![
        (&["cert", "list"], certificates()),
        (&["key", "list"], page(&[key])),
        (&["job", "list"], page(&[job])),
    ]
}

/// That the process which answers runs every service, so that there is nothing to say of others.
const STATUS: &str =
    r#"{"version": "1", "status": "ready", "services": ["ca", "keymgr", "auth", "ocsp", "crl"]}"#;

#[test]
fn every_list_fits_the_terminal_with_one_line_for_each_row() {
    for columns in [60, 80, 120] {
        for (arguments, answer) in lists() {
            let rows = serde_json::from_str::<Value>(&answer).unwrap()["items"]
                .as_array()
                .unwrap()
                .len();
            let server = Server::answering(&[(200, &answer), (200, STATUS)]);
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
fn a_serial_number_is_whole_at_any_width_since_other_commands_take_it() {
    for columns in [60, 80, 120] {
        let server = Server::answering(&[(200, &certificates())]);
        let shown = on_terminal(&Desk::new(), &server, columns, &["cert", "list"], "");
        assert!(
            shown.contains("4f1c0a9be27d5f60813e9a4c2b7d1e05 ") && shown.contains("NAMES"),
            "{columns}: {shown}"
        );
        assert!(shown.contains("LEFT"), "{columns}: {shown}");
    }
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
fn a_question_that_is_wider_than_the_terminal_is_shown_once() {
    let mut one = certificate("4f1c0a9be27d5f60813e9a4c2b7d1e05", &["dns:a.example.test"]);
    one["subject"] = "CN=web-frontend-17.department.example.test,O=Example Organization,C=DE".into();
    let one = one.to_string();
    let arguments = ["cert", "revoke", "4f1c0a9be27d5f60813e9a4c2b7d1e05"];
    for columns in [60, 200] {
        let server = Server::answering(&[(200, &one), (200, &one)]);
        let shown = on_terminal(&Desk::new(), &server, columns, &arguments, "n");
        assert_eq!(
            shown.matches("4f1c").count(),
            1 + usize::from(columns == 200),
            "{columns}: {shown}"
        );
        assert!(
            shown.contains("[y/N]") && shown.contains("nothing was done"),
            "{shown}"
        );
        let erased = shown.replace("\u{1b}[2K", "\n");
        assert!(
            erased.lines().all(|line| line.width() <= usize::from(columns)),
            "{columns}: {shown:?}"
        );
        assert_eq!(server.asked().len(), 1);
    }
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
