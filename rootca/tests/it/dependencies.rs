//! No network code in the program that holds the root's key.

use std::collections::BTreeSet;
use std::process::Command;

/// Crates that open sockets, drive those that do, or speak a network protocol.
const NETWORK: [&str; 38] = [
    "async-io",
    "async-net",
    "async-std",
    "axum",
    "curl",
    "curl-sys",
    "dns-lookup",
    "h2",
    "h3",
    "hickory-proto",
    "hickory-resolver",
    "hyper",
    "hyper-util",
    "if-addrs",
    "isahc",
    "ldap3",
    "lettre",
    "mio",
    "native-tls",
    "net2",
    "nix",
    "openssl",
    "polling",
    "quinn",
    "redis",
    "reqwest",
    "rustls",
    "smol",
    "socket2",
    "sqlx",
    "tokio",
    "tokio-rustls",
    "tonic",
    "trust-dns-resolver",
    "tungstenite",
    "ureq",
    "warp",
    "zbus",
];

fn tree() -> BTreeSet<String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args([
        "tree",
        "--package",
        "gigvault-rootca",
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--offline",
    ]);
    // As a build of this package alone resolves it, whatever the build around this test was asked for.
    cargo.env_remove("CARGO_RESOLVER_FEATURE_UNIFICATION");
    let output = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn no_network_crate_is_in_the_dependency_tree() {
    let tree = tree();
    let found: Vec<_> = NETWORK.iter().filter(|name| tree.contains(**name)).collect();
    assert!(found.is_empty(), "{found:?} in the tree of gigvault-rootca");
}

#[test]
fn the_tree_is_the_real_one() {
    let tree = tree();
    for name in [
        "gigvault-rootca",
        "gigvault-keys",
        "gigvault-rules",
        "gigvault-lint",
        "gigvault-x509",
        "aws-lc-rs",
        "clap",
    ] {
        assert!(tree.contains(name), "{name} is not in {tree:?}");
    }
    assert!(!tree.contains("gigvault-kit"), "kit brings the network");
}
