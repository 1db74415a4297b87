//! Who may call which method.

#[test]
fn every_method_has_a_rule() {
    let definition = include_str!("../../../../crates/proto/proto/gigvault/crl/v1/crl.proto");
    testkit::allow::check(definition, crl::ALLOW);
    let streams: Vec<_> = testkit::allow::streams(definition).collect();
    assert_eq!(streams, crl::STREAMS);
}
