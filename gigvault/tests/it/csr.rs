//! `csr create` and `csr inspect`, judged by openssl.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::harness::{Desk, openssl, text};

#[test]
fn a_csr_of_every_key_type_satisfies_openssl() {
    let desk = Desk::new();
    for kind in ["p256", "p384", "p521", "rsa2048", "rsa3072", "ed25519"] {
        let name = format!("{kind}.example.test");
        let san = [
            "--san",
            "ip:10.0.0.1",
            "--san",
            "email:ops@example.test",
            "--san",
            "uri:https://example.test/x",
        ];
        desk.run(&[&["csr", "create", &name, "--key-type", kind], &san[..]].concat())
            .ok();
        let (csr, key) = (
            desk.path(&format!("{name}.csr")),
            desk.path(&format!("{name}.key")),
        );
        let shown = openssl(&[
            "req",
            "-in",
            text(&csr),
            "-noout",
            "-text",
            "-verify",
            "-nameopt",
            "RFC2253",
        ]);
        for part in [
            format!("Subject: CN={name}"),
            format!("DNS:{name}"),
            "IP Address:10.0.0.1".to_owned(),
            "email:ops@example.test".to_owned(),
            "URI:https://example.test/x".to_owned(),
        ] {
            assert!(shown.contains(&part), "{kind}: {part} in {shown}");
        }
        let asked = openssl(&["req", "-in", text(&csr), "-noout", "-pubkey"]);
        assert_eq!(asked, openssl(&["pkey", "-in", text(&key), "-pubout"]), "{kind}");
        assert_eq!(
            std::fs::metadata(&key).unwrap().permissions().mode() & 0o777,
            0o600,
            "{kind}"
        );
    }
}

#[test]
fn nothing_is_overwritten_unasked() {
    let desk = Desk::new();
    desk.run(&["csr", "create", "a.test"]).ok();
    let (key, csr) = (desk.read("a.test.key"), desk.read("a.test.csr"));
    let said = desk.run(&["csr", "create", "a.test"]).failed(1);
    assert!(said.contains("a.test.key") && said.contains("--force"), "{said}");
    assert_eq!(
        (desk.read("a.test.key"), desk.read("a.test.csr")),
        (key.clone(), csr)
    );
    desk.run(&["csr", "create", "a.test", "--force"]).ok();
    assert_ne!(desk.read("a.test.key"), key);
    assert_eq!(
        desk.files(),
        ["a.test.csr", "a.test.key"],
        "something was left behind"
    );
}

#[test]
fn a_key_of_others_and_a_whole_subject_are_taken() {
    let desk = Desk::new();
    let key = desk.path("own.key");
    openssl(&[
        "genpkey",
        "-algorithm",
        "EC",
        "-pkeyopt",
        "ec_paramgen_curve:P-384",
        "-out",
        text(&key),
    ]);
    desk.run(&[
        "csr",
        "create",
        "a.test",
        "--key",
        "own.key",
        "--subject",
        "CN=a.test,O=Example,C=DE",
    ])
    .ok();
    let csr = desk.path("a.test.csr");
    let shown = openssl(&[
        "req",
        "-in",
        text(&csr),
        "-noout",
        "-subject",
        "-verify",
        "-nameopt",
        "RFC2253",
    ]);
    assert!(shown.contains("subject=CN=a.test,O=Example,C=DE"), "{shown}");
    let asked = openssl(&["req", "-in", text(&csr), "-noout", "-pubkey"]);
    assert_eq!(asked, openssl(&["pkey", "-in", text(&key), "-pubout"]));
    assert_eq!(desk.files(), ["a.test.csr", "own.key"]);
}

/// A key of openssl in every form, under the passphrase `sesame` where it is encrypted.
fn forms_of_a_key(desk: &Desk) -> String {
    let run = |line: &str| openssl(&line.split(' ').collect::<Vec<_>>());
    let path = |name: &str| text(&desk.path(name)).to_owned();
    let (plain, crt) = (path("plain.pem"), path("crt.pem"));
    run(&format!(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=x -keyout {plain} -out {crt}"
    ));
    let locked = "-passout pass:sesame -out";
    run(&format!(
        "pkey -in {plain} -outform DER -out {}",
        path("plain.der")
    ));
    run(&format!(
        "pkcs8 -topk8 -in {plain} {locked} {}",
        path("locked.pem")
    ));
    run(&format!(
        "pkcs8 -topk8 -scrypt -in {plain} -outform DER {locked} {}",
        path("locked.der")
    ));
    run(&format!(
        "pkcs12 -export -in {crt} -inkey {plain} {locked} {}",
        path("locked.p12")
    ));
    run(&format!("pkey -in {plain} -pubout"))
}

#[test]
fn a_key_in_any_form_is_taken_with_its_passphrase_from_a_file() {
    let desk = Desk::new();
    let public = forms_of_a_key(&desk);
    desk.write("secret", "sesame\n");
    std::fs::set_permissions(desk.path("secret"), std::fs::Permissions::from_mode(0o600)).unwrap();
    for file in ["plain.pem", "plain.der", "locked.pem", "locked.der", "locked.p12"] {
        let mut arguments = vec!["csr", "create", "a.test", "--force", "--key", file];
        if file.starts_with("locked") {
            // There is no terminal to ask at.
            let said = desk.run(&arguments).failed(2);
            assert!(said.contains("--key-passphrase-file"), "{file}: {said}");
            arguments.extend(["--key-passphrase-file", "secret"]);
        }
        desk.run(&arguments).ok();
        let csr = desk.path("a.test.csr");
        assert_eq!(
            openssl(&["req", "-in", text(&csr), "-noout", "-pubkey"]),
            public,
            "{file}"
        );
    }
    desk.write("wrong", "Sesame\n");
    std::fs::set_permissions(desk.path("wrong"), std::fs::Permissions::from_mode(0o600)).unwrap();
    let said = desk
        .run(&[
            "csr",
            "create",
            "b.test",
            "--key",
            "locked.p12",
            "--key-passphrase-file",
            "wrong",
        ])
        .failed(1);
    assert!(
        said.contains("locked.p12") && said.contains("passphrase is wrong"),
        "{said}"
    );
    std::fs::set_permissions(desk.path("wrong"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let said = desk
        .run(&[
            "csr",
            "create",
            "b.test",
            "--key",
            "locked.pem",
            "--key-passphrase-file",
            "wrong",
        ])
        .failed(1);
    assert!(said.contains("chmod 600"), "{said}");
}

#[test]
fn a_key_that_is_too_short_is_refused_for_its_length() {
    let desk = Desk::new();
    let key = desk.path("short.key");
    openssl(&[
        "genpkey",
        "-algorithm",
        "RSA",
        "-pkeyopt",
        "rsa_keygen_bits:1024",
        "-out",
        text(&key),
    ]);
    let said = desk
        .run(&["csr", "create", "a.test", "--key", "short.key"])
        .failed(1);
    assert!(said.contains("short.key") && said.contains("1024 bits"), "{said}");
}

#[test]
fn a_csr_of_openssl_is_shown_as_it_is() {
    let desk = Desk::new();
    let (key, csr) = (desk.path("o.key"), desk.path("o.csr"));
    let make = [
        "req",
        "-new",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        text(&key),
        "-out",
        text(&csr),
    ];
    let names = [
        "-subj",
        "/C=DE/O=Example/CN=web.example.test",
        "-addext",
        "subjectAltName=DNS:web.example.test,IP:::1",
    ];
    openssl(&[&make[..], &names[..]].concat());
    let shown: Value = serde_json::from_str(&desk.run(&["csr", "inspect", "o.csr"]).ok()).unwrap();
    assert_eq!(shown["subject"], "CN=web.example.test,O=Example,C=DE");
    assert_eq!(
        shown["san"],
        serde_json::json!(["dns:web.example.test", "ip:::1"])
    );
    assert_eq!(shown["key_algorithm"], "rsa2048");
    let der = desk.path("o.der");
    openssl(&["req", "-in", text(&csr), "-outform", "DER", "-out", text(&der)]);
    let same: Value = serde_json::from_str(&desk.run(&["csr", "inspect", "o.der"]).ok()).unwrap();
    assert_eq!(same, shown);
    let table = desk.run(&["csr", "inspect", "o.csr", "-o", "table"]).ok();
    assert!(
        table.contains("web.example.test") && table.contains("rsa2048"),
        "{table}"
    );
}

#[test]
fn a_csr_whose_signature_is_wrong_is_called_so() {
    let desk = Desk::new();
    desk.run(&["csr", "create", "a.test"]).ok();
    let (csr, der) = (desk.path("a.test.csr"), desk.path("a.der"));
    openssl(&["req", "-in", text(&csr), "-outform", "DER", "-out", text(&der)]);
    let mut bytes = std::fs::read(&der).unwrap();
    let at = bytes.len() - 3;
    bytes[at] ^= 1;
    std::fs::write(&der, bytes).unwrap();
    let said = desk.run(&["csr", "inspect", "a.der"]).failed(1);
    assert!(said.contains("signature") && said.contains("a.der"), "{said}");
    desk.write("text.csr", "hello");
    assert!(
        desk.run(&["csr", "inspect", "text.csr"])
            .failed(1)
            .contains("text.csr")
    );
}
