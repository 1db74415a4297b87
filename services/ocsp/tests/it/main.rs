//! The responder as relying parties see it, in front of a real CA and key manager, on both databases.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod allow;
mod batching;
mod caching;
mod clock;
mod damaged;
mod direct;
mod gate;
mod keys;
mod outage;
mod queries;
mod requests;
mod responders;
mod shared;
mod show;
mod statuses;
mod world;
