//! The lints: one file per area, each with its table and its checks.

mod algorithms;
mod basic_constraints;
mod bounds;
mod certificate;
mod crl;
mod encoding;
mod extensions;
mod identifiers;
mod key_usage;
mod keys;
mod name_constraints;
mod names;
mod ocsp;
mod pointers;
mod policies;
mod purposes;
mod revocation;
mod san;
mod san_forms;
mod subject;
mod validity;

use crate::catalogue::{Lint, Verdict};

/// All tables: those of certificates in the order of a certificate, then those of CRLs and of OCSP responses.
pub(crate) fn all() -> Vec<Lint> {
    [
        encoding::LINTS,
        certificate::LINTS,
        algorithms::LINTS,
        validity::LINTS,
        names::LINTS,
        subject::LINTS,
        keys::LINTS,
        extensions::LINTS,
        bounds::LINTS,
        basic_constraints::LINTS,
        key_usage::LINTS,
        purposes::LINTS,
        san::LINTS,
        san_forms::LINTS,
        identifiers::LINTS,
        pointers::LINTS,
        revocation::LINTS,
        policies::LINTS,
        name_constraints::LINTS,
        crl::LINTS,
        crl::TIMES,
        crl::ENTRIES,
        crl::EXTENSIONS,
        ocsp::LINTS,
        ocsp::ANSWERS,
        ocsp::EXTENSIONS,
    ]
    .concat()
}

/// Passes if `holds`.
fn require(holds: bool, otherwise: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(otherwise()) }
}

/// The first of equal items, if there are any.
fn repeated<T: Ord + Copy>(items: impl Iterator<Item = T>) -> Option<T> {
    let mut sorted: Vec<T> = items.collect();
    sorted.sort_unstable();
    sorted
        .array_windows()
        .find_map(|[one, next]| (one == next).then_some(*one))
}
