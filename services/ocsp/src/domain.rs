//! What this service knows and decides.

// A new variant is decided on here, rather than falling under what was right for the others.
#![warn(clippy::wildcard_enum_match_arm)]

mod currency;
mod issuer;
mod latency;
mod policy;
mod revocation;
mod revocations;
mod signer;

pub(crate) use currency::{Currency, Position};
pub(crate) use issuer::{Issuer, Issuers};
pub(crate) use latency::{Latency, LatencySummary};
pub use policy::{ResponderIdForm, Signing, Unissued};
pub use revocation::{Revocation, Revoked};
pub use revocations::Revocations;
pub(crate) use signer::{Signer, key_algorithm, verify};
