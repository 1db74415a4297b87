//! Who may call which method.

#[test]
fn every_method_has_a_rule() {
    let definition = include_str!("../../../../crates/proto/proto/gigvault/keymgr/v1/keymgr.proto");
    testkit::allow::check(definition, keymgr::ALLOW);
    let streams: Vec<_> = testkit::allow::streams(definition).collect();
    assert_eq!(streams, keymgr::STREAMS);
}
