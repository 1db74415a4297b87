//! What pkilint says about root, intermediates and CRLs.

use crate::world::{Ceremony, pkilint};

#[test]
fn pkilint_finds_no_error_in_the_certificates() {
    let (ceremony, _) = Ceremony::with_intermediate();
    ceremony.csr("narrow", "/CN=Narrow CA");
    let flags = [
        "--permit-dns",
        "example.test",
        "--permit-ip",
        "2001:db8::/32",
        "--permit-email",
        ".example.test",
        "--exclude-uri",
        "secret.example.test",
        "--purpose",
        "server-auth",
        "--path-len",
        "1",
        "--ocsp-url",
        "http://ocsp.example.test",
        "--out",
        "narrow.crt",
    ];
    ceremony.sign("narrow", &flags).ok();
    for file in ["root/root.crt", "issuing.crt", "narrow.crt"] {
        let verdict = pkilint("lint_pkix_cert", &["-s", "ERROR"], &ceremony.path(file));
        assert_eq!(
            (verdict.code, verdict.stdout.trim()),
            (0, ""),
            "{file}: {verdict:?}"
        );
    }
}

#[test]
fn pkilint_finds_no_error_in_roots_of_any_key() {
    for key_type in ["p384", "p521", "rsa3072", "ed25519"] {
        let ceremony = Ceremony::empty();
        ceremony.init("root", key_type).ok();
        let verdict = pkilint(
            "lint_pkix_cert",
            &["-s", "ERROR"],
            &ceremony.path("root/root.crt"),
        );
        assert_eq!(
            (verdict.code, verdict.stdout.trim()),
            (0, ""),
            "{key_type}: {verdict:?}"
        );
    }
}

#[test]
fn pkilint_finds_no_error_in_the_crls() {
    let (ceremony, serial) = Ceremony::with_intermediate();
    ceremony.run_unlocked(&["crl", "--out", "empty.crl"]).ok();
    ceremony
        .run(&[
            "revoke",
            &serial,
            "--dir",
            "root",
            "--reason",
            "key-compromise",
            "--yes",
        ])
        .ok();
    ceremony.run_unlocked(&["crl", "--out", "one.crl"]).ok();
    for file in ["empty.crl", "one.crl"] {
        let verdict = pkilint(
            "lint_crl",
            &["-t", "ARL", "-p", "BR", "-s", "ERROR"],
            &ceremony.path(file),
        );
        assert_eq!(
            (verdict.code, verdict.stdout.trim()),
            (0, ""),
            "{file}: {verdict:?}"
        );
    }
}

#[test]
fn the_judge_can_say_no() {
    let ceremony = Ceremony::empty();
    // basicConstraints not critical, no subject key identifier.
    let extensions = [
        "-addext",
        "basicConstraints=CA:TRUE",
        "-addext",
        "subjectKeyIdentifier=none",
    ];
    let bad = [
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "bad.key", "-out", "bad.crt", "-subj",
        "/CN=Bad",
    ];
    ceremony.openssl(&[&bad[..], &extensions].concat());
    let verdict = pkilint("lint_pkix_cert", &["-s", "ERROR"], &ceremony.path("bad.crt"));
    assert_ne!(verdict.code, 0, "{verdict:?}");
}
