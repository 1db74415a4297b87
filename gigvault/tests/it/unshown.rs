//! A command that did what was asked for and cannot print it says what it did.

use std::fs::File;

use crate::harness::{Desk, Ran, Server, certificate};

fn into_a_full_disk(desk: &Desk, server: &Server, arguments: &[&str]) -> String {
    let mut command = desk.command(arguments);
    command
        .env("GIGVAULT_URL", &server.url)
        .env("GIGVAULT_TOKEN", "gv_sesame")
        .stdout(File::options().write(true).open("/dev/full").unwrap());
    let said = Ran::of(command.output().unwrap()).failed(1);
    assert!(
        said.contains("writing to stdout") && !said.contains("hint:"),
        "{said}"
    );
    said
}

/// The command, what the server answers to it, and what is said.
type Case<'a> = (&'a [&'a str], &'a [(u16, &'a str)], &'a str);

#[test]
fn what_was_done_is_said_where_it_cannot_be_printed() {
    let one = certificate("00ab", &["dns:a.test"]).to_string();
    let ca = r#"{"name": "issuing", "subject": "CN=I", "certificate": "", "key_algorithm": "p256",
        "signature_algorithm": "ecdsa-with-sha256", "not_before": "2026-01-01T00:00:00Z",
        "not_after": "2099-12-31T23:59:59Z", "spki_sha256": "", "fingerprint_sha256": "", "chain": "", "serial": "01",
        "is_default": true, "issuer": "root", "ski": "", "crl_url": "", "ocsp_url": "", "suspended_since": null}"#;
    let key = r#"{"name": "k", "algorithm": "p256", "purpose": "ocsp-signer", "backend": "software", "public_key": "",
        "spki_sha256": "", "created_at": "2027-01-02T03:04:05Z", "signatures": []}"#;
    let cases: [Case<'_>; 8] = [
        (
            &["cert", "create", "a.test"],
            &[(201, &one)],
            "certificate 00ab was issued and is in ./a.test.key, ./a.test.crt, ./a.test.chain.pem",
        ),
        (
            &["cert", "revoke", "00ab"],
            &[(200, &one), (200, &one)],
            "certificate 00ab was revoked",
        ),
        (
            &["cert", "hold", "00ab"],
            &[(200, &one)],
            "certificate 00ab is on hold",
        ),
        (
            &["cert", "release", "00ab"],
            &[(200, &one)],
            "certificate 00ab is released",
        ),
        (
            &["ca", "suspend", "issuing"],
            &[(200, ca)],
            "CA issuing is suspended",
        ),
        (
            &["ca", "resume", "issuing"],
            &[(200, ca)],
            "CA issuing issues again",
        ),
        (
            &[
                "key",
                "generate",
                "k",
                "--type",
                "p256",
                "--purpose",
                "ocsp-signer",
            ],
            &[(201, key)],
            "key k was made",
        ),
        (
            &["csr", "create", "b.test"],
            &[],
            "the CSR is in ./b.test.csr, for the key in ./b.test.key",
        ),
    ];
    for (command, script, done) in cases {
        let (desk, server) = (Desk::new(), Server::answering(script));
        let said = into_a_full_disk(&desk, &server, command);
        assert!(said.contains(done), "{command:?}: {said}");
    }
}
