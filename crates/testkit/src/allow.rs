//! The table of who may call which gRPC method, compared with the methods that there are.

/// Panics unless `table` has exactly the methods of `definition`, in its order: a `.proto` file with a package and a service.
pub fn check(definition: &str, table: &[(&str, &[&str])]) {
    let methods: Vec<String> = methods(definition)
        .map(|method| path(definition, method))
        .collect();
    assert!(!methods.is_empty(), "the definition has no methods");
    let ruled: Vec<&str> = table.iter().map(|(method, _)| *method).collect();
    assert_eq!(methods, ruled);
}

/// The names of the methods of a definition.
pub fn methods(definition: &str) -> impl Iterator<Item = &str> {
    let calls = definition
        .lines()
        .filter_map(|line| line.trim().strip_prefix("rpc ")?.split_once('('));
    calls.map(|(method, _)| method)
}

/// The paths of the methods whose requests are streams.
pub fn streams(definition: &str) -> impl Iterator<Item = String> {
    let calls = definition
        .lines()
        .filter_map(|line| line.trim().strip_prefix("rpc ")?.split_once('('));
    calls
        .filter(|(_, requests)| requests.starts_with("stream "))
        .map(|(method, _)| path(definition, method))
}

fn path(definition: &str, method: &str) -> String {
    let named = |keyword: &str| {
        let line = definition.lines().find_map(|line| line.strip_prefix(keyword));
        line.unwrap_or_default()
            .trim_end_matches([';', '{', ' '])
            .to_owned()
    };
    format!("/{}.{}/{method}", named("package "), named("service "))
}
