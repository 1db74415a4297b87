//! `cert create`, `renew`, `revoke`, `download` against a server that answers by script.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::harness::{Desk, NEW_P256_KEY, Server, certificate, openssl, text};

fn issued() -> String {
    certificate("00ab", &["dns:a.example.test"]).to_string()
}

#[test]
fn key_certificate_and_chain_are_written() {
    let (desk, server) = (Desk::new(), Server::answering(&[(201, &issued())]));
    let arguments = [
        "cert",
        "create",
        "a.example.test",
        "--san",
        "ip:10.0.0.1",
        "--validity",
        "30d",
        "--ca",
        "issuing",
    ];
    let printed: Value = serde_json::from_str(&desk.ask(&server, &arguments).ok()).unwrap();
    assert_eq!(printed["serial"], "00ab");
    assert_eq!(
        desk.files(),
        [
            "a.example.test.chain.pem",
            "a.example.test.crt",
            "a.example.test.key"
        ]
    );
    assert_eq!(desk.read("a.example.test.crt"), "LEAF\n");
    assert_eq!(desk.read("a.example.test.chain.pem"), "LEAF\nISSUER\n");
    let mode = |name: &str| std::fs::metadata(desk.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode("a.example.test.key"), mode("a.example.test.crt")),
        (0o600, 0o644)
    );

    let asked = server.asked().remove(0);
    let (head, body) = asked.split_once("\r\n\r\n").unwrap();
    assert!(
        head.starts_with("POST /api/v1/certificates HTTP/1.1") && head.contains("idempotency-key: "),
        "{head}"
    );
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(
        (&body["profile"], &body["ca"], &body["validity"]),
        (&"tls-server".into(), &"issuing".into(), &"30d".into())
    );
    desk.write("sent.csr", body["csr"].as_str().unwrap());
    let shown = openssl(&[
        "req",
        "-in",
        text(&desk.path("sent.csr")),
        "-noout",
        "-text",
        "-verify",
    ]);
    assert!(
        shown.contains("DNS:a.example.test, IP Address:10.0.0.1"),
        "{shown}"
    );
    let sent = openssl(&["req", "-in", text(&desk.path("sent.csr")), "-noout", "-pubkey"]);
    assert_eq!(
        sent,
        openssl(&["pkey", "-in", text(&desk.path("a.example.test.key")), "-pubout"])
    );
    assert!(!asked.contains("PRIVATE KEY"));
}

#[test]
fn a_refusal_leaves_nothing_behind_and_takes_nothing_away() {
    let desk = Desk::new();
    desk.ask(
        &Server::refusing(403, "forbidden"),
        &["cert", "create", "a.example.test"],
    )
    .failed(3);
    assert!(desk.files().is_empty(), "{:?}", desk.files());

    desk.write("a.example.test.key", "precious");
    desk.ask(
        &Server::refusing(403, "forbidden"),
        &["cert", "create", "a.example.test", "--force"],
    )
    .failed(3);
    assert_eq!(desk.files(), ["a.example.test.key"]);
    assert_eq!(desk.read("a.example.test.key"), "precious");
}

#[test]
fn a_file_that_is_there_stops_the_request() {
    let (desk, server) = (Desk::new(), Server::answering(&[]));
    desk.write("a.example.test.chain.pem", "mine");
    let said = desk.ask(&server, &["cert", "create", "a.example.test"]).failed(1);
    assert!(
        said.contains("a.example.test.chain.pem") && said.contains("--force"),
        "{said}"
    );
    assert!(server.asked().is_empty());
    assert_eq!(desk.files(), ["a.example.test.chain.pem"]);
}

#[test]
fn no_common_name_leaves_the_folder() {
    for name in ["../a", "/etc/a", "a/../../b"] {
        let server = Server::answering(&[(201, &issued())]);
        let desk = Desk::new();
        desk.ask(&server, &["cert", "create", name, "--out", "here"]).ok();
        assert_eq!(desk.files(), ["here"], "{name}");
        let here = std::fs::read_dir(desk.path("here")).unwrap().count();
        assert_eq!(here, 3, "{name}");
    }
}

#[test]
fn one_named_certificate_is_revoked_unasked_where_nobody_can_answer() {
    let (desk, server) = (
        Desk::new(),
        Server::answering(&[(200, &issued()), (200, &issued())]),
    );
    desk.ask(&server, &["cert", "revoke", "00ab"]).ok();
    assert!(server.asked().iter().any(|asked| asked.starts_with("POST")));

    let server = Server::answering(&[(200, &issued()), (200, &issued())]);
    let arguments = [
        "cert",
        "revoke",
        "00ab",
        "--reason",
        "key-compromise",
        "--invalid-since",
        "2026-02-03T04:05:06Z",
        "--yes",
    ];
    desk.ask(&server, &arguments).ok();
    let asked = server.asked().pop().unwrap();
    assert!(
        asked.starts_with("POST /api/v1/certificates/00ab/revoke "),
        "{asked}"
    );
    assert!(
        asked.ends_with(r#"{"reason":"key-compromise","invalidity_time":"2026-02-03T04:05:06Z"}"#),
        "{asked}"
    );
}

#[test]
fn a_revocation_of_all_that_is_cut_off_goes_on_and_is_found_by_its_job() {
    let ca = json!({
        "name": "issuing", "subject": "CN=CA", "certificate": "", "chain": "", "key_algorithm": "p256",
        "signature_algorithm": "ecdsa-sha256", "not_before": "2026-01-01T00:00:00Z",
        "not_after": "2099-12-31T23:59:59Z", "profiles": [],
    });
    let page = json!({"items": [certificate("00ab", &[]), certificate("00cd", &[])], "next_cursor": null});
    let (ca, page) = (ca.to_string(), page.to_string());
    let none = r#"{"items": [], "next_cursor": null}"#;
    // A server that is away is waited for; one that fails is not.
    let problem = r#"{"type": "x/internal", "title": "No", "status": 500, "detail": "broken"}"#;
    let job = json!({
        "id": "ca-0f", "service": "ca", "kind": "certificates.revoke", "state": "running", "requester": "x",
        "created_at": "2026-01-02T03:04:05Z", "total": 2, "pending": 1, "done": 1, "skipped": 0, "failed": 0,
    });
    let server = Server::answering(&[
        (200, &ca),
        (200, &page),
        (200, none),
        (202, &job.to_string()),
        (500, problem),
    ]);
    let arguments = ["cert", "revoke", "--ca", "issuing", "--all", "--yes"];
    let said = Desk::new().ask(&server, &arguments).failed(1);
    assert!(
        said.contains("job ca-0f goes on without this command") && said.contains("broken"),
        "{said}"
    );
    assert!(said.contains("gigvault job show ca-0f"), "{said}");
}

#[test]
fn a_download_is_the_pem_and_nothing_else() {
    let desk = Desk::new();
    let server = Server::answering(&[(200, &issued()), (200, "LEAF\nISSUER\n"), (200, &issued())]);
    assert_eq!(desk.ask(&server, &["cert", "download", "00ab"]).ok(), "LEAF\n");
    assert_eq!(
        desk.ask(&server, &["cert", "download", "00ab", "--chain"]).ok(),
        "LEAF\nISSUER\n"
    );
    assert_eq!(
        desk.ask(&server, &["cert", "download", "00ab", "--out", "a.crt"])
            .ok(),
        ""
    );
    assert_eq!(desk.read("a.crt"), "LEAF\n");
    assert!(server.asked()[1].starts_with("GET /api/v1/certificates/00ab/chain "));
}

/// The old certificate has to be a real one: its names go into the new CSR.
fn old(desk: &Desk) -> String {
    let (key, path) = (desk.path("old.key"), desk.path("old.crt"));
    let names = [
        "-subj",
        "/O=Example/CN=a.example.test",
        "-addext",
        "subjectAltName=DNS:a.example.test,DNS:b.example.test",
    ];
    openssl(
        &[
            &["req", "-x509", "-days", "30"][..],
            &NEW_P256_KEY,
            &names,
            &["-keyout", text(&key), "-out", text(&path)],
        ]
        .concat(),
    );
    let mut old = certificate("00ab", &["dns:a.example.test", "dns:b.example.test"]);
    old["certificate"] = desk.read("old.crt").into();
    std::fs::remove_file(key).unwrap();
    std::fs::remove_file(path).unwrap();
    old.to_string()
}

#[test]
fn renewing_keeps_the_key_unless_a_new_one_is_asked_for() {
    let desk = Desk::new();
    let old = old(&desk);
    let server = Server::answering(&[(200, &old), (201, &issued())]);
    desk.ask(&server, &["cert", "renew", "00ab", "--validity", "60d"])
        .ok();
    assert_eq!(desk.files(), ["a.example.test.chain.pem", "a.example.test.crt"]);
    let asked = server.asked().pop().unwrap();
    assert!(
        asked.starts_with("POST /api/v1/certificates/00ab/renew "),
        "{asked}"
    );
    assert!(asked.ends_with(r#"{"validity":"60d"}"#), "{asked}");

    let server = Server::answering(&[(200, &old), (201, &issued())]);
    desk.ask(&server, &["cert", "renew", "00ab", "--new-key", "--force"])
        .ok();
    assert_eq!(
        desk.files(),
        [
            "a.example.test.chain.pem",
            "a.example.test.crt",
            "a.example.test.key"
        ]
    );
    let asked = server.asked().pop().unwrap();
    let body: Value = serde_json::from_str(asked.split_once("\r\n\r\n").unwrap().1).unwrap();
    desk.write("sent.csr", body["csr"].as_str().unwrap());
    let shown = openssl(&[
        "req",
        "-in",
        text(&desk.path("sent.csr")),
        "-noout",
        "-text",
        "-verify",
    ]);
    assert!(shown.contains("O = Example, CN = a.example.test"), "{shown}");
    assert!(
        shown.contains("DNS:a.example.test, DNS:b.example.test"),
        "{shown}"
    );
}

#[test]
fn a_renewal_that_is_refused_keeps_the_old_key() {
    let desk = Desk::new();
    let old = old(&desk);
    desk.write("a.example.test.key", "precious");
    let problem = r#"{"type": "https://gigvault.io/problems/conflict", "status": 409, "detail": "revoked"}"#;
    let server = Server::answering(&[(200, &old), (409, problem)]);
    desk.ask(&server, &["cert", "renew", "00ab", "--new-key", "--force"])
        .failed(1);
    assert_eq!(desk.read("a.example.test.key"), "precious");
    assert_eq!(desk.files(), ["a.example.test.key"]);
}

#[test]
fn a_download_as_pkcs12_holds_key_and_chain_for_openssl() {
    let desk = Desk::new();
    let (key, crt) = (desk.path("web.key"), desk.path("web.crt"));
    let line = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=web.test -keyout";
    let make = |key, crt| openssl(&[&line.split(' ').collect::<Vec<_>>()[..], &[key, "-out", crt]].concat());
    make(text(&key), text(&crt));
    make(text(&desk.path("other.key")), text(&desk.path("other.crt")));
    let chain = desk.read("web.crt") + &desk.read("other.crt");
    desk.write("secret", "a phrase for the file\n");
    std::fs::set_permissions(desk.path("secret"), std::fs::Permissions::from_mode(0o600)).unwrap();
    let server = Server::answering(&[(200, &chain), (200, &chain), (200, &chain), (200, &chain)]);
    let download = [
        "cert", "download", "00ab", "--format", "pkcs12", "--out", "web.p12",
    ];
    let with = |more: &[&str]| desk.ask(&server, &[&download[..], more].concat());

    assert!(
        with(&["--key", "web.key"])
            .failed(2)
            .contains("--out-passphrase-file")
    );
    let secret = ["--out-passphrase-file", "secret"];
    assert!(
        with(&[&secret[..], &["--key", "other.key"]].concat())
            .failed(2)
            .contains("is not that of")
    );
    assert!(with(&secret).failed(2).contains("--key"));
    with(&[&secret[..], &["--key", "web.key"]].concat()).ok();

    let (file, pass) = (
        desk.path("web.p12"),
        format!("file:{}", text(&desk.path("secret"))),
    );
    let mode = std::fs::metadata(&file).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let shown = openssl(&["pkcs12", "-in", text(&file), "-passin", &pass, "-nodes"]);
    assert_eq!(shown.matches("BEGIN CERTIFICATE").count(), 2, "{shown}");
    assert!(shown.contains("friendlyName: web.test"), "{shown}");
    desk.write("back.pem", &shown);
    let public = |file: &str| openssl(&["pkey", "-in", text(&desk.path(file)), "-pubout"]);
    assert_eq!(public("back.pem"), public("web.key"));
}

#[test]
fn a_certificate_for_a_key_that_is_there_leaves_the_key_alone() {
    let (desk, server) = (Desk::new(), Server::answering(&[(201, &issued())]));
    let key = desk.path("own.key");
    openssl(&["genpkey", "-algorithm", "ED25519", "-out", text(&key)]);
    desk.ask(&server, &["cert", "create", "a.example.test", "--key", "own.key"])
        .ok();
    assert_eq!(
        desk.files(),
        ["a.example.test.chain.pem", "a.example.test.crt", "own.key"]
    );
}

#[test]
fn a_common_name_is_that_of_a_host_where_the_profile_takes_hosts() {
    for (profile, hosts) in [("people", false), ("elsewhere", true)] {
        let (desk, server) = (Desk::new(), Server::answering(&[(201, &issued())]));
        let arguments = [
            "cert",
            "create",
            "ada.example.test",
            "--san",
            "email:ada@example.test",
        ];
        desk.ask(&server, &[&arguments[..], &["--profile", profile]].concat())
            .ok();
        let asked = server.asked().remove(0);
        let body: Value = serde_json::from_str(asked.split_once("\r\n\r\n").unwrap().1).unwrap();
        desk.write("sent.csr", body["csr"].as_str().unwrap());
        let shown = openssl(&["req", "-in", text(&desk.path("sent.csr")), "-noout", "-text"]);
        assert!(shown.contains("email:ada@example.test"), "{shown}");
        assert_eq!(
            shown.contains("DNS:ada.example.test"),
            hosts,
            "{profile}: {shown}"
        );
    }
}

#[test]
fn a_reason_that_is_none_is_answered_with_those_that_are_taken() {
    let desk = Desk::new();
    let said = desk
        .ask(
            &Server::answering(&[]),
            &["cert", "revoke", "00ab", "--reason", "bad"],
        )
        .failed(2);
    let listed: Vec<&str> = said
        .split("reasons are ")
        .nth(1)
        .unwrap()
        .trim()
        .split(", ")
        .collect();
    assert_eq!(listed.len(), 7, "{said}");
    for reason in listed {
        let server = Server::answering(&[(200, &issued()), (200, &issued())]);
        desk.ask(&server, &["cert", "revoke", "00ab", "--reason", reason])
            .ok();
        assert!(server.asked().pop().unwrap().contains(reason), "{reason}");
    }
}
