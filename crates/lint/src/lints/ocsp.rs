//! OCSP responses (RFC 6960, RFC 9919): frame, responder, times of the whole. Answers and extensions are in files of their own.

mod answers;
mod extensions;

use x509::rfc3339;

use crate::catalogue::Check::{Response as Content, ResponseLink as Link, ResponseReadable};
use crate::catalogue::Scope::Ocsp;
use crate::catalogue::{Lint, Verdict, error, notice, warn};
use crate::lints::require;
use crate::ocsp::ResponseContext;
use crate::text::shown_octets;
use crate::tlv::tag;
use crate::view::response::{Responder, Response};
use crate::view::time::Time;
pub(super) use answers::LINTS as ANSWERS;
pub(super) use extensions::LINTS as EXTENSIONS;

pub(super) const LINTS: &[Lint] = &[
    error(
        "rfc6960_ocsp_structure",
        "RFC 6960 4.2.1",
        "The octets are a ResponseData of at most 262144 octets. If not, nothing but its encoding is judged.",
    )
    .on(Ocsp, ResponseReadable),
    error(
        "rfc6960_ocsp_version_absent",
        "RFC 6960 4.2.1; X.690 11.5",
        "The version is v1, which is the default and left out.",
    )
    .on(
        Ocsp,
        Content(|response| require(!response.has_version, || "the version is encoded".to_owned())),
    ),
    error(
        "rfc6960_ocsp_responder_is_signer",
        "RFC 6960 4.2.1, 4.2.2.3",
        "The responder is the signer: its subject, octet for octet, or the SHA-1 of its key.",
    )
    .on(Ocsp, Link(responder_is_signer)),
    notice(
        "rfc9919_ocsp_responder_by_key",
        "RFC 9919 3.2.2",
        "The responder is named by its key, which is shorter.",
    )
    .on(Ocsp, Content(responder_by_key)),
    error(
        "rfc6960_ocsp_signer_authorized",
        "RFC 6960 4.2.2.2",
        "The signer is the CA, or has a certificate for OCSPSigning by the CA itself.",
    )
    .on(Ocsp, Link(signer_authorized)),
    error(
        "rfc6960_ocsp_time_form",
        "RFC 6960 4.2.2.1; RFC 9919 3.2.4",
        "Times are GeneralizedTime, YYYYMMDDHHMMSSZ: seconds, no fraction, no offset.",
    )
    .on(Ocsp, Content(time_form)),
    error(
        "rfc6960_ocsp_time_exists",
        "RFC 6960 4.2.2.1",
        "Times are dates of the calendar.",
    )
    .on(Ocsp, Content(time_exists)),
    error(
        "rfc6960_ocsp_produced_within_signer",
        "RFC 6960 4.2.2.2; GigVault",
        "producedAt is within the validity of the signer's certificate.",
    )
    .on(Ocsp, Link(produced_within_signer)),
    error(
        "gigvault_ocsp_ends_before_signer",
        "RFC 6960 4.2.2.2; GigVault",
        "No nextUpdate comes after the end of the signer's certificate.",
    )
    .on(Ocsp, Link(ends_before_signer)),
    error(
        "rfc6960_ocsp_responses_not_empty",
        "RFC 6960 2.2, 4.2.1",
        "There is at least one answer.",
    )
    .on(
        Ocsp,
        Content(|response| require(!response.answers.is_empty(), || "there is no answer".to_owned())),
    ),
    warn(
        "gigvault_ocsp_revoked_before_produced",
        "RFC 6960 4.2.1; GigVault",
        "No revocationTime comes after producedAt: clocks differ otherwise.",
    )
    .on(Ocsp, Content(revoked_before_produced)),
];

fn responder_is_signer(response: &Response<'_>, context: &ResponseContext) -> Verdict {
    let is_signer = match response.responder {
        Responder::Name(name) => *name == *context.signer_name,
        Responder::Key(hash) => *hash == *context.signer_key,
    };
    require(is_signer, || {
        "the responder is not the one with the signer's certificate".to_owned()
    })
}

fn responder_by_key(response: &Response<'_>) -> Verdict {
    require(matches!(response.responder, Responder::Key(_)), || {
        "the responder is named by its subject".to_owned()
    })
}

fn signer_authorized(_: &Response<'_>, context: &ResponseContext) -> Verdict {
    match context.not_authorized {
        None => Ok(()),
        Some(reason) => Err(reason.to_owned()),
    }
}

fn is_generalized(time: &Time<'_>) -> bool {
    time.tag == tag::GENERALIZED_TIME && time.fields().is_some()
}

fn time_form(response: &Response<'_>) -> Verdict {
    match response.times().find(|(_, time)| !is_generalized(time)) {
        None => Ok(()),
        Some((field, time)) => Err(format!("{field} is {}", shown_octets(time.content))),
    }
}

fn time_exists(response: &Response<'_>) -> Verdict {
    let exists = |time: &Time<'_>| time.fields().is_none() || time.moment.is_some();
    match response.times().find(|(_, time)| !exists(time)) {
        None => Ok(()),
        Some((field, time)) => Err(format!("{field} is {}", shown_octets(time.content))),
    }
}

fn produced_within_signer(response: &Response<'_>, context: &ResponseContext) -> Verdict {
    let Some(produced) = response.produced_at.moment else {
        return Ok(());
    };
    let validity = context.signer_validity;
    require(validity.contains(produced), || {
        format!(
            "producedAt is {}, the signer's certificate is valid from {} to {}",
            rfc3339(produced),
            rfc3339(validity.not_before),
            rfc3339(validity.not_after)
        )
    })
}

fn ends_before_signer(response: &Response<'_>, context: &ResponseContext) -> Verdict {
    let ends = response
        .answers
        .iter()
        .filter_map(|answer| answer.next_update?.moment);
    let end = context.signer_validity.not_after;
    match ends.max() {
        Some(last) if last > end => Err(format!(
            "nextUpdate is {}, the signer's certificate ends at {}",
            rfc3339(last),
            rfc3339(end)
        )),
        _ => Ok(()),
    }
}

fn revoked_before_produced(response: &Response<'_>) -> Verdict {
    let Some(produced) = response.produced_at.moment else {
        return Ok(());
    };
    let mut revoked = response.times().filter(|(field, _)| *field == "revocationTime");
    match revoked.find_map(|(_, time)| time.moment.filter(|moment| *moment > produced)) {
        None => Ok(()),
        Some(moment) => Err(format!(
            "revocationTime is {}, producedAt {}",
            rfc3339(moment),
            rfc3339(produced)
        )),
    }
}
