//! Lifetimes as people write them: `90d`, `12h`, `20y`. Whole seconds, never zero.
//!
//! A year is 365.25 days, a month a twelfth of that; day-exact caps are written in days.

use std::time::Duration;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// One second.
pub const SECOND: Duration = Duration::from_secs(1);

/// So many days.
#[must_use]
pub const fn days(count: u64) -> Duration {
    Duration::from_secs(count.saturating_mul(DAY))
}

/// So many hours.
#[must_use]
pub const fn hours(count: u64) -> Duration {
    Duration::from_secs(count.saturating_mul(HOUR))
}

/// Reads `90d`, `12h`, `1y 6months`, `45s`, …
///
/// # Errors
/// A sentence that quotes the text and shows the form, also for zero, fractions of seconds and more than 1,000 years.
pub fn parse(text: &str) -> Result<Duration, String> {
    const LONGEST: Duration = days(365_250);
    let shown: String = text.chars().take(32).collect();
    let duration = humantime::parse_duration(text)
        .map_err(|_| format!("{shown:?} is not a duration; write it like 90d, 12h, 30m or 20y"))?;
    if duration.is_zero() || duration.subsec_nanos() != 0 {
        return Err(format!("{shown:?} is not a positive number of whole seconds"));
    }
    if duration > LONGEST {
        return Err(format!("{shown:?} is longer than 1000 years"));
    }
    Ok(duration)
}

/// Writes the largest unit of days, hours, minutes and seconds that divides it; [`parse`] reads it back.
#[must_use]
pub fn format(duration: Duration) -> String {
    let seconds = duration.as_secs();
    [(DAY, 'd'), (HOUR, 'h'), (MINUTE, 'm')]
        .into_iter()
        .find(|(unit, _)| seconds >= *unit && seconds.is_multiple_of(*unit))
        .map_or_else(
            || format!("{seconds}s"),
            |(unit, name)| format!("{}{name}", seconds / unit),
        )
}

/// For `#[serde(with = "…")]`.
pub(crate) mod serde_text {
    use std::borrow::Cow;
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(crate) fn serialize<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&super::format(*duration))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        super::parse(&Cow::<str>::deserialize(from)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_units_of_the_command_line_are_read() {
        for (text, seconds) in [
            ("90d", 90 * DAY),
            ("12h", 12 * HOUR),
            ("10s", 10),
            ("1d 1s", DAY + 1),
            ("20y", 7305 * DAY),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn what_is_no_lifetime_is_refused() {
        for text in [
            "",
            "0d",
            "1.5",
            "90",
            "500ms",
            "-1d",
            "2000y",
            "99999999999999999999d",
        ] {
            let refused = parse(text).unwrap_err();
            assert!(refused.contains(&format!("{text:?}")), "{refused}");
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        for seconds in [
            1,
            59,
            60,
            61,
            HOUR,
            HOUR + 1,
            36 * HOUR,
            DAY,
            397 * DAY,
            7305 * DAY,
            7 * DAY - 1,
        ] {
            let duration = Duration::from_secs(seconds);
            assert_eq!(parse(&format(duration)), Ok(duration));
        }
        assert_eq!(format(days(7305)), "7305d");
        assert_eq!(format(hours(36)), "36h");
    }
}
