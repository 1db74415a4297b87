//! The service through its public surface, on both databases, between a ca and a keymgr that the tests write the lines of.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod allow;
mod connections;
mod damage;
mod deltas;
mod directory;
mod entries;
mod external;
mod faults;
mod http;
mod imports;
mod lists;
mod outside;
mod replicas;
mod requests;
mod self_check;
mod slapd;
mod snapshots;
mod world;
