//! `cert verify` under name constraints: every kind of name, permitted and excluded, as `openssl verify` judges it.

use std::collections::BTreeSet;
use std::process::Command;

use crate::harness::{Desk, NEW_P256_KEY, openssl, text};

/// Root, key and request of an intermediate and of a leaf without a subject.
fn prepare(desk: &Desk) {
    let path = |name: &str| text(&desk.path(name)).to_owned();
    let root = ["-keyout", &path("root.key"), "-out", &path("root.crt")];
    openssl(
        &[
            &["req", "-x509", "-days", "100", "-subj", "/CN=root"][..],
            &NEW_P256_KEY,
            &root,
        ]
        .concat(),
    );
    for (name, subject) in [("inter", "/CN=inter"), ("leaf", "/")] {
        let [key, csr] = ["key", "csr"].map(|end| path(&format!("{name}.{end}")));
        let to = ["-keyout", &key, "-out", &csr];
        openssl(&[&["req", "-new", "-subj", subject][..], &NEW_P256_KEY, &to].concat());
    }
}

fn sign(desk: &Desk, name: &str, issuer: &str, extensions: &str) {
    let path = |name: &str| text(&desk.path(name)).to_owned();
    desk.write("a.ext", extensions);
    let [csr, crt] = ["csr", "crt"].map(|end| path(&format!("{name}.{end}")));
    let [ca, ca_key] = ["crt", "key"].map(|end| path(&format!("{issuer}.{end}")));
    openssl(&[
        "x509",
        "-req",
        "-days",
        "90",
        "-in",
        &csr,
        "-CA",
        &ca,
        "-CAkey",
        &ca_key,
        "-CAcreateserial",
        "-extfile",
        &path("a.ext"),
        "-out",
        &crt,
    ]);
}

/// What follows the last extension: the names that `dirName` refers to.
const NAMES: &str = "[inside]\nO=Example\nCN=web\n[base]\nO=Example\n[outside]\nO=Other\nCN=web\n";

/// A subtree, and names in it and out of it.
const TABLE: [(&str, &str, &[&str]); 14] = [
    (
        "dns",
        "DNS:example.test",
        &[
            "DNS:example.test",
            "DNS:a.example.test",
            "DNS:*.example.test",
            "DNS:other.test",
            "DNS:badexample.test",
        ],
    ),
    (
        "dns",
        "DNS:.example.test",
        &["DNS:a.example.test", "DNS:example.test"],
    ),
    (
        "dns",
        "DNS:example.test",
        &["DNS:foo_bar.example.test", "DNS:foo_bar.other.test"],
    ),
    (
        "ip",
        "IP:10.0.0.0/255.0.0.0",
        &["IP:10.1.2.3", "IP:11.1.2.3", "IP:2001:db8::1"],
    ),
    (
        "ip",
        "IP:2001:db8::/ffff:ffff::",
        &["IP:2001:db8::1", "IP:2001:db9::1", "IP:10.1.2.3"],
    ),
    (
        "email",
        "email:user@example.test",
        &["email:user@example.test", "email:other@example.test"],
    ),
    (
        "email",
        "email:example.test",
        &[
            "email:user@example.test",
            "email:user@EXAMPLE.test",
            "email:user@a.example.test",
            "email:user@other.test",
        ],
    ),
    (
        "email",
        "email:.example.test",
        &["email:user@a.example.test", "email:user@example.test"],
    ),
    (
        "email",
        "email:@example.test",
        &["email:user@example.test", "email:user@other.test"],
    ),
    (
        "uri",
        "URI:example.test",
        &[
            "URI:https://example.test/a",
            "URI:https://example.test:8443/a",
            "URI:https://a.example.test/",
            "URI:https://other.test/",
            "URI:urn:ab:b",
        ],
    ),
    (
        "uri",
        "URI:.example.test",
        &["URI:https://a.example.test/", "URI:https://example.test/"],
    ),
    (
        "uri",
        "URI:.example.test",
        &[
            "URI:https://foo_bar.example.test/",
            "URI:https://foo_bar.other.test/",
        ],
    ),
    ("dirname", "dirName:base", &["dirName:inside", "dirName:outside"]),
    (
        "none of the constrained kind",
        "DNS:example.test",
        &[
            "email:user@other.test",
            "URI:https://other.test/",
            "IP:10.1.2.3",
            "dirName:outside",
        ],
    ),
];

#[test]
fn every_kind_of_name_is_judged_under_constraints_as_openssl_does() {
    let desk = Desk::new();
    prepare(&desk);
    let mut seen = BTreeSet::new();
    for side in ["permitted", "excluded"] {
        for (kind, subtree, names) in TABLE {
            let constraints = format!("nameConstraints=critical,{side};{subtree}\n");
            let ca = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n";
            sign(&desk, "inter", "root", &format!("{ca}{constraints}{NAMES}"));
            for name in names {
                sign(
                    &desk,
                    "leaf",
                    "inter",
                    &format!("subjectAltName=critical,{name}\n{NAMES}"),
                );
                let theirs = Command::new("openssl")
                    .args([
                        "verify",
                        "-CAfile",
                        "root.crt",
                        "-untrusted",
                        "inter.crt",
                        "leaf.crt",
                    ])
                    .current_dir(desk.path(""))
                    .output()
                    .unwrap();
                let ours = desk.run(&[
                    "cert",
                    "verify",
                    "leaf.crt",
                    "--untrusted",
                    "inter.crt",
                    "--ca-file",
                    "root.crt",
                ]);
                let row = format!("{side} {subtree}, name {name}");
                assert_eq!(
                    ours.code == 0,
                    theirs.status.success(),
                    "{row}: {theirs:?} {ours:?}"
                );
                if ours.code != 0 {
                    assert!(ours.stderr.contains("name constraint"), "{row}: {ours:?}");
                    assert!(!ours.stderr.contains("NameConstraint"), "no debug text: {ours:?}");
                }
                seen.insert((side, kind, ours.code == 0));
            }
        }
    }
    for (side, kind) in ["permitted", "excluded"]
        .iter()
        .flat_map(|side| ["dns", "ip", "email", "uri", "dirname"].map(|kind| (*side, kind)))
    {
        for verdict in [true, false] {
            assert!(seen.contains(&(side, kind, verdict)), "{side} {kind} {verdict}");
        }
    }
}
