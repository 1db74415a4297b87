//! Where a root publishes: said at `init`, written into intermediates.

use std::fs;

use crate::world::{Answer, Ceremony};

const CRL: &str = "http://pki.example.test/crl/root.crl";
const ISSUER: &str = "http://pki.example.test/ca/root.crt";

fn init(ceremony: &Ceremony, more: &[&str]) -> Answer {
    let flags = ["init", "--subject", "CN=Example Root", "--key-type", "p256"];
    ceremony.run_unlocked(&[&flags, more].concat())
}

fn sign(ceremony: &Ceremony, out: &str, more: &[&str]) -> Answer {
    ceremony.csr(out, "/CN=Example Issuing CA");
    let (csr, file) = (format!("{out}.csr"), format!("{out}.crt"));
    let flags = ["sign-intermediate", &csr, "--yes", "--out", &file];
    ceremony.run_unlocked(&[&flags, more].concat())
}

fn text(ceremony: &Ceremony, file: &str) -> String {
    ceremony
        .openssl(&["x509", "-in", file, "-noout", "-text"])
        .ok()
        .stdout
}

#[test]
fn intermediates_point_to_where_init_said() {
    let ceremony = Ceremony::with_kek();
    let answer = init(&ceremony, &["--crl-url", CRL, "--issuer-url", ISSUER]).ok();
    assert!(
        answer.stdout.contains(CRL) && answer.stdout.contains(ISSUER),
        "{answer:?}"
    );
    sign(&ceremony, "one", &[]).ok();
    let one = text(&ceremony, "one.crt");
    assert!(one.contains(&format!("URI:{CRL}")), "{one}");
    assert!(one.contains(&format!("CA Issuers - URI:{ISSUER}")), "{one}");
    // What is said for one of them counts for that one.
    let other = "http://other.example.test/root.crl";
    sign(&ceremony, "other", &["--crl-url", other]).ok();
    let second = text(&ceremony, "other.crt");
    assert!(second.contains(other) && !second.contains(CRL), "{second}");
    assert!(second.contains(ISSUER), "{second}");
    ceremony.run_unlocked(&["verify"]).ok();

    // The root's own certificate points nowhere: it is trusted, not revoked.
    let root = text(&ceremony, "root/root.crt");
    assert!(!root.contains("pki.example.test"), "{root}");
    ceremony.run_unlocked(&["crl", "--out", "root.crl"]).ok();
    let pem = ["crl", "-inform", "DER", "-in", "root.crl", "-out", "root.pem"];
    ceremony.openssl(&pem).ok();
    let verify = [
        "verify",
        "-crl_check",
        "-CRLfile",
        "root.pem",
        "-CAfile",
        "root/root.crt",
    ];
    ceremony.openssl(&[&verify[..], &["one.crt"]].concat()).ok();
}

#[test]
fn an_address_that_no_certificate_may_have_makes_no_root() {
    let ceremony = Ceremony::with_kek();
    for address in [
        "https://pki.example.test/root.crl",
        "pki.example.test",
        "http://",
        "",
    ] {
        let refused = init(&ceremony, &["--crl-url", address]);
        assert_eq!(refused.code, 3, "{address}: {refused:?}");
        assert!(!ceremony.path("root").exists(), "{address}");
    }
}

#[test]
fn a_root_that_was_not_told_is_asked_for_each_intermediate() {
    let ceremony = Ceremony::with_kek();
    init(&ceremony, &[]).ok();
    assert!(!ceremony.path("root/publication.json").exists());
    sign(&ceremony, "one", &[]).ok();
    let one = text(&ceremony, "one.crt");
    assert!(!one.contains("URI:"), "{one}");
}

#[test]
fn damaged_addresses_are_not_left_out() {
    let ceremony = Ceremony::with_kek();
    init(&ceremony, &["--crl-url", CRL]).ok();
    fs::write(ceremony.path("root/publication.json"), "{\"crl\": [\"http://pki").unwrap();
    let refused = sign(&ceremony, "one", &[]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("publication.json"), "{refused:?}");
    let audit = ceremony.run_unlocked(&["verify"]);
    assert_eq!(audit.code, 1, "{audit:?}");
    assert!(audit.stdout.contains("publication.json"), "{audit:?}");
}
