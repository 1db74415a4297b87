//! Ledger lines of which an octet or more is damaged: nothing that was revoked is taken back by a repair, and nothing that was
//! signed is forgotten, unless people accept that.

use std::fs;

use rootca::Folder;

use crate::world::{Answer, Ceremony};

pub(crate) const REVOKED: &str = "root/revoked.jsonl";
pub(crate) const ISSUED: &str = "root/issued.jsonl";

pub(crate) fn repair(ceremony: &Ceremony, more: &[&str]) -> Answer {
    let verify = ["verify", "--without-key", "--dir", "root", "--repair"];
    ceremony.run(&[&verify[..], more].concat())
}

pub(crate) fn write(ceremony: &Ceremony, name: &str, content: impl AsRef<[u8]>) {
    fs::write(ceremony.path(name), content).unwrap();
}

/// The serial numbers and reasons that a new CRL lists.
pub(crate) fn crl(ceremony: &Ceremony) -> Vec<(String, String)> {
    let list = ceremony.run_unlocked(&["crl"]).ok().json();
    let text = |entry: &serde_json::Value, name: &str| {
        let value = entry.get(name).and_then(serde_json::Value::as_str);
        value.unwrap_or_default().to_owned()
    };
    let entries = list
        .get("revoked")
        .and_then(serde_json::Value::as_array)
        .unwrap()
        .iter();
    entries
        .map(|entry| (text(entry, "serial"), text(entry, "reason")))
        .collect()
}

/// A root whose one intermediate is revoked for a compromise of its key.
pub(crate) fn with_revocation() -> (Ceremony, String) {
    let (ceremony, serial) = Ceremony::with_intermediate();
    let revoke = ["revoke", &serial, "--dir", "root", "--yes"];
    ceremony
        .run(&[&revoke[..], &["--reason", "key-compromise"]].concat())
        .ok();
    (ceremony, serial)
}

#[test]
fn a_revocation_whose_line_is_damaged_stays() {
    let (ceremony, serial) = with_revocation();
    let whole = ceremony.read(REVOKED);
    let damages = [
        whole.replace("\"reason\"", "\"reason~"),
        whole.replace("\"key-compromise\"", "~key-compromise\""),
        whole.replace("Z\"", "Z~"),
        whole.replace("\"serial\"", "\"seriam\""),
        whole.replace("{\"serial\":\"", "{\"serial\":x"),
        // The line break, which a crash would not have left the rest without.
        whole.replace('\n', "\u{b}"),
    ];
    for (count, damage) in (1..).zip(&damages) {
        write(&ceremony, REVOKED, damage);
        ceremony
            .run_unlocked(&["crl"])
            .refused(1, "revoked.jsonl: line 1 cannot be read");
        let repaired = repair(&ceremony, &[]).ok();
        assert!(
            repaired.stdout.contains("rebuilt from what it still says"),
            "{damage}: {repaired:?}"
        );
        assert_eq!(ceremony.read(REVOKED), whole, "{damage}");
        assert_eq!(
            fs::read_dir(ceremony.path("root/aside")).unwrap().count(),
            count,
            "{damage}"
        );
    }
    let listed = crl(&ceremony);
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!(listed[0].0, serial);
}

#[test]
fn a_damaged_reason_or_date_is_that_of_the_crl_and_is_made_up_without_one_only_if_people_accept_it() {
    let (ceremony, serial) = with_revocation();
    let whole = ceremony.read(REVOKED);
    let without_reason = whole.replace("key-compromise", "key-compromisf");
    let without_time = whole.replace("\"time\":\"2", "\"time\":\"~");
    ceremony.run_unlocked(&["crl"]).ok();
    let list = fs::read(ceremony.path("root/root.crl")).unwrap();
    for damaged in [&without_reason, &without_time] {
        write(&ceremony, REVOKED, damaged);
        repair(&ceremony, &[]).ok();
        let line: serde_json::Value = serde_json::from_str(&ceremony.read(REVOKED)).unwrap();
        assert_eq!(line["reason"], "key-compromise", "{line}");
    }
    // Damage in both at once.
    let field = |name: &str| {
        let line: serde_json::Value = serde_json::from_str(&ceremony.read(REVOKED)).unwrap();
        line[name].clone()
    };
    for (damaged, lost, kept) in [
        (&without_reason, "why", "time"),
        (&without_time, "when", "reason"),
    ] {
        write(&ceremony, REVOKED, damaged);
        write(&ceremony, "root/root.crl", list.get(1..).unwrap());
        ceremony.run_unlocked(&["crl"]).refused(1, "verify --repair");
        for _ in 0..2 {
            repair(&ceremony, &[])
                .refused(1, &format!("line 1: {lost} {serial} was revoked cannot be read"))
                .refused(1, "--accept-loss");
            assert_eq!(&ceremony.read(REVOKED), damaged);
        }
        let accepted = repair(&ceremony, &["--accept-loss"]).ok();
        let says = format!("line 1: {lost} {serial} was revoked cannot be read, and becomes");
        assert!(accepted.stdout.contains(&says), "{accepted:?}");
        assert!(
            !accepted.stdout.contains("rebuilt"),
            "one line, one thing: {accepted:?}"
        );
        let before: serde_json::Value = serde_json::from_str(&whole).unwrap();
        assert_eq!(field(kept), before[kept]);
        assert_eq!(crl(&ceremony)[0].0, serial);
    }
}

#[test]
fn two_revocations_whose_line_break_is_lost_keep_their_reasons_and_dates() {
    let (ceremony, _) = with_revocation();
    ceremony.csr("second", "/O=Example/CN=Second CA");
    let second = ceremony
        .sign("second", &["--out", "second.crt"])
        .ok()
        .value("serial");
    let revoke = ["revoke", &second, "--dir", "root", "--yes"];
    ceremony
        .run(&[&revoke[..], &["--reason", "superseded"]].concat())
        .ok();
    for name in [REVOKED, ISSUED] {
        let whole = ceremony.read(name);
        let (first, second) = whole.trim_end().split_once('\n').unwrap();
        for between in ["", "\u{b}", "\0"] {
            write(&ceremony, name, format!("{first}{between}{second}\n"));
            repair(&ceremony, &[]).ok();
            assert_eq!(ceremony.read(name), whole, "{between:?}");
        }
        // With the brace lost too, it is not known whose reason and date these are; when it was signed, a certificate says.
        let damaged = format!("{first}~{}\n", second.get(1..).unwrap());
        write(&ceremony, name, &damaged);
        if name == REVOKED {
            repair(&ceremony, &[]).refused(1, "--accept-loss");
            assert_eq!(ceremony.read(name), damaged);
        } else {
            repair(&ceremony, &[]).ok();
            assert_eq!(ceremony.read(name).lines().count(), 2);
        }
        write(&ceremony, name, &whole);
    }
}

#[test]
fn the_date_of_a_signature_is_taken_from_the_certificate() {
    let (ceremony, serial) = Ceremony::with_intermediate();
    let whole = ceremony.read(ISSUED);
    let damaged = whole.replace("\"time\":\"2", "\"time\":\"~");
    write(&ceremony, ISSUED, &damaged);
    let rebuilt = repair(&ceremony, &[]).ok();
    assert!(
        rebuilt
            .stdout
            .contains("rebuilt from what it still says (line 1)"),
        "{rebuilt:?}"
    );
    let pem = fs::read(ceremony.path("issuing.crt")).unwrap();
    let certificate = x509::Certificate::from_pem(&pem).unwrap();
    let known = Folder::open(&ceremony.path("root")).unwrap().issued().unwrap();
    assert_eq!(known.first().unwrap().time, certificate.not_before());
    ceremony.run(&["revoke", &serial, "--dir", "root", "--yes"]).ok();
}

#[test]
fn a_revocation_that_nothing_says_any_more_is_given_up_by_people_only() {
    let (ceremony, serial) = with_revocation();
    let whole = ceremony.read(REVOKED);
    let half = serial.get(..16).unwrap();
    let damages = [
        whole.replace(half, "~"),
        // A second line, whose break is damaged too: what is left of it names no certificate.
        format!("{}{}", whole.trim_end(), whole.replace(half, "~")),
        "\0".repeat(whole.len()) + "\n",
    ];
    for damage in &damages {
        write(&ceremony, REVOKED, damage);
        for _ in 0..2 {
            repair(&ceremony, &[])
                .refused(1, "revoked.jsonl: line 1 cannot be read")
                .refused(1, "only `verify --repair --accept-loss` takes it out")
                .refused(1, "counts as valid again");
            assert_eq!(&ceremony.read(REVOKED), damage);
        }
        ceremony
            .run_unlocked(&["crl"])
            .refused(1, "only `verify --repair --accept-loss` takes it out");
        assert!(!ceremony.path("root/root.crl").exists());
    }
    ceremony
        .run(&["verify", "--dir", "root", "--accept-loss"])
        .refused(2, "--repair");
    let given_up = repair(&ceremony, &["--accept-loss"]).ok();
    assert!(given_up.stdout.contains("was taken out (line 1)"), "{given_up:?}");
    assert_eq!(crl(&ceremony), []);
}

#[test]
fn a_certificate_whose_line_is_damaged_stays_known_without_a_copy() {
    let (ceremony, serial) = Ceremony::with_intermediate();
    let whole = ceremony.read(ISSUED);
    let copy = format!("root/issued/{serial}.crt");
    write(&ceremony, ISSUED, whole.replace("\"subject\"", "\"subject~"));
    fs::remove_file(ceremony.path(&copy)).unwrap();
    repair(&ceremony, &[]).ok();
    assert_eq!(ceremony.read(&copy), ceremony.read("issuing.crt"));
    ceremony.run(&["revoke", &serial, "--dir", "root", "--yes"]).ok();
    // Where nothing holds it any more, that is not in order.
    write(&ceremony, ISSUED, "\0".repeat(whole.len()) + "\n");
    fs::remove_file(ceremony.path(&copy)).unwrap();
    repair(&ceremony, &[])
        .refused(1, "issued.jsonl: line 1 cannot be read")
        .refused(1, "only `verify --repair --accept-loss` takes it out");
    ceremony.run_unlocked(&["crl"]).refused(1, "issued.jsonl");
    let given_up = repair(&ceremony, &["--accept-loss"]);
    assert!(
        given_up.stdout.contains("is not known here any more"),
        "{given_up:?}"
    );
}

#[test]
fn a_lock_that_is_not_a_file_is_found_before_a_signature_needs_it() {
    let (ceremony, _) = Ceremony::with_intermediate();
    let lock = ceremony.path("root/.lock");
    fs::remove_file(&lock).unwrap();
    fs::create_dir(&lock).unwrap();
    let verify = ["verify", "--without-key", "--dir", "root"];
    ceremony
        .run(&verify)
        .refused(1, ".lock")
        .refused(1, "move it away");
    fs::remove_dir(&lock).unwrap();
    ceremony.run(&verify).ok();
}
