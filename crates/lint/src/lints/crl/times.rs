//! When a CRL was made and how long it holds (RFC 5280 sections 5.1.2.4 to 5.1.2.6; BR 4.9.7). thisUpdate may be before a revocation
//! that the list has, and before the start of the issuer's certificate: it is set back for clients whose clocks are late.

use time::Duration;
use x509::rfc3339;

use crate::catalogue::Check::{List as Content, ListLink as Link};
use crate::catalogue::Scope::Crl;
use crate::catalogue::{Lint, Verdict, error, notice, warn};
use crate::crl::CrlContext;
use crate::lints::require;
use crate::text::shown_octets;
use crate::tlv::tag;
use crate::view::list::List;
use crate::view::list::entries::EntryFlaw;
use crate::view::time::Time;

pub(in crate::lints) const LINTS: &[Lint] = &[
    error(
        "rfc5280_crl_time_form",
        "RFC 5280 5.1.2.4, 5.1.2.5, 5.1.2.6, 5.3.2",
        "Times are YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ: seconds, no fraction, no offset.",
    )
    .on(Crl, Content(time_form)),
    error(
        "rfc5280_crl_time_exists",
        "RFC 5280 5.1.2.4, 5.1.2.5, 5.1.2.6, 5.3.2",
        "Times are dates of the calendar.",
    )
    .on(Crl, Content(time_exists)),
    error(
        "rfc5280_crl_time_type",
        "RFC 5280 5.1.2.4, 5.1.2.5, 5.1.2.6",
        "Times but invalidityDate are UTCTime through 2049 and GeneralizedTime from 2050.",
    )
    .on(Crl, Content(time_type)),
    error(
        "rfc5280_crl_next_update_present",
        "RFC 5280 5.1.2.5",
        "There is a nextUpdate.",
    )
    .on(Crl, Content(next_update_present)),
    error(
        "rfc5280_crl_update_order",
        "RFC 5280 5.1.2.5",
        "nextUpdate comes after thisUpdate.",
    )
    .on(Crl, Content(update_order)),
    error(
        "gigvault_crl_before_end_of_issuer",
        "RFC 5280 6.1.3; GigVault",
        "thisUpdate does not come after the end of the issuer's certificate.",
    )
    .on(Crl, Link(before_end_of_issuer)),
    warn(
        "gigvault_crl_within_issuer",
        "RFC 5280 6.1.3; GigVault",
        "nextUpdate does not come after the end of the issuer's certificate.",
    )
    .on(Crl, Link(within_issuer)),
    warn(
        "cabf_crl_validity_12_months",
        "BR 4.9.7",
        "nextUpdate comes at most 366 days after thisUpdate.",
    )
    .on(Crl, Content(|list| at_most(list, 366))),
    notice(
        "cabf_crl_validity_10_days",
        "BR 4.9.7",
        "If the issuer may certify no CAs, nextUpdate comes at most ten days after thisUpdate.",
    )
    .on(Crl, Link(ten_days)),
];

fn updates<'a>(list: &List<'a>) -> impl Iterator<Item = (&'static str, Time<'a>)> {
    let next = list.next_update.map(|time| ("nextUpdate", time));
    std::iter::once(("thisUpdate", list.this_update)).chain(next)
}

/// Passes if `holds` for the updates, and no entry has the flaw.
fn each(list: &List<'_>, holds: impl Fn(&Time<'_>) -> bool, flaw: EntryFlaw) -> Verdict {
    if let Some((field, time)) = updates(list).find(|(_, time)| !holds(time)) {
        return Err(format!("{field} is {}", shown_octets(time.content)));
    }
    match list.entries.first(flaw) {
        None => Ok(()),
        Some(entry) => Err(format!("{entry}: its time is not")),
    }
}

fn time_form(list: &List<'_>) -> Verdict {
    each(list, |time| time.fields().is_some(), EntryFlaw::TimeForm)
}

fn time_exists(list: &List<'_>) -> Verdict {
    let exists = |time: &Time<'_>| time.fields().is_none() || time.moment.is_some();
    each(list, exists, EntryFlaw::TimeExists)
}

fn time_type(list: &List<'_>) -> Verdict {
    let fits = |time: &Time<'_>| match time.fields() {
        Some([year, ..]) => (year < 2050) == (time.tag == tag::UTC_TIME),
        None => true,
    };
    each(list, fits, EntryFlaw::TimeType)
}

fn next_update_present(list: &List<'_>) -> Verdict {
    require(list.next_update.is_some(), || "there is no nextUpdate".to_owned())
}

fn update_order(list: &List<'_>) -> Verdict {
    match list.period() {
        Some((this, next)) if next <= this => Err(format!(
            "thisUpdate is {} and nextUpdate is {}",
            rfc3339(this),
            rfc3339(next)
        )),
        _ => Ok(()),
    }
}

fn before_end_of_issuer(list: &List<'_>, context: &CrlContext<'_>) -> Verdict {
    ends_after(context, list.this_update.moment, "thisUpdate")
}

fn within_issuer(list: &List<'_>, context: &CrlContext<'_>) -> Verdict {
    ends_after(
        context,
        list.next_update.and_then(|time| time.moment),
        "nextUpdate",
    )
}

fn ends_after(
    context: &CrlContext<'_>,
    moment: Option<::time::OffsetDateTime>,
    field: &'static str,
) -> Verdict {
    match (context.issuer.validity, moment) {
        (Some(validity), Some(moment)) if moment > validity.not_after => Err(format!(
            "{field} is {}, the issuer's certificate ends at {}",
            rfc3339(moment),
            rfc3339(validity.not_after)
        )),
        _ => Ok(()),
    }
}

fn at_most(list: &List<'_>, days: i64) -> Verdict {
    match list.period() {
        Some((this, next)) if next - this > Duration::days(days) => {
            Err(format!("the list holds more than {days} days: {}", next - this))
        }
        _ => Ok(()),
    }
}

fn ten_days(list: &List<'_>, context: &CrlContext<'_>) -> Verdict {
    match context.issuer.path_len {
        Some(0) => at_most(list, 10),
        _ => Ok(()),
    }
}
