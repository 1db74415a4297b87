//! `cert verify`: files in DER, PKCS#7 and PEM, standard input, and what is beside the certificate in them.

use std::io::Write;
use std::process::Stdio;

use crate::harness::{Desk, Ran, openssl, text};
use crate::verify::chain;

#[test]
fn der_and_pkcs7_and_standard_input_are_read() {
    let desk = Desk::new();
    chain(&desk);
    let path = |name: &str| text(&desk.path(name)).to_owned();
    let [leaf, inter, root] = ["leaf.crt", "inter.crt", "root.crt"].map(path);
    for (from, to) in [(&leaf, "leaf.der"), (&root, "root.der")] {
        openssl(&["x509", "-in", from, "-outform", "DER", "-out", &path(to)]);
    }
    for form in ["pem", "der"] {
        let out = path(&format!("chain.p7b.{form}"));
        openssl(&[
            "crl2pkcs7",
            "-nocrl",
            "-certfile",
            &leaf,
            "-certfile",
            &inter,
            "-outform",
            form,
            "-out",
            &out,
        ]);
    }
    let bare: String = desk
        .read("inter.crt")
        .lines()
        .filter(|line| !line.starts_with('-'))
        .collect();
    desk.write("inter.b64", &bare);
    for arguments in [
        &["leaf.der", "--untrusted", "inter.crt", "--ca-file", "root.der"][..],
        &[
            "leaf.crt",
            "--untrusted",
            "chain.p7b.der",
            "--ca-file",
            "root.crt",
        ],
        &["leaf.crt", "--untrusted", "inter.b64", "--ca-file", "root.crt"],
        &["chain.p7b.pem", "--ca-file", "root.crt"],
        &["chain.p7b.der", "--ca-file", "root.der"],
    ] {
        desk.run(&[&["cert", "verify"], arguments].concat()).ok();
    }
    let mut child = desk
        .command(&["cert", "verify", "-", "--ca-file", "root.crt"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let chain = std::fs::read(desk.path("chain.p7b.der")).unwrap();
    child.stdin.take().unwrap().write_all(&chain).unwrap();
    Ran::of(child.wait_with_output().unwrap()).ok();
    desk.write("empty.p7b", "");
    let said = desk
        .run(&["cert", "verify", "empty.p7b", "--ca-file", "root.crt"])
        .failed(1);
    assert!(
        said.contains("empty.p7b") && said.contains("it is empty"),
        "{said}"
    );
}

#[test]
fn what_cannot_be_read_beside_a_root_is_passed_over_and_named() {
    let desk = Desk::new();
    chain(&desk);
    let broken = "-----BEGIN CERTIFICATE-----\nMAMCAQ==\n-----END CERTIFICATE-----\n";
    desk.write("roots.pem", &(broken.to_owned() + &desk.read("root.crt")));
    desk.write("more.pem", &(desk.read("inter.crt") + broken));
    let verify = |roots| {
        [
            "cert",
            "verify",
            "leaf.crt",
            "--untrusted",
            "more.pem",
            "--ca-file",
            roots,
        ]
    };
    let ran = desk.run(&verify("roots.pem"));
    for named in ["roots.pem, certificate 1", "more.pem, certificate 2"] {
        assert!(ran.stderr.contains(named), "{}", ran.stderr);
    }
    ran.ok();
    // The same of the roots that the API is trusted by.
    let asked = desk.run(&[
        "cert",
        "list",
        "--url",
        "https://127.0.0.1:1",
        "--ca-file",
        "roots.pem",
    ]);
    assert!(
        asked.stderr.contains("roots.pem, certificate 1"),
        "{}",
        asked.stderr
    );
    assert!(asked.stderr.contains("cannot be reached"), "{}", asked.stderr);
    desk.write("others.pem", &(broken.to_owned() + &desk.read("other.crt")));
    let said = desk.run(&verify("others.pem")).failed(1);
    let error = said
        .lines()
        .find(|line| line.contains("does not verify"))
        .unwrap();
    assert!(error.contains("others.pem, certificate 1"), "{said}");
    desk.write("leaf.pem", &(broken.to_owned() + &desk.read("leaf.crt")));
    let said = desk
        .run(&["cert", "verify", "leaf.pem", "--ca-file", "root.crt"])
        .failed(1);
    assert!(said.contains("leaf.pem"), "{said}");
}

/// What was meant as the first certificate is not passed over in silence: the answer would be about another one.
#[test]
fn the_first_block_of_the_file_is_the_one_that_is_verified() {
    let desk = Desk::new();
    chain(&desk);
    let (good, other) = (desk.read("inter.crt"), desk.read("other.crt"));
    let body: String = other.lines().filter(|line| !line.contains('-')).collect();
    let verify = |file| desk.run(&["cert", "verify", file, "--ca-file", "root.crt"]);
    for label in ["TRUSTED CERTIFICATE", "X509 CERTIFICATE"] {
        desk.write("both.pem", &(other.replace("CERTIFICATE", label) + &good));
        let said = verify("both.pem").failed(1);
        assert!(said.contains("does not verify"), "{label}: {said}");
        desk.write("one.pem", &(good.replace("CERTIFICATE", label) + &other));
        verify("one.pem").ok();
    }
    for before in [
        other.replace("CERTIFICATE", "certificate"),
        other.replace("CERTIFICATE", "CERTIFICATE "),
        other.replace("CERTIFICATE", "ATTRIBUTE CERTIFICATE"),
        other.replace("-----BEGIN", "----BEGIN"),
        other.replace("-----BEGIN", "> -----BEGIN"),
        other.replace("BEGIN", "BEGI\0N"),
        other.replace("BEGIN", "begin").replace("END", "end"),
        other.replace("-----", "\u{2014}"),
        format!("{body}\n-----END CERTIFICATE-----\n"),
        format!("{body}\n"),
    ] {
        desk.write("both.pem", &(before.clone() + &good));
        let said = verify("both.pem").failed(1);
        assert!(
            said.contains("both.pem, line 1") && said.contains("before the first certificate"),
            "{before}: {said}"
        );
    }
    // Files have keys and requests beside certificates, and what programs write around them.
    let around = "Bag Attributes\n    friendlyName: begin\nsubject=CN=inter\n";
    let beside = desk.read("inter.key") + &desk.read("leaf.csr") + around;
    desk.write("beside.pem", &(beside + &good));
    verify("beside.pem").ok();
    // Among the roots and after the first one it is named.
    let damaged = other.replace("-----BEGIN", "----BEGIN");
    desk.write("roots.pem", &(damaged.clone() + &desk.read("root.crt")));
    desk.write("own.pem", &(good + &damaged));
    let ran = desk.run(&["cert", "verify", "own.pem", "--ca-file", "roots.pem"]);
    for named in ["roots.pem, line 1: a damaged BEGIN", "own.pem, line "] {
        assert!(ran.stderr.contains(named), "{}", ran.stderr);
    }
    ran.ok();
}
