//! The service through its public surface: gRPC in process, on both databases.

#![expect(clippy::unwrap_used, reason = "tests")]

mod allow;
mod list;
mod world;
