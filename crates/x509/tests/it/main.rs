//! Behavior of the crate as its users see it, with outside judges.

mod certificate;
mod crl;
mod csr;
mod encodings;
mod hostile;
mod issue;
mod judges;
mod key;
mod name;
mod ocsp;
mod path;
mod san;
