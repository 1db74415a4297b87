//! Key identifiers: how chains are found (RFC 5280 sections 4.2.1.1 and 4.2.1.2; BR 7.1.2.11.1).

use crate::catalogue::Check::{Content, Link};
use crate::catalogue::Scope::{All, Ca, Issued};
use crate::catalogue::{Lint, Verdict, error, warn};
use crate::context::Issuer;
use crate::lints::require;
use crate::view::View;
use crate::view::extensions::Aki;

pub(super) const LINTS: &[Lint] = &[
    error(
        "rfc5280_ca_ski_present",
        "RFC 5280 4.2.1.2",
        "CAs have a subjectKeyIdentifier.",
    )
    .on(Ca, Content(ski_present)),
    error(
        "gigvault_ski_length",
        "RFC 5280 4.2.1.2; RFC 7093 2",
        "Subject key identifiers have 8 to 64 octets.",
    )
    .on(All, Content(ski_length)),
    error(
        "rfc5280_aki_present",
        "RFC 5280 4.2.1.1",
        "All but roots have an authorityKeyIdentifier with keyIdentifier.",
    )
    .on(Issued, Content(aki_present)),
    error(
        "rfc5280_aki_is_ski_of_issuer",
        "RFC 5280 4.2.1.1",
        "The authority key identifier is the subject key identifier of the issuer, in a root its own.",
    )
    .on(All, Link(aki_is_ski)),
    error(
        "rfc5280_aki_issuer_with_serial",
        "RFC 5280 4.2.1.1",
        "authorityKeyIdentifier has both issuer and serial number, or none of them.",
    )
    .on(All, Content(aki_pair)),
    warn(
        "cabf_aki_key_identifier_only",
        "BR 7.1.2.11.1",
        "authorityKeyIdentifier has no issuer and serial number: they break when the CA's certificate is renewed.",
    )
    .on(All, Content(aki_key_only)),
];

fn aki<'v, 'a>(view: &'v View<'a>) -> Option<&'v Aki<'a>> {
    view.extensions.aki.as_ref()
}

fn ski_present(view: &View<'_>) -> Verdict {
    require(view.extensions.ski.is_some(), || {
        "there is no subjectKeyIdentifier".to_owned()
    })
}

fn ski_length(view: &View<'_>) -> Verdict {
    let octets = view.extensions.ski.map_or(20, <[u8]>::len);
    require((8..=64).contains(&octets), || {
        format!("the subjectKeyIdentifier has {octets} octets")
    })
}

fn aki_present(view: &View<'_>) -> Verdict {
    let identifier = aki(view).and_then(|aki| aki.key_identifier);
    require(identifier.is_some(), || {
        "there is no authority key identifier".to_owned()
    })
}

fn aki_is_ski(view: &View<'_>, issuer: &Issuer<'_>) -> Verdict {
    let identifier = aki(view).and_then(|aki| aki.key_identifier);
    match (identifier, issuer.subject_key_identifier) {
        (Some(identifier), Some(wanted)) => require(identifier == wanted, || {
            "the authority key identifier is another".to_owned()
        }),
        _ => Ok(()),
    }
}

fn aki_pair(view: &View<'_>) -> Verdict {
    require(
        aki(view).is_none_or(|aki| aki.issuer.is_some() == aki.serial.is_some()),
        || "authorityKeyIdentifier has one of issuer and serial number without the other".to_owned(),
    )
}

fn aki_key_only(view: &View<'_>) -> Verdict {
    require(
        aki(view).is_none_or(|aki| aki.issuer.is_none() && aki.serial.is_none()),
        || "authorityKeyIdentifier has issuer or serial number".to_owned(),
    )
}
