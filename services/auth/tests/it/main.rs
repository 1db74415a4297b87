//! Authentication through its public surface: gRPC in process, REST as a router, on both databases.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod allow;
mod authenticate;
mod create;
mod damaged;
mod descendants;
mod doctor;
mod first_admin;
mod outage;
mod rest;
mod revoke;
mod world;
