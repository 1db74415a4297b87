//! basicConstraints: who is a CA and how far down (RFC 5280 section 4.2.1.9).

use crate::catalogue::Check::{Content, Link};
use crate::catalogue::Scope::{All, Ca, EndEntity, Root, SubordinateCa};
use crate::catalogue::{Lint, Verdict, error, notice};
use crate::context::Issuer;
use crate::lints::require;
use crate::oid;
use crate::view::View;

pub(super) const LINTS: &[Lint] = &[
    error(
        "rfc5280_ca_basic_constraints_critical",
        "RFC 5280 4.2.1.9",
        "basicConstraints of a CA is critical.",
    )
    .on(Ca, Content(critical)),
    error(
        "rfc5280_path_len_only_in_ca",
        "RFC 5280 4.2.1.9",
        "End entities have no path length.",
    )
    .on(EndEntity, Content(no_path_len)),
    error(
        "rfc5280_path_len_not_negative",
        "RFC 5280 4.2.1.9",
        "The path length is not negative and fits into one octet.",
    )
    .on(Ca, Content(path_len_in_range)),
    error(
        "rfc5280_path_len_below_issuer",
        "RFC 5280 4.2.1.9, 6.1.4",
        "The issuer's path length allows a CA here, and the CA's own path length is lower.",
    )
    .on(SubordinateCa, Link(path_len_below_issuer)),
    error(
        "rfc5280_issuer_may_certify",
        "RFC 5280 4.2.1.3, 4.2.1.9",
        "The issuer is a CA whose keyUsage allows keyCertSign.",
    )
    .on(All, Link(issuer_may_certify)),
    notice(
        "cabf_root_no_path_len",
        "BR 7.1.2.1.4",
        "Roots have no path length.",
    )
    .on(Root, Content(no_path_len)),
];

fn path_len<'a>(view: &View<'a>) -> Option<&'a [u8]> {
    view.extensions.basic.as_ref().and_then(|basic| basic.path_len)
}

fn critical(view: &View<'_>) -> Verdict {
    let critical = view
        .extension(oid::BASIC_CONSTRAINTS)
        .is_none_or(|extension| extension.is_critical());
    require(critical, || "basicConstraints is not critical".to_owned())
}

fn no_path_len(view: &View<'_>) -> Verdict {
    require(path_len(view).is_none(), || "there is a path length".to_owned())
}

fn path_len_in_range(view: &View<'_>) -> Verdict {
    require(matches!(path_len(view), None | Some([0..=0x7f])), || {
        "the path length is negative or over 127".to_owned()
    })
}

/// A CA that certifies its own name again adds nothing to the path (section 6.1.4 (l)).
fn path_len_below_issuer(view: &View<'_>, issuer: &Issuer<'_>) -> Verdict {
    let Some(left) = issuer.path_len.filter(|_| view.issuer != view.subject.der) else {
        return Ok(());
    };
    match path_len(view) {
        _ if left == 0 => Err("the issuer's path length is 0: it may not certify CAs".to_owned()),
        Some([claimed]) if *claimed >= left => Err(format!(
            "the path length is {claimed}, and that of the issuer {left}"
        )),
        _ => Ok(()),
    }
}

fn issuer_may_certify(_: &View<'_>, issuer: &Issuer<'_>) -> Verdict {
    require(issuer.may_certify, || {
        "the issuer is not a CA, or its keyUsage lacks keyCertSign".to_owned()
    })
}
