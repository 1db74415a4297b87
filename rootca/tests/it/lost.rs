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
            .refused(1, "root.key is missing or empty")
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
    promises_nothing(|key| fs::remove_file(key).unwrap());
    // A copy that broke off, on a full medium.
    promises_nothing(|key| fs::write(key, "").unwrap());
}

fn promises_nothing(lose: impl Fn(&std::path::Path)) {
    let ceremony = with_csr();
    let serial = ceremony.sign("sub", &[]).ok().value("serial");
    lose(&ceremony.path("root/root.key"));
    let trial = ceremony.run_unlocked(&["sign-intermediate", "sub.csr", "--dry-run"]);
    assert!(trial.ok().stdout.contains("root.key is missing or empty"));
    let revoke = ["revoke", &serial, "--dir", "root", "--yes", "-o", "table"];
    let revoked = ceremony.run(&revoke).ok();
    assert!(
        revoked.stdout.contains("root.key is missing or empty")
            && revoked.stdout.contains("none can be signed"),
        "{revoked:?}"
    );
    // No question comes whether to sign what cannot be signed.
    ceremony
        .run_unlocked(&["sign-intermediate", "sub.csr"])
        .refused(1, "root.key is missing or empty");
}

#[test]
fn a_folder_in_which_an_earlier_version_revoked_the_root_itself_is_repaired() {
    let (ceremony, _) = Ceremony::with_intermediate();
    let issued = ceremony.read("root/issued.jsonl");
    let root = x509::Certificate::from_pem(ceremony.read("root/root.crt").as_bytes()).unwrap();
    let serial = root.serial().to_string();
    let now = time::OffsetDateTime::now_utc();
    let time = now
        .format(&time::format_description::well_known::Rfc3339)
        .unwrap();
    let line = serde_json::json!({
        "serial": serial, "subject": root.subject().to_string(),
        "fingerprint_sha256": data_encoding::HEXLOWER.encode(&root.fingerprint()),
        "not_after": "2099-01-01T00:00:00Z", "time": time,
    });
    fs::write(ceremony.path("root/issued.jsonl"), format!("{issued}{line}\n")).unwrap();
    let line = serde_json::json!({"serial": serial, "reason": "superseded", "time": time});
    fs::write(ceremony.path("root/revoked.jsonl"), format!("{line}\n")).unwrap();
    fs::write(ceremony.path(&format!("root/issued/{serial}.crt")), root.pem()).unwrap();
    ceremony.run_unlocked(&["crl"]).ok();
    let verify = ["verify", "--without-key", "--dir", "root", "-o", "json"];
    for file in ["issued.jsonl", "revoked.jsonl"] {
        ceremony
            .run(&verify)
            .refused(
                1,
                &format!("{file}: {serial} is the certificate of the root itself"),
            )
            .refused(1, "`verify --repair` takes it out");
    }
    let repaired = ceremony.run(&[&verify[..], &["--repair"]].concat()).ok();
    assert!(
        repaired.stdout.contains("make a new CRL with `crl`"),
        "{repaired:?}"
    );
    assert_eq!(ceremony.read("root/issued.jsonl"), issued);
    assert_eq!(ceremony.read("root/revoked.jsonl"), "");
    assert_eq!(fs::read_dir(ceremony.path("root/issued")).unwrap().count(), 1);
    // The list that is out still has it, until the next one.
    let lists_itself = || {
        ceremony
            .run(&verify)
            .ok()
            .stdout
            .contains("root.crl lists the root itself")
    };
    assert!(lists_itself());
    ceremony.run_unlocked(&["crl"]).ok();
    assert!(!lists_itself());
    ceremony.run_unlocked(&["verify"]).ok();
}

#[test]
fn a_missing_list_of_revocations_is_not_taken_for_empty() {
    let ceremony = with_csr();
    let serial = ceremony.sign("sub", &["--out", "sub.crt"]).ok().value("serial");
    let revoke = ["revoke", &serial, "--dir", "root", "--yes"];
    let ledger = ceremony.path("root/revoked.jsonl");
    let verify =
        |more: &[&str]| ceremony.run(&[&["verify", "--dir", "root", "--without-key"], more].concat());
    // Without a CRL, and beside one that lists nothing.
    for with_list in [false, true] {
        if with_list {
            ceremony.run_unlocked(&["crl"]).ok();
        }
        fs::remove_file(&ledger).unwrap();
        ceremony.run_unlocked(&["crl"]).refused(1, "verify --repair");
        ceremony.run(&revoke).refused(1, "verify --repair");
        verify(&[]).refused(1, "revoked.jsonl is missing");
        assert!(!ledger.exists(), "nothing made it again");
        verify(&["--repair"]).refused(1, "`verify --repair --accept-loss`");
        assert!(!ledger.exists(), "nothing made it again");
        let repaired = verify(&["--repair", "--accept-loss", "-o", "table"]).ok().stdout;
        assert!(repaired.contains("rebuilt"), "{repaired}");
        verify(&[]).ok();
    }
    ceremony.run(&revoke).ok();
}
