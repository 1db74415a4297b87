//! What the CA service knows: authorities, issued certificates, and the questions one can ask about them.
//!
//! Neither rows nor wire messages: `tables` and `rest`/`grpc` convert from and to these.

// A new variant is decided on here, rather than falling under what was right for the others.
#![warn(clippy::wildcard_enum_match_arm)]

pub(crate) mod above;
pub(crate) mod actions;
mod authority;
mod authority_key;
mod certificate;
mod crl;
mod health;
pub(crate) mod identities;
pub(crate) mod issuance_facts;
pub(crate) mod lifecycle;
pub(crate) mod publication;
mod query;
pub(crate) mod revocations;
pub(crate) mod signed;

pub use authority::{Authority, Suspension, USER_PROFILES};
pub use authority_key::{AuthorityKey, KeySignatures};
pub use certificate::{Capacity, Damaged, Issued, Protocol, Revocation, Seen, Status};
pub use health::{Health, IssuerHealth, OcspHealth, OcspResponder};
pub use identities::{Asker, Descendants};
pub use query::{LintVerdict, Query, SanSuffix, Span, Typed};

pub(crate) use authority::{OCSP_SIGNER, SERVICE_IDENTITY};
pub(crate) use certificate::{Brief, MAX_REQUESTER};
pub(crate) use crl::Crl;
pub(crate) use health::STALE;
