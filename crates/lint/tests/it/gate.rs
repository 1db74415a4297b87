//! The gate: who gets a `Linted`, and what the refused are told.

use lint::{Context, Severity, ToBeSigned, lint};

use crate::forge::{Forge, SAN, ca, leaf, root};

/// Something that wants a signature.
#[derive(Debug)]
struct Wanted(Vec<u8>);

impl ToBeSigned for Wanted {
    fn tbs(&self) -> &[u8] {
        &self.0
    }
}

fn wanted(forge: &Forge) -> Wanted {
    Wanted(forge.tbs())
}

#[test]
fn what_breaks_no_rule_passes_unchanged() {
    let issuer = ca().certificate();
    let linted = lint(wanted(&leaf()), &Context::issued_by(&issuer)).unwrap();
    assert_eq!(linted.warnings(), []);
    assert_eq!(linted.get().tbs(), leaf().tbs());
    assert_eq!(linted.into_inner().0, leaf().tbs());
}

#[test]
fn a_root_passes_as_a_root() {
    assert!(lint(wanted(&root()), &Context::self_signed()).is_ok());
}

#[test]
fn warnings_are_handed_on_and_do_not_refuse() {
    let mut questionable = leaf();
    questionable.criticality(SAN, true);
    let issuer = ca().certificate();
    let linted = lint(wanted(&questionable), &Context::issued_by(&issuer)).unwrap();
    let [warning] = linted.warnings() else {
        panic!("{:?}", linted.warnings())
    };
    assert_eq!(
        (warning.lint, warning.severity),
        ("rfc5280_san_not_critical_with_subject", Severity::Warn)
    );
}

#[test]
fn an_error_refuses_and_names_its_lint() {
    let mut broken = leaf();
    broken.serial = crate::der::int(&[0]);
    broken.criticality(SAN, true);
    let issuer = ca().certificate();
    let refused = lint(wanted(&broken), &Context::issued_by(&issuer)).unwrap_err();
    assert_eq!(
        refused.ids().collect::<Vec<_>>(),
        ["rfc5280_serial_positive", "cabf_serial_64_bits"]
    );
    assert_eq!(refused.findings().len(), 3);
    assert_eq!(
        refused.to_string(),
        "rfc5280_serial_positive (the serial number is zero); \
         cabf_serial_64_bits (the serial number has 0 octets, 8 are needed)"
    );
}

#[test]
fn nothing_but_a_root_passes_without_an_issuer() {
    let refused = lint(wanted(&leaf()), &Context::default()).unwrap_err();
    assert!(
        refused
            .ids()
            .any(|id| id == "rfc5280_issuer_is_subject_of_issuer")
    );
    assert!(lint(wanted(&leaf()), &Context::self_signed()).is_err());
    assert!(lint(wanted(&ca()), &Context::default()).is_err());
    assert!(lint(wanted(&root()), &Context::default()).is_ok());
}

#[test]
fn octets_that_are_no_certificate_are_refused() {
    for octets in [&b""[..], b"\x30\x00", b"\x30\x80\x00\x00", b"hello", &[0x30; 40]] {
        let issuer = ca().certificate();
        let refused = lint(Wanted(octets.to_vec()), &Context::issued_by(&issuer)).unwrap_err();
        assert!(refused.ids().any(|id| id == "rfc5280_tbs_structure"));
    }
}
