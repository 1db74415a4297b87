//! Certificates as PKCS#12 files, and renewal for a key of any form.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;
use testkit::system::System;

use crate::judge;

const PHRASE: &str = "five random wörds are best";

fn phrase_file(system: &System) -> PathBuf {
    let path = system.dir().join("phrase");
    std::fs::write(&path, format!("{PHRASE}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path
}

fn run(system: &System, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut command = system.command().unwrap();
    command.args(arguments).envs(variables.iter().copied());
    command.output().unwrap()
}

#[track_caller]
fn made(output: Output) -> Value {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What three other programs find in a file: its leaf's subject, that the key is the leaf's, how many CAs.
fn judged(system: &System, file: &Path) {
    let phrase = format!("file:{}", judge::text(&phrase_file(system)));
    let shown = judge::run(
        "openssl",
        &["pkcs12", "-in", judge::text(file), "-passin", &phrase, "-nodes"],
    );
    assert_eq!(shown.matches("BEGIN CERTIFICATE").count(), 2, "{shown}");
    assert!(shown.contains("friendlyName: a.example.test"), "{shown}");
    let info = judge::run(
        "certtool",
        &[
            "--p12-info",
            "--inder",
            "--infile",
            judge::text(file),
            "--password",
            PHRASE,
        ],
    );
    assert!(
        info.contains("BEGIN PRIVATE KEY") || info.contains("BEGIN ENCRYPTED"),
        "{info}"
    );
    let script = "import sys\nfrom cryptography.hazmat.primitives.serialization import pkcs12\n\
                  key, leaf, more = pkcs12.load_key_and_certificates(open(sys.argv[1], 'rb').read(), sys.argv[2].encode())\n\
                  assert key.public_key() == leaf.public_key()\n\
                  print(leaf.subject.rfc4514_string(), len(more))";
    let bin = std::env::var_os("GIGVAULT_PKILINT").expect("run through `make test`");
    let python = PathBuf::from(bin).join("python");
    let said = judge::run(python, &["-c", script, judge::text(file), PHRASE]);
    assert_eq!(said.trim(), "CN=a.example.test 1");
}

#[test]
fn a_certificate_is_created_as_pkcs12_that_other_programs_read() {
    let system = System::up().unwrap();
    let file = system.dir().join("a.example.test.p12");
    let create = [
        "cert",
        "create",
        "a.example.test",
        "--format",
        "pkcs12",
        "-o",
        "json",
    ];

    // There is no terminal to ask at: nothing is issued, and nothing is left.
    let refused = run(&system, &[], &create);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    for way in ["--out-passphrase-file", "GIGVAULT_OUT_PASSPHRASE"] {
        assert!(said.contains(way), "{said}");
    }
    assert!(!file.exists());
    let list = system.cli_ok(&["cert", "list", "-o", "json"]).unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(&list).unwrap()["items"],
        serde_json::json!([])
    );

    made(run(&system, &[("GIGVAULT_OUT_PASSPHRASE", PHRASE)], &create));
    let mode = std::fs::metadata(&file).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    judged(&system, &file);
    for other in ["key", "crt", "chain.pem"] {
        assert!(
            !system.dir().join(format!("a.example.test.{other}")).exists(),
            "{other}"
        );
    }
    // It is not overwritten unasked.
    let phrase = phrase_file(&system);
    let from_file = [&create[..], &["--out-passphrase-file", judge::text(&phrase)]].concat();
    let refused = run(&system, &[], &from_file);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("a.example.test.p12 is there already"));
    made(run(&system, &[], &[&from_file[..], &["--force"]].concat()));
    judged(&system, &file);
}

/// A certificate for `a.example.test`, and keys in every form beside it; `old.p12` holds the certificate's own.
fn keys_of_every_form(system: &System) -> Value {
    let dir = system.dir();
    phrase_file(system);
    let created = made(run(
        system,
        &[],
        &["cert", "create", "a.example.test", "-o", "json"],
    ));
    for line in [
        "ec -in DIR/a.example.test.key -out DIR/sec1.key",
        "genrsa -traditional -out DIR/pkcs1.key 2048",
        "genpkey -algorithm ED25519 -out DIR/pkcs8.key",
        "pkcs8 -topk8 -v2 aes-256-cbc -in DIR/pkcs8.key -passout file:DIR/phrase -out DIR/encrypted.key",
        "pkcs12 -export -in DIR/a.example.test.crt -inkey DIR/a.example.test.key -passout file:DIR/phrase -out DIR/old.p12",
    ] {
        let line = line.replace("DIR", judge::text(dir));
        judge::run("openssl", &line.split(' ').collect::<Vec<_>>());
    }
    created
}

#[test]
fn a_renewal_takes_the_key_of_a_file_in_every_form() {
    let system = System::up().unwrap();
    let dir = system.dir();
    let created = keys_of_every_form(&system);
    let path = |name: &str| judge::text(&dir.join(name)).to_owned();
    let passin = format!("file:{}", path("phrase"));
    let mut serial = created["serial"].as_str().unwrap().to_owned();
    for (key, variables) in [
        ("sec1.key", &[][..]),
        ("pkcs1.key", &[]),
        ("pkcs8.key", &[]),
        ("encrypted.key", &[("GIGVAULT_KEY_PASSPHRASE", PHRASE)]),
        ("old.p12", &[("GIGVAULT_KEY_PASSPHRASE", PHRASE)]),
    ] {
        let key_file = path(key);
        let before = std::fs::read(&key_file).unwrap();
        let renew = [
            "cert", "renew", &serial, "--key", &key_file, "--force", "-o", "json",
        ];
        if !variables.is_empty() {
            let refused = run(&system, &[], &renew);
            let said = String::from_utf8_lossy(&refused.stderr);
            assert_eq!(refused.status.code(), Some(2), "{key}: {said}");
            assert!(said.contains("GIGVAULT_KEY_PASSPHRASE"), "{said}");
            let wrong = run(&system, &[("GIGVAULT_KEY_PASSPHRASE", "wrong")], &renew);
            assert!(
                String::from_utf8_lossy(&wrong.stderr).contains("passphrase is wrong"),
                "{key}"
            );
        }
        let renewed = made(run(&system, variables, &renew));
        assert_eq!(renewed["replaces"], Value::String(serial), "{key}");
        let certified = judge::run(
            "openssl",
            &["x509", "-in", &path("a.example.test.crt"), "-noout", "-pubkey"],
        );
        let own = match key {
            "old.p12" => judge::run(
                "openssl",
                &["pkey", "-in", &path("a.example.test.key"), "-pubout"],
            ),
            _ => judge::run(
                "openssl",
                &["pkey", "-in", &key_file, "-passin", &passin, "-pubout"],
            ),
        };
        assert_eq!(certified, own, "{key}");
        assert_eq!(std::fs::read(&key_file).unwrap(), before, "{key} was changed");
        serial = renewed["serial"].as_str().unwrap().to_owned();
    }
}

#[test]
fn a_renewal_is_written_as_pkcs12_with_the_key_that_is_there_or_a_new_one() {
    let system = System::up().unwrap();
    let dir = system.dir();
    let created = keys_of_every_form(&system);
    let serial = created["serial"].as_str().unwrap();
    // Without any key there is nothing to put in.
    let pkcs12 = ["cert", "renew", serial, "--format", "pkcs12", "-o", "json"];
    let refused = run(&system, &[], &pkcs12);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--new-key"));
    let both = [
        ("GIGVAULT_KEY_PASSPHRASE", PHRASE),
        ("GIGVAULT_OUT_PASSPHRASE", PHRASE),
    ];
    let old = dir.join("old.p12");
    let own_key = [&pkcs12[..], &["--key", judge::text(&old)]].concat();
    let renewed = made(run(&system, &both, &own_key));
    judged(&system, &dir.join("a.example.test.p12"));
    let serial = renewed["serial"].as_str().unwrap();
    let new_key = [
        "cert",
        "renew",
        serial,
        "--format",
        "pkcs12",
        "--new-key",
        "--force",
        "-o",
        "json",
    ];
    made(run(&system, &both, &new_key));
    judged(&system, &dir.join("a.example.test.p12"));
}
