//! Whether revocation can be learned of, and certificates that live too short for it (RFC 9608, RFC 7633; BR 4.9,
//! 7.1.2.11).

use time::Duration;

use crate::catalogue::Check::Content;
use crate::catalogue::Scope::{All, Ca, EndEntity, SubordinateCa};
use crate::catalogue::{Lint, Verdict, error, notice, warn};
use crate::lints::{repeated, require};
use crate::oid;
use crate::view::View;

/// The longest life without revocation (BR 1.6.1, since 2026-03-15).
const SHORT_LIVED: Duration = Duration::days(7);

/// Numbers of TLS extensions that a server can be held to: status_request and status_request_v2.
const STATUS_REQUESTS: [&[u8]; 2] = [&[5], &[17]];

pub(super) const LINTS: &[Lint] = &[
    error(
        "rfc9608_no_rev_avail_not_in_ca",
        "RFC 9608 2",
        "CAs have no noRevAvail.",
    )
    .on(Ca, Content(|view| require(!has_no_rev_avail(view), there_is_one))),
    error(
        "rfc9608_no_rev_avail_without_pointers",
        "RFC 9608 2, 3",
        "With noRevAvail there are no cRLDistributionPoints, no freshestCRL and no OCSP.",
    )
    .on(All, Content(without_pointers)),
    error(
        "gigvault_no_rev_avail_short_lived",
        "RFC 9608 1; BR 1.6.1",
        "Certificates with noRevAvail live at most seven days.",
    )
    .on(EndEntity, Content(no_rev_avail_is_short_lived)),
    warn(
        "cabf_revocation_pointer",
        "BR 7.1.2.11.2, 4.9",
        "End entities that live longer than seven days have cRLDistributionPoints, OCSP, or ocspNoCheck.",
    )
    .on(EndEntity, Content(has_pointer)),
    notice(
        "cabf_sub_ca_crldp",
        "BR 7.1.2.11.2",
        "CAs but roots have cRLDistributionPoints.",
    )
    .on(SubordinateCa, Content(ca_has_points)),
    error(
        "rfc7633_tls_feature_form",
        "RFC 7633 4.1",
        "tlsFeature lists numbers of TLS extensions: at least one, 0 to 65535, each once.",
    )
    .on(All, Content(feature_form)),
    warn(
        "rfc7633_must_staple_needs_ocsp",
        "RFC 7633 4.2.3",
        "Where tlsFeature wants a stapled answer there is an OCSP responder to get it from.",
    )
    .on(EndEntity, Content(staple_needs_ocsp)),
];

fn there_is_one() -> String {
    "there is noRevAvail".to_owned()
}

fn has_no_rev_avail(view: &View<'_>) -> bool {
    view.extension(oid::NO_REV_AVAIL).is_some()
}

fn has_crl_pointer(view: &View<'_>) -> bool {
    [oid::CRL_DISTRIBUTION_POINTS, oid::FRESHEST_CRL]
        .into_iter()
        .any(|oid| view.extension(oid).is_some())
}

fn is_short_lived(view: &View<'_>) -> bool {
    view.length().is_none_or(|length| length <= SHORT_LIVED)
}

fn without_pointers(view: &View<'_>) -> Verdict {
    let pointed = has_crl_pointer(view) || view.has_ocsp_pointer();
    require(!has_no_rev_avail(view) || !pointed, || {
        "there are noRevAvail and pointers to CRLs or OCSP; leave one of them out".to_owned()
    })
}

fn no_rev_avail_is_short_lived(view: &View<'_>) -> Verdict {
    require(!has_no_rev_avail(view) || is_short_lived(view), || {
        "there is noRevAvail, and the certificate lives longer than seven days".to_owned()
    })
}

fn has_pointer(view: &View<'_>) -> Verdict {
    let excused = is_short_lived(view) || view.extension(oid::OCSP_NO_CHECK).is_some();
    require(
        excused || has_crl_pointer(view) || view.has_ocsp_pointer(),
        || "relying parties could not learn that the certificate is revoked".to_owned(),
    )
}

fn ca_has_points(view: &View<'_>) -> Verdict {
    require(view.extension(oid::CRL_DISTRIBUTION_POINTS).is_some(), || {
        "there are no cRLDistributionPoints".to_owned()
    })
}

fn feature_form(view: &View<'_>) -> Verdict {
    let Some(features) = &view.extensions.tls_features else {
        return Ok(());
    };
    let in_range = |feature: &&[u8]| matches!(feature, [0..=0x7f] | [0..=0x7f, _] | [0, _, _]);
    let distinct = repeated(features.iter()).is_none();
    require(
        !features.is_empty() && features.iter().all(in_range) && distinct,
        || "tlsFeature is empty, or a number in it is out of range or appears more than once".to_owned(),
    )
}

fn staple_needs_ocsp(view: &View<'_>) -> Verdict {
    let features = view.extensions.tls_features.as_deref().unwrap_or_default();
    let staples = features.iter().any(|feature| STATUS_REQUESTS.contains(feature));
    require(!staples || view.has_ocsp_pointer(), || {
        "tlsFeature wants a stapled answer, and there is no OCSP responder".to_owned()
    })
}
