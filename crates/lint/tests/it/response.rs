//! OCSP responses: who gets a `Linted`, and what is passed over.

use lint::{ResponseContext, check_response, lint_response};

use crate::der::{all, int, octets, seq};
use crate::forge::{RESPONSES, ResponseForge, answers, ca, cert_id_of, complete, hash, leaf, unknown};

fn context(response: &ResponseForge) -> ResponseContext {
    ResponseContext::new(&response.signer.certificate(), &ca().certificate())
}

#[test]
fn a_response_is_in_its_proof() {
    for (_, response) in &RESPONSES {
        let response = response();
        let linted = lint_response(response.tbs(), &context(&response)).unwrap();
        assert_eq!(linted.warnings(), []);
        assert_eq!(linted.get().der(), response.tbs());
        assert_eq!(linted.into_inner().into_der(), response.tbs());
    }
}

#[test]
fn an_error_refuses_and_tells_the_answer() {
    let mut response = answers();
    response.first().next_update = Vec::new();
    let refused = lint_response(response.tbs(), &context(&response)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!(
            "rfc9919_ocsp_next_update_present (the answer for serial number {} has no nextUpdate)",
            "5a".repeat(16)
        )
    );
}

#[test]
fn parameters_of_an_unknown_hash_are_the_clients_and_nobody_elses() {
    // No DER at all: an INTEGER without content.
    let odd = seq(&[crate::der::oid("1.2.3.4"), seq(&[int(&[])])]);
    let mut response = answers();
    response.first().id = cert_id_of(odd, &[1; 3], &[2; 3], &[5]);
    response.status(unknown());
    assert_eq!(response.findings(), []);
    // Beside them it is found.
    response.extensions[0].value = octets(&[7]);
    response.add("1.2.3.5", false, int(&[]));
    let found: Vec<_> = response.findings().iter().map(|finding| finding.lint).collect();
    assert_eq!(
        found,
        ["x690_integer_minimal", "gigvault_ocsp_no_unknown_extension"]
    );
}

#[test]
fn without_a_context_only_what_is_in_the_response_is_judged() {
    let mut response = answers();
    response.responder = all(0xa2, &[octets(&[7; 20])]);
    response.first().id = cert_id_of(hash("1.3.14.3.2.26"), &[1; 20], &[2; 20], &[5]);
    assert_eq!(check_response(&response.tbs(), None), []);
}

#[test]
fn octets_that_are_no_response_are_refused() {
    let good = answers();
    let tbs = good.tbs();
    let prefixes = (0..tbs.len()).map(|end| tbs[..end].to_vec());
    let others = [
        leaf().tbs(),
        complete().tbs(),
        vec![0x30; 40],
        vec![0x30, 0x80, 0, 0],
    ];
    for octets in prefixes.chain(others) {
        let refused = lint_response(octets, &context(&good)).unwrap_err();
        assert!(refused.ids().any(|id| id == "rfc6960_ocsp_structure"));
    }
}
