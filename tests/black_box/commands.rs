//! The commands as people type them: help, formats, exit codes, files.

mod root;

use std::collections::VecDeque;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use testkit::system::{System, binary};

use crate::judge;

fn gigvault(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(binary().unwrap())
        .current_dir(dir)
        .args(arguments)
        .env_remove("GIGVAULT_URL")
        .env_remove("GIGVAULT_TOKEN")
        .output()
        .unwrap()
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

/// Runs; a failure is a panic with stderr.
fn done(dir: &Path, arguments: &[&str]) -> String {
    let output = gigvault(dir, arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// Names below `Commands:` in a help text.
fn subcommands(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    lines
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .filter(|name| name != "help")
        .collect()
}

#[test]
fn every_command_has_help_with_an_example() {
    let dir = tempfile::tempdir().unwrap();
    let mut queue = VecDeque::from([Vec::<String>::new()]);
    let (mut seen, mut without) = (0, Vec::new());
    while let Some(path) = queue.pop_front() {
        let mut arguments: Vec<&str> = path.iter().map(String::as_str).collect();
        arguments.push("--help");
        let help = done(dir.path(), &arguments);
        let below = subcommands(&help);
        // A command that only groups others is shown by theirs.
        if below.is_empty() && !help.contains("Example") {
            without.push(path.join(" "));
        }
        seen += 1;
        queue.extend(below.into_iter().map(|name| [path.clone(), vec![name]].concat()));
    }
    assert!(seen > 30, "only {seen} commands were found");
    assert!(without.is_empty(), "no example: {without:?}");
}

#[test]
fn results_are_json_or_yaml_and_exit_codes_say_what_failed() {
    let system = System::up().unwrap();
    system.cli_ok(&["cert", "create", "a.example.test"]).unwrap();
    for command in [
        &["cert", "list"][..],
        &["ca", "list"],
        &["key", "list"],
        &["apikey", "list"],
        &["whoami"],
        &["ca", "show", "issuing"],
    ] {
        let json = system.cli_ok(&[command, &["-o", "json"]].concat()).unwrap();
        let _parsed: Value =
            serde_json::from_str(&json).unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let yaml = system.cli_ok(&[command, &["-o", "yaml"]].concat()).unwrap();
        assert!(
            !yaml.trim_start().starts_with('{') && yaml.contains(": "),
            "{command:?}: {yaml}"
        );
        let table = system.cli_ok(&[command, &["-o", "table"]].concat()).unwrap();
        assert!(!table.contains('\u{1b}'), "colors without a terminal: {table}");
    }
    let cases: [(i32, &[&str]); 7] = [
        (2, &["cert", "nosuch"]),
        (2, &["cert", "create"]),
        (2, &["cert", "create", "b.example.test", "--key-type", "dsa1024"]),
        (3, &["whoami", "--token", "gv_aaaaaaaa_nonsense"]),
        (3, &["cert", "create", "b.example.test", "--validity", "9000d"]),
        (4, &["cert", "show", "00ff"]),
        (4, &["ca", "show", "nosuch"]),
    ];
    for (wanted, arguments) in cases {
        let output = system.cli(arguments).unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(code(&output), Some(wanted), "{arguments:?}: {said}");
        assert!(said.contains("error:"), "{arguments:?}: {said}");
    }
    assert!(
        !system.dir().join("b.example.test.key").exists(),
        "a key without a certificate is left"
    );
    let unreachable = system.cli(&["whoami", "--url", "https://127.0.0.1:1"]).unwrap();
    assert_eq!(code(&unreachable), Some(1));
}

#[test]
fn a_key_is_made_listed_and_shown() {
    let system = System::up().unwrap();
    let json = |arguments: &[&str]| -> Value {
        let arguments = [&["key"], arguments, &["-o", "json"]].concat();
        serde_json::from_str(&system.cli_ok(&arguments).unwrap()).unwrap()
    };
    let made = json(&["generate", "issuing-2"]);
    assert_eq!(made["purpose"], "certificate-authority");
    assert_eq!(
        (&made["algorithm"], &made["backend"]),
        (&"p256".into(), &"software".into())
    );
    assert_eq!(json(&["show", "issuing-2"]), made);
    let ocsp = [
        "generate",
        "ocsp-1",
        "--type",
        "p384",
        "--purpose",
        "ocsp-signer",
        "--backend",
        "software",
    ];
    let ocsp = json(&ocsp);
    assert_eq!(ocsp["purpose"], "ocsp-signer");
    let list = json(&["list"]);
    let items = list["items"].as_array().unwrap();
    assert!(items.contains(&made) && items.contains(&ocsp), "{list}");
    let other = system
        .cli(&["key", "generate", "hsm-1", "--backend", "pkcs11"])
        .unwrap();
    let said = String::from_utf8_lossy(&other.stderr);
    assert_eq!(code(&other), Some(2), "{said}");
    assert!(said.contains("pkcs11") && said.contains("software"), "{said}");
    assert_eq!(code(&system.cli(&["key", "show", "hsm-1"]).unwrap()), Some(4));
}

#[test]
fn files_that_are_there_are_not_overwritten_unasked() {
    let system = System::up().unwrap();
    let create = ["cert", "create", "a.example.test"];
    system.cli_ok(&create).unwrap();
    let key = system.dir().join("a.example.test.key");
    let before = std::fs::read(&key).unwrap();
    assert_eq!(
        std::fs::metadata(&key).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let list = || {
        let list = system.cli_ok(&["cert", "list", "--san", "dns:a.example.test", "-o", "json"]);
        let list: Value = serde_json::from_str(&list.unwrap()).unwrap();
        list["items"].as_array().unwrap().len()
    };
    assert_eq!(list(), 1);
    let again = system.cli(&create).unwrap();
    assert!(!again.status.success());
    assert!(String::from_utf8_lossy(&again.stderr).contains("--force"));
    assert_eq!(std::fs::read(&key).unwrap(), before);
    assert_eq!(list(), 1, "a certificate was issued for nothing");
    system
        .cli_ok(&["cert", "create", "a.example.test", "--force"])
        .unwrap();
    assert_ne!(std::fs::read(&key).unwrap(), before);
    assert_eq!(
        std::fs::metadata(&key).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let csr = ["csr", "create", "b.example.test"];
    system.cli_ok(&csr).unwrap();
    assert!(!system.cli(&csr).unwrap().status.success());
}

#[test]
fn a_csr_is_made_shown_and_sent() {
    let system = System::up().unwrap();
    let subject = "CN=web.example.test,O=Example,C=DE";
    let arguments = [
        "--subject",
        subject,
        "--san",
        "dns:www.example.test",
        "--key-type",
        "p384",
    ];
    system
        .cli_ok(&[&["csr", "create", "web.example.test"], &arguments[..]].concat())
        .unwrap();
    let csr = system.dir().join("web.example.test.csr");
    let text = judge::run(
        "openssl",
        &["req", "-in", judge::text(&csr), "-noout", "-text", "-verify"],
    );
    assert!(
        text.contains("secp384r1") && text.contains("DNS:www.example.test"),
        "{text}"
    );
    let shown = system
        .cli_ok(&["csr", "inspect", "web.example.test.csr", "-o", "json"])
        .unwrap();
    let _parsed: Value = serde_json::from_str(&shown).unwrap();
    assert!(
        shown.contains("dns:www.example.test") && shown.contains("p384"),
        "{shown}"
    );
    system.cli_ok(&["csr", "create", "api.example.test"]).unwrap();
    system
        .cli_ok(&["csr", "submit", "api.example.test.csr", "--validity", "30d"])
        .unwrap();
    let data = &system.ready().data_dir;
    let leaf = system.dir().join("api.example.test.crt");
    let name = ["-verify_hostname", "api.example.test"];
    judge::openssl_verify(&data.join("root.crt"), &data.join("chain.pem"), &leaf, &name);
    std::fs::write(system.dir().join("broken.csr"), "not a CSR").unwrap();
    assert_eq!(
        code(&system.cli(&["csr", "inspect", "broken.csr"]).unwrap()),
        Some(1)
    );
}

#[test]
fn renewal_with_a_new_key_and_verification_that_fails_where_it_should() {
    let system = System::up().unwrap();
    let made = system
        .cli_ok(&["cert", "create", "web.example.test", "-o", "json"])
        .unwrap();
    let made: Value = serde_json::from_str(&made).unwrap();
    let serial = made["serial"].as_str().unwrap();
    let renew = [
        "cert",
        "renew",
        serial,
        "--new-key",
        "--out",
        "renewed",
        "-o",
        "json",
    ];
    let renewed: Value = serde_json::from_str(&system.cli_ok(&renew).unwrap()).unwrap();
    assert_ne!(renewed["serial"], made["serial"]);
    let folder = system.dir().join("renewed");
    let (key, leaf) = (
        folder.join("web.example.test.key"),
        folder.join("web.example.test.crt"),
    );
    let of_key = judge::run("openssl", &["pkey", "-in", judge::text(&key), "-pubout"]);
    let of_leaf = judge::run(
        "openssl",
        &["x509", "-in", judge::text(&leaf), "-noout", "-pubkey"],
    );
    assert_eq!(of_key, of_leaf);
    let old = std::fs::read(system.dir().join("web.example.test.key")).unwrap();
    assert_ne!(std::fs::read(&key).unwrap(), old);

    let (leaf, chain) = (
        "renewed/web.example.test.crt",
        "renewed/web.example.test.chain.pem",
    );
    let verify = |more: &[&str]| {
        let arguments = [&["cert", "verify", leaf, "--untrusted", chain], more].concat();
        let output = system.cli(&arguments).unwrap();
        (
            code(&output),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    assert_eq!(
        verify(&["--hostname", "web.example.test", "--purpose", "server"]).0,
        Some(0)
    );
    let (refused, said) = verify(&["--hostname", "evil.example.test"]);
    assert_eq!(refused, Some(1));
    assert!(said.contains("evil.example.test"), "{said}");
    assert_eq!(verify(&["--purpose", "client"]).0, Some(1));
    let other = system.dir().join("other.crt");
    let subject = ["-subj", "/CN=GigVault Development Root/O=GigVault"];
    let arguments = [
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        "/dev/null",
        "-out",
    ];
    judge::run(
        "openssl",
        &[&arguments[..], &[judge::text(&other)], &subject].concat(),
    );
    let (refused, said) = verify(&["--ca-file", "other.crt"]);
    assert_eq!(refused, Some(1), "{said}");
}
