//! The last look before a signature: RFC 5280 and its companions, and of the CA/Browser Forum Baseline Requirements
//! what a private PKI has use for, on the octets that will be signed.
//!
//! [`lint()`], [`lint_crl`], [`CrlLinter`] and [`lint_response`] are the only makers of [`Linted`], and signers take nothing else.
//! The lints read the octets themselves and trust no builder: what is to be signed is taken apart once, walked once for what DER
//! forbids, and held against every row of the [`catalogue()`]. A CRL may be of any size: it is looked at while it streams by, in
//! bounded memory. Pure: no clock, no file, no socket; nothing from outside makes it panic, and work and
//! recursion are bounded.

mod catalogue;
mod context;
mod crl;
mod form;
mod linted;
mod lints;
mod ocsp;
mod oid;
mod reference;
mod syntax;
mod text;
mod tlv;
mod view;

pub use catalogue::{Finding, Lint, Scope, Severity, catalogue, check_tbs};
pub use context::{Context, Issuer};
pub use crl::{CrlContext, CrlDigest, CrlGate, CrlLinter, OtherOctets, TbsCertList, check_crl, lint_crl};
pub use linted::{Linted, Refused, ToBeSigned, lint};
pub use ocsp::{ResponseContext, ResponseData, check_response, lint_response};
pub use reference::reference_markdown;
