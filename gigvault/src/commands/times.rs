//! Times on the command line and in tables.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::exit::Usage;

/// RFC 3339 as it is, or a span from now.
pub(crate) fn point(flag: &str, text: &str, now: OffsetDateTime) -> anyhow::Result<String> {
    if OffsetDateTime::parse(text, &Rfc3339).is_ok() {
        return Ok(text.to_owned());
    }
    match humantime::parse_duration(text) {
        Ok(span) => Ok((now + span).replace_nanosecond(0)?.format(&Rfc3339)?),
        Err(_) => Err(Usage(format!("{flag} {text}: takes an RFC 3339 time or a span such as 30d")).into()),
    }
}

/// How long until then: `89 d`, `5 h`, `expired`.
pub(crate) fn left(text: &str, now: OffsetDateTime) -> String {
    match OffsetDateTime::parse(text, &Rfc3339) {
        Ok(end) if end < now => "expired".to_owned(),
        Ok(end) if (end - now).whole_days() > 1 => format!("{} d", (end - now).whole_days()),
        Ok(end) => format!("{} h", (end - now).whole_hours()),
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    #[test]
    fn a_span_counts_from_now_and_a_time_stays() {
        assert_eq!(point("--x", "1d", NOW).unwrap(), "1970-01-02T00:00:00Z");
        assert_eq!(point("--x", "2027-01-01T00:00:00Z", NOW).unwrap(), "2027-01-01T00:00:00Z");
        assert!(point("--x", "soon", NOW).is_err());
    }

    #[test]
    fn what_is_left_is_said_in_one_unit() {
        assert_eq!(left("1970-01-04T00:00:00Z", NOW), "3 d");
        assert_eq!(left("1970-01-01T05:30:00Z", NOW), "5 h");
        assert_eq!(left("1969-12-31T00:00:00Z", NOW), "expired");
    }
}
