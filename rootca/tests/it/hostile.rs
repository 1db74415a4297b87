//! What other users of a shared folder, a wrong clock, a loose umask, and other tools may leave.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Command, Stdio};

use crate::world::{Answer, Ceremony};

fn with_csr() -> Ceremony {
    let ceremony = Ceremony::with_kek();
    ceremony.init("root", "p256").ok();
    ceremony.csr("sub", "/CN=Sub CA");
    ceremony
}

/// The program under another umask.
fn under_umask(ceremony: &Ceremony, umask: &str, args: &[&str]) -> Answer {
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("umask {umask}; exec \"$@\""), "sh"])
        .arg(env!("CARGO_BIN_EXE_gigvault-rootca"))
        .args(args)
        .args(["--kek-file", "kek"])
        .current_dir(ceremony.path("."))
        .stdin(Stdio::null());
    command.output().unwrap().into()
}

#[test]
fn a_link_at_the_place_of_the_result_is_not_followed() {
    let ceremony = with_csr();
    fs::write(ceremony.path("theirs"), "theirs").unwrap();
    for (name, target) in [
        ("live", "theirs"),
        ("dangling", "nothing"),
        (".out.crt.new", "theirs"),
    ] {
        symlink(ceremony.path(target), ceremony.path(name)).unwrap();
    }
    for name in ["live", "dangling"] {
        ceremony
            .sign("sub", &["--out", name])
            .refused(1, "never overwritten");
        ceremony
            .run_unlocked(&["crl", "--out", name])
            .refused(1, "never overwritten");
    }
    // The name that earlier versions wrote to first.
    ceremony.sign("sub", &["--out", "out.crt"]).ok();
    assert_eq!(ceremony.read("theirs"), "theirs");
    assert!(!ceremony.path("nothing").exists());
    assert_eq!(
        ceremony.read("root/issued.jsonl").lines().count(),
        1,
        "refused before it was signed"
    );
}

#[test]
fn a_result_that_cannot_be_written_is_refused_before_anything_is_signed() {
    let ceremony = with_csr();
    ceremony
        .sign("sub", &["--out", "no/such/folder.crt"])
        .refused(1, "no/such");
    assert_eq!(ceremony.read("root/issued.jsonl"), "");
}

#[test]
fn a_fifo_is_refused_by_name() {
    let ceremony = with_csr();
    for name in ["issued.jsonl", "crl-number", "revoked.jsonl", ".lock"] {
        let path = ceremony.path(&format!("root/{name}"));
        let kept = fs::read(&path).ok();
        let _there = fs::remove_file(&path);
        rustix::fs::mkfifoat(
            rustix::fs::CWD,
            &path,
            rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        )
        .unwrap();
        let command: &[&str] = match name {
            "issued.jsonl" => &["sign-intermediate", "sub.csr", "--yes"],
            _ => &["crl"],
        };
        ceremony.run_unlocked(command).refused(1, "a FIFO");
        fs::remove_file(&path).unwrap();
        if let Some(kept) = kept {
            fs::write(&path, kept).unwrap();
        }
    }
    let fifo = ceremony.path("fifo.csr");
    rustix::fs::mkfifoat(
        rustix::fs::CWD,
        &fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
    )
    .unwrap();
    ceremony.sign("fifo", &[]).refused(1, "a FIFO");
    ceremony.run(&["inspect", "fifo.csr"]).refused(1, "a FIFO");
}

#[test]
fn modes_do_not_depend_on_the_umask() {
    for umask in ["0", "077"] {
        let ceremony = Ceremony::with_kek();
        under_umask(
            &ceremony,
            umask,
            &["init", "--subject", "CN=R", "--key-type", "p256", "--dir", "root"],
        )
        .ok();
        ceremony.csr("sub", "/CN=Sub CA");
        let sign = [
            "sign-intermediate",
            "sub.csr",
            "--yes",
            "--dir",
            "root",
            "--out",
            "sub.crt",
        ];
        under_umask(&ceremony, umask, &sign).ok();
        under_umask(&ceremony, umask, &["crl", "--dir", "root"]).ok();
        for (name, mode) in [
            ("root", 0o700),
            ("root/issued", 0o700),
            ("root/root.key", 0o600),
            ("root/issued.jsonl", 0o600),
            ("root/revoked.jsonl", 0o600),
            ("root/crl-number", 0o600),
            ("root/root.crt", 0o644),
            ("root/root.crl", 0o644),
            ("sub.crt", 0o644),
        ] {
            assert_eq!(ceremony.mode(name), mode, "{name} under umask {umask}");
        }
    }
}

#[test]
fn a_folder_that_others_can_write_in_is_not_signed_with() {
    let ceremony = with_csr();
    fs::set_permissions(ceremony.path("root"), Permissions::from_mode(0o777)).unwrap();
    ceremony.sign("sub", &[]).refused(1, "chmod 700");
    fs::set_permissions(ceremony.path("root"), Permissions::from_mode(0o755)).unwrap();
    ceremony.sign("sub", &[]).ok();
    assert_eq!(ceremony.mode("root"), 0o700);
}

#[test]
fn a_crl_number_never_repeats_at_the_end_of_the_range() {
    let ceremony = with_csr();
    fs::write(ceremony.path("root/crl-number"), format!("{}\n", u64::MAX - 1)).unwrap();
    let last = ceremony.run_unlocked(&["crl"]).ok().value("number");
    assert_eq!(last, u64::MAX.to_string());
    ceremony.run_unlocked(&["crl"]).refused(1, "used up");
    ceremony.run_unlocked(&["crl"]).refused(1, "used up");
}

#[test]
fn an_orphan_is_found_taken_in_and_revoked() {
    let ceremony = with_csr();
    ceremony.sign("sub", &[]).ok();
    let before = ceremony.read("root/issued.jsonl");
    let serial = ceremony.sign("sub", &["--out", "sub.crt"]).ok().value("serial");
    let forget = || fs::write(ceremony.path("root/issued.jsonl"), &before).unwrap();
    let verify =
        |more: &[&str]| ceremony.run(&[&["verify", "--dir", "root", "--without-key"], more].concat());
    forget();
    verify(&[]).refused(1, "--repair");
    assert!(
        verify(&["--repair", "-o", "table"])
            .ok()
            .stdout
            .contains("taken into issued.jsonl")
    );
    verify(&[]).ok();
    // By number, from the copy in the folder.
    forget();
    ceremony.run(&["revoke", &serial, "--dir", "root", "--yes"]).ok();
    verify(&[]).ok();
    // By file, when there is no copy either.
    let ceremony = with_csr();
    ceremony.sign("sub", &["--out", "sub.crt"]).ok();
    fs::write(ceremony.path("root/issued.jsonl"), "").unwrap();
    fs::remove_dir_all(ceremony.path("root/issued")).unwrap();
    fs::create_dir(ceremony.path("root/issued")).unwrap();
    ceremony
        .run(&["revoke", "sub.crt", "--dir", "root", "--yes"])
        .ok();
    let list = ceremony.run_unlocked(&["crl"]).ok();
    assert_eq!(list.value("revoked"), "1");
    ceremony.run_unlocked(&["verify"]).ok();
    // A certificate of another root is none of ours.
    let other = with_csr();
    other.sign("sub", &["--out", "other.crt"]).ok();
    let path = other.path("other.crt").display().to_string();
    ceremony
        .run(&["revoke", &path, "--dir", "root", "--yes"])
        .refused(1, "not signed by this root");
}

#[test]
fn a_crl_never_takes_back_what_a_lost_ledger_forgot() {
    let ceremony = with_csr();
    let serial = ceremony.sign("sub", &["--out", "sub.crt"]).ok().value("serial");
    ceremony
        .run(&[
            "revoke",
            &serial,
            "--dir",
            "root",
            "--reason",
            "superseded",
            "--yes",
        ])
        .ok();
    ceremony.run_unlocked(&["crl"]).ok();
    let ledger = ceremony.path("root/revoked.jsonl");
    let (whole, list) = (
        ceremony.read("root/revoked.jsonl"),
        fs::read(ceremony.path("root/root.crl")).unwrap(),
    );
    let verify =
        |more: &[&str]| ceremony.run(&[&["verify", "--dir", "root", "--without-key"], more].concat());
    // Torn in the middle of its only line, emptied, and gone.
    let torn = whole.get(..whole.len() / 2).unwrap();
    for left in [Some(torn), Some(""), None] {
        match left {
            Some(text) => fs::write(&ledger, text).unwrap(),
            None => fs::remove_file(&ledger).unwrap(),
        }
        let refused = ceremony.run_unlocked(&["crl"]);
        assert!(refused.stderr.contains("revoked.jsonl"), "{}", refused.stderr);
        refused.refused(1, "verify --repair");
        ceremony
            .run(&["revoke", &serial, "--dir", "root", "--yes"])
            .refused(1, "verify --repair");
        ceremony
            .run(&["inspect", "--dir", "root"])
            .refused(1, "verify --repair");
        assert_eq!(
            fs::read(ceremony.path("root/root.crl")).unwrap(),
            list,
            "{left:?}"
        );
        // Of a list that is gone only people know whether the CRL has all that was in it.
        let (says, done) = match left {
            Some("") => ("which revoked.jsonl does not", "taken into revoked.jsonl"),
            Some(_) => ("which revoked.jsonl does not", "rebuilt from what it still says"),
            None => ("revoked.jsonl is missing", "taken into revoked.jsonl"),
        };
        let how = match left {
            Some(_) => &["--repair", "-o", "table"][..],
            None => &["--repair", "--accept-loss", "-o", "table"],
        };
        verify(&[]).refused(1, says);
        let repaired = verify(how).ok().stdout;
        assert!(repaired.contains(done), "{repaired}");
        let restored = ceremony.read("root/revoked.jsonl");
        assert!(
            restored.contains(&serial) && restored.contains("superseded"),
            "{restored}"
        );
        assert_eq!(ceremony.mode("root/revoked.jsonl"), 0o600);
    }
    assert_eq!(ceremony.run_unlocked(&["crl"]).ok().value("revoked"), "1");
}

#[test]
fn a_ledger_that_was_emptied_is_not_taken_for_new() {
    let ceremony = with_csr();
    let serial = ceremony.sign("sub", &["--out", "sub.crt"]).ok().value("serial");
    let ledger = ceremony.path("root/issued.jsonl");
    fs::write(&ledger, "").unwrap();
    for command in [["revoke", &serial], ["revoke", "sub.crt"]] {
        ceremony
            .run(&[&command[..], &["--dir", "root", "--yes"]].concat())
            .refused(1, "is empty");
    }
    ceremony.sign("sub", &[]).refused(1, "--repair");
    assert_eq!(fs::read(&ledger).unwrap(), b"", "nothing was added to it");
    let verify = ["verify", "--dir", "root", "--without-key"];
    ceremony.run(&verify).refused(1, "--repair");
    ceremony.run(&[&verify[..], &["--repair"]].concat()).ok();
    ceremony.run(&["revoke", &serial, "--dir", "root", "--yes"]).ok();
}

#[test]
fn a_crl_of_another_root_revokes_nothing_here() {
    let (ceremony, other) = (with_csr(), with_csr());
    let serial = other.sign("sub", &["--out", "sub.crt"]).ok().value("serial");
    other.run(&["revoke", &serial, "--dir", "root", "--yes"]).ok();
    other.run_unlocked(&["crl"]).ok();
    fs::copy(other.path("root/root.crl"), ceremony.path("root/root.crl")).unwrap();
    ceremony.run_unlocked(&["crl"]).refused(1, "out of the folder");
    ceremony
        .run(&["verify", "--dir", "root", "--without-key", "--repair"])
        .refused(1, "root.crl");
    assert_eq!(ceremony.read("root/revoked.jsonl"), "");
}

#[test]
fn a_ledger_that_is_missing_is_not_taken_for_empty() {
    let ceremony = with_csr();
    let serial = ceremony.sign("sub", &["--out", "sub.crt"]).ok().value("serial");
    let ledger = ceremony.path("root/issued.jsonl");
    let copy = ceremony.path(&format!("root/issued/{serial}.crt"));
    let kept = fs::read(&ledger).unwrap();
    fs::remove_file(&ledger).unwrap();
    let verify =
        |more: &[&str]| ceremony.run(&[&["verify", "--dir", "root", "--without-key"], more].concat());
    ceremony.sign("sub", &[]).refused(1, "--repair");
    ceremony
        .run(&["revoke", &serial, "--dir", "root", "--yes"])
        .refused(1, "--repair");
    ceremony
        .run_unlocked(&["crl"])
        .refused(1, "issued.jsonl: is missing, but")
        .refused(1, "--repair");
    assert!(!ceremony.path("root/root.crl").exists());
    verify(&[]).refused(1, "issued.jsonl is missing");
    assert!(!ledger.exists(), "nothing made it again");
    assert!(
        verify(&["--repair", "-o", "table"])
            .ok()
            .stdout
            .contains("rebuilt")
    );
    verify(&[]).ok();
    ceremony.run(&["revoke", &serial, "--dir", "root", "--yes"]).ok();

    // A revocation shows as well that something was issued.
    fs::remove_file(&ledger).unwrap();
    fs::rename(&copy, ceremony.path("elsewhere.crt")).unwrap();
    ceremony
        .run_unlocked(&["sign-intermediate", "sub.csr", "--yes"])
        .refused(1, "revoked.jsonl");
    fs::write(&ledger, kept).unwrap();
    fs::rename(ceremony.path("elsewhere.crt"), copy).unwrap();
    verify(&[]).ok();
    // Nothing but the file says whether anything was ever issued.
    let ceremony = with_csr();
    fs::remove_file(ceremony.path("root/issued.jsonl")).unwrap();
    ceremony.run_unlocked(&["crl"]).refused(1, "--repair");
    ceremony.sign("sub", &[]).refused(1, "--repair");
    verify_repaired(&ceremony);
}

fn verify_repaired(ceremony: &Ceremony) {
    let verify = ["verify", "--dir", "root", "--without-key"];
    ceremony.run(&verify).refused(1, "issued.jsonl is missing");
    ceremony.run(&[&verify[..], &["--repair"]].concat()).ok();
    ceremony.sign("sub", &[]).ok();
}

#[test]
fn what_others_could_have_put_into_the_folder_is_refused_at_every_depth() {
    let ceremony = with_csr();
    let serial = ceremony.sign("sub", &[]).ok().value("serial");
    let copy = format!("root/issued/{serial}.crt");
    let set = |name: &str, mode: u32| {
        fs::set_permissions(ceremony.path(name), Permissions::from_mode(mode)).unwrap();
    };
    for (name, good, bad) in [
        ("root/issued", 0o700, 0o777),
        ("root/issued.jsonl", 0o600, 0o666),
        ("root/crl-number", 0o600, 0o620),
        (copy.as_str(), 0o644, 0o664),
    ] {
        set(name, bad);
        ceremony
            .run_unlocked(&["crl"])
            .refused(1, "can be written by other users");
        set(name, good);
    }
    let moved = ceremony.path("moved");
    fs::rename(ceremony.path("root/issued"), &moved).unwrap();
    symlink(&moved, ceremony.path("root/issued")).unwrap();
    ceremony.run_unlocked(&["crl"]).refused(1, "a symbolic link");
}
