//! The validity (RFC 5280 section 4.1.2.5; BR 6.3.2). Its last second belongs to it.

use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use x509::rfc3339;

use crate::catalogue::Check::{Content, Link};
use crate::catalogue::Scope::{All, TlsServer};
use crate::catalogue::{Lint, Verdict, error, notice, warn};
use crate::context::Issuer;
use crate::lints::require;
use crate::text::shown_octets;
use crate::tlv::tag;
use crate::view::View;
use crate::view::time::Time;

pub(super) const LINTS: &[Lint] = &[
    error(
        "rfc5280_time_form",
        "RFC 5280 4.1.2.5.1, 4.1.2.5.2",
        "Times are YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ: seconds, no fraction, no offset.",
    )
    .on(All, Content(time_form)),
    error(
        "rfc5280_time_exists",
        "RFC 5280 4.1.2.5",
        "Times are dates of the calendar.",
    )
    .on(All, Content(time_exists)),
    error(
        "rfc5280_time_type",
        "RFC 5280 4.1.2.5",
        "Times are UTCTime through 2049 and GeneralizedTime from 2050.",
    )
    .on(All, Content(time_type)),
    error(
        "rfc5280_validity_order",
        "RFC 5280 4.1.2.5",
        "The end does not come before the start.",
    )
    .on(All, Content(order)),
    error(
        "gigvault_validity_within_issuer",
        "RFC 5280 6.1; GigVault",
        "The validity is within that of the issuer's certificate, to the second.",
    )
    .on(All, Link(within_issuer)),
    warn(
        "cabf_validity_398_days",
        "BR 6.3.2",
        "TLS server certificates live at most 398 days, which is what clients take.",
    )
    .on(TlsServer, Content(at_most_398_days)),
    notice(
        "cabf_validity_schedule",
        "BR 6.3.2",
        "TLS server certificates live at most 200 days, from 2027-03-15 100, from 2029-03-15 47.",
    )
    .on(TlsServer, Content(on_schedule)),
];

fn both<'a>(view: &View<'a>) -> [(&'static str, Time<'a>); 2] {
    [("notBefore", view.not_before), ("notAfter", view.not_after)]
}

/// Passes if `holds` for both times.
fn each(view: &View<'_>, holds: impl Fn(&Time<'_>) -> bool) -> Verdict {
    match both(view).into_iter().find(|(_, time)| !holds(time)) {
        None => Ok(()),
        Some((field, time)) => Err(format!("{field} is {}", shown_octets(time.content))),
    }
}

fn time_form(view: &View<'_>) -> Verdict {
    each(view, |time| time.fields().is_some())
}

fn time_exists(view: &View<'_>) -> Verdict {
    each(view, |time| time.fields().is_none() || time.moment.is_some())
}

fn time_type(view: &View<'_>) -> Verdict {
    let fits = |time: &Time<'_>| match time.fields() {
        Some([year, ..]) => (year < 2050) == (time.tag == tag::UTC_TIME),
        None => true,
    };
    each(view, fits)
}

fn order(view: &View<'_>) -> Verdict {
    match view.period() {
        Some((start, end)) if end < start => Err(format!(
            "the validity starts at {} and ends at {}",
            rfc3339(start),
            rfc3339(end)
        )),
        _ => Ok(()),
    }
}

fn within_issuer(view: &View<'_>, issuer: &Issuer<'_>) -> Verdict {
    let (Some((start, end)), Some(outer)) = (view.period(), issuer.validity) else {
        return Ok(());
    };
    require(outer.not_before <= start && end <= outer.not_after, || {
        format!(
            "the certificate is valid from {} to {}, its issuer from {} to {}",
            rfc3339(start),
            rfc3339(end),
            rfc3339(outer.not_before),
            rfc3339(outer.not_after)
        )
    })
}

fn at_most_398_days(view: &View<'_>) -> Verdict {
    at_most(view, 398)
}

fn at_most(view: &View<'_>, days: i64) -> Verdict {
    match view.length() {
        Some(length) if length > Duration::days(days) => {
            Err(format!("the certificate lives more than {days} days: {length}"))
        }
        _ => Ok(()),
    }
}

/// From when on at most this many days are allowed.
const SCHEDULE: [(OffsetDateTime, i64); 3] = [
    (datetime!(2029-03-15 0:00 UTC), 47),
    (datetime!(2027-03-15 0:00 UTC), 100),
    (datetime!(2026-03-15 0:00 UTC), 200),
];

fn on_schedule(view: &View<'_>) -> Verdict {
    let Some(start) = view.not_before.moment else {
        return Ok(());
    };
    match SCHEDULE.into_iter().find(|(from, _)| *from <= start) {
        Some((_, days)) => at_most(view, days),
        None => Ok(()),
    }
}
