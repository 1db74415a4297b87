//! Who may call which method.

#[test]
fn every_method_has_a_rule() {
    let definition = include_str!("../../../../crates/proto/proto/gigvault/sample/v1/sample.proto");
    testkit::allow::check(definition, sample::ALLOW);
}
