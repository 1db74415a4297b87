//! subjectAltName as a whole (RFC 5280 section 4.2.1.6; BR 7.1.2.7.12). The kinds of names are in `san_forms`.

use x509::san::MAX_SANS;

use crate::catalogue::Check::Content;
use crate::catalogue::Scope::{All, TlsServer};
use crate::catalogue::{Lint, Verdict, error, notice, warn};
use crate::lints::{repeated, require};
use crate::oid;
use crate::text::shown_octets;
use crate::tlv::tag;
use crate::view::View;

pub(super) const LINTS: &[Lint] = &[
    error(
        "rfc5280_san_not_empty",
        "RFC 5280 4.2.1.6",
        "subjectAltName lists at least one name.",
    )
    .on(All, Content(not_empty)),
    error(
        "rfc5280_san_present_without_subject",
        "RFC 5280 4.1.2.6",
        "Where the subject is empty there are alternative names.",
    )
    .on(All, Content(present_without_subject)),
    error(
        "rfc5280_san_critical_without_subject",
        "RFC 5280 4.2.1.6",
        "Where the subject is empty subjectAltName is critical.",
    )
    .on(All, Content(critical_without_subject)),
    warn(
        "rfc5280_san_not_critical_with_subject",
        "RFC 5280 4.2.1.6",
        "Where there is a subject subjectAltName is not critical.",
    )
    .on(All, Content(not_critical_with_subject)),
    error(
        "cabf_san_present",
        "BR 7.1.2.7.12",
        "TLS servers have alternative names.",
    )
    .on(TlsServer, Content(present)),
    warn(
        "gigvault_san_distinct",
        "RFC 5280 4.2.1.6",
        "No alternative name appears more than once; case does not make a difference.",
    )
    .on(All, Content(distinct)),
    warn(
        "gigvault_san_100",
        "GigVault",
        "There are at most 100 alternative names, so that handshakes stay small.",
    )
    .on(All, Content(count)),
    notice(
        "cabf_san_kinds",
        "BR 7.1.2.7.12",
        "The alternative names of TLS servers are host names and addresses.",
    )
    .on(TlsServer, Content(kinds)),
];

fn not_empty(view: &View<'_>) -> Verdict {
    let empty = view.extensions.sans.as_ref().is_some_and(Vec::is_empty);
    require(!empty, || "subjectAltName is empty; leave it out".to_owned())
}

fn present_without_subject(view: &View<'_>) -> Verdict {
    require(!view.subject.is_empty() || !view.sans().is_empty(), || {
        "the certificate names no subject: it has neither subject nor alternative names".to_owned()
    })
}

fn is_critical(view: &View<'_>) -> Option<bool> {
    view.extension(oid::SUBJECT_ALT_NAME)
        .map(|extension| extension.is_critical())
}

fn critical_without_subject(view: &View<'_>) -> Verdict {
    require(
        !view.subject.is_empty() || is_critical(view) != Some(false),
        || "the subject is empty, and subjectAltName is not critical".to_owned(),
    )
}

fn not_critical_with_subject(view: &View<'_>) -> Verdict {
    require(view.subject.is_empty() || is_critical(view) != Some(true), || {
        "subjectAltName is critical".to_owned()
    })
}

fn present(view: &View<'_>) -> Verdict {
    require(!view.sans().is_empty(), || {
        "there are no alternative names".to_owned()
    })
}

/// Host names and addresses are compared without case, all else octet by octet.
fn distinct(view: &View<'_>) -> Verdict {
    let folded: Vec<(u8, Vec<u8>)> = view
        .sans()
        .iter()
        .map(|name| match name.tag {
            tag::DNS_NAME => (name.tag, name.content.to_ascii_lowercase()),
            _ => (name.tag, name.content.to_vec()),
        })
        .collect();
    match repeated(folded.iter()) {
        None => Ok(()),
        Some((_, name)) => Err(format!("{} appears more than once", shown_octets(name))),
    }
}

fn count(view: &View<'_>) -> Verdict {
    let count = view.sans().len();
    require(count <= MAX_SANS, || {
        format!("there are {count} alternative names")
    })
}

fn kinds(view: &View<'_>) -> Verdict {
    let of_hosts = |kind: u8| matches!(kind, tag::DNS_NAME | tag::IP_ADDRESS);
    require(view.sans().iter().all(|name| of_hosts(name.tag)), || {
        "there are alternative names of other kinds".to_owned()
    })
}
