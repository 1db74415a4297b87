//! Entries of CRLs (RFC 5280 sections 5.1.2.6 and 5.3).

use crate::catalogue::Check::List as Content;
use crate::catalogue::Scope::{CompleteCrl, Crl};
use crate::catalogue::{Lint, Verdict, error};
use crate::lints::require;
use crate::view::list::List;
use crate::view::list::entries::EntryFlaw;

macro_rules! without {
    ($flaw:ident, $told:literal) => {
        Content(|list| none(list, EntryFlaw::$flaw, $told))
    };
}

pub(in crate::lints) const LINTS: &[Lint] = &[
    error(
        "rfc5280_crl_revoked_not_empty",
        "RFC 5280 5.1.2.6",
        "revokedCertificates is left out where there is no entry.",
    )
    .on(Crl, Content(revoked_not_empty)),
    error(
        "rfc5280_crl_entry_serial_number",
        "RFC 5280 4.1.2.2, 5.1.2.6",
        "Serial numbers of entries are positive and have at most 20 octets.",
    )
    .on(
        Crl,
        without!(
            SerialNumber,
            "the number is zero, negative or longer than 20 octets"
        ),
    ),
    error(
        "gigvault_crl_entries_ascend",
        "RFC 5280 5.1.2.6; GigVault",
        "Entries ascend by the octets of their serial numbers, so none appears more than once.",
    )
    .on(
        Crl,
        without!(Order, "the number does not come after the one before"),
    ),
    error(
        "rfc5280_crl_entry_extensions_not_empty",
        "RFC 5280 5.1.2.6",
        "An entry has extensions, or no field for them.",
    )
    .on(
        Crl,
        without!(ExtensionsEmpty, "its extensions are empty; leave them out"),
    ),
    error(
        "rfc5280_crl_entry_extensions_distinct",
        "RFC 5280 4.2, 5.3",
        "No extension appears in an entry more than once.",
    )
    .on(
        Crl,
        without!(ExtensionTwice, "an extension appears more than once"),
    ),
    error(
        "rfc5280_crl_entry_extension_form",
        "RFC 5280 5.3.1, 5.3.2",
        "reasonCode and invalidityDate of entries are of their types.",
    )
    .on(
        Crl,
        without!(ExtensionForm, "reasonCode or invalidityDate is not of its type"),
    ),
    error(
        "rfc5280_crl_entry_extension_never_critical",
        "RFC 5280 5.3.1, 5.3.2",
        "reasonCode and invalidityDate are not critical.",
    )
    .on(
        Crl,
        without!(NeverCritical, "reasonCode or invalidityDate is critical"),
    ),
    error(
        "rfc5280_crl_entry_no_unknown_critical",
        "RFC 5280 5.3",
        "No entry has a critical extension that RFC 5280 does not know: verifiers could not use the list.",
    )
    .on(Crl, without!(UnknownCritical, "an unknown extension is critical")),
    error(
        "x690_crl_entry_default_not_encoded",
        "X.690 11.5",
        "critical FALSE is left out in extensions of entries.",
    )
    .on(Crl, without!(DefaultEncoded, "critical FALSE is encoded")),
    error(
        "rfc5280_crl_reason_not_unspecified",
        "RFC 5280 5.3.1",
        "The reason unspecified (0) is not written: reasonCode is left out instead.",
    )
    .on(Crl, without!(Unspecified, "the reason is unspecified")),
    error(
        "rfc5280_crl_reason_assigned",
        "RFC 5280 5.3.1",
        "Reasons are 1 to 6 and 8 to 10.",
    )
    .on(Crl, without!(UnknownReason, "RFC 5280 has no such reason")),
    error(
        "rfc5280_crl_remove_only_in_deltas",
        "RFC 5280 5.3.1",
        "The reason removeFromCRL (8) is in deltas only.",
    )
    .on(
        CompleteCrl,
        without!(
            RemoveFromCrl,
            "the reason is removeFromCRL, and the list is not a delta"
        ),
    ),
    error(
        "gigvault_crl_not_indirect",
        "RFC 5280 5.3.3; GigVault",
        "No entry has a certificateIssuer: all certificates of a list are of its issuer.",
    )
    .on(Crl, without!(CertificateIssuer, "there is a certificateIssuer")),
];

fn revoked_not_empty(list: &List<'_>) -> Verdict {
    require(!list.has_revoked || list.entries.count() > 0, || {
        "revokedCertificates is empty; leave it out".to_owned()
    })
}

fn none(list: &List<'_>, flaw: EntryFlaw, told: &'static str) -> Verdict {
    match list.entries.first(flaw) {
        None => Ok(()),
        Some(entry) => Err(format!("{entry}: {told}")),
    }
}
