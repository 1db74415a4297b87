//! Ledger lines that can be read and cannot be right: they contradict the certificate in them, or tell a time that cannot be.

use std::fs;

use keys::{KeyEncryptionKey, Signer, SoftwareKey};
use rootca::{Folder, Intermediate, Loss, Protection, Root};
use time::{Duration, OffsetDateTime};
use x509::KeyAlgorithm;
use x509::crl::Reason;

use crate::damaged_lines::{ISSUED, REVOKED, crl, repair, with_revocation, write};
use crate::world::Ceremony;

/// A folder whose ledger of certificates has these lines, once it was repaired.
fn repaired(ceremony: &Ceremony, ledger: &str, loss: Loss) -> Vec<String> {
    write(ceremony, ISSUED, ledger);
    let _ = fs::remove_dir_all(ceremony.path("root/aside"));
    let (folder, now) = (
        Folder::open(&ceremony.path("root")).unwrap(),
        OffsetDateTime::now_utc(),
    );
    folder.repair(now, loss).unwrap();
    let again = folder.repair(now, loss).unwrap();
    assert_eq!(again, Vec::<String>::new(), "{ledger}");
    folder.audit(now).unwrap().problems
}

/// The line with another character at this place, which is one of the kind that was there.
fn changed(line: &str, at: usize) -> String {
    let mut octets = line.as_bytes().to_vec();
    let octet = octets.get_mut(at).unwrap();
    *octet = match *octet {
        b'0' => b'1',
        b'1'..=b'9' => b'0',
        b'a' => b'b',
        _ => b'a',
    };
    String::from_utf8(octets).unwrap()
}

#[test]
fn one_changed_octet_of_what_was_issued_is_mended() {
    let (ceremony, serial) = Ceremony::with_intermediate();
    let whole = ceremony.read(ISSUED);
    let time = whole.find("\"time\":\"").unwrap() + "\"time\":\"".len();
    let end_of_time = time + whole.get(time..).unwrap().find('"').unwrap();
    let in_certificate = (end_of_time + 40..whole.len() - 3).step_by(97);
    let known = || Folder::open(&ceremony.path("root")).unwrap().issued().unwrap();
    let expected = known();
    for at in (0..end_of_time + 40).step_by(5).chain(in_certificate) {
        let damaged = changed(&whole, at);
        if (time..end_of_time).contains(&at) {
            // The certificate says about when it was signed.
            assert_eq!(repaired(&ceremony, &damaged, Loss::Refuse), Vec::<String>::new());
            assert!(ceremony.read(ISSUED).contains(&serial), "{damaged}");
            continue;
        }
        assert_eq!(
            repaired(&ceremony, &damaged, Loss::Refuse),
            Vec::<String>::new(),
            "{damaged}"
        );
        assert_eq!(known(), expected, "{damaged}");
    }
    let copies = fs::read_dir(ceremony.path("root/issued")).unwrap();
    assert_eq!(copies.count(), 1);
}

#[test]
fn a_line_that_contradicts_its_certificate_is_to_blame_and_not_the_copy() {
    let (ceremony, serial) = Ceremony::with_intermediate();
    let whole = ceremony.read(ISSUED);
    let digit = changed(&serial, 5);
    for damaged in [
        whole.replacen(&serial, &digit, 1),
        whole.replace("Example Issuing CA", "Example Issuing CB"),
        changed(&whole, whole.find("fingerprint_sha256").unwrap() + 25),
    ] {
        write(&ceremony, ISSUED, &damaged);
        let verify = ["verify", "--without-key", "--dir", "root"];
        let found = ceremony.run(&verify).refused(
            1,
            "issued.jsonl: line 1 says other things than the certificate in it",
        );
        assert!(!found.stderr.contains("another certificate"), "{found:?}");
        assert!(!found.stderr.contains(".crt"), "{found:?}");
        ceremony
            .run_unlocked(&["crl"])
            .refused(1, "issued.jsonl: line 1 says other things");
        let fixed = repair(&ceremony, &[]).ok();
        assert!(
            fixed.stdout.contains("rebuilt from what it still says (line 1)"),
            "{fixed:?}"
        );
        assert!(!fixed.stdout.contains("was written from"), "{fixed:?}");
        assert_eq!(ceremony.read(ISSUED), whole);
        assert_eq!(repair(&ceremony, &[]).ok().value("repaired"), "0");
    }
    // A line of an earlier version, which holds no certificate, by its copy.
    let (old, _) = whole.split_once(",\"certificate\"").unwrap();
    write(&ceremony, ISSUED, format!("{old}}}\n"));
    ceremony.run(&["verify", "--without-key", "--dir", "root"]).ok();
    write(
        &ceremony,
        ISSUED,
        format!("{}}}\n", old.replace("Issuing", "Issuinf")),
    );
    repair(&ceremony, &[]).ok();
    assert_eq!(ceremony.read(ISSUED), whole);
}

#[test]
fn a_revocation_at_an_impossible_time_is_named_and_never_signed() {
    let (ceremony, serial) = with_revocation();
    let whole = ceremony.read(REVOKED);
    let year = OffsetDateTime::now_utc().year().to_string();
    let at = |other: &str| whole.replace(&format!("\"time\":\"{year}"), &format!("\"time\":\"{other}"));
    for (time, why) in [
        ("2826", "which cannot be right: it is in the future"),
        (
            "0026",
            "which cannot be right: it is before the certificate was signed",
        ),
        (
            "2025",
            "which cannot be right: it is before the certificate was signed",
        ),
    ] {
        write(&ceremony, REVOKED, at(time));
        let named = format!("revoked.jsonl: line 1 has the time {time}-");
        for command in [&["crl"][..], &["crl", "--accept-loss"], &["verify"]] {
            ceremony.run_unlocked(command).refused(1, &named).refused(1, why);
        }
        assert!(!ceremony.path("root/root.crl").exists());
        repair(&ceremony, &[]).refused(
            1,
            &format!("when {serial} was revoked is said, but cannot be right"),
        );
        assert_eq!(ceremony.read(REVOKED), at(time));
        let accepted = repair(&ceremony, &["--accept-loss"]).ok();
        assert!(accepted.stdout.contains("and becomes"), "{accepted:?}");
        assert!(ceremony.read(REVOKED).contains(&format!("\"time\":\"{year}")));
    }
    // A list that was signed before knows it.
    write(&ceremony, REVOKED, &whole);
    ceremony.run_unlocked(&["crl"]).ok();
    write(&ceremony, REVOKED, at("2826"));
    repair(&ceremony, &[]).ok();
    assert!(ceremony.read(REVOKED).contains(&format!("\"time\":\"{year}")));
    ceremony.run_unlocked(&["crl"]).ok();
}

#[test]
fn a_signature_at_an_impossible_time_is_named_and_keeps_nothing_from_being_revoked() {
    for (time, why) in [("2826", "in the future"), ("0026", "before this root was made")] {
        let (ceremony, serial) = Ceremony::with_intermediate();
        ceremony.csr("other", "/CN=Other CA");
        let other = ceremony
            .sign("other", &["--out", "other.crt"])
            .ok()
            .value("serial");
        let whole = ceremony.read(ISSUED);
        let year = OffsetDateTime::now_utc().year().to_string();
        let wrong = |line: &str| line.replace(&format!("\"time\":\"{year}"), &format!("\"time\":\"{time}"));
        let damaged: String = whole.lines().map(|line| wrong(line) + "\n").collect();
        write(&ceremony, ISSUED, &damaged);
        let verify = ["verify", "--without-key", "--dir", "root"];
        ceremony
            .run(&verify)
            .refused(1, &format!("issued.jsonl: line 1 has the time {time}-"))
            .refused(1, why)
            .refused(1, "(and 1 more line is damaged)")
            .refused(1, "set the clock of this machine if it is behind");
        // Its own line is wrong, and that of another: the certificate itself says about when it was signed.
        for serial in [&serial, &other] {
            ceremony.run(&["revoke", serial, "--dir", "root", "--yes"]).ok();
        }
        assert_eq!(crl(&ceremony).len(), 2);
        assert!(!ceremony.read(REVOKED).contains(time));
        repair(&ceremony, &[]).ok();
        ceremony.run(&verify).ok();
    }
}

#[test]
fn what_a_clock_that_was_ahead_has_dated_stops_nothing() {
    const NOW: OffsetDateTime = rootca::BUILT;
    let dir = tempfile::tempdir().unwrap();
    let kek = KeyEncryptionKey::create_file(&dir.path().join("kek")).unwrap();
    let subject = "CN=Root".parse().unwrap();
    let root = Root::create(&subject, KeyAlgorithm::P256, None, NOW).unwrap();
    let folder = root
        .save(&dir.path().join("root"), Protection::Sealed(&kek))
        .unwrap();
    for (hours, revoked_by) in [(3, NOW), (3, NOW + Duration::hours(3)), (60, NOW)] {
        let key = SoftwareKey::generate(KeyAlgorithm::P256).unwrap();
        let wanted = Intermediate::new("CN=Issuing CA".parse().unwrap(), key.public_key().clone());
        let ahead = NOW + Duration::hours(hours);
        let draft = rootca::draft(root.certificate(), &wanted, ahead).unwrap();
        let serial = folder
            .issue(&root, draft, ahead)
            .unwrap()
            .serial()
            .proper()
            .unwrap();
        assert_eq!(folder.audit(NOW).unwrap().problems, Vec::<String>::new());
        folder.revoke(serial, Reason::CaCompromise, revoked_by).unwrap();
        let list = folder
            .publish_crl(&root, rules::duration::days(30), NOW, Loss::Refuse)
            .unwrap();
        let entry = list
            .entries()
            .iter()
            .find(|entry| entry.serial.proper() == Ok(serial));
        assert!(entry.unwrap().time <= list.this_update());
    }
}
