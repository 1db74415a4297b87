//! The key manager through its public surface: gRPC in process, REST as a router, on both databases.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod allow;
mod caller;
mod crl;
mod doctor;
mod generate;
mod kek;
mod list;
mod outage;
mod purpose;
mod rest;
mod sign;
mod structures;
mod usage;
mod world;
