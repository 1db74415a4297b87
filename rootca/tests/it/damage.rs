//! Folders that a bad medium or a careless hand damaged: what still works, what is said, and that `verify --repair` repairs
//! it and throws nothing away.

use std::fs;

use crate::world::{Answer, Ceremony};

const VERIFY: [&str; 4] = ["verify", "--without-key", "--dir", "root"];

fn verify(ceremony: &Ceremony) -> Answer {
    ceremony.run(&VERIFY)
}

fn repair(ceremony: &Ceremony) -> Answer {
    ceremony.run(&[&VERIFY[..], &["--repair", "-o", "table"]].concat())
}

fn repair_with_loss(ceremony: &Ceremony) -> Answer {
    ceremony.run(&[&VERIFY[..], &["--repair", "--accept-loss", "-o", "table"]].concat())
}

fn revoke(ceremony: &Ceremony, named: &str) -> Answer {
    ceremony.run(&["revoke", named, "--dir", "root", "--yes"])
}

/// A root and two intermediates, `a` and `b`, with their numbers.
fn with_two() -> (Ceremony, [String; 2]) {
    let ceremony = Ceremony::with_kek();
    ceremony.init("root", "p256").ok();
    let serials = ["a", "b"].map(|name| {
        ceremony.csr(name, &format!("/CN={name} CA"));
        let out = format!("{name}.crt");
        ceremony.sign(name, &["--out", &out]).ok().value("serial")
    });
    (ceremony, serials)
}

fn copy_of(serial: &str) -> String {
    format!("root/issued/{serial}.crt")
}

fn write(ceremony: &Ceremony, name: &str, content: impl AsRef<[u8]>) {
    fs::write(ceremony.path(name), content).unwrap();
}

fn aside(ceremony: &Ceremony) -> usize {
    fs::read_dir(ceremony.path("root/aside")).map_or(0, Iterator::count)
}

#[test]
fn a_damaged_copy_stops_no_revocation_and_is_written_again() {
    let (ceremony, [a, b]) = with_two();
    let whole = ceremony.read("a.crt");
    let half = whole.get(..whole.len() / 2).unwrap();
    let chain = format!("{whole}{}", ceremony.read("root/root.crt"));
    let damages = [String::new(), half.to_owned(), chain, ceremony.read("b.crt")];
    for (count, damage) in (1..).zip(&damages) {
        write(&ceremony, &copy_of(&a), damage);
        let found = verify(&ceremony);
        assert!(!found.stderr.contains("one at a time"), "{found:?}");
        found.refused(1, "`verify --repair` puts it aside and writes it");
        ceremony.run(&["inspect", "--dir", "root"]).ok();
        let repaired = repair(&ceremony).ok();
        assert!(repaired.stdout.contains("was moved to aside/"), "{repaired:?}");
        assert_eq!(ceremony.read(&copy_of(&a)), whole);
        assert_eq!(aside(&ceremony), count, "nothing is thrown away");
        verify(&ceremony).ok();
    }
    assert_eq!(ceremony.read(&format!("root/aside/{a}.crt.3")), damages[2]);
    // No repair is needed for what is urgent.
    write(&ceremony, &copy_of(&a), half);
    assert_eq!(revoke(&ceremony, &a).ok().value("serial"), a);
    assert_eq!(revoke(&ceremony, "b.crt").ok().value("serial"), b);
    assert_eq!(ceremony.run_unlocked(&["crl"]).ok().value("revoked"), "2");
}

#[test]
fn a_damaged_copy_that_the_ledger_does_not_know_is_put_aside_for_a_file_of_the_certificate() {
    let (ceremony, [a, _]) = with_two();
    let ledger = ceremony.read("root/issued.jsonl");
    let others: String = ledger.lines().skip(1).map(|line| format!("{line}\n")).collect();
    write(&ceremony, "root/issued.jsonl", others);
    write(&ceremony, &copy_of(&a), "");
    revoke(&ceremony, &a).refused(1, "name another file of the certificate");
    assert_eq!(revoke(&ceremony, "a.crt").ok().value("serial"), a);
    assert_eq!(ceremony.read(&copy_of(&a)), ceremony.read("a.crt"));
    assert_eq!(ceremony.read(&format!("root/aside/{a}.crt")), "");
    verify(&ceremony).ok();
}

#[test]
fn a_lost_ledger_is_rebuilt_from_copies_whatever_they_are_called() {
    let (ceremony, [a, b]) = with_two();
    let swap = || {
        write(&ceremony, &copy_of(&a), ceremony.read("b.crt"));
        write(&ceremony, &copy_of(&b), ceremony.read("a.crt"));
    };
    let renamed = || {
        for (serial, name) in [(&a, "first.pem"), (&b, "second")] {
            let to = ceremony.path(&format!("root/issued/{name}"));
            fs::rename(ceremony.path(&copy_of(serial)), to).unwrap();
        }
    };
    let in_a_chain = || {
        write(
            &ceremony,
            &copy_of(&a),
            [ceremony.read("a.crt"), ceremony.read("b.crt")].concat(),
        );
        fs::remove_file(ceremony.path(&copy_of(&b))).unwrap();
    };
    for damage in [&swap as &dyn Fn(), &renamed, &in_a_chain] {
        damage();
        write(&ceremony, "root/issued.jsonl", "");
        // What is said of it comes true.
        verify(&ceremony).refused(1, "`verify --repair` takes it in");
        let repaired = repair(&ceremony).ok();
        for serial in [&a, &b] {
            assert!(repaired.stdout.contains(serial), "{repaired:?}");
        }
        assert_eq!(ceremony.read(&copy_of(&a)), ceremony.read("a.crt"));
        assert_eq!(ceremony.read(&copy_of(&b)), ceremony.read("b.crt"));
        assert_eq!(fs::read_dir(ceremony.path("root/issued")).unwrap().count(), 2);
        verify(&ceremony).ok();
    }
    revoke(&ceremony, &b).ok();
}

#[test]
fn what_does_not_belong_among_the_copies_is_called_what_it_is() {
    let (ceremony, [a, _]) = with_two();
    let root = ceremony.read("root/root.crt");
    write(&ceremony, "root/issued/top.pem", &root);
    write(&ceremony, "root/issued/again.pem", ceremony.read("a.crt"));
    write(&ceremony, "root/issued/notes.txt", "call Alice");
    let found = verify(&ceremony)
        .refused(1, "issued/top.pem is the certificate of the root itself")
        .refused(1, &format!("issued/again.pem is not the name of certificate {a}"))
        .refused(1, "no certificate that this root issued is in it");
    assert!(!found.stderr.contains("takes it in"), "{found:?}");
    let repaired = repair(&ceremony).ok();
    assert!(
        repaired.stdout.contains("the root itself, was removed"),
        "{repaired:?}"
    );
    assert!(repaired.stdout.contains("aside/ has 2 files"), "{repaired:?}");
    assert_eq!(ceremony.read("root/aside/notes.txt"), "call Alice");
    assert_eq!(ceremony.read("root/root.crt"), root);
    verify(&ceremony).ok();
}

#[test]
fn after_a_loss_what_was_revoked_is_not_called_never_issued() {
    let (ceremony, [a, _]) = with_two();
    revoke(&ceremony, &a).ok();
    fs::remove_file(ceremony.path("root/issued.jsonl")).unwrap();
    fs::remove_file(ceremony.path(&copy_of(&a))).unwrap();
    let repaired = repair(&ceremony);
    let said = format!("{}{}", repaired.stdout, repaired.stderr);
    assert!(
        said.contains(&format!("{a} is not in issued.jsonl: its line there was lost")),
        "{said}"
    );
    assert!(!said.contains("never issued;"), "{said}");
    let refused = ceremony.run_unlocked(&["crl"]);
    refused.refused(1, &format!("{a} is not in issued.jsonl: its line there was lost"));
    // Either way out leads out.
    let listed = ceremony.run_unlocked(&["crl", "--accept-loss"]).ok();
    assert_eq!(listed.value("revoked"), "1");
    ceremony.run_unlocked(&["crl"]).ok();
    assert!(verify(&ceremony).ok().stdout.contains("its line there was lost"));
    fs::copy(ceremony.path("a.crt"), ceremony.path("root/issued/found.pem")).unwrap();
    repair(&ceremony).ok();
    let found = verify(&ceremony).ok();
    assert!(!found.stdout.contains("was lost"), "{found:?}");
    assert!(found.stdout.contains("1 revoked, all issued here"), "{found:?}");
}

#[test]
fn no_crl_is_signed_with_a_serial_number_of_which_a_digit_was_changed() {
    let (ceremony, [a, b]) = with_two();
    revoke(&ceremony, &a).ok();
    let whole = ceremony.read("root/revoked.jsonl");
    let last = if a.ends_with('1') { '2' } else { '1' };
    let other = format!("{}{last}", &a[..a.len() - 1]);
    write(&ceremony, "root/revoked.jsonl", whole.replace(&a, &other));
    let words = format!("{other} is not in issued.jsonl");
    verify(&ceremony).refused(1, &words);
    let refused = ceremony.run_unlocked(&["crl"]).refused(1, &words);
    assert!(
        refused.stderr.contains("restore the files from a copy"),
        "{refused:?}"
    );
    assert!(!ceremony.path("root/root.crl").exists());
    assert_eq!(ceremony.read("root/crl-number").trim(), "0");

    write(&ceremony, "root/revoked.jsonl", &whole);
    let list = ceremony.run_unlocked(&["crl", "-o", "json"]).ok();
    assert!(list.stdout.contains(&a) && !list.stdout.contains(&b), "{list:?}");
}

#[test]
fn a_damaged_line_of_a_ledger_is_put_aside_and_what_it_held_rebuilt() {
    let (ceremony, [a, b]) = with_two();
    revoke(&ceremony, &b).ok();
    ceremony.run_unlocked(&["crl"]).ok();
    for (ledger, word) in [("issued.jsonl", "subject"), ("revoked.jsonl", "reason")] {
        let name = format!("root/{ledger}");
        // One octet flipped in the first line, and a file that is nothing any more.
        let flipped = ceremony
            .read(&name)
            .replacen(&format!("\"{word}\""), &format!("\"{word}~"), 1);
        let damages = [
            (flipped.into_bytes(), "was damaged was rebuilt"),
            (b"\xff\x00garbage\n".to_vec(), "was damaged was taken out"),
        ];
        for (damage, says) in damages {
            write(&ceremony, &name, &damage);
            let crl = ["crl", "--dir", "root", "--kek-file", "kek"];
            for command in [
                &VERIFY[..],
                &["revoke", &a, "--dir", "root", "--yes"],
                &["inspect", "--dir", "root"],
                &crl,
            ] {
                ceremony
                    .run(command)
                    .refused(1, &format!("{ledger}: line 1 cannot be read"))
                    .refused(1, "let `verify --repair` rebuild it");
            }
            let before = aside(&ceremony);
            let repaired = repair_with_loss(&ceremony).ok();
            assert!(
                repaired.stdout.contains(&format!("{ledger}: what {says}")),
                "{repaired:?}"
            );
            assert_eq!(aside(&ceremony), before + 1);
            let kept = fs::read_dir(ceremony.path("root/aside")).unwrap();
            let kept = kept.map(|entry| fs::read(entry.unwrap().path()).unwrap());
            assert!(kept.into_iter().any(|kept| kept == damage));
            verify(&ceremony).ok();
            let shown = ceremony.run(&["inspect", "--dir", "root"]).ok().json();
            let statuses: Vec<_> = ["/issued/0/status", "/issued/1/status"]
                .map(|at| shown.pointer(at).unwrap().as_str().unwrap().to_owned())
                .into();
            assert!(
                statuses.contains(&"revoked".to_owned()) && statuses.contains(&"valid".to_owned()),
                "{shown}"
            );
        }
    }
    revoke(&ceremony, &a).ok();
}

#[test]
fn a_crl_that_is_none_is_put_aside_and_the_next_has_a_higher_number() {
    let (ceremony, [a, _]) = with_two();
    revoke(&ceremony, &a).ok();
    for _ in 0..2 {
        ceremony.run_unlocked(&["crl"]).ok();
    }
    for damage in [&b"garbage"[..], b""] {
        write(&ceremony, "root/root.crl", damage);
        for command in [
            &VERIFY[..],
            &["revoke", "b.crt", "--dir", "root", "--yes"],
            &["inspect", "--dir", "root"],
        ] {
            ceremony.run(command).refused(
                1,
                "let `verify --repair` put it aside, then make a new one with `crl`",
            );
        }
        let repaired = repair(&ceremony).ok();
        assert!(
            repaired.stdout.contains("make a new one with `crl`"),
            "{repaired:?}"
        );
        verify(&ceremony).ok();
    }
    assert_eq!(ceremony.read("root/aside/root.crl"), "garbage");
    let list = ceremony.run_unlocked(&["crl"]).ok();
    assert_eq!(
        (list.value("number"), list.value("revoked")),
        ("3".into(), "1".into())
    );
    // Its counter beside it: every problem is named, and the CRL says which number was the last.
    write(&ceremony, "root/crl-number", "");
    verify(&ceremony).refused(1, "crl-number: does not hold the number");
    repair(&ceremony).ok();
    assert_eq!(ceremony.read("root/crl-number"), "3\n");
    // A root certificate cannot be rebuilt.
    write(&ceremony, "root/root.crt", "");
    verify(&ceremony).refused(1, "restore the file from a copy of the folder");
}

#[test]
fn a_repair_that_is_cut_off_anywhere_is_finished_by_the_next() {
    let (ceremony, [a, b]) = with_two();
    revoke(&ceremony, &b).ok();
    ceremony.run_unlocked(&["crl"]).ok();
    let damaged = |name: &str| format!("{{\"cut\n{}", ceremony.read(name));
    let [issued, revoked] = ["root/issued.jsonl", "root/revoked.jsonl"].map(damaged);
    let repair = [&VERIFY[..], &["--repair", "--accept-loss"]].concat();
    let mut points = 0;
    for number in 1.. {
        write(&ceremony, "root/issued.jsonl", issued.replace(&a, "cut"));
        write(&ceremony, "root/revoked.jsonl", &revoked);
        write(&ceremony, &copy_of(&a), ceremony.read("b.crt"));
        write(&ceremony, &copy_of(&b), ceremony.read("a.crt"));
        if ceremony.run_bare(&number.to_string(), &repair).code == 0 {
            break;
        }
        points = number;
        ceremony.run(&repair).ok();
        verify(&ceremony).ok();
        assert_eq!(ceremony.read(&copy_of(&a)), ceremony.read("a.crt"));
        assert_eq!(ceremony.read(&copy_of(&b)), ceremony.read("b.crt"));
        let _ = fs::remove_dir_all(ceremony.path("root/aside"));
    }
    assert!(points > 6, "{points}");
}

#[test]
fn a_dry_run_refuses_what_signing_refuses() {
    let (ceremony, [a, _]) = with_two();
    let ledger = ceremony.read("root/issued.jsonl");
    let lost_copies = || fs::rename(ceremony.path("root/issued"), ceremony.path("elsewhere")).unwrap();
    let lost_ledger = || fs::remove_file(ceremony.path("root/issued.jsonl")).unwrap();
    let damaged = || write(&ceremony, "root/issued.jsonl", "{\n");
    for damage in [&lost_copies as &dyn Fn(), &lost_ledger, &damaged] {
        damage();
        let (tried, signed) = (ceremony.sign("a", &["--dry-run"]), ceremony.sign("a", &[]));
        assert_eq!((tried.code, signed.code), (1, 1), "{tried:?}{signed:?}");
        assert_eq!((tried.stdout, &tried.stderr), (String::new(), &signed.stderr));
        if ceremony.path("elsewhere").exists() {
            fs::rename(ceremony.path("elsewhere"), ceremony.path("root/issued")).unwrap();
        }
        write(&ceremony, "root/issued.jsonl", &ledger);
        fs::set_permissions(
            ceremony.path("root/issued.jsonl"),
            std::os::unix::fs::PermissionsExt::from_mode(0o600),
        )
        .unwrap();
    }
    revoke(&ceremony, &a).ok();
}

#[test]
fn what_was_repaired_is_said_before_anybody_is_asked_for_what_opens_the_key() {
    let (ceremony, [a, b]) = with_two();
    for (serial, form) in [(&a, "table"), (&b, "json")] {
        fs::remove_file(ceremony.path(&copy_of(serial))).unwrap();
        let answer = ceremony.run(&["verify", "--repair", "--dir", "root", "-o", form]);
        let done = format!("issued/{serial}.crt was written from issued.jsonl");
        assert!(answer.stdout.contains(&done), "{answer:?}");
        answer
            .refused(1, "there is no terminal to ask for the passphrase")
            .refused(1, "--passphrase-file");
        assert!(ceremony.path(&copy_of(serial)).exists());
    }
}

#[test]
fn der_with_another_certificate_behind_it_revokes_neither() {
    let (ceremony, _) = with_two();
    let to_der = "x509 -in a.crt -outform DER -out a.der";
    ceremony.openssl(&to_der.split(' ').collect::<Vec<_>>()).ok();
    let der = fs::read(ceremony.path("a.der")).unwrap();
    let other = fs::read(ceremony.path("b.crt")).unwrap();
    let request = fs::read(ceremony.path("b.csr")).unwrap();
    for behind in [&other[..], b"\n", &der, &request] {
        write(&ceremony, "both.crt", [&der, behind].concat());
        revoke(&ceremony, "both.crt").refused(1, "both.crt: ");
        ceremony.run(&["inspect", "both.crt"]).refused(1, "both.crt: ");
    }
    assert_eq!(ceremony.read("root/revoked.jsonl"), "");
    revoke(&ceremony, "a.der").ok();
}
