//! What OpenSSL, GnuTLS, pkilint and cryptography say about what is built here.

mod certificates;
mod constraints;
mod crls;
mod cryptography;
mod names;
mod pkilint;

pub(crate) use crls::{crl_of, spec as crl_spec};
pub(crate) use pkilint::lint_response;
