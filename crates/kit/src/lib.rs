//! What every service is made of, and nothing about any of them.
//!
//! Requests come in through [`http`] and [`grpc`], with [`auth`] and [`peer`] to say whose they are; services
//! call each other through [`transport`]; errors leave through [`error`] and [`problem`]. [`tls`] holds
//! identities, [`config`] reads settings, [`clock`] tells the time. See the crate's README for how the parts
//! are put together.

pub mod auth;
pub mod clock;
pub mod config;
pub mod error;
pub mod grpc;
pub mod health;
pub mod http;
pub mod identity_renewal;
pub mod metrics;
pub mod openapi;
pub mod peer;
pub mod problem;
pub mod shutdown;
pub mod telemetry;
pub mod tls;
pub mod trace;
pub mod transport;
mod w3c;
