//! Ledgers whose last line is not whole: a crash may have left it, or a copy that broke off. Nothing tells which, so nothing of it is
//! lost without a word.

use std::fs;
use std::process::{Command, Stdio};

use crate::damaged_lines::{ISSUED, REVOKED, crl, repair, with_revocation, write};
use crate::world::{Answer, Ceremony};

fn verify(ceremony: &Ceremony) -> Answer {
    ceremony.run(&["verify", "--without-key", "--dir", "root"])
}

fn aside(ceremony: &Ceremony) -> usize {
    fs::read_dir(ceremony.path("root/aside")).map_or(0, Iterator::count)
}

#[test]
fn a_revocation_whose_line_was_cut_stays_or_is_asked_about() {
    let (ceremony, serial) = with_revocation();
    ceremony.csr("other", "/CN=Other CA");
    let other = ceremony.sign("other", &[]).ok().value("serial");
    let whole = ceremony.read(REVOKED);
    let named = whole.find(&serial).unwrap() + serial.len();
    let told = whole.rfind('"').unwrap();
    for end in [1, named - 1, named, named + 20, told - 1, told, whole.len() - 2] {
        let cut = whole.get(..end).unwrap();
        write(&ceremony, REVOKED, cut);
        verify(&ceremony)
            .refused(
                1,
                "revoked.jsonl: line 1 cannot be read: it is the last one and is not whole",
            )
            .refused(1, "only if the command that wrote it never said that it was done");
        ceremony
            .run_unlocked(&["crl"])
            .refused(1, "revoked.jsonl: line 1 cannot be read");
        ceremony
            .run(&["revoke", &other, "--dir", "root", "--yes"])
            .refused(1, "revoked.jsonl: line 1 cannot be read");
        assert_eq!(ceremony.read(REVOKED), cut, "nothing was taken away");
        let before = aside(&ceremony);
        let repaired = repair(&ceremony, &[]);
        if end >= told {
            repaired.ok();
            assert_eq!(ceremony.read(REVOKED), whole, "{cut}");
        } else {
            repaired.refused(1, "--accept-loss");
            assert_eq!((ceremony.read(REVOKED).as_str(), aside(&ceremony)), (cut, before));
            let accepted = repair(&ceremony, &["--accept-loss"]).ok();
            let lost = accepted.stdout.contains("counts as valid again");
            assert_eq!(lost, end < named, "{cut}: {accepted:?}");
        }
        assert_eq!(aside(&ceremony), before + 1, "{cut}");
        let listed = crl(&ceremony);
        let is_listed = listed.iter().any(|(listed, _)| *listed == serial);
        assert_eq!(is_listed, end >= named, "{cut}");
        fs::remove_file(ceremony.path("root/root.crl")).unwrap();
    }
    // All but the line break.
    write(&ceremony, REVOKED, whole.trim_end());
    verify(&ceremony).ok();
    ceremony.run(&["revoke", &other, "--dir", "root", "--yes"]).ok();
    assert!(ceremony.read(REVOKED).starts_with(&whole));
    assert_eq!(crl(&ceremony).len(), 2);
}

#[test]
fn a_certificate_whose_line_was_cut_stays_known_by_its_copy() {
    let (ceremony, serial) = Ceremony::with_intermediate();
    let whole = ceremony.read(ISSUED);
    for end in [whole.len() / 2, whole.len() - 2] {
        write(&ceremony, ISSUED, whole.get(..end).unwrap());
        for command in [&["crl"][..], &["sign-intermediate", "issuing.csr", "--yes"]] {
            ceremony.run_unlocked(command).refused(
                1,
                "issued.jsonl: line 1 cannot be read: it is the last one and is not whole",
            );
        }
        repair(&ceremony, &[]).ok();
        assert_eq!(ceremony.read(ISSUED), whole);
    }
    // Without the copy, as a crash before anything was released leaves it.
    write(&ceremony, ISSUED, whole.get(..whole.len() / 2).unwrap());
    fs::remove_file(ceremony.path(&format!("root/issued/{serial}.crt"))).unwrap();
    repair(&ceremony, &[]).refused(1, "--accept-loss");
    repair(&ceremony, &["--accept-loss"]).ok();
    ceremony.sign("issuing", &[]).ok();
}

#[test]
fn a_line_that_a_crash_cut_off_goes_when_people_say_so() {
    let (ceremony, _) = Ceremony::with_intermediate();
    let whole = ceremony.read("root/issued.jsonl");
    fs::write(
        ceremony.path("root/issued.jsonl"),
        format!("{whole}{{\"serial\":\"01"),
    )
    .unwrap();
    let verify = ["verify", "--dir", "root", "--without-key", "-o", "table"];
    let found = ceremony.run(&verify);
    assert!(
        found
            .stdout
            .contains("issued.jsonl: line 2 cannot be read: it is the last one and is not whole"),
        "{found:?}"
    );
    ceremony.sign("issuing", &[]).refused(1, "issued.jsonl: line 2");
    ceremony
        .run(&[&verify[..], &["--repair", "--accept-loss"]].concat())
        .ok();
    assert_eq!(ceremony.read("root/issued.jsonl"), whole);
    ceremony.sign("issuing", &[]).ok();
    assert!(ceremony.read("root/issued.jsonl").starts_with(&whole));
    assert_eq!(ceremony.read("root/issued.jsonl").lines().count(), 2);
    ceremony.run_unlocked(&["verify"]).ok();
}

#[test]
fn a_full_disk_leaves_no_part_of_a_line() {
    let (ceremony, _) = with_revocation();
    ceremony.csr("other", "/CN=Other CA");
    let other = ceremony.sign("other", &[]).ok().value("serial");
    let line = ceremony.read(REVOKED);
    let there = format!("{:<999}\n", line.trim_end());
    write(&ceremony, REVOKED, &there);
    // Files of at most 1,024 octets: 24 of the new line find room.
    let script = r#"trap '' XFSZ; ulimit -f 1; exec "$0" "$@""#;
    let refused: Answer = Command::new("bash")
        .args(["-c", script, env!("CARGO_BIN_EXE_gigvault-rootca")])
        .args(["revoke", &other, "--dir", "root", "--yes"])
        .current_dir(ceremony.path(""))
        .stdin(Stdio::null())
        .output()
        .unwrap()
        .into();
    refused.refused(1, "append to");
    assert_eq!(ceremony.read(REVOKED), there);
    ceremony.run(&["revoke", &other, "--dir", "root", "--yes"]).ok();
    assert_eq!(crl(&ceremony).len(), 2);
}
