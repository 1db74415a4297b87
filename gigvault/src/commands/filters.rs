//! The filters of the inventory, as flags say them.

use client::{Filter, Span};
use time::OffsetDateTime;

use super::times;
use crate::cli::{Filters, List};

/// Those of every command that selects certificates.
pub(super) fn of(flags: &Filters, now: OffsetDateTime) -> anyhow::Result<Filter> {
    Ok(Filter {
        san: flags.san.clone(),
        san_suffix: flags.san_suffix.clone(),
        subject: flags.subject.clone(),
        requester: flags.requester.clone(),
        profile: flags.profile.clone(),
        ca: flags.ca.clone(),
        status: flags.status.clone(),
        key_type: flags.key_type.clone(),
        protocol: flags.protocol.clone(),
        expires: span(
            ("--expires-after", &flags.expires_after),
            ("--expires-before", &flags.expires_before),
            now,
        )?,
        issued: span(
            ("--issued-after", &flags.issued_after),
            ("--issued-before", &flags.issued_before),
            now,
        )?,
        spki: flags.spki_sha256.clone(),
        fingerprint: flags.fingerprint_sha256.clone(),
        has_successor: flags.has_successor,
        lint: flags.lint.clone(),
        key_reused: flags.key_reused,
        internal: flags.internal,
        ..Filter::default()
    })
}

/// With those of `cert list` alone.
pub(super) fn of_list(arguments: &List, now: OffsetDateTime) -> anyhow::Result<Filter> {
    Ok(Filter {
        q: arguments.text.clone(),
        serial: arguments.serial.clone(),
        reason: arguments.reason.clone(),
        revoked: span(
            ("--revoked-after", &arguments.revoked_after),
            ("--revoked-before", &arguments.revoked_before),
            now,
        )?,
        ..of(&arguments.filters, now)?
    })
}

/// A flag and what it was given.
type Flag<'a> = (&'static str, &'a Option<String>);

fn span(from: Flag<'_>, to: Flag<'_>, now: OffsetDateTime) -> anyhow::Result<Span> {
    let point = |(flag, text): Flag<'_>| {
        text.as_deref()
            .map(|text| times::point(flag, text, now))
            .transpose()
    };
    Ok(Span {
        from: point(from)?,
        to: point(to)?,
    })
}
