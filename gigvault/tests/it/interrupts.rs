//! A command that is ended while it waits for its certificate: the new key is kept, and it is said where it is.

use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};

use crate::harness::{Desk, Ran, certificate, holding, openssl, text};

fn send(signal: &str, child: &Child) {
    let mut kill = Command::new("kill");
    let kill = kill.args([signal, &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
}

/// Ends the command with that signal once its request has arrived.
fn interrupted(desk: &Desk, signal: &str, arguments: &[&str]) -> Ran {
    let (url, arrived) = holding();
    let child = desk.begin(&url, arguments);
    let _held = arrived.recv().unwrap();
    send(signal, &child);
    Ran::of(child.wait_with_output().unwrap())
}

fn kept(desk: &Desk) -> String {
    let files = desk.files();
    let mut kept = files.iter().filter(|name| name.contains(".kept-"));
    let name = kept.next().expect("the key was not kept");
    assert!(kept.next().is_none() && !files.iter().any(|name| name.starts_with(".gigvault-")));
    name.clone()
}

#[test]
fn a_new_key_outlives_the_command_that_was_ended_and_is_named() {
    for (signal, code) in [("-HUP", 129), ("-INT", 130), ("-TERM", 143)] {
        let desk = Desk::new();
        let said = interrupted(&desk, signal, &["cert", "create", "a.example.test"]).failed(code);
        let kept = kept(&desk);
        assert!(
            said.contains("interrupted") && said.contains("is not known") && said.contains(&kept),
            "{said}"
        );
        assert!(said.contains(&format!("with `--key ./{kept}`")), "{said}");
        let mode = std::fs::metadata(desk.path(&kept)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        openssl(&["pkey", "-in", text(&desk.path(&kept)), "-noout", "-check"]);
    }
}

#[test]
fn the_key_of_a_pkcs12_file_is_named_with_what_opens_it() {
    let desk = Desk::new();
    desk.write("phrase", "five random words are best\n");
    let phrase = desk.path("phrase");
    std::fs::set_permissions(&phrase, std::fs::Permissions::from_mode(0o600)).unwrap();
    let create = ["cert", "create", "a.example.test", "--format", "pkcs12"];
    let create = [&create[..], &["--out-passphrase-file", "phrase"]].concat();
    let said = interrupted(&desk, "-INT", &create).failed(130);
    let kept = kept(&desk);
    let flags = format!("--key ./{kept} --key-passphrase-file phrase");
    assert!(
        said.contains(&format!("run this command again with `{flags}`")),
        "{said}"
    );
    assert!(
        said.contains(&format!(
            "gigvault cert download SERIAL --format pkcs12 {flags} --out-passphrase-file phrase --out ./a.example.test.p12"
        )),
        "{said}"
    );
    let passphrase = format!("file:{}", text(&phrase));
    openssl(&[
        "pkey",
        "-in",
        text(&desk.path(&kept)),
        "-passin",
        &passphrase,
        "-noout",
    ]);
}

#[test]
fn without_a_new_key_it_is_said_how_to_look_for_the_certificate() {
    let desk = Desk::new();
    desk.run(&["csr", "create", "a.example.test"]).ok();
    let submit = ["csr", "submit", "a.example.test.csr"];
    let said = interrupted(&desk, "-INT", &submit).failed(130);
    assert!(
        said.contains("--spki-sha256") && !said.contains("new key is in"),
        "{said}"
    );
}

#[test]
fn a_signal_that_was_ignored_before_is_ignored_still() {
    let (desk, (url, arrived)) = (Desk::new(), holding());
    let mut command = Command::new("sh");
    let script = "trap '' HUP; exec \"$0\" cert create a.example.test";
    command
        .args(["-c", script, env!("CARGO_BIN_EXE_gigvault")])
        .current_dir(desk.path(""))
        .env("GIGVAULT_URL", url)
        .env("GIGVAULT_TOKEN", "gv_sesame")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let held = arrived.recv().unwrap();
    send("-HUP", &child);
    held.answer(201, &certificate("00ab", &["dns:a.example.test"]).to_string());
    Ran::of(child.wait_with_output().unwrap()).ok();
    assert_eq!(
        desk.files(),
        ["chain.pem", "crt", "key"].map(|end| format!("a.example.test.{end}"))
    );
}

#[test]
fn an_api_key_whose_command_was_ended_is_named_with_the_way_to_revoke_it() {
    let create = ["apikey", "create", "ci", "--role", "developer"];
    for (signal, code) in [("-HUP", 129), ("-INT", 130), ("-TERM", 143)] {
        let said = interrupted(&Desk::new(), signal, &create).failed(code);
        for part in [
            "interrupted",
            "API key \"ci\"",
            "gigvault apikey list",
            "apikey revoke PREFIX",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
}
