//! Extensions of OCSP responses (RFC 6960 section 4.4; RFC 9654).

use x509::rfc3339;

use crate::catalogue::Check::Response as Content;
use crate::catalogue::Scope::Ocsp;
use crate::catalogue::{Lint, Verdict, error, notice};
use crate::lints::{repeated, require};
use crate::oid;
use crate::tlv::{Reader, tag};
use crate::view::extensions::{Extension, null};
use crate::view::response::Response;
use crate::view::time::Time;

pub(in crate::lints) const LINTS: &[Lint] = &[
    error(
        "rfc6960_ocsp_extensions_not_empty",
        "RFC 6960 4.2.1; RFC 5280 4.1",
        "A field for extensions holds at least one.",
    )
    .on(Ocsp, Content(not_empty)),
    error(
        "rfc6960_ocsp_extensions_distinct",
        "RFC 6960 4.4; RFC 5280 4.2",
        "No extension appears more than once in one place.",
    )
    .on(Ocsp, Content(distinct)),
    error(
        "rfc6960_ocsp_extension_not_critical",
        "RFC 6960 4.4, 4.4.8",
        "No extension is critical: clients need not support any.",
    )
    .on(Ocsp, Content(not_critical)),
    error(
        "x690_ocsp_default_not_encoded",
        "X.690 11.5",
        "critical FALSE is left out.",
    )
    .on(Ocsp, Content(default_not_encoded)),
    notice(
        "gigvault_ocsp_no_unknown_extension",
        "RFC 6960 4.4",
        "All extensions are known here: nonce and extended-revoke of the response, archive cutoff of an answer.",
    )
    .on(Ocsp, Content(no_unknown)),
    error(
        "rfc9654_ocsp_nonce_form",
        "RFC 9654 2.1",
        "A nonce is an OCTET STRING of 1 to 128 octets.",
    )
    .on(Ocsp, Content(nonce_form)),
    error(
        "rfc6960_ocsp_extended_revoke_null",
        "RFC 6960 4.4.8",
        "The value of extended-revoke is NULL.",
    )
    .on(Ocsp, Content(extended_revoke_null)),
    error(
        "rfc6960_ocsp_archive_cutoff_form",
        "RFC 6960 4.4.4",
        "An archive cutoff is a GeneralizedTime, YYYYMMDDHHMMSSZ, that does not come after producedAt.",
    )
    .on(Ocsp, Content(archive_cutoff_form)),
];

fn not_empty(response: &Response<'_>) -> Verdict {
    match response.extension_lists().find(|(_, list)| list.is_empty()) {
        None => Ok(()),
        Some((place, _)) => Err(format!("{place} is empty; leave it out")),
    }
}

fn distinct(response: &Response<'_>) -> Verdict {
    for (place, list) in response.extension_lists() {
        if let Some(oid) = repeated(list.iter().map(|extension| extension.oid)) {
            return Err(format!("{place}: {} appears more than once", oid::dotted(oid)));
        }
    }
    Ok(())
}

/// Passes if `holds` for every extension.
fn each(response: &Response<'_>, holds: impl Fn(&Extension<'_>) -> bool, otherwise: &str) -> Verdict {
    let mut all = response
        .extension_lists()
        .flat_map(|(place, list)| list.iter().map(move |extension| (place, extension)));
    match all.find(|(_, extension)| !holds(extension)) {
        None => Ok(()),
        Some((place, extension)) => Err(format!("{place}: {} {otherwise}", oid::dotted(extension.oid))),
    }
}

fn not_critical(response: &Response<'_>) -> Verdict {
    each(response, |extension| !extension.is_critical(), "is critical")
}

fn default_not_encoded(response: &Response<'_>) -> Verdict {
    let left_out = |extension: &Extension<'_>| extension.critical != Some(&[0]);
    each(response, left_out, "has critical FALSE encoded")
}

fn no_unknown(response: &Response<'_>) -> Verdict {
    let known = [
        oid::OCSP_NONCE,
        oid::OCSP_EXTENDED_REVOKE,
        oid::OCSP_ARCHIVE_CUTOFF,
    ];
    let is_known = |extension: &Extension<'_>| known.iter().any(|oid| oid::is(extension.oid, *oid));
    each(response, is_known, "is unknown")
}

fn nonce_form(response: &Response<'_>) -> Verdict {
    let Some(nonce) = response.extension(oid::OCSP_NONCE) else {
        return Ok(());
    };
    match Reader::single(nonce.value, tag::OCTET_STRING) {
        Ok(octets) => require((1..=128).contains(&octets.len()), || {
            format!("the nonce has {} octets", octets.len())
        }),
        Err(broken) => Err(format!("the nonce is not an OCTET STRING: {broken}")),
    }
}

fn extended_revoke_null(response: &Response<'_>) -> Verdict {
    let extension = response.extension(oid::OCSP_EXTENDED_REVOKE);
    require(
        extension.is_none_or(|extension| null(extension.value).is_ok()),
        || "the value of extended-revoke is not NULL".to_owned(),
    )
}

fn archive_cutoff_form(response: &Response<'_>) -> Verdict {
    let cutoffs = response
        .answers
        .iter()
        .filter_map(|answer| answer.extension(oid::OCSP_ARCHIVE_CUTOFF));
    for cutoff in cutoffs {
        let mut value = Reader::new(cutoff.value);
        let moment = Time::read(&mut value)
            .ok()
            .filter(|time| time.tag == tag::GENERALIZED_TIME && value.is_empty())
            .and_then(|time| time.moment)
            .ok_or("the archive cutoff is not a GeneralizedTime of whole seconds")?;
        if response
            .produced_at
            .moment
            .is_some_and(|produced| moment > produced)
        {
            return Err(format!(
                "the archive cutoff is {}, which is after producedAt",
                rfc3339(moment)
            ));
        }
    }
    Ok(())
}
