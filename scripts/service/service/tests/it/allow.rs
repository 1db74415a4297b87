//! Who may call which method.

#[test]
fn every_method_has_a_rule() {
    let proto = include_str!("../../../../crates/proto/proto/gigvault/sample/v1/sample.proto");
    let methods = proto.lines().filter_map(|line| line.trim().strip_prefix("rpc ")?.split_once('('));
    let methods: Vec<String> = methods.map(|(method, _)| format!("/gigvault.sample.v1.Sample/{method}")).collect();
    let ruled: Vec<&str> = sample::ALLOW.iter().map(|(method, _)| *method).collect();
    assert_eq!(methods, ruled);
}
