//! The client against a server that answers what the test says.

#![expect(clippy::indexing_slicing, reason = "tests")]

mod requests;
mod retries;
mod server;
