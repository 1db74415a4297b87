//! The offline root as its users meet it: the program, its files, and what other tools say about them.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod answers;
mod ceremony;
mod cut;
mod damage;
mod damaged_lines;
mod dependencies;
mod faults;
mod hostile;
mod impossible;
mod inspect;
mod judges;
mod library;
mod lost;
mod odd;
mod order;
mod publication;
mod questions;
mod refusals;
mod subordinates;
mod world;
