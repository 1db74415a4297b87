//! The certificate authority through its use cases, with a real key manager beside it, on both databases.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod allow;
mod authorities;
mod capacity;
mod compromise;
mod concurrency;
mod confirmed;
mod damaged_jobs;
mod damaged_revocations;
mod damaged_rows;
mod decided;
mod doctor;
mod events;
mod foreseen;
mod groups;
mod grpc;
mod health;
mod idempotency;
mod identities;
mod jobs;
mod kept_jobs;
mod lifecycle;
mod ocsp_signer;
mod outage;
mod renewal;
mod revocations;
mod scope;
mod search;
mod serials;
mod shards;
mod turns;
mod world;
