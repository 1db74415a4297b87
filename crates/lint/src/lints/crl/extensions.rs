//! Extensions of CRLs (RFC 5280 section 5.2): authority key identifier, numbers, deltas, shards.

use std::cmp::Ordering;

use x509::Oid;

use crate::catalogue::Check::{List as Content, ListLink as Link};
use crate::catalogue::Scope::{Crl, DeltaCrl};
use crate::catalogue::{Lint, Verdict, error, notice, warn};
use crate::crl::CrlContext;
use crate::lints::{repeated, require};
use crate::oid;
use crate::syntax::Uri;
use crate::text::shown_octets;
use crate::tlv::tag;
use crate::view::list::List;
use crate::view::list::extensions::name_of;

pub(in crate::lints) const LINTS: &[Lint] = &[
    error(
        "rfc5280_crl_extensions_not_empty",
        "RFC 5280 5.1.2.7",
        "A field crlExtensions holds at least one extension.",
    )
    .on(Crl, Content(not_empty)),
    error(
        "rfc5280_crl_extensions_distinct",
        "RFC 5280 4.2, 5.2",
        "No extension appears more than once.",
    )
    .on(Crl, Content(distinct)),
    error(
        "rfc5280_crl_extension_form",
        "RFC 5280 5.2",
        "The values of known extensions are of their types.",
    )
    .on(Crl, Content(form)),
    error(
        "rfc5280_crl_no_unknown_critical",
        "RFC 5280 5.2",
        "Critical extensions are those of RFC 5280: with others verifiers could not use the list.",
    )
    .on(Crl, Content(no_unknown_critical)),
    notice(
        "gigvault_crl_no_unknown_extension",
        "RFC 5280 5.2",
        "All extensions are known here.",
    )
    .on(Crl, Content(no_unknown)),
    error(
        "x690_crl_default_not_encoded",
        "X.690 11.5",
        "critical FALSE and the flags of issuingDistributionPoint that are FALSE are left out.",
    )
    .on(Crl, Content(default_not_encoded)),
    error(
        "rfc5280_crl_extension_never_critical",
        "RFC 5280 4.2.1.1, 5.2.3, 5.2.6, 5.2.7",
        "AKI, cRLNumber, freshestCRL and AIA are not critical.",
    )
    .on(Crl, Content(never_critical)),
    warn(
        "rfc5280_crl_issuer_alt_name_not_critical",
        "RFC 5280 5.2.2",
        "issuerAltName is not critical.",
    )
    .on(Crl, Content(|list| criticality(list, oid::ISSUER_ALT_NAME, false))),
    error(
        "rfc5280_crl_extension_critical",
        "RFC 5280 5.2.4, 5.2.5",
        "deltaCRLIndicator and issuingDistributionPoint are critical.",
    )
    .on(Crl, Content(always_critical)),
    error(
        "rfc5280_crl_aki_present",
        "RFC 5280 5.2.1",
        "There is an authorityKeyIdentifier with keyIdentifier.",
    )
    .on(Crl, Content(aki_present)),
    error(
        "rfc5280_crl_aki_is_ski_of_issuer",
        "RFC 5280 5.2.1",
        "The authority key identifier is the subject key identifier of the issuer.",
    )
    .on(Crl, Link(aki_is_ski)),
    error(
        "rfc5280_crl_number_present",
        "RFC 5280 5.2.3",
        "There is a cRLNumber.",
    )
    .on(
        Crl,
        Content(|list| {
            require(list.extensions.has(oid::CRL_NUMBER), || {
                "there is no cRLNumber".to_owned()
            })
        }),
    ),
    error(
        "rfc5280_crl_number_form",
        "RFC 5280 5.2.3, 5.2.4",
        "cRLNumber and deltaCRLIndicator hold numbers that are not negative and have at most 20 octets.",
    )
    .on(Crl, Content(number_form)),
    error(
        "rfc5280_crl_base_not_above_number",
        "RFC 5280 5.2.4",
        "The number of the base is not above that of the delta.",
    )
    .on(DeltaCrl, Content(base_not_above)),
    error(
        "rfc5280_crl_delta_without_freshest",
        "RFC 5280 5.2.6",
        "Deltas have no freshestCRL.",
    )
    .on(DeltaCrl, Content(delta_without_freshest)),
    error(
        "rfc5280_crl_freshest_names_only",
        "RFC 5280 5.2.6",
        "freshestCRL has points, each with a full name and neither reasons nor cRLIssuer.",
    )
    .on(Crl, Content(freshest_names_only)),
    error(
        "gigvault_crl_point_full_name_only",
        "RFC 5280 5.2.5; GigVault",
        "issuingDistributionPoint has a full name and nothing else: it is there to name a shard.",
    )
    .on(Crl, Content(point_full_name_only)),
    error(
        "rfc5280_crl_point_is_shard",
        "RFC 5280 5.2.5, 6.3.3",
        "issuingDistributionPoint has the locations of the shard, as its certificates have them; complete lists have none.",
    )
    .on(Crl, Link(point_is_shard)),
    error(
        "rfc5280_crl_uri_absolute",
        "RFC 5280 4.2.1.6, 5.2.5, 5.2.6",
        "Locations in issuingDistributionPoint and freshestCRL are absolute URIs.",
    )
    .on(Crl, Content(uri_absolute)),
];

fn label(content: &[u8]) -> String {
    name_of(content).map_or_else(|| oid::dotted(content), str::to_owned)
}

fn not_empty(list: &List<'_>) -> Verdict {
    require(!list.has_extensions || !list.extensions.list.is_empty(), || {
        "crlExtensions is empty; leave it out".to_owned()
    })
}

fn distinct(list: &List<'_>) -> Verdict {
    match repeated(list.extensions.list.iter().map(|extension| extension.oid)) {
        None => Ok(()),
        Some(oid) => Err(format!("{} appears more than once", label(oid))),
    }
}

fn form(list: &List<'_>) -> Verdict {
    match list.extensions.malformed.first() {
        None => Ok(()),
        Some((name, broken)) => Err(format!("{name}: {broken}")),
    }
}

fn no_unknown_critical(list: &List<'_>) -> Verdict {
    let mut unknown = list
        .extensions
        .list
        .iter()
        .filter(|extension| name_of(extension.oid).is_none());
    match unknown.find(|extension| extension.is_critical()) {
        None => Ok(()),
        Some(extension) => Err(format!("{} is critical", label(extension.oid))),
    }
}

fn no_unknown(list: &List<'_>) -> Verdict {
    let mut extensions = list.extensions.list.iter();
    match extensions.find(|extension| name_of(extension.oid).is_none()) {
        None => Ok(()),
        Some(extension) => Err(format!("{} is unknown", label(extension.oid))),
    }
}

fn default_not_encoded(list: &List<'_>) -> Verdict {
    let mut extensions = list.extensions.list.iter();
    if let Some(extension) = extensions.find(|extension| extension.critical == Some(&[0])) {
        return Err(format!("critical FALSE of {} is encoded", label(extension.oid)));
    }
    let flag = list.extensions.point.as_ref();
    require(!flag.is_some_and(|point| point.encodes_default), || {
        "a flag of issuingDistributionPoint is encoded that is FALSE".to_owned()
    })
}

/// Passes if the extension is missing or its criticality is this.
fn criticality(list: &List<'_>, oid: Oid, critical: bool) -> Verdict {
    let found = list.extensions.find(oid);
    require(
        found.is_none_or(|extension| extension.is_critical() == critical),
        || {
            let not = if critical { " not" } else { "" };
            format!("{} is{not} critical", label(oid.as_bytes()))
        },
    )
}

fn never_critical(list: &List<'_>) -> Verdict {
    [
        oid::AUTHORITY_KEY_IDENTIFIER,
        oid::CRL_NUMBER,
        oid::FRESHEST_CRL,
        oid::AUTHORITY_INFO_ACCESS,
    ]
    .into_iter()
    .try_for_each(|oid| criticality(list, oid, false))
}

fn always_critical(list: &List<'_>) -> Verdict {
    [oid::DELTA_CRL_INDICATOR, oid::ISSUING_DISTRIBUTION_POINT]
        .into_iter()
        .try_for_each(|oid| criticality(list, oid, true))
}

fn key_identifier<'a>(list: &List<'a>) -> Option<&'a [u8]> {
    list.extensions.aki.as_ref().and_then(|aki| aki.key_identifier)
}

fn aki_present(list: &List<'_>) -> Verdict {
    require(key_identifier(list).is_some(), || {
        "there is no authority key identifier".to_owned()
    })
}

fn aki_is_ski(list: &List<'_>, context: &CrlContext<'_>) -> Verdict {
    match (key_identifier(list), context.issuer.subject_key_identifier) {
        (Some(identifier), Some(wanted)) => require(identifier == wanted, || {
            "the authority key identifier is another".to_owned()
        }),
        _ => Ok(()),
    }
}

fn number_form(list: &List<'_>) -> Verdict {
    let numbers = [
        ("cRLNumber", list.extensions.number),
        ("deltaCRLIndicator", list.extensions.base),
    ];
    for (name, number) in numbers {
        match number {
            Some([0x80..=0xff, ..]) => return Err(format!("{name} is negative")),
            Some(digits) if digits.len() > 20 => {
                return Err(format!("{name} has {} octets", digits.len()));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The digits of a number that is not negative, without zeros in front.
fn digits(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|digit| **digit == 0).count();
    number.get(zeros..).unwrap_or_default()
}

fn base_not_above(list: &List<'_>) -> Verdict {
    let (Some(base), Some(number)) = (list.extensions.base, list.extensions.number) else {
        return Ok(());
    };
    let (base, number) = (digits(base), digits(number));
    let order = base.len().cmp(&number.len()).then(base.cmp(number));
    require(order != Ordering::Greater, || {
        "the base has a higher number than the delta".to_owned()
    })
}

fn delta_without_freshest(list: &List<'_>) -> Verdict {
    require(!list.extensions.has(oid::FRESHEST_CRL), || {
        "the list is a delta and has freshestCRL".to_owned()
    })
}

fn freshest_names_only(list: &List<'_>) -> Verdict {
    let Some(points) = &list.extensions.freshest else {
        return Ok(());
    };
    let plain = points.iter().all(|point| {
        let named = point.full_name.as_ref().is_some_and(|names| !names.is_empty());
        named && point.reasons.is_none() && point.crl_issuer.is_none()
    });
    require(plain && !points.is_empty(), || {
        "freshestCRL has no point, or one without a full name, with reasons or with cRLIssuer".to_owned()
    })
}

fn point_full_name_only(list: &List<'_>) -> Verdict {
    let Some(point) = &list.extensions.point else {
        return Ok(());
    };
    let named = !point.full_name.is_empty() && point.full_name.iter().all(|name| name.tag == tag::URI);
    require(named && !point.has_more, || {
        "issuingDistributionPoint has no URI, or something besides".to_owned()
    })
}

fn point_is_shard(list: &List<'_>, context: &CrlContext<'_>) -> Verdict {
    let found: Vec<&[u8]> = match &list.extensions.point {
        Some(point) => point.full_name.iter().map(|name| name.content).collect(),
        None => Vec::new(),
    };
    let wanted = context.shard.iter().map(String::as_bytes);
    require(
        list.extensions.has(oid::ISSUING_DISTRIBUTION_POINT) != context.shard.is_empty()
            && found.iter().copied().eq(wanted),
        || match context.shard {
            [] => "there is an issuingDistributionPoint, and the list covers all certificates".to_owned(),
            _ => "the issuingDistributionPoint is missing or has other locations than the shard".to_owned(),
        },
    )
}

fn uri_absolute(list: &List<'_>) -> Verdict {
    let points = list.extensions.point.iter().flat_map(|point| &point.full_name);
    let freshest = list.extensions.freshest.iter().flatten();
    let names = points.chain(freshest.filter_map(|point| point.full_name.as_ref()).flatten());
    for name in names.filter(|name| name.tag == tag::URI) {
        if let Err(problem) = Uri::of(name.content).and_then(|uri| uri.check_host()) {
            return Err(format!("{}: {problem}", shown_octets(name.content)));
        }
    }
    Ok(())
}
