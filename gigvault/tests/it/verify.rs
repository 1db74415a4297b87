//! `cert verify`: offline, on chains made by openssl.

use serde_json::Value;

use crate::harness::{Desk, NEW_P256_KEY, openssl, text};

/// Root, intermediate and a server's certificate for a.example.test.
pub(crate) fn chain(desk: &Desk) {
    let path = |name: &str| text(&desk.path(name)).to_owned();
    for name in ["root", "other"] {
        let (key, crt) = (path(&format!("{name}.key")), path(&format!("{name}.crt")));
        let subject = format!("/CN={name}");
        let x509 = [
            "req", "-x509", "-days", "100", "-subj", &subject, "-keyout", &key, "-out", &crt,
        ];
        openssl(&[&x509[..], &NEW_P256_KEY].concat());
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
                &NEW_P256_KEY[..],
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

#[test]
fn refusals_are_words_that_name_the_certificate() {
    let desk = Desk::new();
    chain(&desk);
    let said = |arguments: &[&str]| desk.run(&[&["cert", "verify"], arguments].concat()).failed(1);
    let missing = said(&["leaf.crt", "--ca-file", "root.crt"]);
    assert!(
        missing.contains("CN=leaf") && missing.contains("its issuer is CN=inter"),
        "{missing}"
    );
    let purpose = said(&[
        "leaf.crt",
        "--untrusted",
        "inter.crt",
        "--ca-file",
        "root.crt",
        "--purpose",
        "client",
    ]);
    assert!(
        purpose.contains("CN=leaf is not for the purpose client-auth"),
        "{purpose}"
    );
    let host = said(&[
        "leaf.crt",
        "--untrusted",
        "inter.crt",
        "--ca-file",
        "root.crt",
        "--hostname",
        "b.example.test",
    ]);
    assert!(
        host.contains("not for b.example.test; it is for dns:a.example.test"),
        "{host}"
    );
    for said in [missing, purpose, host] {
        assert!(!said.contains(['{', '(', '[']), "no debug text: {said}");
    }
}

#[test]
fn path_lengths_and_unknown_critical_extensions_are_refused() {
    let desk = Desk::new();
    chain(&desk);
    let path = |name: &str| text(&desk.path(name)).to_owned();
    let ca = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n";
    for (issuer, extensions, why) in [
        ("leaf", "basicConstraints=CA:FALSE\n", "is not a CA"),
        (
            "inter",
            "1.2.3.4=critical,DER:0500\n",
            "critical extension 1.2.3.4",
        ),
        ("inter", ca, "path length"),
    ] {
        desk.write("low.ext", extensions);
        let [ca, ca_key] = ["crt", "key"].map(|end| path(&format!("{issuer}.{end}")));
        openssl(&[
            "x509",
            "-req",
            "-days",
            "9",
            "-in",
            &path("leaf.csr"),
            "-CA",
            &ca,
            "-CAkey",
            &ca_key,
            "-CAcreateserial",
            "-extfile",
            &path("low.ext"),
            "-out",
            &path("low.crt"),
        ]);
        desk.write("above.pem", &(desk.read("leaf.crt") + &desk.read("inter.crt")));
        let mut leaf = "low.crt".to_owned();
        if why == "path length" {
            // A certificate below the CA that should not be there; its subject is another than its issuer's.
            openssl(&[
                "req",
                "-new",
                "-subj",
                "/CN=end",
                "-key",
                &path("leaf.key"),
                "-out",
                &path("end.csr"),
            ]);
            openssl(&[
                "x509",
                "-req",
                "-days",
                "9",
                "-in",
                &path("end.csr"),
                "-CA",
                &path("low.crt"),
                "-CAkey",
                &path("leaf.key"),
                "-CAcreateserial",
                "-out",
                &path("end.crt"),
            ]);
            desk.write("above.pem", &(desk.read("low.crt") + &desk.read("inter.crt")));
            leaf = "end.crt".to_owned();
        }
        let said = desk
            .run(&[
                "cert",
                "verify",
                &leaf,
                "--untrusted",
                "above.pem",
                "--ca-file",
                "root.crt",
            ])
            .failed(1);
        assert!(said.contains(why), "{why}: {said}");
    }
}
