//! `cert verify` under name constraints: every kind of name, permitted and excluded, as the programs of others judge it.
//!
//! All have to agree with us, but where [`DIFFERENCES`] says what one of them does instead, and why that is not RFC 5280. A
//! difference that is no longer there fails the test too.

mod differences;

use std::collections::BTreeSet;

use testkit::judges::{Chain, Judge};

use self::differences::{DIFFERENCES, Difference};
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

const UPN_OF_USER: &str = "otherName:1.3.6.1.4.1.311.20.2.3;UTF8:user@example.test";
const SERVICE: &str = "otherName:1.3.6.1.5.5.7.8.7;IA5STRING:_xmpp.example.test";

/// The kind of the names, a subtree, and names in it and out of it.
const TABLE: [(&str, &str, &[&str]); 18] = [
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
    ("rid", "RID:1.2.3", &["RID:1.2.3", "RID:1.2.4"]),
    (
        "other",
        UPN_OF_USER,
        &[
            UPN_OF_USER,
            "otherName:1.3.6.1.4.1.311.20.2.3;UTF8:other@example.test",
        ],
    ),
    (
        "other",
        SERVICE,
        &[SERVICE, "otherName:1.3.6.1.5.5.7.8.7;IA5STRING:_xmpp.other.test"],
    ),
    (
        "none of the constrained kind",
        "RID:1.2.3",
        &["DNS:example.test", "IP:10.1.2.3", "email:user@example.test"],
    ),
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

/// An intermediate with these constraints, and a leaf with these names.
fn make(desk: &Desk, constraints: &[(&str, &str)], names: &str) {
    let all: Vec<_> = constraints
        .iter()
        .map(|(side, subtree)| format!("{side};{subtree}"))
        .collect();
    let ca = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n";
    sign(
        desk,
        "inter",
        "root",
        &format!("{ca}nameConstraints=critical,{}\n{NAMES}", all.join(",")),
    );
    sign_leaf(desk, names);
}

fn sign_leaf(desk: &Desk, names: &str) {
    sign(
        desk,
        "leaf",
        "inter",
        &format!("subjectAltName=critical,{names}\n{NAMES}"),
    );
}

/// Whether we accept the leaf; a refusal is for the name constraints.
fn ours(desk: &Desk, row: &str) -> bool {
    let files = ["leaf.crt", "--untrusted", "inter.crt", "--ca-file", "root.crt"];
    let ours = desk.run(&[&["cert", "verify"][..], &files].concat());
    if ours.code != 0 {
        assert!(ours.stderr.contains("name constraint"), "{row}: {ours:?}");
        assert!(!ours.stderr.contains("NameConstraint"), "no debug text: {ours:?}");
    }
    ours.code == 0
}

fn objection(desk: &Desk, judge: Judge) -> Option<String> {
    let [root, intermediate, leaf] = ["root.crt", "inter.crt", "leaf.crt"].map(|name| desk.path(name));
    let chain = Chain {
        root: &root,
        intermediate: &intermediate,
        leaf: &leaf,
    };
    judge.objection(&chain).unwrap()
}

#[test]
fn every_kind_of_name_is_judged_under_constraints_as_others_do() {
    let desk = Desk::new();
    prepare(&desk);
    let (mut seen, mut differing, mut wrong) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    for side in ["permitted", "excluded"] {
        for (kind, subtree, names) in TABLE {
            make(&desk, &[(side, subtree)], names[0]);
            for name in names {
                sign_leaf(&desk, name);
                let row = format!("{side} {subtree}, name {name}");
                let ours = ours(&desk, &row);
                seen.insert((side, kind, ours));
                for judge in Judge::ALL {
                    let objection = objection(&desk, judge);
                    let known = DIFFERENCES
                        .iter()
                        .position(|difference| difference.is_about(judge, kind, subtree, name));
                    let expected = known.map_or(ours, |at| DIFFERENCES[at].instead.accepts(side));
                    if expected != ours {
                        differing.extend(known);
                    }
                    if objection.is_none() != expected {
                        wrong.push(format!(
                            "{judge:?}: {row}: we accept it: {ours}, they: {objection:?}"
                        ));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (at, difference) in DIFFERENCES.iter().enumerate() {
        let Difference {
            judge, under, why, ..
        } = difference;
        assert!(
            differing.contains(&at),
            "{judge:?} does not differ under {under} any more: {why}"
        );
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

/// What is excluded is excluded also where it is permitted, and each name of a certificate counts.
#[test]
fn permitted_and_excluded_subtrees_bind_together() {
    let desk = Desk::new();
    prepare(&desk);
    let both = [
        ("permitted", "DNS:example.test"),
        ("excluded", "DNS:secret.example.test"),
        ("permitted", "IP:10.0.0.0/255.0.0.0"),
        ("excluded", "IP:10.9.0.0/255.255.0.0"),
    ];
    make(&desk, &both, "DNS:a.example.test");
    for (names, accepted) in [
        ("DNS:a.example.test", true),
        ("DNS:secret.example.test", false),
        ("DNS:a.secret.example.test", false),
        ("DNS:other.test", false),
        ("IP:10.1.2.3", true),
        ("IP:10.9.2.3", false),
        ("IP:11.1.2.3", false),
        ("DNS:a.example.test,IP:10.1.2.3", true),
        ("DNS:a.example.test,IP:10.9.2.3", false),
        ("DNS:a.example.test,DNS:other.test", false),
    ] {
        sign_leaf(&desk, names);
        assert_eq!(ours(&desk, names), accepted, "{names}");
        for judge in Judge::ALL {
            let objection = objection(&desk, judge);
            assert_eq!(objection.is_none(), accepted, "{judge:?}: {names}: {objection:?}");
        }
    }
}
