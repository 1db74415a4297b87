//! The command line by itself: what it says, what it writes, how it ends. The server is played by the tests.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod at_once;
mod cert;
mod completions;
mod connection;
mod csr;
mod destinations;
mod doctor;
mod exit_codes;
mod harness;
mod help;
mod interrupts;
mod job;
mod older_server;
mod output;
mod pipes;
mod terminal;
mod told;
mod unanswered;
mod unshown;
mod values;
mod verify;
mod verify_as_left;
mod verify_files;
mod verify_names;
