//! Ceremonies that go well.

use std::fs;

use crate::world::{Ceremony, PASSPHRASE};

#[test]
fn a_ceremony_makes_a_chain_that_openssl_verifies() {
    let (ceremony, _) = Ceremony::with_intermediate();
    ceremony.leaf("web", "web.example.test");
    let chain = [
        "-x509_strict",
        "-CAfile",
        "root/root.crt",
        "-untrusted",
        "issuing.crt",
    ];
    let answer = ceremony
        .openssl(&[&["verify"], &chain[..], &["-purpose", "sslserver", "web.crt"]].concat())
        .ok();
    assert_eq!(answer.stdout, "web.crt: OK\n");
    ceremony.run_unlocked(&["verify"]).ok();
}

#[test]
fn the_defaults_are_p384_and_twenty_years() {
    let ceremony = Ceremony::empty();
    let flags = [
        "init",
        "--subject",
        "CN=Example Root",
        "--passphrase-file",
        "passphrase",
    ];
    let answer = ceremony.run(&flags).ok();
    assert_eq!(answer.value("key"), "p384");
    let text = ceremony
        .openssl(&["x509", "-in", "gigvault-root/root.crt", "-noout", "-text"])
        .ok()
        .stdout;
    assert!(text.contains("ecdsa-with-SHA384"), "{text}");
    let years = 20 * 365;
    // Some hours of the life are before now, for clocks that run behind.
    let before = ((years - 3) * 86_400).to_string();
    ceremony
        .openssl(&[
            "x509",
            "-in",
            "gigvault-root/root.crt",
            "-noout",
            "-checkend",
            &before,
        ])
        .ok();
    let after = ((years + 6) * 86_400).to_string();
    assert_eq!(
        ceremony
            .openssl(&[
                "x509",
                "-in",
                "gigvault-root/root.crt",
                "-noout",
                "-checkend",
                &after
            ])
            .code,
        1
    );
}

#[test]
fn every_key_type_makes_a_root_that_verifies_itself() {
    for key_type in ["p256", "p384", "p521", "rsa3072", "ed25519"] {
        let ceremony = Ceremony::empty();
        ceremony.init("root", key_type).ok();
        let answer = ceremony
            .openssl(&[
                "verify",
                "-x509_strict",
                "-CAfile",
                "root/root.crt",
                "root/root.crt",
            ])
            .ok();
        assert_eq!(answer.stdout, "root/root.crt: OK\n", "{key_type}");
    }
}

#[test]
fn the_key_is_private_encrypted_and_readable_by_openssl() {
    let ceremony = Ceremony::with_root();
    assert_eq!(ceremony.mode("root/root.key"), 0o600);
    assert_eq!(ceremony.mode("root"), 0o700);
    assert!(
        ceremony
            .read("root/root.key")
            .starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    );
    let opened = ceremony
        .openssl(&[
            "pkey",
            "-in",
            "root/root.key",
            "-passin",
            "file:passphrase",
            "-pubout",
        ])
        .ok();
    let certified = ceremony
        .openssl(&["x509", "-in", "root/root.crt", "-noout", "-pubkey"])
        .ok();
    assert_eq!(opened.stdout, certified.stdout);
}

#[test]
fn no_passphrase_is_ever_shown() {
    let ceremony = Ceremony::empty();
    let answers = [
        ceremony.init("root", "p256"),
        ceremony.run_unlocked(&["crl"]),
        ceremony.run_unlocked(&["verify"]),
    ];
    for answer in answers {
        let answer = answer.ok();
        assert!(
            !answer.stdout.contains(PASSPHRASE) && !answer.stderr.contains(PASSPHRASE),
            "{answer:?}"
        );
    }
}

#[test]
fn what_is_signed_is_what_was_asked_for() {
    let ceremony = Ceremony::with_root();
    ceremony.csr("sub", "/CN=From The Request");
    let flags = [
        "--subject",
        "CN=From The Ceremony,O=Example",
        "--path-len",
        "2",
        "--validity",
        "1000d",
        "--purpose",
        "server-auth",
        "--ocsp-url",
        "http://ocsp.example.test",
        "--out",
        "sub.crt",
    ];
    let plan = ceremony.sign("sub", &flags).ok();
    assert_eq!(plan.value("subject"), "CN=From The Ceremony,O=Example");
    assert_eq!(plan.value("path_len"), "2");
    let text = ceremony
        .openssl(&["x509", "-in", "sub.crt", "-noout", "-text"])
        .ok()
        .stdout;
    for piece in [
        "Subject: O = Example, CN = From The Ceremony",
        "CA:TRUE, pathlen:2",
        "TLS Web Server Authentication",
        "URI:http://pki.example.test/crl/root.crl",
        "CA Issuers - URI:http://pki.example.test/ca/root.crt",
        "OCSP - URI:http://ocsp.example.test",
        "Certificate Sign, CRL Sign",
    ] {
        assert!(text.contains(piece), "{piece} is not in {text}");
    }
}

#[test]
fn name_constraints_bind_what_stands_below() {
    let ceremony = Ceremony::with_root();
    ceremony.csr("issuing", "/CN=Narrow CA");
    let flags = [
        "--permit-dns",
        "example.test",
        "--exclude",
        "dns:secret.example.test",
        "--permit-ip",
        "10.0.0.0/8",
    ];
    ceremony
        .sign("issuing", &[&flags[..], &["--out", "issuing.crt"]].concat())
        .ok();
    let verdict = |name: &str, dns: &str| {
        ceremony.leaf(name, dns);
        let file = format!("{name}.crt");
        ceremony
            .openssl(&[
                "verify",
                "-CAfile",
                "root/root.crt",
                "-untrusted",
                "issuing.crt",
                &file,
            ])
            .code
    };
    assert_eq!(verdict("inside", "web.example.test"), 0);
    assert_ne!(verdict("outside", "web.example.org"), 0);
    assert_ne!(verdict("secret", "secret.example.test"), 0);
}

#[test]
fn a_dry_run_signs_nothing_and_needs_no_key() {
    let ceremony = Ceremony::with_root();
    ceremony.csr("sub", "/CN=Sub CA");
    let before = ceremony.snapshot();
    let trial = [
        "sign-intermediate",
        "sub.csr",
        "--dir",
        "root",
        "--out",
        "sub.crt",
    ];
    let answer = ceremony
        .run(&[&trial[..], &["--dry-run", "-o", "table"]].concat())
        .ok();
    let shown = answer.stdout.contains("CN=Sub CA") && answer.stdout.contains("Nothing was signed");
    assert!(shown, "{answer:?}");
    assert!(
        answer.stdout.contains("lint: "),
        "a CA without a CRL address is worth a warning: {answer:?}"
    );
    assert_eq!(ceremony.snapshot(), before);
    assert!(!ceremony.path("sub.crt").exists());
}

#[test]
fn without_out_the_certificate_is_in_the_folder() {
    let ceremony = Ceremony::with_root();
    ceremony.csr("sub", "/CN=Sub CA");
    let answer = ceremony.sign("sub", &[]).ok();
    let path = format!("root/issued/{}.crt", answer.value("serial"));
    assert_eq!(answer.value("file"), path);
    ceremony
        .openssl(&["verify", "-CAfile", "root/root.crt", &path])
        .ok();
}

#[test]
fn a_request_in_der_is_as_good_as_one_in_pem() {
    let ceremony = Ceremony::with_root();
    ceremony.csr("pem", "/CN=Sub CA");
    ceremony
        .openssl(&["req", "-in", "pem.csr", "-outform", "DER", "-out", "der.csr"])
        .ok();
    ceremony.sign("der", &[]).ok();
}

#[test]
fn a_revoked_intermediate_is_on_every_crl_from_then_on() {
    let (ceremony, serial) = Ceremony::with_intermediate();
    let verify = |crl: &str| {
        let flags = [
            "verify",
            "-crl_check",
            "-CAfile",
            "root/root.crt",
            "-CRLfile",
            crl,
            "issuing.crt",
        ];
        ceremony.openssl(&flags)
    };
    let first = ceremony
        .run_unlocked(&["crl", "--out", "1.pem", "--format", "pem"])
        .ok();
    assert_eq!(
        (first.value("number"), first.value("revoked")),
        ("1".into(), "0".into())
    );
    verify("1.pem").ok();

    ceremony
        .run(&[
            "revoke",
            &serial,
            "--dir",
            "root",
            "--reason",
            "ca-compromise",
            "--yes",
        ])
        .ok();
    for number in ["2", "3"] {
        let file = format!("{number}.pem");
        let answer = ceremony
            .run_unlocked(&["crl", "--out", &file, "--format", "pem", "--validity", "30d"])
            .ok();
        assert_eq!(
            (answer.value("number"), answer.value("revoked")),
            (number.into(), "1".into())
        );
        let refused = verify(&file);
        assert!(
            refused.code != 0 && refused.stderr.contains("certificate revoked"),
            "{refused:?}"
        );
    }
    let text = ceremony
        .openssl(&[
            "crl",
            "-in",
            "3.pem",
            "-CAfile",
            "root/root.crt",
            "-noout",
            "-text",
        ])
        .ok();
    assert!(text.stderr.contains("verify OK"), "{text:?}");
    assert!(text.stdout.contains("CA Compromise"), "{text:?}");
    assert!(text.stdout.to_lowercase().contains(&serial), "{text:?}");
    // The copy in the folder is the latest, in DER.
    let kept = ceremony
        .openssl(&[
            "crl",
            "-in",
            "root/root.crl",
            "-inform",
            "DER",
            "-noout",
            "-crlnumber",
        ])
        .ok();
    assert_eq!(kept.stdout, "crlNumber=0x03\n");
}

#[test]
fn several_hands_at_once_lose_nothing() {
    let ceremony = Ceremony::with_root();
    ceremony.csr("sub", "/CN=Sub CA");
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| ceremony.sign("sub", &[]).ok());
            scope.spawn(|| ceremony.run_unlocked(&["crl"]).ok());
        }
    });
    assert_eq!(ceremony.read("root/issued.jsonl").lines().count(), 6);
    assert_eq!(ceremony.read("root/crl-number"), "6\n");
    ceremony.run_unlocked(&["verify"]).ok();
}

#[test]
fn an_empty_folder_and_the_remains_of_a_broken_init_are_no_hindrance() {
    let ceremony = Ceremony::empty();
    fs::create_dir(ceremony.path("root")).unwrap();
    fs::create_dir(ceremony.path(".root.new")).unwrap();
    fs::write(ceremony.path(".root.new/root.key"), "half a key").unwrap();
    ceremony.init("root", "p256").ok();
    assert!(!ceremony.path(".root.new").exists());
    ceremony.run_unlocked(&["verify"]).ok();
}

#[test]
fn help_shows_examples() {
    let ceremony = Ceremony::empty();
    for command in [
        &["--help"][..],
        &["init", "--help"],
        &["sign-intermediate", "--help"],
        &["revoke", "--help"],
        &["crl", "--help"],
        &["inspect", "--help"],
        &["verify", "--help"],
    ] {
        let help = ceremony.run(command).ok().stdout;
        assert!(help.contains("Example"), "{command:?}: {help}");
    }
}
