//! Where CRLs, OCSP answers and the issuer's certificate are found (RFC 5280 sections 4.2.1.13, 4.2.1.15, 4.2.2.1 and
//! 8; BR 7.1.2.7.7, 7.1.2.11.2).

use crate::catalogue::Check::Content;
use crate::catalogue::Scope::{All, OcspSigner, Root, TlsServer};
use crate::catalogue::{Lint, Verdict, error, notice, warn};
use crate::lints::require;
use crate::oid;
use crate::syntax::Uri;
use crate::text::shown_octets;
use crate::tlv::{Tlv, tag};
use crate::view::View;
use crate::view::extensions::Access;
use crate::view::points::CrlPoint;

pub(super) const LINTS: &[Lint] = &[
    error(
        "rfc5280_crldp_not_empty",
        "RFC 5280 4.2.1.13",
        "cRLDistributionPoints and freshestCRL list at least one point.",
    )
    .on(All, Content(points_listed)),
    error(
        "rfc5280_crldp_point_named",
        "RFC 5280 4.2.1.13",
        "Every distribution point has a name or a CRL issuer, and no list in it is empty.",
    )
    .on(All, Content(points_named)),
    error(
        "rfc5280_aia_not_empty",
        "RFC 5280 4.2.2.1",
        "authorityInfoAccess describes at least one access.",
    )
    .on(All, Content(access_listed)),
    error(
        "rfc6960_ocsp_location_uri",
        "RFC 6960 3.1",
        "OCSP responders are located by URIs.",
    )
    .on(All, Content(ocsp_by_uri)),
    error(
        "rfc5280_pointer_absolute",
        "RFC 5280 4.2.1.13, 4.2.2.1",
        "The URIs of CRLs, OCSP and issuers are absolute and have a host.",
    )
    .on(All, Content(absolute)),
    error(
        "rfc5280_pointer_scheme",
        "RFC 5280 4.2.1.13, 4.2.2.1, 8; RFC 6960 A.1",
        "They are http: or ldap:, OCSP is http: fetching over TLS could need the certificate that is checked.",
    )
    .on(All, Content(scheme)),
    warn(
        "cabf_pointer_http",
        "BR 7.1.2.7.7, 7.1.2.11.2",
        "Those of TLS servers are http: alone: browsers fetch nothing else.",
    )
    .on(TlsServer, Content(http_only)),
    warn(
        "cabf_crldp_one_plain_point",
        "BR 7.1.2.11.2",
        "There is one distribution point, with a full name and without reasons and CRL issuer.",
    )
    .on(All, Content(one_plain_point)),
    warn(
        "cabf_aia_known_methods",
        "BR 7.1.2.7.7",
        "authorityInfoAccess has OCSP and caIssuers alone.",
    )
    .on(All, Content(known_methods)),
    notice(
        "cabf_aia_present",
        "BR 7.1.2.7.7",
        "TLS servers have authorityInfoAccess.",
    )
    .on(TlsServer, Content(access_present)),
    error(
        "cabf_ocsp_signer_no_crldp",
        "BR 7.1.2.8.2, 7.1.2.11.2",
        "OCSP signers with ocspNoCheck have no cRLDistributionPoints.",
    )
    .on(OcspSigner, Content(signer_without_points)),
    notice(
        "cabf_root_no_pointers",
        "BR 7.1.2.1.2, 7.1.2.11.2",
        "Roots have neither cRLDistributionPoints nor authorityInfoAccess: no CA above could revoke them.",
    )
    .on(Root, Content(root_without_pointers)),
];

fn points<'a, 'v>(view: &'v View<'a>) -> impl Iterator<Item = &'v CrlPoint<'a>> {
    let extensions = &view.extensions;
    extensions.crl_points.iter().chain(&extensions.freshest).flatten()
}

fn access<'a, 'v>(view: &'v View<'a>) -> &'v [Access<'a>] {
    view.extensions.aia.as_deref().unwrap_or_default()
}

/// Every URI that is a pointer, and whether it leads to OCSP.
fn uris<'a>(view: &View<'a>) -> impl Iterator<Item = (&'a [u8], bool)> {
    let is_uri = |name: &&Tlv<'a>| name.tag == tag::URI;
    let crls = points(view)
        .filter_map(|point| point.full_name.as_ref())
        .flatten()
        .filter(is_uri)
        .map(|name| (name.content, false));
    let access = access(view)
        .iter()
        .filter(move |access| is_uri(&&access.location))
        .map(|access| (access.location.content, oid::is(access.method, oid::OCSP)));
    crls.chain(access)
}

fn points_listed(view: &View<'_>) -> Verdict {
    let lists = [&view.extensions.crl_points, &view.extensions.freshest];
    let empty = lists.into_iter().flatten().any(Vec::is_empty);
    require(!empty, || {
        "there is no distribution point; leave the extension out".to_owned()
    })
}

fn points_named(view: &View<'_>) -> Verdict {
    let named = |point: &CrlPoint<'_>| {
        let empty = point.full_name.as_ref().is_some_and(Vec::is_empty);
        !empty && (point.has_name() || point.crl_issuer.is_some())
    };
    require(points(view).all(named), || {
        "a distribution point has no name, or an empty one".to_owned()
    })
}

fn access_listed(view: &View<'_>) -> Verdict {
    let empty = view.extensions.aia.as_ref().is_some_and(Vec::is_empty);
    require(!empty, || "authorityInfoAccess is empty; leave it out".to_owned())
}

fn is_known(access: &Access<'_>) -> bool {
    oid::is(access.method, oid::OCSP) || oid::is(access.method, oid::CA_ISSUERS)
}

fn ocsp_by_uri(view: &View<'_>) -> Verdict {
    let located = |access: &Access<'_>| !oid::is(access.method, oid::OCSP) || access.location.tag == tag::URI;
    require(access(view).iter().all(located), || {
        "the location of an OCSP responder is another kind of name".to_owned()
    })
}

fn absolute(view: &View<'_>) -> Verdict {
    for (uri, _) in uris(view) {
        let problem = match Uri::of(uri) {
            // `ldap:///dc=…` means the client's own directory.
            Ok(parts) if parts.has_scheme("ldap") && parts.has_empty_host() => continue,
            Ok(parts) if !parts.has_authority() => "it has no host",
            Ok(parts) => match parts.check_host() {
                Ok(()) => continue,
                Err(problem) => problem,
            },
            Err(problem) => problem,
        };
        return Err(format!("`{}`: {problem}", shown_octets(uri)));
    }
    Ok(())
}

/// Passes if all URIs have one of the schemes; OCSP only the first.
fn schemes(view: &View<'_>, allowed: &[&str]) -> Verdict {
    for (uri, is_ocsp) in uris(view) {
        let allowed = if is_ocsp {
            allowed.get(..1).unwrap_or_default()
        } else {
            allowed
        };
        // What is not a URI at all has its own lint.
        let fits = |parts: Uri<'_>| allowed.iter().any(|scheme| parts.has_scheme(scheme));
        if !Uri::of(uri).map_or(true, fits) {
            return Err(format!(
                "`{}` is not {}:",
                shown_octets(uri),
                allowed.join(": or ")
            ));
        }
    }
    Ok(())
}

fn scheme(view: &View<'_>) -> Verdict {
    schemes(view, &["http", "ldap"])
}

fn http_only(view: &View<'_>) -> Verdict {
    schemes(view, &["http"])
}

fn one_plain_point(view: &View<'_>) -> Verdict {
    let Some(points) = &view.extensions.crl_points else {
        return Ok(());
    };
    let plain = |point: &CrlPoint<'_>| {
        point.full_name.is_some() && point.reasons.is_none() && point.crl_issuer.is_none()
    };
    require(points.len() == 1 && points.iter().all(plain), || {
        "there are several distribution points, or one has something else than a full name".to_owned()
    })
}

fn known_methods(view: &View<'_>) -> Verdict {
    match access(view).iter().find(|access| !is_known(access)) {
        None => Ok(()),
        Some(access) => Err(format!("authorityInfoAccess has {}", oid::dotted(access.method))),
    }
}

fn access_present(view: &View<'_>) -> Verdict {
    require(view.extension(oid::AUTHORITY_INFO_ACCESS).is_some(), || {
        "there is no authorityInfoAccess".to_owned()
    })
}

fn signer_without_points(view: &View<'_>) -> Verdict {
    let contradiction = view.extension(oid::OCSP_NO_CHECK).is_some() && view.extensions.crl_points.is_some();
    require(!contradiction, || {
        "there are both ocspNoCheck and cRLDistributionPoints".to_owned()
    })
}

fn root_without_pointers(view: &View<'_>) -> Verdict {
    let pointers = [oid::CRL_DISTRIBUTION_POINTS, oid::AUTHORITY_INFO_ACCESS];
    require(
        pointers.into_iter().all(|oid| view.extension(oid).is_none()),
        || "there are pointers to revocation or to an issuer".to_owned(),
    )
}
