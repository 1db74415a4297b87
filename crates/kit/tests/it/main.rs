//! Behavior of the kit from outside: real sockets, real TLS, real files.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod answers;
mod auth;
mod client_certificates;
mod config;
mod cpu;
mod feed;
mod grpc;
mod handshakes;
mod hostile;
mod http;
mod limits;
mod lists;
mod operations;
mod revoked_peers;
mod rotation;
mod streams;
mod telemetry;
mod tls;
mod world;
