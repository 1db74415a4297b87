//! Subjects and alternative names that could not be issued.

use std::time::{Duration, Instant};

use x509::{Csr, pem};

use super::refused;
use crate::csr::forge::{
    CHALLENGE_PASSWORD, EXTENSION_REQUEST, Forge, SUBJECT_ALT_NAME, attribute, common_name, dns_request,
    extension, extensions, tlv,
};

#[test]
fn nul_control_and_invisible_characters_are_refused_everywhere() {
    for text in [
        &b"bank.example.test\0.evil.test"[..],
        b"\0",
        b"a\nb",
        b"a\x7fb",
        "a\u{200b}b".as_bytes(),
        "a\u{202e}b".as_bytes(),
        "a\u{61c}b".as_bytes(),
        "a\u{2028}b".as_bytes(),
        "a\u{3164}b".as_bytes(),
    ] {
        refused(
            &Forge {
                subject: common_name(text),
                ..Forge::new()
            }
            .sign(),
            "csr.subject",
            "invisible character",
        );
        refused(
            &Forge::with_attributes(&[&dns_request(&[text])]).sign(),
            "csr.san",
            "",
        );
        // A password is not a name: invisible characters in it mislead no reader.
        if !text.is_ascii() {
            continue;
        }
        let password = attribute(CHALLENGE_PASSWORD, &[&tlv(0x0c, &[text])]);
        refused(
            &Forge::with_attributes(&[&password]).sign(),
            "csr.attributes",
            "challengePassword",
        );
    }
    for kind in [0x81u8, 0x86] {
        let name = tlv(0x30, &[&tlv(kind, &[b"a\0@example.test"])]);
        let san = extension(SUBJECT_ALT_NAME, false, &name);
        refused(
            &Forge::with_attributes(&[&extensions(EXTENSION_REQUEST, &[&san])]).sign(),
            "csr.san",
            "",
        );
    }
}

#[test]
fn subjects_that_could_not_be_issued_are_refused() {
    let long = "x".repeat(65);
    for (subject, says) in [
        (common_name(long.as_bytes()), "at most 64"),
        (common_name(b""), "empty"),
        (common_name(b"."), "filler"),
        (common_name(&[0xff, 0xfe]), ""),
        (tlv(0x31, &[]), "not a distinguished name"),
        (tlv(0x30, &[&tlv(0x31, &[])]), ""),
    ] {
        refused(
            &Forge {
                subject,
                ..Forge::new()
            }
            .sign(),
            "csr.subject",
            says,
        );
    }
}

#[test]
fn names_that_could_not_be_issued_are_refused() {
    for name in [
        "a.*.example.test",
        "*a.example.test",
        "*.*.example.test",
        "*",
        "192.0.2.1",
        "::1",
        "a_b.example.test",
        "example.test.",
        "a..example.test",
        "",
        "-a.example.test",
        "xn--\u{e9}.test",
        &format!("{}.test", "a".repeat(64)),
    ] {
        refused(
            &Forge::with_attributes(&[&dns_request(&[name])]).sign(),
            "csr.san",
            "",
        );
    }
    for name in [
        tlv(0x87, &[&[1, 2, 3]]),
        tlv(0x87, &[&[0; 8]]),
        tlv(0x83, &[]),
        tlv(0xa5, &[]),
        vec![],
    ] {
        let san = extension(SUBJECT_ALT_NAME, false, &tlv(0x30, &[&name]));
        refused(
            &Forge::with_attributes(&[&extensions(EXTENSION_REQUEST, &[&san])]).sign(),
            "csr.san",
            "",
        );
    }
}

#[test]
fn ten_thousand_names_are_refused_cheaply_and_the_limit_is_named() {
    let short: Vec<_> = (0..10_000)
        .map(|n| format!("{:03x}{}", n % 4096, ["g", "h", "i"][n / 4096]))
        .collect();
    let long: Vec<_> = (0..10_000).map(|n| format!("host-{n}.example.test")).collect();
    for (names, field) in [(short, "csr.san"), (long, "csr")] {
        let der = Forge::with_attributes(&[&dns_request(&names)]).sign();
        for input in [der.clone(), pem::encode("CERTIFICATE REQUEST", &der).into_bytes()] {
            let start = Instant::now();
            refused(&input, field, "100 subject alternative names");
            // A debug build on a busy machine; the work itself is well under a millisecond.
            assert!(
                start.elapsed() < Duration::from_millis(500),
                "{:?}",
                start.elapsed()
            );
        }
    }
    let hundred: Vec<_> = (0..100).map(|n| format!("host-{n}.example.test")).collect();
    let der = Forge::with_attributes(&[&dns_request(&hundred)]).sign();
    assert_eq!(Csr::from_der(&der).unwrap().sans().len(), 100);
}
