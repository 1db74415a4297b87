//! 0 done, 1 failed, 2 wrong usage, 3 denied, 4 not found.

use std::os::unix::fs::PermissionsExt;

use crate::harness::{Desk, Server};

#[test]
fn refusals_of_the_server_have_their_codes() {
    for (status, slug, code) in [
        (400, "invalid-request", 1),
        (401, "unauthenticated", 3),
        (403, "forbidden", 3),
        (404, "not-found", 4),
        (409, "conflict", 1),
        (500, "internal", 1),
        (503, "unavailable", 1),
    ] {
        let server = Server::refusing(status, slug);
        let said = Desk::new().ask(&server, &["cert", "show", "0123"]).failed(code);
        assert!(said.contains(&format!("because of {slug}")), "{said}");
        assert!(!said.contains("gv_sesame"), "{said}");
    }
}

#[test]
fn the_offline_root_has_the_codes_of_its_own_program() {
    let desk = Desk::new();
    desk.write("hello.csr", "hello");
    desk.write("pass", "correct horse battery staple");
    std::fs::set_permissions(desk.path("pass"), std::fs::Permissions::from_mode(0o600)).unwrap();
    let init = ["rootca", "init", "--passphrase-file", "pass", "--subject"];
    for (arguments, code) in [
        (&["rootca", "inspect", "hello.csr"][..], 1),
        (&[&init[..], &["nonsense"]].concat(), 2),
        (&[&init[..], &["CN=R", "--key-type", "rsa2048"]].concat(), 3),
        (&["rootca", "inspect", "--dir", "nowhere"], 4),
    ] {
        desk.run(arguments).failed(code);
    }
    assert_eq!(desk.files(), ["hello.csr", "pass"]);
}

#[test]
fn who_is_refused_learns_what_to_do() {
    let hint = |status, slug| {
        let server = Server::refusing(status, slug);
        Desk::new().ask(&server, &["ca", "list"]).stderr
    };
    assert!(hint(401, "unauthenticated").contains("GIGVAULT_TOKEN"));
    assert!(hint(500, "internal").contains("c0ffee"));
}

#[test]
fn what_was_typed_wrongly_is_usage() {
    let desk = Desk::new();
    desk.write("a.crt", "hello");
    for arguments in [
        &["nosuch"][..],
        &["cert", "create"],
        &["cert", "create", "a.test", "--key-type", "dsa"],
        &["cert", "list", "--limit", "x"],
        &["ca", "list", "-o", "xml"],
        &["apikey", "create", "ci"],
        &["key", "generate", "k"],
        &["completions", "nosuch"],
        &["cert", "verify", "a.crt"],
        &["ca", "list"],
        &["csr", "create", "a.test", "--san", "dns:a_b.test"],
        &["csr", "create", "a.test", "--subject", "nonsense"],
    ] {
        let ran = desk.run(arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{arguments:?}: {ran:?}");
        assert!(ran.stderr.starts_with("error: "), "{arguments:?}: {ran:?}");
    }
    assert_eq!(desk.files(), ["a.crt"]);
    let group = desk.run(&["cert"]);
    assert_eq!((group.code, group.stdout.as_str()), (2, ""));
    assert!(
        group.stderr.contains("cert <COMMAND>") || group.stderr.contains("create"),
        "{group:?}"
    );
}

#[test]
fn usage_is_judged_before_the_server_is_asked() {
    let server = Server::answering(&[]);
    let desk = Desk::new();
    for arguments in [
        &["cert", "list", "--expires-before", "soon"][..],
        &["cert", "revoke", "01", "--reason", "boredom", "--yes"],
        &["cert", "create", "a.test", "--san", "ip:1.2.3"],
    ] {
        desk.ask(&server, arguments).failed(2);
    }
    assert!(server.asked().is_empty());
    assert!(desk.files().is_empty());
}

#[test]
fn a_server_that_is_not_there_is_a_failure_with_advice() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let said = Desk::new()
        .run(&["whoami", "--url", &url, "--token", "x"])
        .failed(1);
    assert!(said.contains(&url) && said.contains("gigvault up"), "{said}");
}

#[test]
fn a_credential_is_not_sent_in_the_clear() {
    let said = Desk::new()
        .run(&[
            "whoami",
            "--url",
            "http://pki.example.test",
            "--token",
            "gv_sesame",
        ])
        .failed(1);
    assert!(said.contains("https://") && !said.contains("gv_sesame"), "{said}");
}

#[test]
fn files_that_can_not_be_read_are_named() {
    let desk = Desk::new();
    for arguments in [
        &["csr", "inspect", "none.csr"][..],
        &["cert", "verify", "none.crt", "--ca-file", "none.pem"],
    ] {
        let said = desk.run(arguments).failed(1);
        assert!(said.contains("none."), "{said}");
    }
    desk.write("bad.yaml", "listen: { https_prt: 1 }\n");
    let said = desk.run(&["config", "validate", "bad.yaml"]).failed(1);
    assert!(
        said.contains("https_prt") && said.contains("https_port") && said.contains("bad.yaml"),
        "{said}"
    );
}
