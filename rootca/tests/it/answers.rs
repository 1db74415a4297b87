//! The form of every answer, and that what the help shows can be typed.

use std::fs;

use clap::CommandFactory;
use rootca::cli;

use crate::world::Ceremony;

#[derive(clap::Parser)]
struct Embedding {
    #[command(flatten)]
    args: cli::Args,
}

#[test]
fn every_command_answers_in_the_form_that_was_asked_for() {
    let ceremony = Ceremony::with_kek();
    ceremony.csr("sub", "/CN=Sub CA");
    let mut dirs = Vec::new();
    for form in [None, Some("json"), Some("yaml"), Some("table")] {
        let dir = format!("root-{}", form.unwrap_or("default"));
        let asked = form.map_or(Vec::new(), |form| vec!["-o", form]);
        let run = |words: &[&str], opener: bool| {
            let opener: &[&str] = if opener { &["--kek-file", "kek"] } else { &[] };
            let answer = ceremony
                .run(&[words, &["--dir", &dir], &asked, opener].concat())
                .ok();
            match form {
                None | Some("json") => assert!(answer.json().is_object(), "{words:?}"),
                Some("yaml") => assert!(
                    !answer.stdout.starts_with('{') && answer.stdout.contains('"'),
                    "{answer:?}"
                ),
                _ => assert!(!answer.stdout.contains('"'), "{answer:?}"),
            }
            answer.stdout
        };
        run(&["init", "--subject", "CN=R", "--key-type", "p256"], true);
        let dry = ["sign-intermediate", "sub.csr", "--dry-run"];
        assert!(run(&dry, false).contains("CN=Sub CA"));
        run(&["sign-intermediate", "sub.csr", "--yes"], true);
        let copies = fs::read_dir(ceremony.path(&dir).join("issued")).unwrap();
        let copy = copies.last().unwrap().unwrap().path();
        let serial = copy.file_stem().unwrap().to_str().unwrap();
        assert!(run(&["revoke", serial, "--yes", "--reason", "superseded"], false).contains(serial));
        run(&["crl"], true);
        assert!(run(&["inspect"], false).contains(serial));
        run(&["verify"], true);
        dirs.push(dir);
    }
    assert_eq!(dirs.len(), 4);
}

#[test]
fn an_answer_in_json_says_what_was_done() {
    let ceremony = Ceremony::with_kek();
    let made = ceremony.init("root", "p256").ok();
    let root = x509::Certificate::from_pem(ceremony.read("root/root.crt").as_bytes()).unwrap();
    assert_eq!(made.value("serial"), root.serial().to_string());
    ceremony.csr("sub", "/CN=Sub CA");
    let tried = ceremony.sign("sub", &["--dry-run"]).ok();
    assert_eq!(
        (tried.value("signed"), tried.value("subject")),
        ("false".into(), "CN=Sub CA".into())
    );
    let signed = ceremony.sign("sub", &["--out", "sub.crt"]).ok();
    assert_eq!(
        (signed.value("signed"), signed.value("file")),
        ("true".into(), "sub.crt".into())
    );
    // What is signed is shown all the same, where it does not disturb.
    assert!(signed.stderr.contains("This will be signed"), "{signed:?}");
    let certificate = x509::Certificate::from_pem(ceremony.read("sub.crt").as_bytes()).unwrap();
    let serial = certificate.serial().to_string();
    assert_eq!(signed.value("serial"), serial);
    let revoked = ceremony.run(&[
        "revoke",
        "sub.crt",
        "--dir",
        "root",
        "--yes",
        "--reason",
        "superseded",
    ]);
    let revoked = revoked.ok();
    assert_eq!(
        (revoked.value("serial"), revoked.value("reason")),
        (serial.clone(), "superseded".into())
    );
    let list = ceremony.run_unlocked(&["crl", "--out", "root.crl"]).ok();
    assert_eq!(
        (list.value("file"), list.value("number")),
        ("root.crl".into(), "1".into())
    );
    let listed = list.json();
    assert_eq!(
        listed
            .pointer("/revoked/0/serial")
            .and_then(|serial| serial.as_str()),
        Some(serial.as_str())
    );
    // On standard output the certificate and the CRL are alone.
    assert!(
        ceremony
            .sign("sub", &["--out", "-", "-o", "json"])
            .ok()
            .stdout
            .starts_with("-----BEGIN")
    );
}

#[test]
fn every_example_in_the_help_can_be_typed() {
    let mut command = Embedding::command();
    let mut helps = vec![command.render_long_help().to_string()];
    // `help` is clap's own.
    for subcommand in command
        .get_subcommands_mut()
        .filter(|one| one.get_name() != "help")
    {
        helps.push(subcommand.render_long_help().to_string());
    }
    let mut tried = 0;
    for help in &helps {
        let examples = help.rsplit("\nExample").next().unwrap();
        assert!(examples.len() < help.len(), "every help has examples: {help}");
        let examples = examples.replace("\\\n", " ");
        for line in examples.lines().skip(1).filter(|line| line.starts_with("  ")) {
            let words = shell_words(line);
            assert!(!line.contains('…'), "{line}");
            <Embedding as clap::Parser>::try_parse_from([vec!["rootca".to_owned()], words.clone()].concat())
                .unwrap_or_else(|error| panic!("{line}: {error}"));
            // A number is one, and not the beginning of one.
            if let [command, named, ..] = words.as_slice()
                && command == "revoke"
                && !named.ends_with(".crt")
            {
                named.parse::<x509::Serial>().unwrap();
            }
            tried += 1;
        }
    }
    assert!(tried >= 14, "{tried}");
    assert!(
        !helps.concat().contains(":…"),
        "placeholders that look like values"
    );
}

/// Words as a POSIX shell splits them, of lines with single quotes only.
fn shell_words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (at, part) in line.split('\'').enumerate() {
        match at % 2 {
            0 => words.extend(part.split_whitespace().map(str::to_owned)),
            _ => words.push(part.to_owned()),
        }
    }
    words
}
