//! The client against a server that answers what the test says.

#![expect(clippy::unwrap_used, reason = "tests")]

mod relying;
mod requests;
mod retries;
mod server;
