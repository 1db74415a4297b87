//! Who may call which method.

#[test]
fn every_method_has_a_rule() {
    let definition = include_str!("../../../../crates/proto/proto/gigvault/ca/v1/ca.proto");
    testkit::allow::check(definition, ca::ALLOW);
}
