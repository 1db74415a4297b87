//! `cert verify`: offline, on chains made by openssl.

use serde_json::Value;

use crate::bench::{Desk, openssl, text};

/// Root, intermediate and a server's certificate for a.example.test.
fn chain(desk: &Desk) {
    let path = |name: &str| text(&desk.path(name)).to_owned();
    let ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    for name in ["root", "other"] {
        let (key, crt) = (path(&format!("{name}.key")), path(&format!("{name}.crt")));
        let subject = format!("/CN={name}");
        let x509 = [
            "req", "-x509", "-days", "100", "-subj", &subject, "-keyout", &key, "-out", &crt,
        ];
        openssl(&[&x509[..], &ec[..]].concat());
    }
    desk.write(
        "inter.ext",
        "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\n",
    );
    desk.write(
        "leaf.ext",
        "subjectAltName=DNS:a.example.test\nextendedKeyUsage=serverAuth\nkeyUsage=digitalSignature\n",
    );
    for (name, issuer) in [("inter", "root"), ("leaf", "inter")] {
        let [key, csr, crt, ext] = ["key", "csr", "crt", "ext"].map(|end| path(&format!("{name}.{end}")));
        let [ca, ca_key] = ["crt", "key"].map(|end| path(&format!("{issuer}.{end}")));
        let subject = format!("/CN={name}");
        openssl(
            &[
                &["req", "-new", "-subj", &subject, "-keyout", &key, "-out", &csr],
                &ec[..],
            ]
            .concat(),
        );
        let sign = [
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
        ];
        openssl(&[&sign[..], &["-extfile", &ext, "-out", &crt]].concat());
    }
}

#[test]
fn a_good_chain_verifies_and_says_that_revocation_was_not_looked_at() {
    let desk = Desk::new();
    chain(&desk);
    let arguments = [
        "cert",
        "verify",
        "leaf.crt",
        "--untrusted",
        "inter.crt",
        "--ca-file",
        "root.crt",
    ];
    let more = ["--hostname", "a.example.test", "--purpose", "server"];
    let shown: Value = serde_json::from_str(&desk.run(&[&arguments[..], &more[..]].concat()).ok()).unwrap();
    assert_eq!(
        (&shown["valid"], &shown["revocation_checked"]),
        (&true.into(), &false.into())
    );
    // The whole chain in one file.
    desk.write("chain.pem", &(desk.read("leaf.crt") + &desk.read("inter.crt")));
    let table = desk
        .run(&[
            "cert",
            "verify",
            "chain.pem",
            "--ca-file",
            "root.crt",
            "-o",
            "table",
        ])
        .ok();
    assert!(table.contains("not looked at"), "{table}");
}

#[test]
fn what_does_not_verify_fails_and_says_why() {
    let desk = Desk::new();
    chain(&desk);
    for (arguments, why) in [
        (&["--ca-file", "root.crt"][..], "issuer"),
        (&["--untrusted", "inter.crt", "--ca-file", "other.crt"], "issuer"),
        (
            &[
                "--untrusted",
                "inter.crt",
                "--ca-file",
                "root.crt",
                "--hostname",
                "b.example.test",
            ],
            "b.example.test",
        ),
        (
            &[
                "--untrusted",
                "inter.crt",
                "--ca-file",
                "root.crt",
                "--purpose",
                "client",
            ],
            "purpose",
        ),
        (&["--untrusted", "leaf.key", "--ca-file", "root.crt"], "leaf.key"),
        (&["--untrusted", "inter.crt", "--ca-file", "root.key"], "root.key"),
    ] {
        let said = desk
            .run(&[&["cert", "verify", "leaf.crt"], arguments].concat())
            .failed(1);
        assert!(said.to_lowercase().contains(why), "{arguments:?}: {said}");
    }
}
