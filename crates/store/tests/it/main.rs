//! The store against real databases: each test has a PostgreSQL database or an SQLite file of its own.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod bulk;
mod damaged_jobs;
mod errors;
mod feed;
mod feed_end;
mod feed_faults;
mod feed_order;
mod feed_place;
mod feed_state;
mod hosts;
mod jobs;
mod kept_jobs;
mod migrations;
mod open;
mod poolers;
mod pruning;
mod sessions;
mod snapshots;
mod support;
