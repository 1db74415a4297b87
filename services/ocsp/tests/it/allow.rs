//! Who may call which method.

#[test]
fn every_method_has_a_rule() {
    let definition = include_str!("../../../../crates/proto/proto/gigvault/ocsp/v1/ocsp.proto");
    testkit::allow::check(definition, ocsp::ALLOW);
}
