//! Who may call which method.

#[test]
fn every_method_has_a_rule() {
    let definition = include_str!("../../../../crates/proto/proto/gigvault/auth/v1/auth.proto");
    testkit::allow::check(definition, auth::ALLOW);
}
