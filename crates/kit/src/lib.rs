//! What every service is made of, and nothing about any of them.
//!
//! Requests come in through [`problem`], [`auth`] and [`peer`]; services call each other through
//! [`transport`]; errors leave through [`error`]. Time comes from [`clock`]. See the crate's README for how
//! the parts are put together.

pub mod auth;
pub mod clock;
pub mod error;
pub mod grpc;
pub mod peer;
pub mod problem;
pub mod trace;
pub mod transport;
mod w3c;
