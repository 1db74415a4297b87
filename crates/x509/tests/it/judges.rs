//! What OpenSSL, GnuTLS and pkilint say about what is built here.

mod certificates;
mod constraints;
mod crls;
mod names;
mod pkilint;

pub(crate) use crls::crl_of;
pub(crate) use pkilint::lint_response;
