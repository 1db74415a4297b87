//! Names wherever they appear: a rule on a kind of name holds in every extension that has one.

use super::extensions::Extensions;
use super::name::Name;
use super::points::CrlPoint;
use crate::tlv::{Tlv, tag};

pub(crate) const SUBJECT_ALT_NAME: &str = "subjectAltName";
pub(crate) const NAME_CONSTRAINTS: &str = "nameConstraints";
/// Where URIs are addresses to fetch from, on which there are rules of their own.
pub(crate) const POINTERS: [&str; 3] = ["authorityInfoAccess", "cRLDistributionPoints", "freshestCRL"];

fn points<'a, 'v>(read: &'v Extensions<'a>) -> impl Iterator<Item = (&'static str, &'v CrlPoint<'a>)> {
    let [_, crls, freshest] = POINTERS;
    let of =
        |place, list: &'v Option<Vec<CrlPoint<'a>>>| list.iter().flatten().map(move |point| (place, point));
    of(crls, &read.crl_points).chain(of(freshest, &read.freshest))
}

/// Every GeneralName, in the order of the extensions here.
pub(super) fn general_names<'a>(read: &Extensions<'a>) -> Vec<(&'static str, Tlv<'a>)> {
    let mut found = Vec::new();
    let mut add = |place, names: Option<&Vec<Tlv<'a>>>| {
        found.extend(names.into_iter().flatten().map(|name| (place, *name)));
    };
    add(SUBJECT_ALT_NAME, read.sans.as_ref());
    add("issuerAltName", read.issuer_names.as_ref());
    add(
        "authorityKeyIdentifier",
        read.aki.as_ref().and_then(|aki| aki.issuer.as_ref()),
    );
    for (place, point) in points(read) {
        add(place, point.full_name.as_ref());
        add("cRLIssuer", point.crl_issuer.as_ref());
    }
    let [aia, ..] = POINTERS;
    for (place, list) in [(aia, &read.aia), ("subjectInfoAccess", &read.sia)] {
        found.extend(list.iter().flatten().map(|access| (place, access.location)));
    }
    let subtrees = read
        .name_constraints
        .iter()
        .flat_map(|constraints| constraints.subtrees());
    found.extend(subtrees.map(|subtree| (NAME_CONSTRAINTS, subtree.base)));
    found
}

/// Directory names, and names relative to a CRL issuer. What is not a name has a lint of its own.
pub(super) fn names<'a>(
    read: &Extensions<'a>,
    general_names: &[(&'static str, Tlv<'a>)],
) -> Vec<(&'static str, Name<'a>)> {
    let directory_names = general_names
        .iter()
        .filter(|(_, name)| name.tag == tag::DIRECTORY_NAME)
        .filter_map(|(place, name)| Some((*place, Name::from_der(name.content).ok()?)));
    let relative_names =
        points(read).filter_map(|(place, point)| Some((place, Name::of_rdn(point.relative_name?).ok()?)));
    directory_names.chain(relative_names).collect()
}
