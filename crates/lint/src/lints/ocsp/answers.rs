//! Answers of OCSP responses, one a certificate (RFC 6960 sections 2.2 and 4.2.1; RFC 9919).

use time::OffsetDateTime;
use x509::ocsp::HashAlgorithm;

use crate::catalogue::Check::{Response as Content, ResponseLink as Link};
use crate::catalogue::Scope::Ocsp;
use crate::catalogue::{Lint, Verdict, error, warn};
use crate::lints::require;
use crate::ocsp::ResponseContext;
use crate::oid;
use crate::view::response::{Answer, Id, Response, Status};

pub(in crate::lints) const LINTS: &[Lint] = &[
    warn(
        "rfc6960_ocsp_cert_id_hash_length",
        "RFC 6960 4.1.1",
        "Hashes in a CertID are as long as their algorithm makes them.",
    )
    .on(Ocsp, Content(hash_length)),
    error(
        "rfc6960_ocsp_answers_own_certificates",
        "RFC 6960 4.2.2.2",
        "What is good or revoked is a certificate of the issuer: name and key are its own.",
    )
    .on(Ocsp, Link(own_certificates)),
    error(
        "gigvault_ocsp_good_serial_number",
        "RFC 6960 2.2; RFC 5280 4.1.2.2",
        "What is good has a serial number that is positive and has at most 20 octets: no others are issued.",
    )
    .on(Ocsp, Content(good_serial_number)),
    error(
        "rfc6960_ocsp_produced_after_this_update",
        "RFC 6960 2.4",
        "producedAt does not come before thisUpdate.",
    )
    .on(Ocsp, Content(produced_after_this_update)),
    error(
        "rfc9919_ocsp_next_update_present",
        "RFC 9919 3.2.4",
        "Every answer has a nextUpdate.",
    )
    .on(Ocsp, Content(next_update_present)),
    error(
        "rfc6960_ocsp_update_order",
        "RFC 6960 4.2.2.1",
        "nextUpdate comes after thisUpdate and after producedAt.",
    )
    .on(Ocsp, Content(update_order)),
    error(
        "rfc6960_ocsp_reason_not_unspecified",
        "RFC 6960 4.2.1; RFC 5280 5.3.1",
        "The reason unspecified (0) is not written: the field is left out instead.",
    )
    .on(Ocsp, Content(reason_not_unspecified)),
    error(
        "rfc6960_ocsp_reason_assigned",
        "RFC 6960 4.2.1; RFC 5280 5.3.1",
        "Reasons are 1 to 6, 9 and 10: removeFromCRL (8) is for delta CRLs.",
    )
    .on(Ocsp, Content(reason_assigned)),
    error(
        "rfc6960_ocsp_never_issued_is_on_hold",
        "RFC 6960 2.2",
        "What is revoked since 1970-01-01 was never issued: its reason is certificateHold.",
    )
    .on(Ocsp, Content(never_issued_is_on_hold)),
    error(
        "rfc6960_ocsp_never_issued_extended_revoke",
        "RFC 6960 2.2, 4.4.8",
        "Where what was never issued is revoked, the response has the extension extended-revoke.",
    )
    .on(Ocsp, Content(never_issued_extended_revoke)),
    error(
        "rfc6960_ocsp_never_issued_not_in_crl",
        "RFC 6960 2.2",
        "What was never issued and is revoked has neither CRL references nor extensions of CRL entries.",
    )
    .on(Ocsp, Content(never_issued_not_in_crl)),
];

/// The serial number of an answer, for people.
fn told(answer: &Answer<'_>) -> String {
    let octets = answer.id.serial.iter().take(20);
    let digits: String = octets.map(|octet| format!("{octet:02x}")).collect();
    format!("the answer for serial number {digits}")
}

/// Passes if `holds` for every answer.
fn each(response: &Response<'_>, holds: impl Fn(&Answer<'_>) -> bool, otherwise: &str) -> Verdict {
    match response.answers.iter().find(|answer| !holds(answer)) {
        None => Ok(()),
        Some(answer) => Err(format!("{} {otherwise}", told(answer))),
    }
}

fn hash_length(response: &Response<'_>) -> Verdict {
    let fits = |answer: &Answer<'_>| {
        let id = answer.id;
        id.hash_length()
            .is_none_or(|length| id.name_hash.len() == length && id.key_hash.len() == length)
    };
    each(
        response,
        fits,
        "has a hash that is longer or shorter than its algorithm makes it",
    )
}

fn own_certificates(response: &Response<'_>, context: &ResponseContext) -> Verdict {
    let own =
        |answer: &Answer<'_>| matches!(answer.status, Status::Unknown) || is_of_issuer(&answer.id, context);
    each(
        response,
        own,
        "is good or revoked, and the certificate is not of this issuer",
    )
}

fn is_of_issuer(id: &Id<'_>, context: &ResponseContext) -> bool {
    let hash = match id.hash_length() {
        Some(20) => HashAlgorithm::Sha1,
        Some(_) => HashAlgorithm::Sha256,
        None => return false,
    };
    let parameters = id.hash.parameters.is_none() || id.hash.has_null_parameters();
    let issuer = &context.issuer;
    parameters && id.name_hash == issuer.name_hash(hash) && id.key_hash == issuer.key_hash(hash)
}

fn good_serial_number(response: &Response<'_>) -> Verdict {
    let issued = |answer: &Answer<'_>| {
        let serial = answer.id.serial;
        let positive = matches!(serial, [0x00..=0x7f, ..]) && serial.iter().any(|digit| *digit != 0);
        !matches!(answer.status, Status::Good) || positive && serial.len() <= 20
    };
    each(response, issued, "is good, and no certificate has such a number")
}

fn produced_after_this_update(response: &Response<'_>) -> Verdict {
    let Some(produced) = response.produced_at.moment else {
        return Ok(());
    };
    let before = |answer: &Answer<'_>| answer.this_update.moment.is_none_or(|this| this <= produced);
    each(response, before, "has a thisUpdate after producedAt")
}

fn next_update_present(response: &Response<'_>) -> Verdict {
    each(
        response,
        |answer| answer.next_update.is_some(),
        "has no nextUpdate",
    )
}

fn update_order(response: &Response<'_>) -> Verdict {
    let produced = response.produced_at.moment;
    let ordered = |answer: &Answer<'_>| {
        let Some(next) = answer.next_update.and_then(|time| time.moment) else {
            return true;
        };
        let after = |moment: Option<OffsetDateTime>| moment.is_none_or(|moment| moment < next);
        after(answer.this_update.moment) && after(produced)
    };
    each(
        response,
        ordered,
        "has a nextUpdate that does not come after thisUpdate and producedAt",
    )
}

fn reason<'a>(answer: &Answer<'a>) -> Option<&'a [u8]> {
    match answer.status {
        Status::Revoked { reason, .. } => reason,
        Status::Good | Status::Unknown => None,
    }
}

fn reason_not_unspecified(response: &Response<'_>) -> Verdict {
    each(
        response,
        |answer| reason(answer) != Some(&[0]),
        "has the reason unspecified",
    )
}

fn reason_assigned(response: &Response<'_>) -> Verdict {
    let assigned = |answer: &Answer<'_>| matches!(reason(answer), None | Some([0..=6 | 9 | 10]));
    each(response, assigned, "has a reason that a response cannot have")
}

/// Revoked since the beginning of 1970, as it is said of what was never issued.
fn is_never_issued(answer: &Answer<'_>) -> bool {
    match answer.status {
        Status::Revoked { time, .. } => time.moment == Some(OffsetDateTime::UNIX_EPOCH),
        Status::Good | Status::Unknown => false,
    }
}

fn never_issued_is_on_hold(response: &Response<'_>) -> Verdict {
    let on_hold = |answer: &Answer<'_>| !is_never_issued(answer) || reason(answer) == Some(&[6]);
    each(
        response,
        on_hold,
        "is revoked since 1970, and not with the reason certificateHold",
    )
}

fn never_issued_extended_revoke(response: &Response<'_>) -> Verdict {
    let any = response.answers.iter().any(is_never_issued);
    require(
        !any || response.extension(oid::OCSP_EXTENDED_REVOKE).is_some(),
        || "there is no extended-revoke, and a certificate that was never issued is revoked".to_owned(),
    )
}

fn never_issued_not_in_crl(response: &Response<'_>) -> Verdict {
    let of_crls = [
        oid::OCSP_CRL_REFERENCES,
        oid::REASON_CODE,
        oid::INVALIDITY_DATE,
        oid::CERTIFICATE_ISSUER,
    ];
    let bare = |answer: &Answer<'_>| {
        !is_never_issued(answer) || of_crls.iter().all(|oid| answer.extension(*oid).is_none())
    };
    each(
        response,
        bare,
        "was never issued, and has an extension about a CRL",
    )
}
