//! Ceremonies that must not go on: each says why, and leaves everything as it was.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::world::{Answer, Ceremony};

/// Runs `attempt`, which must leave the root's folder as it was.
fn unchanged(ceremony: &Ceremony, attempt: impl FnOnce() -> Answer) -> Answer {
    let before = ceremony.snapshot();
    let answer = attempt();
    assert_eq!(ceremony.snapshot(), before, "{answer:?}");
    answer
}

fn with_csr() -> Ceremony {
    let ceremony = Ceremony::with_root();
    ceremony.csr("sub", "/CN=Sub CA");
    ceremony
}

#[test]
fn a_wrong_passphrase_signs_nothing() {
    let ceremony = with_csr();
    ceremony.secret("wrong", "incorrect horse battery staple");
    let flags = ["--dir", "root", "--passphrase-file", "wrong"];
    for command in [
        &["sign-intermediate", "sub.csr", "--yes", "--out", "sub.crt"][..],
        &["crl", "--out", "root.crl"],
    ] {
        unchanged(&ceremony, || ceremony.run(&[command, &flags].concat())).refused(1, "passphrase is wrong");
    }
    assert!(!ceremony.path("sub.crt").exists() && !ceremony.path("root.crl").exists());
}

#[test]
fn a_tampered_key_file_signs_nothing() {
    let ceremony = with_csr();
    let path = ceremony.path("root/root.key");
    let key = fs::read_to_string(&path).unwrap();
    let lines: Vec<_> = key.lines().collect();
    // A letter in the middle, another key, an empty file, no key at all.
    let middle = lines[lines.len() / 2];
    let flipped = middle.replace(&middle[..1], if middle.starts_with('A') { "B" } else { "A" });
    for damaged in [
        key.replace(middle, &flipped),
        String::new(),
        ceremony.read("sub.key"),
        ceremony.read("root/root.crt"),
    ] {
        fs::write(&path, damaged).unwrap();
        let answer = unchanged(&ceremony, || ceremony.sign("sub", &["--out", "sub.crt"]));
        assert_eq!(answer.code, 1, "{answer:?}");
        assert!(!ceremony.path("sub.crt").exists());
    }
}

#[test]
fn the_key_of_another_root_is_noticed() {
    let ceremony = with_csr();
    ceremony.init("other", "p256").ok();
    fs::copy(ceremony.path("other/root.key"), ceremony.path("root/root.key")).unwrap();
    unchanged(&ceremony, || ceremony.sign("sub", &[])).refused(1, "does not hold the key of");
    ceremony
        .run_unlocked(&["verify"])
        .refused(1, "does not hold the key of");
}

#[test]
fn secrets_that_others_may_read_are_refused() {
    let ceremony = with_csr();
    let open = fs::Permissions::from_mode(0o644);
    fs::set_permissions(ceremony.path("passphrase"), open.clone()).unwrap();
    unchanged(&ceremony, || ceremony.sign("sub", &[])).refused(1, "chmod 600");
    fs::set_permissions(ceremony.path("passphrase"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(ceremony.path("root/root.key"), open).unwrap();
    unchanged(&ceremony, || ceremony.sign("sub", &[])).refused(1, "chmod 600");
}

#[test]
fn nothing_that_exists_is_overwritten() {
    let ceremony = with_csr();
    unchanged(&ceremony, || ceremony.init("root", "p256")).refused(1, "never overwritten");
    fs::write(ceremony.path("taken"), "mine").unwrap();
    unchanged(&ceremony, || ceremony.init("taken", "p256")).refused(1, "never overwritten");
    unchanged(&ceremony, || ceremony.sign("sub", &["--out", "taken"])).refused(1, "never overwritten");
    unchanged(&ceremony, || ceremony.run_unlocked(&["crl", "--out", "taken"]))
        .refused(1, "never overwritten");
    assert_eq!(ceremony.read("taken"), "mine");
    ceremony.init(".", "p256").refused(2, "a folder of its own");
}

#[test]
fn without_a_terminal_each_question_names_the_flag_that_answers_it() {
    let ceremony = with_csr();
    ceremony
        .run(&["init", "--subject", "CN=R", "--dir", "new"])
        .refused(1, "--passphrase-file");
    assert!(!ceremony.path("new").exists());
    let sign = ["sign-intermediate", "sub.csr", "--dir", "root"];
    unchanged(&ceremony, || ceremony.run(&sign)).refused(1, "--yes");
    unchanged(&ceremony, || ceremony.run(&[&sign[..], &["--yes"]].concat())).refused(1, "--passphrase-file");
    ceremony
        .run(&["crl", "--dir", "root"])
        .refused(1, "--passphrase-file");
}

#[test]
fn a_folder_without_a_root_is_named() {
    let ceremony = Ceremony::empty();
    for command in [&["crl"][..], &["verify"], &["inspect"], &["revoke", "01"]] {
        let answer = ceremony.run(&[command, &["--dir", "nowhere"]].concat());
        answer.refused(4, "no root in nowhere");
    }
}

#[test]
fn a_passphrase_that_is_quickly_guessed_makes_no_root() {
    let ceremony = Ceremony::empty();
    for (name, passphrase) in [
        ("a", "horse"),
        ("b", "aaaaaaaa"),
        ("c", "password12345"),
        ("d", "abcabcabcabcabc"),
    ] {
        ceremony.secret(name, passphrase);
        let init = [
            "init",
            "--subject",
            "CN=R",
            "--dir",
            "root",
            "--passphrase-file",
            name,
        ];
        ceremony.run(&init).refused(2, "at least 12 characters");
    }
    assert!(!ceremony.path("root").exists());
}

#[test]
fn policy_holds_for_roots() {
    let ceremony = Ceremony::empty();
    let init = |more: &[&str]| {
        ceremony.run(
            &[
                &["init", "--passphrase-file", "passphrase", "--dir", "root"],
                more,
            ]
            .concat(),
        )
    };
    init(&["--subject", "O=Example"]).refused(3, "CN");
    init(&["--subject", "CN=R", "--key-type", "rsa2048"]).refused(3, "rsa2048");
    init(&["--subject", "CN=R", "--validity", "100y"]).refused(3, "9132d");
    init(&["--subject", "Example Root"]).refused(2, "--subject");
    init(&["--subject", "CN=R", "--key-type", "p257"]).refused(2, "p257");
    init(&["--subject", "CN=R", "--validity", "forever"]).refused(2, "90d");
    init(&[]).refused(2, "--subject");
    assert!(!ceremony.path("root").exists());
}

#[test]
fn policy_holds_for_intermediates() {
    let ceremony = with_csr();
    ceremony.csr("nameless", "/O=Example");
    let refused = |name: &str, more: &[&str], code, says: &str| {
        unchanged(&ceremony, || ceremony.sign(name, more)).refused(code, says);
    };
    refused("nameless", &[], 3, "CN");
    refused("sub", &["--validity", "21y"], 3, "7305d");
    refused(
        "sub",
        &["--crl-url", "https://pki.example.test/root.crl"],
        3,
        "http://",
    );
    refused("sub", &["--purpose", "server"], 2, "server-auth");
    refused("sub", &["--permit-dns", ".example.test"], 2, "--permit");
    refused("sub", &["--exclude", "example.test"], 2, "--exclude");
    refused("sub", &["--subject", "unknown"], 2, "--subject");
    refused("sub", &["--purpose", "2.5.29.37.0"], 3, "anyExtendedKeyUsage");
    refused("missing", &[], 1, "missing.csr");
}

#[test]
fn an_intermediate_never_outlives_its_root() {
    let ceremony = Ceremony::empty();
    let init = [
        "init",
        "--subject",
        "CN=Short Root",
        "--key-type",
        "p256",
        "--validity",
        "1000d",
    ];
    ceremony.run_unlocked(&init).ok();
    ceremony.csr("sub", "/CN=Sub CA");
    unchanged(&ceremony, || ceremony.sign("sub", &["--validity", "1001d"])).refused(3, "ask for less");
    let cut = ceremony.sign("sub", &["--out", "sub.crt"]).ok();
    let root = ceremony
        .openssl(&["x509", "-in", "root/root.crt", "-noout", "-enddate"])
        .ok();
    let sub = ceremony
        .openssl(&["x509", "-in", "sub.crt", "-noout", "-enddate"])
        .ok();
    assert_eq!(root.stdout, sub.stdout, "{cut:?}");
}

#[test]
fn the_roots_own_key_is_never_certified_again() {
    let ceremony = Ceremony::with_root();
    let request = [
        "req",
        "-new",
        "-key",
        "root/root.key",
        "-passin",
        "file:passphrase",
        "-subj",
        "/CN=Me Again",
        "-out",
        "self.csr",
    ];
    ceremony.openssl(&request).ok();
    unchanged(&ceremony, || ceremony.sign("self", &[])).refused(3, "certification authority");
}

#[test]
fn requests_that_prove_nothing_are_refused() {
    let ceremony = with_csr();
    let der = |name: &str| {
        ceremony
            .openssl(&["req", "-in", "sub.csr", "-outform", "DER", "-out", name])
            .ok();
        fs::read(ceremony.path(name)).unwrap()
    };
    let mut forged = der("good.csr");
    *forged.last_mut().unwrap() ^= 1;
    fs::write(ceremony.path("forged.csr"), forged).unwrap();
    fs::write(ceremony.path("cut.csr"), &der("good.csr")[..40]).unwrap();
    fs::write(ceremony.path("empty.csr"), "").unwrap();
    for name in ["forged", "cut", "empty"] {
        unchanged(&ceremony, || ceremony.sign(name, &[])).refused(1, &format!("{name}.csr"));
    }
    let weak = [
        "req",
        "-new",
        "-newkey",
        "rsa:1024",
        "-nodes",
        "-keyout",
        "weak.key",
        "-out",
        "weak.csr",
        "-subj",
        "/CN=Weak CA",
    ];
    ceremony.openssl(&weak).ok();
    unchanged(&ceremony, || ceremony.sign("weak", &[])).refused(1, "weak.csr");
}

#[test]
fn only_what_was_issued_is_revoked_and_only_once() {
    let (ceremony, serial) = Ceremony::with_intermediate();
    let revoke = |serial: &str, reason: &str| {
        ceremony.run(&["revoke", serial, "--dir", "root", "--reason", reason, "--yes"])
    };
    unchanged(&ceremony, || revoke("0123456789abcdef", "unspecified")).refused(4, "0123456789abcdef");
    unchanged(&ceremony, || revoke("no number", "unspecified")).refused(2, "serial number");
    unchanged(&ceremony, || revoke(&serial, "boredom")).refused(2, "--reason");
    unchanged(&ceremony, || revoke(&serial, "certificate-hold")).refused(2, "for good");
    unchanged(&ceremony, || ceremony.run(&["revoke", &serial, "--dir", "root"])).refused(1, "--yes");
    revoke(&serial, "superseded").ok();
    unchanged(&ceremony, || revoke(&serial, "superseded")).refused(1, "already revoked");
}

#[test]
fn a_lost_crl_number_is_not_guessed() {
    let ceremony = Ceremony::with_root();
    ceremony.run_unlocked(&["crl"]).ok();
    fs::write(ceremony.path("root/crl-number"), "").unwrap();
    unchanged(&ceremony, || ceremony.run_unlocked(&["crl"])).refused(1, "crl-number");
}

#[test]
fn a_crl_number_older_than_the_last_crl_is_not_used_again() {
    let ceremony = Ceremony::with_root();
    for _ in 0..3 {
        ceremony.run_unlocked(&["crl"]).ok();
    }
    // As after a restore of that one file.
    fs::write(ceremony.path("root/crl-number"), "1\n").unwrap();
    assert_eq!(ceremony.run_unlocked(&["crl"]).ok().value("number"), "4");
}

#[test]
fn a_file_with_several_certificates_revokes_none_of_them() {
    let (ceremony, serial) = Ceremony::with_intermediate();
    let (root, issuing) = (ceremony.read("root/root.crt"), ceremony.read("issuing.crt"));
    let key = ceremony.read("issuing.key");
    for bundle in [
        format!("{root}{issuing}"),
        format!("{issuing}{root}"),
        format!("{issuing}{issuing}"),
        format!("{issuing}{}", root.replace("CERTIFICATE", "TRUSTED CERTIFICATE")),
    ] {
        fs::write(ceremony.path("chain.pem"), bundle).unwrap();
        let revoke = ["revoke", "chain.pem", "--dir", "root", "--yes"];
        let answer = unchanged(&ceremony, || ceremony.run(&revoke));
        answer.refused(
            1,
            "chain.pem: the file holds 2 certificates; name a file that holds nothing but",
        );
        ceremony
            .run(&["inspect", "chain.pem"])
            .refused(1, "send one at a time");
    }
    // What is beside a certificate in its file is not meant.
    fs::write(ceremony.path("chain.pem"), format!("{key}{issuing}")).unwrap();
    let revoked = ceremony.run(&["revoke", "chain.pem", "--dir", "root", "--yes"]);
    assert!(revoked.ok().stdout.contains(&serial));
}

#[test]
fn a_root_does_not_revoke_itself() {
    let (ceremony, _) = Ceremony::with_intermediate();
    let root = ceremony.read("root/root.crt");
    let serial = x509::Certificate::from_pem(root.as_bytes())
        .unwrap()
        .serial()
        .to_string();
    let to_der = "x509 -in root/root.crt -outform DER -out root.der";
    ceremony.openssl(&to_der.split(' ').collect::<Vec<_>>()).ok();
    for named in ["root/root.crt", "root.der", &serial] {
        let revoke = ["revoke", named, "--dir", "root", "--yes"];
        unchanged(&ceremony, || ceremony.run(&revoke)).refused(1, "certificate of this root itself");
    }
    // A copy among those of issued ones is not taken in either: it is taken out.
    let copy = ceremony.path(&format!("root/issued/{serial}.crt"));
    fs::write(&copy, root).unwrap();
    let verify = ["verify", "--without-key", "--dir", "root"];
    ceremony
        .run(&verify)
        .refused(1, "is the certificate of the root itself");
    let repaired = ceremony.run(&[&verify[..], &["--repair"]].concat()).ok();
    assert!(
        repaired.stdout.contains("the root itself, was removed"),
        "{repaired:?}"
    );
    assert!(!copy.exists());
    assert_eq!(ceremony.read("root/issued.jsonl").lines().count(), 1);
}

#[test]
fn what_is_no_certificate_is_said_to_be_what_it_is() {
    let (ceremony, _) = Ceremony::with_intermediate();
    let wide: Vec<u8> = ceremony
        .read("issuing.crt")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    fs::write(ceremony.path("wide.crt"), [b"\xff\xfe", &wide[..]].concat()).unwrap();
    for (file, says) in [
        ("issuing.csr", "certificate signing request"),
        ("issuing.key", "private key"),
        ("wide.crt", "UTF-16"),
    ] {
        let revoke = ["revoke", file, "--dir", "root", "--yes"];
        let answer = unchanged(&ceremony, || ceremony.run(&revoke));
        answer.refused(1, &format!("{file}: ")).refused(1, says);
    }
}

#[test]
fn a_key_file_that_holds_something_else_is_named() {
    for ceremony in [Ceremony::empty(), Ceremony::with_kek()] {
        ceremony.init("root", "p256").ok();
        let key = ceremony.read("root/root.key");
        for damaged in [
            "garbage\n",
            "",
            &key[..key.len() / 2],
            &ceremony.read("root/root.crt"),
        ] {
            fs::write(ceremony.path("root/root.key"), damaged).unwrap();
            let answer = unchanged(&ceremony, || ceremony.run_unlocked(&["crl"]));
            assert!(!answer.stderr.contains("under a passphrase"), "{answer:?}");
            let says = match damaged {
                "" => "root/root.key is missing or empty",
                _ => "root/root.key: ",
            };
            answer.refused(1, says);
            ceremony.run_unlocked(&["verify"]).refused(1, says);
        }
    }
}
