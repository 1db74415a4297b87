//! The commands of the offline root, without server and network.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use super::{code, done, gigvault};
use crate::judge;

fn root<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [&["rootca"], arguments, &["--dir", "root"]].concat()
}

#[test]
fn a_root_ceremony_needs_neither_server_nor_network() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name);
    std::fs::write(file("pass"), "correct horse battery staple\n").unwrap();
    std::fs::set_permissions(file("pass"), std::fs::Permissions::from_mode(0o600)).unwrap();
    let pass = ["--passphrase-file", "pass"];
    let init = [
        &root(&["init", "--subject", "CN=Example Root,O=Example"])[..],
        &pass,
    ]
    .concat();
    done(dir.path(), &init);
    let again = gigvault(dir.path(), &init);
    assert!(!again.status.success(), "a root was overwritten");
    done(
        dir.path(),
        &[
            "csr",
            "create",
            "Example Issuing CA",
            "--subject",
            "CN=Example Issuing CA,O=Example",
        ],
    );
    let sign = root(&[
        "sign-intermediate",
        "Example_Issuing_CA.csr",
        "--out",
        "issuing.crt",
        "--yes",
    ]);
    let urls = [
        "--crl-url",
        "http://pki.example.test/root.crl",
        "--issuer-url",
        "http://pki.example.test/root.crt",
    ];
    done(dir.path(), &[&sign[..], &urls, &pass].concat());
    let crl = [&root(&["crl", "--out", "root.crl"])[..], &pass].concat();
    done(dir.path(), &crl);
    let certificate = file("root").join("root.crt");
    let issuing = file("issuing.crt");
    let arguments = [
        "verify",
        "-x509_strict",
        "-CAfile",
        judge::text(&certificate),
        judge::text(&issuing),
    ];
    judge::run("openssl", &arguments);
    let crl = file("root.crl");
    let arguments = [
        "crl",
        "-inform",
        "DER",
        "-in",
        judge::text(&crl),
        "-noout",
        "-CAfile",
        judge::text(&certificate),
    ];
    judge::run("openssl", &arguments);
    for path in [&certificate, &issuing] {
        judge::pkilint("lint_pkix_cert", &["lint", "-s", "ERROR", judge::text(path)]);
    }
    std::fs::write(file("pass"), "wrong\n").unwrap();
    let wrong = [&root(&["crl", "--out", "second.crl"])[..], &pass].concat();
    let refused = gigvault(dir.path(), &wrong);
    assert_eq!(
        code(&refused),
        Some(1),
        "{}",
        String::from_utf8_lossy(&refused.stderr)
    );
    assert!(!file("second.crl").exists());
    std::fs::set_permissions(file("pass"), std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(
        !gigvault(dir.path(), &wrong).status.success(),
        "others may read the passphrase"
    );
}

#[test]
fn the_offline_root_inspects_as_text_and_json() {
    let dir = tempfile::tempdir().unwrap();
    done(dir.path(), &["csr", "create", "web.example.test"]);
    let inspect = ["rootca", "inspect", "web.example.test.csr"];
    assert!(done(dir.path(), &inspect).contains("web.example.test"));
    let shown = done(dir.path(), &[&inspect[..], &["-o", "json"]].concat());
    let _parsed: Value = serde_json::from_str(&shown).unwrap();
}
