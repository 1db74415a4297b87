//! Times on the command line and in tables.

use kit::config::span;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::exit::Usage;

/// RFC 3339 as it is, or a span from now.
pub(crate) fn point(flag: &str, text: &str, now: OffsetDateTime) -> anyhow::Result<OffsetDateTime> {
    if let Ok(time) = OffsetDateTime::parse(text, &Rfc3339) {
        return Ok(time);
    }
    let span = span::parse(text).map_err(|error| {
        Usage(format!(
            "{flag}: {error}, or an RFC 3339 time such as 2027-01-31T00:00:00Z"
        ))
    })?;
    match now.checked_add(span.try_into()?) {
        Some(time) => Ok(time.replace_nanosecond(0)?),
        None => Err(Usage(format!("{flag} {text}: ends outside the calendar")).into()),
    }
}

/// To the minute, UTC: `2027-01-31 07:55`.
pub(crate) fn minute(time: OffsetDateTime) -> String {
    let time = time.to_offset(time::UtcOffset::UTC);
    format!("{} {:02}:{:02}", time.date(), time.hour(), time.minute())
}

/// How long until then: `89 d`, `5 h`, `expired`.
pub(crate) fn left(end: OffsetDateTime, now: OffsetDateTime) -> String {
    match end - now {
        left if left.is_negative() => "expired".to_owned(),
        left if left.whole_days() > 1 => format!("{} d", left.whole_days()),
        left => format!("{} h", left.whole_hours()),
    }
}

/// Both: `2027-01-31 07:55 UTC (89 d)`.
pub(crate) fn until(end: OffsetDateTime, now: OffsetDateTime) -> String {
    format!("{} UTC ({})", minute(end), left(end, now))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    #[test]
    fn a_span_counts_from_now_and_a_time_stays() {
        assert_eq!(point("--x", "1d", NOW).unwrap(), NOW + time::Duration::DAY);
        assert_eq!(
            point("--x", "1970-01-03T00:00:00Z", NOW).unwrap(),
            NOW + 2 * time::Duration::DAY
        );
        assert!(point("--x", "soon", NOW).is_err());
    }

    #[test]
    fn what_is_left_is_said_in_one_unit() {
        assert_eq!(left(NOW + time::Duration::days(3), NOW), "3 d");
        assert_eq!(left(NOW + time::Duration::minutes(330), NOW), "5 h");
        assert_eq!(left(NOW - time::Duration::SECOND, NOW), "expired");
        assert_eq!(
            until(NOW + time::Duration::days(3), NOW),
            "1970-01-04 00:00 UTC (3 d)"
        );
    }
}
