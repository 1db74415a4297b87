//! Lists that must not be empty and numbers that must not be negative, wherever RFC 5280 has them and no other lint looks:
//! SIZE (1..MAX) and INTEGER (0..MAX) of appendix A.

use crate::catalogue::Check::Content;
use crate::catalogue::Scope::All;
use crate::catalogue::{Lint, Verdict, error};
use crate::lints::require;
use crate::oid;
use crate::view::View;

pub(super) const LINTS: &[Lint] = &[
    error(
        "rfc5280_ian_not_empty",
        "RFC 5280 4.2.1.7",
        "issuerAltName lists at least one name.",
    )
    .on(All, Content(issuer_names)),
    error(
        "rfc5280_sia_not_empty",
        "RFC 5280 4.2.2.2",
        "subjectInfoAccess describes at least one access.",
    )
    .on(All, Content(subject_access)),
    error(
        "rfc5280_directory_attributes_not_empty",
        "RFC 5280 4.2.1.8",
        "subjectDirectoryAttributes has at least one attribute, and each at least one value.",
    )
    .on(All, Content(directory_attributes)),
    error(
        "rfc5280_issuers_not_empty",
        "RFC 5280 4.2.1.1, 4.2.1.13",
        "authorityCertIssuer and cRLIssuer list at least one name.",
    )
    .on(All, Content(issuers)),
    error(
        "rfc5280_numbers_not_negative",
        "RFC 5280 4.2.1.1, 4.2.1.10, 4.2.1.11, 4.2.1.14",
        "Numbers in extensions have a content, in the fewest octets, and are not negative.",
    )
    .on(All, Content(numbers)),
];

fn issuer_names(view: &View<'_>) -> Verdict {
    let empty = view.extensions.issuer_names.as_ref().is_some_and(Vec::is_empty);
    require(!empty, || "issuerAltName is empty; leave it out".to_owned())
}

fn subject_access(view: &View<'_>) -> Verdict {
    let empty = view.extensions.sia.as_ref().is_some_and(Vec::is_empty);
    require(!empty, || "subjectInfoAccess is empty; leave it out".to_owned())
}

fn directory_attributes(view: &View<'_>) -> Verdict {
    let Some(attributes) = &view.extensions.directory_attributes else {
        return Ok(());
    };
    if attributes.is_empty() {
        return Err("subjectDirectoryAttributes is empty; leave it out".to_owned());
    }
    match attributes.iter().find(|attribute| !attribute.has_values) {
        None => Ok(()),
        Some(attribute) => Err(format!(
            "attribute {} of subjectDirectoryAttributes has no value",
            oid::dotted(attribute.oid)
        )),
    }
}

fn issuers(view: &View<'_>) -> Verdict {
    let read = &view.extensions;
    let authority = read.aki.iter().filter_map(|aki| aki.issuer.as_ref());
    let points = read.crl_points.iter().chain(&read.freshest).flatten();
    let mut lists = authority.chain(points.filter_map(|point| point.crl_issuer.as_ref()));
    require(!lists.any(Vec::is_empty), || {
        "authorityCertIssuer or cRLIssuer is empty; leave it out".to_owned()
    })
}

/// The path length has a lint of its own.
fn numbers(view: &View<'_>) -> Verdict {
    let read = &view.extensions;
    let [explicit, mapping] = read.policy_constraints.unwrap_or_default();
    let subtrees = read
        .name_constraints
        .iter()
        .flat_map(|constraints| constraints.subtrees());
    let distances = subtrees.flat_map(|subtree| [("minimum", subtree.minimum), ("maximum", subtree.maximum)]);
    let found = [
        (
            "authorityCertSerialNumber",
            read.aki.as_ref().and_then(|aki| aki.serial),
        ),
        ("requireExplicitPolicy", explicit),
        ("inhibitPolicyMapping", mapping),
        ("inhibitAnyPolicy", read.inhibit_any),
    ];
    let wrong = found
        .into_iter()
        .chain(distances)
        .find(|(_, number)| number.is_some_and(|content| !is_natural(content)));
    match wrong {
        None => Ok(()),
        Some((place, _)) => Err(format!("{place} is empty, negative or longer than needed")),
    }
}

fn is_natural(content: &[u8]) -> bool {
    match content {
        [] | [0x80..=0xff, ..] => false,
        [0, next, ..] => *next >= 0x80,
        _ => true,
    }
}
