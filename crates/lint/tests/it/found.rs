//! Certificates that were signed before there was a lint for what is wrong with them; see `tests/data/README.md`.
#![expect(clippy::unwrap_used, reason = "tests")]

use lint::{Context, Severity, check_tbs};
use x509::Certificate;

const FOUND: [(&str, &str); 13] = [
    ("cn-zwsp", "gigvault_text_visible"),
    ("ian-empty", "rfc5280_ian_not_empty"),
    ("ian-x400", "gigvault_san_known_kind"),
    ("inhibit-neg", "rfc5280_numbers_not_negative"),
    ("polcons-empty-int", "rfc5280_numbers_not_negative"),
    ("san-dirname-cn-100", "rfc5280_name_bounds"),
    ("san-dirname-t61-nul", "gigvault_name_no_controls"),
    ("san-other-tag0", "x680_tag_assigned"),
    ("san-upn-nul", "gigvault_text_visible"),
    ("sda-empty", "rfc5280_directory_attributes_not_empty"),
    ("sia-empty", "rfc5280_sia_not_empty"),
    ("uri-bad-bracket", "rfc5280_uri_absolute"),
    ("uri-two-frag", "rfc5280_uri_absolute"),
];

fn read(name: &str) -> Certificate {
    let path = format!("{}/tests/data/{name}.pem", env!("CARGO_MANIFEST_DIR"));
    Certificate::from_pem(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn each_certificate_that_was_signed_by_mistake_is_refused_by_its_lint() {
    let issuer = read("00ca");
    for (name, lint) in FOUND {
        let certificate = read(name);
        let findings = check_tbs(certificate.tbs_der(), &Context::issued_by(&issuer));
        let found = findings
            .iter()
            .any(|finding| finding.lint == lint && finding.severity == Severity::Error);
        assert!(found, "{name}: {findings:#?}");
    }
}
