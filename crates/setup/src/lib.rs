#![doc = include_str!("../README.md")]

mod error;
mod hierarchy;
pub mod https;
mod issuer;
pub mod revoked_peers;
mod root_crl;
pub mod service_identity;

pub use error::Error;
pub use hierarchy::{Files, Hierarchy, Member, belong_together, check_signs, is_planned, root_of};
pub use issuer::Issuer;
pub use root_crl::RootCrl;

/// The CA that issues for users.
pub const ISSUING_CA: &str = "issuing";
/// The CA that issues for GigVault itself, and nothing else.
pub const SERVICES_CA: &str = "services";
/// The profile of service identities and of the HTTPS certificate.
pub const SERVICE_PROFILE: &str = "service-identity";
/// Name of the API in its SPIFFE id: what clients require of the HTTPS certificate (`docs/adr/0008`). No service may have it.
pub const API: &str = "api";
