//! `verify` finds what does not belong together.

use std::fs;
use std::path::Path;

use crate::world::Ceremony;

/// A folder with two intermediates, one revoked, and a CRL; `spoil` gets the folder and the first serial number.
fn complaint(spoil: impl FnOnce(&Path, &str)) -> String {
    let (ceremony, serial) = Ceremony::with_intermediate();
    ceremony.csr("second", "/CN=Second CA");
    let second = ceremony.sign("second", &[]).ok().value("serial");
    ceremony.run(&["revoke", &second, "--dir", "root", "--yes"]).ok();
    ceremony.run_unlocked(&["crl"]).ok();
    let fine = ceremony.run(&["verify", "--dir", "root", "--without-key"]).ok();
    assert!(
        fine.stdout.contains("2 issued") && fine.stdout.contains("1 revoked"),
        "{fine:?}"
    );
    spoil(&ceremony.path("root"), &serial);
    let answer = ceremony.run(&["verify", "--dir", "root", "--without-key"]);
    assert_eq!(answer.code, 1, "{answer:?}");
    answer.stderr
}

fn edit(path: &Path, change: impl FnOnce(String) -> String) {
    fs::write(path, change(fs::read_to_string(path).unwrap())).unwrap();
}

#[test]
fn a_missing_or_swapped_certificate_is_found() {
    let gone = complaint(|root, serial| fs::remove_file(root.join(format!("issued/{serial}.crt"))).unwrap());
    assert!(gone.contains("--repair"), "{gone}");
    let swapped = complaint(|root, serial| {
        fs::copy(root.join("root.crt"), root.join(format!("issued/{serial}.crt"))).unwrap();
    });
    assert!(swapped.contains("another certificate"), "{swapped}");
}

#[test]
fn a_changed_or_shortened_ledger_is_found() {
    let renamed = complaint(|root, _| {
        edit(&root.join("issued.jsonl"), |text| {
            text.replace("Second CA", "Third CA")
        })
    });
    assert!(renamed.contains("other things"), "{renamed}");
    let shortened = complaint(|root, serial| {
        edit(&root.join("issued.jsonl"), |text| {
            text.lines()
                .filter(|line| !line.contains(serial))
                .map(|line| format!("{line}\n"))
                .collect()
        });
    });
    assert!(shortened.contains("is not in issued.jsonl"), "{shortened}");
    let doubled = complaint(|root, _| edit(&root.join("issued.jsonl"), |text| text.repeat(2)));
    assert!(doubled.contains("twice"), "{doubled}");
    let broken = complaint(|root, _| edit(&root.join("issued.jsonl"), |text| text + "{\"serial\"\n"));
    assert!(broken.contains("issued.jsonl: line 3"), "{broken}");
}

#[test]
fn a_changed_list_of_revocations_is_found() {
    let forgotten = complaint(|root, _| fs::write(root.join("revoked.jsonl"), "").unwrap());
    assert!(forgotten.contains("revoked.jsonl does not"), "{forgotten}");
    let invented = complaint(|root, _| {
        let line = r#"{"serial":"0102","reason":"unspecified","time":"2026-11-24T12:00:00Z"}"#;
        edit(&root.join("revoked.jsonl"), |text| format!("{text}{line}\n"));
    });
    assert!(invented.contains("0102 is not in issued.jsonl"), "{invented}");
}

#[test]
fn a_foreign_root_or_crl_is_found() {
    let other = Ceremony::with_root();
    other.run_unlocked(&["crl"]).ok();
    let crl = complaint(|root, _| {
        fs::copy(other.path("root/root.crl"), root.join("root.crl")).unwrap();
    });
    assert!(crl.contains("root.crl"), "{crl}");
    let root = complaint(|root, _| {
        fs::copy(other.path("root/root.crt"), root.join("root.crt")).unwrap();
    });
    assert!(root.contains("issued/"), "{root}");
    let number = complaint(|root, _| fs::write(root.join("crl-number"), "0\n").unwrap());
    assert!(number.contains("another number"), "{number}");
}

#[test]
fn a_crl_that_is_due_is_noted_but_nothing_is_wrong() {
    let (ceremony, serial) = Ceremony::with_intermediate();
    let verify = || {
        ceremony
            .run(&["verify", "--dir", "root", "--without-key"])
            .ok()
            .stdout
    };
    assert!(verify().contains("no CRL yet"));
    ceremony.run_unlocked(&["crl", "--validity", "1s"]).ok();
    ceremony.run(&["revoke", &serial, "--dir", "root", "--yes"]).ok();
    assert!(verify().contains("does not list every revoked"));
    std::thread::sleep(std::time::Duration::from_millis(2100));
    assert!(verify().contains("out of date"));
}
