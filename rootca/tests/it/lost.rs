//! A folder that lost its key or its ledger: what is said about it, and how often.

use std::fs;

use crate::world::Ceremony;

fn with_csr() -> Ceremony {
    let ceremony = Ceremony::with_kek();
    ceremony.init("root", "p256").ok();
    ceremony.csr("sub", "/CN=Sub CA");
    ceremony
}

#[test]
fn a_lost_key_is_named_before_a_passphrase_is_asked_for() {
    let ceremony = with_csr();
    fs::remove_file(ceremony.path("root/root.key")).unwrap();
    // Without a passphrase file the first question would be for it.
    for command in [
        &["crl"][..],
        &["verify"],
        &["sign-intermediate", "sub.csr", "--yes"],
    ] {
        let answer = ceremony.run(&[command, &["--dir", "root"]].concat());
        answer
            .refused(1, "root.key is not there")
            .refused(1, "from a copy of the folder")
            .refused(1, "`init`");
    }
    ceremony.run(&["verify", "--dir", "root", "--without-key"]).ok();
}

#[test]
fn verify_says_every_problem_once() {
    let ceremony = with_csr();
    let serial = ceremony.sign("sub", &["--out", "sub.crt"]).ok().value("serial");
    ceremony.run(&["revoke", &serial, "--dir", "root", "--yes"]).ok();
    ceremony.run_unlocked(&["crl"]).ok();
    fs::remove_file(ceremony.path("root/issued.jsonl")).unwrap();
    let shown = ceremony.run(&["verify", "--dir", "root", "--without-key", "-o", "table"]);
    let all = format!("{}{}", shown.stdout, shown.stderr);
    assert_eq!(all.matches("issued.jsonl is missing").count(), 1, "{all}");
    // What follows from it is not a problem of its own, and nothing that rests on it is in order.
    assert_eq!(all.matches("WRONG").count(), 2, "{all}");
    assert!(
        !all.contains("never issued") && !all.contains(" issued, all"),
        "{all}"
    );
    shown.refused(1, "said above");
    let json = ceremony.run(&["verify", "--dir", "root", "--without-key", "-o", "json"]);
    json.refused(1, "issued.jsonl is missing");
}

#[test]
fn a_lost_folder_of_copies_is_made_again_by_repair() {
    let ceremony = with_csr();
    let serial = ceremony.sign("sub", &["--out", "sub.crt"]).ok().value("serial");
    fs::remove_dir_all(ceremony.path("root/issued")).unwrap();
    for command in [
        &["crl"][..],
        &["verify"],
        &["sign-intermediate", "sub.csr", "--yes"],
        &["revoke", &serial, "--yes"],
    ] {
        let key = ["--kek-file", "kek"];
        let key = if command[0] == "revoke" { &[][..] } else { &key };
        let answer = ceremony.run(&[command, &["--dir", "root"], key].concat());
        let said = format!("{}{}", answer.stdout, answer.stderr);
        assert_eq!(answer.code, 1, "{said}");
        assert!(
            said.contains("issued") && said.contains("`verify --repair` makes it again"),
            "{said}"
        );
    }
    ceremony.run_unlocked(&["verify", "--repair"]).ok();
    let copy = ceremony.read(&format!("root/issued/{serial}.crt"));
    assert_eq!(copy, ceremony.read("sub.crt"));
    ceremony.run_unlocked(&["crl"]).ok();
    ceremony.sign("sub", &[]).ok();
}

#[test]
fn without_a_key_nothing_is_promised() {
    let ceremony = with_csr();
    let serial = ceremony.sign("sub", &[]).ok().value("serial");
    fs::remove_file(ceremony.path("root/root.key")).unwrap();
    let trial = ceremony.run_unlocked(&["sign-intermediate", "sub.csr", "--dry-run"]);
    assert!(trial.ok().stdout.contains("root.key is not there"));
    let revoked = ceremony.run(&["revoke", &serial, "--dir", "root", "--yes"]).ok();
    assert!(
        revoked.stdout.contains("root.key is not there") && revoked.stdout.contains("none can be signed"),
        "{revoked:?}"
    );
    // No question comes whether to sign what cannot be signed.
    ceremony
        .run_unlocked(&["sign-intermediate", "sub.csr"])
        .refused(1, "root.key is not there");
}
