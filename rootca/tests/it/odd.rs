//! `inspect` on what others made and no CA should have.

use std::fs;
use std::path::Path;

use crate::world::Ceremony;

#[test]
fn inspect_shows_what_breaks_the_rules_and_says_what_is_wrong() {
    let ceremony = Ceremony::empty();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/data");
    for file in ["serial-0.pem", "all-reasons.pem"] {
        fs::copy(data.join(file), ceremony.path(file)).unwrap();
    }
    let request = [
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "odd.key", "-out",
    ];
    let arc = "2.25.329800735698586629295641978511506172918";
    let big_arc = format!("{arc}=DER:0500");
    for more in [
        &["negative.pem", "-subj", "/CN=odd", "-set_serial", "-5"][..],
        &["nameless.pem", "-subj", "/"],
        &["arc.pem", "-subj", "/CN=odd", "-addext", &big_arc],
    ] {
        ceremony.openssl(&[&request[..], more].concat()).ok();
    }
    for (file, kind, problem, shown) in [
        ("serial-0.pem", "certificate", "cannot be zero", "127.0.0.1"),
        ("negative.pem", "certificate", "negative", "fb"),
        ("nameless.pem", "certificate", "empty name", "(empty)"),
        (
            "all-reasons.pem",
            "crl",
            "entry 00: a serial number cannot be zero",
            "key-compromise",
        ),
    ] {
        let said = ceremony.run(&["inspect", file]).ok().stdout;
        let value: serde_json::Value = serde_json::from_str(&said).unwrap();
        assert_eq!(
            value.get("kind").and_then(|kind| kind.as_str()),
            Some(kind),
            "{said}"
        );
        let problems = value.get("problems").unwrap().to_string();
        assert!(problems.contains(problem), "{file}: {problems}");
        let table = ceremony.run(&["inspect", file, "-o", "table"]).ok().stdout;
        assert!(
            table.contains(shown) && table.contains("problem: "),
            "{file}: {table}"
        );
    }
    // Arcs of any size break no rule.
    let said = ceremony.run(&["inspect", "arc.pem", "-o", "table"]).ok().stdout;
    assert!(said.contains(arc) && !said.contains("problem: "), "{said}");
    // The frame of neither: the reason of each kind is given.
    let broken = "-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n";
    fs::write(ceremony.path("broken.crl"), broken).unwrap();
    ceremony
        .run(&["inspect", "broken.crl"])
        .refused(1, "no CRL: tbsCertList of the CRL: truncated DER");
}
