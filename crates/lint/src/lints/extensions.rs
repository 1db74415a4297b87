//! Extensions as such (RFC 5280 section 4.2): form, criticality, strangers among them.

use x509::Oid;

use crate::catalogue::Check::Content;
use crate::catalogue::Scope::All;
use crate::catalogue::{Lint, Verdict, error, notice, warn};
use crate::lints::{repeated, require};
use crate::oid;
use crate::view::View;
use crate::view::extensions::name_of;

pub(super) const LINTS: &[Lint] = &[
    error(
        "rfc5280_extensions_not_empty",
        "RFC 5280 4.1.2.9",
        "An extensions field holds at least one extension.",
    )
    .on(All, Content(not_empty)),
    error(
        "rfc5280_extensions_distinct",
        "RFC 5280 4.2",
        "No extension appears more than once.",
    )
    .on(All, Content(distinct)),
    error(
        "rfc5280_extension_form",
        "RFC 5280 4.2.1, 4.2.2; RFC 6960; RFC 7633; RFC 9608",
        "The values of known extensions are of their types.",
    )
    .on(All, Content(form)),
    error(
        "rfc5280_no_unknown_critical",
        "RFC 5280 4.2",
        "Critical extensions are those of RFC 5280: others make verifiers refuse the certificate.",
    )
    .on(All, Content(no_unknown_critical)),
    notice(
        "gigvault_no_unknown_extension",
        "RFC 5280 4.2",
        "All extensions are known here.",
    )
    .on(All, Content(no_unknown)),
    error(
        "rfc5280_extension_never_critical",
        "RFC 5280 4.2.1.1, 4.2.1.2, 4.2.1.8, 4.2.1.15, 4.2.2",
        "AKI, SKI, subjectDirectoryAttributes, freshestCRL, AIA and SIA are not critical.",
    )
    .on(All, Content(never_critical)),
    error(
        "rfc9608_no_rev_avail_not_critical",
        "RFC 9608 2",
        "noRevAvail is not critical.",
    )
    .on(All, Content(|view| not_critical(view, oid::NO_REV_AVAIL))),
    error(
        "cabf_crldp_not_critical",
        "RFC 5280 4.2.1.13; BR 7.1.2.7.6",
        "cRLDistributionPoints is not critical.",
    )
    .on(
        All,
        Content(|view| not_critical(view, oid::CRL_DISTRIBUTION_POINTS)),
    ),
    warn(
        "cabf_policies_not_critical",
        "BR 7.1.2.7.6",
        "certificatePolicies is not critical: verifiers may not know the policies.",
    )
    .on(All, Content(|view| not_critical(view, oid::CERTIFICATE_POLICIES))),
    warn(
        "rfc6960_nocheck_not_critical",
        "RFC 6960 4.2.2.2.1",
        "ocspNoCheck is not critical.",
    )
    .on(All, Content(|view| not_critical(view, oid::OCSP_NO_CHECK))),
    warn(
        "rfc7633_tls_feature_not_critical",
        "RFC 7633 4",
        "tlsFeature is not critical.",
    )
    .on(All, Content(|view| not_critical(view, oid::TLS_FEATURE))),
    warn(
        "rfc5280_issuer_alt_name_not_critical",
        "RFC 5280 4.2.1.7",
        "issuerAltName is not critical.",
    )
    .on(All, Content(|view| not_critical(view, oid::ISSUER_ALT_NAME))),
];

/// What verifiers know to process when it is critical (RFC 5280 section 4.2).
const MAY_BE_CRITICAL: [Oid; 13] = [
    oid::KEY_USAGE,
    oid::SUBJECT_ALT_NAME,
    oid::ISSUER_ALT_NAME,
    oid::BASIC_CONSTRAINTS,
    oid::NAME_CONSTRAINTS,
    oid::CRL_DISTRIBUTION_POINTS,
    oid::CERTIFICATE_POLICIES,
    oid::POLICY_MAPPINGS,
    oid::POLICY_CONSTRAINTS,
    oid::EXTENDED_KEY_USAGE,
    oid::INHIBIT_ANY_POLICY,
    oid::TLS_FEATURE,
    oid::OCSP_NO_CHECK,
];

const NEVER_CRITICAL: [Oid; 6] = [
    oid::AUTHORITY_KEY_IDENTIFIER,
    oid::SUBJECT_KEY_IDENTIFIER,
    oid::SUBJECT_DIRECTORY_ATTRIBUTES,
    oid::FRESHEST_CRL,
    oid::AUTHORITY_INFO_ACCESS,
    oid::SUBJECT_INFO_ACCESS,
];

fn label(content: &[u8]) -> String {
    name_of(content).map_or_else(|| oid::dotted(content), str::to_owned)
}

fn not_empty(view: &View<'_>) -> Verdict {
    require(!view.has_extensions || !view.extensions.list.is_empty(), || {
        "the extensions field is empty; leave it out".to_owned()
    })
}

fn distinct(view: &View<'_>) -> Verdict {
    match repeated(view.extensions.list.iter().map(|extension| extension.oid)) {
        None => Ok(()),
        Some(oid) => Err(format!("{} appears more than once", label(oid))),
    }
}

fn form(view: &View<'_>) -> Verdict {
    match view.extensions.malformed.first() {
        None => Ok(()),
        Some((name, broken)) => Err(format!("{name}: {broken}")),
    }
}

fn no_unknown_critical(view: &View<'_>) -> Verdict {
    let known = |content: &[u8]| {
        let processed = MAY_BE_CRITICAL.iter().any(|oid| oid::is(content, *oid));
        // These have a lint of their own.
        processed || name_of(content).is_some()
    };
    let list = &view.extensions.list;
    match list
        .iter()
        .find(|extension| extension.is_critical() && !known(extension.oid))
    {
        None => Ok(()),
        Some(extension) => Err(format!("{} is critical", label(extension.oid))),
    }
}

fn no_unknown(view: &View<'_>) -> Verdict {
    let list = &view.extensions.list;
    match list.iter().find(|extension| name_of(extension.oid).is_none()) {
        None => Ok(()),
        Some(extension) => Err(format!("{} is unknown", label(extension.oid))),
    }
}

fn not_critical(view: &View<'_>, oid: Oid) -> Verdict {
    let critical = view
        .extension(oid)
        .is_some_and(|extension| extension.is_critical());
    require(!critical, || format!("{} is critical", label(oid.as_bytes())))
}

fn never_critical(view: &View<'_>) -> Verdict {
    NEVER_CRITICAL
        .into_iter()
        .try_for_each(|oid| not_critical(view, oid))
}
