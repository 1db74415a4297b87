//! Attributes and requested extensions: repeated, malformed, too many, critical and unknown.

use x509::Csr;

use super::refused;
use crate::csr::forge::{
    CHALLENGE_PASSWORD, EXTENSION_REQUEST, Forge, MICROSOFT_EXTENSIONS, SUBJECT_ALT_NAME, attribute,
    dns_names, extension, extensions, oid, tlv,
};

#[test]
fn repeated_attributes_and_extensions_are_refused() {
    let san = extension(SUBJECT_ALT_NAME, false, &dns_names(&["a.example.test"]));
    let other = extension(SUBJECT_ALT_NAME, false, &dns_names(&["b.example.test"]));
    let request = extensions(EXTENSION_REQUEST, &[&san]);
    let microsoft = extensions(MICROSOFT_EXTENSIONS, &[&other]);
    let password = tlv(0x0c, &[b"pass"]);
    let list = tlv(0x30, &[&san]);
    let name = attribute("1.2.840.113549.1.9.2", &[&password]);
    for (attributes, says) in [
        (
            vec![extensions(EXTENSION_REQUEST, &[&san, &other])],
            "extension 2.5.29.17 appears more than once",
        ),
        (
            vec![request.clone(), request.clone()],
            "asks for extensions twice",
        ),
        (vec![request, microsoft.clone()], "asks for extensions twice"),
        (vec![microsoft.clone(), microsoft], "asks for extensions twice"),
        (
            vec![attribute(EXTENSION_REQUEST, &[&list, &list])],
            "exactly one value",
        ),
        (vec![attribute(EXTENSION_REQUEST, &[])], "exactly one value"),
        (
            vec![attribute(CHALLENGE_PASSWORD, &[&password, &password])],
            "exactly one value",
        ),
        (
            vec![name.clone(), name],
            "attribute 1.2.840.113549.1.9.2 appears more than once",
        ),
    ] {
        let attributes: Vec<_> = attributes.iter().map(Vec::as_slice).collect();
        refused(
            &Forge::with_attributes(&attributes).sign(),
            "csr.attributes",
            says,
        );
    }
}

#[test]
fn malformed_attributes_are_refused() {
    let value = [2, 1, 0];
    for attributes in [
        tlv(0x30, &[&oid("1.2.3")]),
        tlv(0x30, &[&oid("1.2.3"), &tlv(0x30, &[&value])]),
        tlv(0x30, &[&oid("1.2.3"), &tlv(0x31, &[&value]), &value]),
        tlv(0x30, &[&oid("1.2.3"), &tlv(0x31, &[&[2, 9]])]),
        attribute(EXTENSION_REQUEST, &[&value]),
        extensions(EXTENSION_REQUEST, &[&value]),
        extensions(
            EXTENSION_REQUEST,
            &[&tlv(0x30, &[&oid("2.5.29.17"), &[1, 1, 1], &[4, 0]])],
        ),
        extensions(
            EXTENSION_REQUEST,
            &[&tlv(0x30, &[&oid("2.5.29.17"), &[4, 0], &value])],
        ),
    ] {
        refused(
            &Forge::with_attributes(&[&attributes]).sign(),
            "csr.attributes",
            "attributes of",
        );
    }
}

#[test]
fn attributes_and_extensions_are_bounded_in_number() {
    let many: Vec<_> = (0..33).map(|n| attribute(&format!("1.2.3.{n}"), &[])).collect();
    let many: Vec<_> = many.iter().map(Vec::as_slice).collect();
    refused(
        &Forge::with_attributes(&many).sign(),
        "csr.attributes",
        "more than 32 attributes",
    );
    let many: Vec<_> = (0..65)
        .map(|n| extension(&format!("1.2.3.{n}"), false, &[5, 0]))
        .collect();
    let many: Vec<_> = many.iter().map(Vec::as_slice).collect();
    let forge = Forge::with_attributes(&[&extensions(EXTENSION_REQUEST, &many)]);
    refused(&forge.sign(), "csr.attributes", "more than 64 extensions");
}

#[test]
fn unknown_critical_extensions_are_refused_and_known_ones_are_not() {
    let ask = |kind: &str, critical| {
        let wanted = extension(kind, critical, &[5, 0]);
        Csr::from_der(&Forge::with_attributes(&[&extensions(EXTENSION_REQUEST, &[&wanted])]).sign())
    };
    for kind in ["1.2.3.4", "2.5.29.99", "1.3.6.1.5.5.7.1.99"] {
        assert!(ask(kind, false).is_ok());
        let error = ask(kind, true).unwrap_err();
        assert_eq!(
            (error.field(), error.to_string().contains(kind)),
            ("csr.attributes", true),
            "{error}"
        );
    }
    for kind in ["2.5.29.15", "2.5.29.19", "2.5.29.37", "1.3.6.1.5.5.7.1.24"] {
        assert!(ask(kind, true).is_ok(), "{kind}");
    }
}
