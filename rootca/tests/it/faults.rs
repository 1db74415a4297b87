//! Ceremonies that are cut off before every durable step, or find the disk full there: nothing signed is unknown, and the
//! command succeeds when it is repeated.

use std::collections::BTreeSet;
use std::fs;

use crate::world::{Answer, Ceremony};

/// What `GIGVAULT_FAULT_POINT=n` and `n:enospc` do.
const FAULTS: [&str; 2] = ["", ":enospc"];
const MOST_POINTS: u32 = 60;

/// Fails `attempt` at its first point, then at its second, until it completes; `check` looks at what each failure left.
fn at_every_point(
    fault: &str,
    mut attempt: impl FnMut(u32, &str) -> Answer,
    mut check: impl FnMut(u32),
) -> u32 {
    for number in 1..=MOST_POINTS {
        let answer = attempt(number, &format!("{number}{fault}"));
        if answer.code == 0 {
            return number;
        }
        if !fault.is_empty() {
            assert!(answer.stderr.contains("No space left"), "{answer:?}");
        }
        check(number);
    }
    panic!("it does not complete");
}

/// Every certificate that this ceremony's root signed, wherever it is, is in the ledger, and the folder is in order.
fn in_order(ceremony: &Ceremony, outside: &[String]) {
    ceremony
        .run(&["verify", "--dir", "root", "--without-key", "--repair"])
        .ok();
    ceremony.run(&["verify", "--dir", "root", "--without-key"]).ok();
    let ledger = ceremony.read("root/issued.jsonl");
    for file in outside.iter().filter(|file| ceremony.path(file).exists()) {
        let serial = ceremony
            .openssl(&["x509", "-in", file, "-noout", "-serial"])
            .ok()
            .stdout;
        let serial = serial.trim().trim_start_matches("serial=").to_lowercase();
        assert!(ledger.contains(&serial), "{serial} of {file} is not in {ledger}");
    }
    let names: Vec<_> = fs::read_dir(ceremony.path("root"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(!names.iter().any(|name| name.ends_with(".tmp")), "{names:?}");
}

#[test]
fn a_root_appears_whole_or_not_at_all() {
    for fault in FAULTS {
        let ceremony = Ceremony::with_kek();
        let mut certificates = BTreeSet::new();
        let points = at_every_point(
            fault,
            |_, point| {
                ceremony.run_at(
                    point,
                    &["init", "--subject", "CN=R", "--key-type", "p256", "--dir", "root"],
                )
            },
            |_| {
                // Whole, though the command did not live to say so: the next `init` says that there is one.
                if ceremony.path("root").exists() {
                    certificates.insert(ceremony.read("root/root.crt"));
                    ceremony.run_unlocked(&["verify"]).ok();
                    fs::remove_dir_all(ceremony.path("root")).unwrap();
                }
            },
        );
        assert!(points > 10, "{points}");
        ceremony.run_unlocked(&["verify"]).ok();
        assert!(!ceremony.path(".root.new").exists());
    }
}

#[test]
fn no_certificate_is_released_that_the_ledger_does_not_know() {
    for fault in FAULTS {
        let ceremony = Ceremony::with_kek();
        ceremony.init("root", "p256").ok();
        ceremony.csr("sub", "/CN=Sub CA");
        let mut outs = Vec::new();
        let points = at_every_point(
            fault,
            |number, point| {
                let out = format!("{number}.crt");
                outs.push(out.clone());
                let sign = [
                    "sign-intermediate",
                    "sub.csr",
                    "--yes",
                    "--dir",
                    "root",
                    "--out",
                    &out,
                ];
                ceremony.run_at(point, &sign)
            },
            |_| {
                in_order(
                    &ceremony,
                    &(1..=MOST_POINTS).map(|n| format!("{n}.crt")).collect::<Vec<_>>(),
                )
            },
        );
        assert!(points > 4, "{points}");
        in_order(&ceremony, &outs);
        // What was signed and not released can be revoked.
        for line in ceremony.read("root/issued.jsonl").lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let serial = line.get("serial").unwrap().as_str().unwrap().to_owned();
            ceremony.run(&["revoke", &serial, "--dir", "root", "--yes"]).ok();
        }
    }
}

#[test]
fn a_revocation_and_a_crl_are_cut_off_without_a_trace_or_done() {
    for fault in FAULTS {
        let ceremony = Ceremony::with_kek();
        ceremony.init("root", "p256").ok();
        ceremony.csr("sub", "/CN=Sub CA");
        let serial = ceremony.sign("sub", &[]).ok().value("serial");
        at_every_point(
            fault,
            |_, point| ceremony.run_bare(point, &["revoke", &serial, "--dir", "root", "--yes"]),
            |_| in_order(&ceremony, &[]),
        );
        let mut numbers = BTreeSet::new();
        at_every_point(
            fault,
            |number, point| {
                ceremony.run_at(
                    point,
                    &["crl", "--dir", "root", "--out", &format!("{number}.crl")],
                )
            },
            |_| in_order(&ceremony, &[]),
        );
        for number in 1..=MOST_POINTS {
            let file = format!("{number}.crl");
            if ceremony.path(&file).exists() {
                let show = ["crl", "-inform", "DER", "-in", &file, "-noout", "-crlnumber"];
                assert!(
                    numbers.insert(ceremony.openssl(&show).ok().stdout),
                    "a CRL number came twice"
                );
            }
        }
        in_order(&ceremony, &[]);
    }
}
