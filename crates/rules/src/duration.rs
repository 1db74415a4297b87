//! Spans of time as people write them, in one form wherever GigVault reads one: command line, configuration, REST,
//! the offline root. [`FORM`] is that form in words.
//!
//! A month is not a unit: its length is not fixed, and `M` is too close to `m`. A year is exactly 365 days.

use std::time::Duration;

use x509::uri::shown;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Units and their seconds, largest first: the order in which they are written.
const UNITS: [(char, u64); 6] = [
    ('y', 365 * DAY),
    ('w', 7 * DAY),
    ('d', DAY),
    ('h', HOUR),
    ('m', MINUTE),
    ('s', 1),
];

/// Longest span, in seconds: 1,000 years.
const LONGEST: u64 = 1000 * 365 * DAY;

/// The form in words, for help texts and errors.
pub const FORM: &str = "whole numbers with the units y (365 days), w (7 days), d, h, m (minutes), and s, largest first, \
                        such as 90d, 12h, 90m, or 1y 30d";

/// The form as a regular expression, for schemas. It passes what is too long.
pub const PATTERN: &str =
    "^(?=.*[ywdhms]$)([0-9]+y ?)?([0-9]+w ?)?([0-9]+d ?)?([0-9]+h ?)?([0-9]+m ?)?([0-9]+s)?$";

/// One second.
pub const SECOND: Duration = Duration::from_secs(1);

/// A span of `days` days of 24 hours.
#[must_use]
pub const fn days(count: u64) -> Duration {
    Duration::from_secs(count.saturating_mul(DAY))
}

/// A span of `hours` hours.
#[must_use]
pub const fn hours(count: u64) -> Duration {
    Duration::from_secs(count.saturating_mul(HOUR))
}

/// Reads a span of at least one second, such as `90d`, `12h` or `1h 30m`, in the form of [`FORM`].
///
/// # Errors
/// A sentence that quotes the text and says why it is refused: another form, zero, or more than 1,000 years.
pub fn parse(text: &str) -> Result<Duration, String> {
    match parse_or_zero(text)? {
        Duration::ZERO => Err(format!("{:?} is zero; the shortest span is 1s", quoted(text))),
        span => Ok(span),
    }
}

/// As [`parse`], where zero has a meaning too: `0s`.
///
/// # Errors
/// As [`parse`].
pub fn parse_or_zero(text: &str) -> Result<Duration, String> {
    let refuse = |why: &str| {
        Err(format!(
            "{:?} is not a span of time: {why}; write {FORM}",
            quoted(text)
        ))
    };
    let mut rest = text;
    let mut units = UNITS.iter();
    let mut seconds: u64 = 0;
    if text.is_empty() {
        return refuse("it is empty");
    }
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, after) = rest.split_at(digits);
        if number.is_empty() {
            return refuse("a number is expected before each unit");
        }
        let name_length = after
            .find(|c: char| c.is_ascii_digit() || c == ' ')
            .unwrap_or(after.len());
        let (name, after) = after.split_at(name_length);
        let unit = match unit(name) {
            Ok(unit) => unit,
            Err(why) if name.is_empty() => {
                let number = quoted(number);
                return refuse(&format!("{why}: {number}d is {number} days"));
            }
            Err(why) => return refuse(&why),
        };
        // The iterator goes on behind the last unit: one that comes again or too late is not found any more.
        let Some((_, length)) = units.find(|(known, _)| *known == unit) else {
            return refuse("each unit appears at most once, the largest first");
        };
        // A number that does not fit is longer than the longest span in any unit.
        let part = number.parse::<u64>().unwrap_or(u64::MAX).saturating_mul(*length);
        seconds = seconds.saturating_add(part);
        rest = match after.strip_prefix(' ') {
            Some("") => return refuse("it ends with a blank"),
            Some(more) => more,
            None => after,
        };
    }
    if seconds > LONGEST {
        return Err(format!("{:?} is longer than 1000y", quoted(text)));
    }
    Ok(Duration::from_secs(seconds))
}

/// The unit of that name, or why it is not one.
fn unit(name: &str) -> Result<char, String> {
    let mut letters = name.chars();
    match (letters.next(), letters.next()) {
        (None, _) => Err("a number has no unit".to_owned()),
        (Some(letter), None) if UNITS.iter().any(|(known, _)| *known == letter) => Ok(letter),
        (Some('M'), None) => {
            Err("M could be minutes or months; minutes are m, months are written in days".to_owned())
        }
        _ if name.starts_with("mo") => Err("months differ in length; write days".to_owned()),
        _ if name.starts_with('.') => Err("fractions are not accepted; use a smaller unit".to_owned()),
        _ => Err(format!("{:?} is not a unit", quoted(name))),
    }
}

/// At most 32 characters, for messages, without what may be a password.
fn quoted(text: &str) -> String {
    shown(text).chars().take(32).collect()
}

/// Writes the largest unit of days, hours, minutes and seconds that divides it; [`parse_or_zero`] reads it back.
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

/// For `#[serde(with = "…")]`: a span of at least one second.
pub mod serde_text {
    use std::borrow::Cow;
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de};

    /// As [`format`](super::format) writes it.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&super::format(*duration))
    }

    /// As [`parse`](super::parse) reads it.
    ///
    /// # Errors
    /// When the text is not such a span.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        super::parse(&Cow::<str>::deserialize(from)?).map_err(de::Error::custom)
    }
}

/// For `#[serde(with = "…")]`: a span that may be zero.
pub mod serde_text_or_zero {
    use std::borrow::Cow;
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, de};

    pub use super::serde_text::serialize;

    /// As [`parse_or_zero`](super::parse_or_zero) reads it.
    ///
    /// # Errors
    /// When the text is not such a span.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        super::parse_or_zero(&Cow::<str>::deserialize(from)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_has_one_meaning() {
        for (text, seconds) in [
            ("90d", 90 * DAY),
            ("12h", 12 * HOUR),
            ("90m", 90 * MINUTE),
            ("10s", 10),
            ("2w", 14 * DAY),
            ("1y", 365 * DAY),
            ("20y", 7300 * DAY),
            ("1d 1s", DAY + 1),
            ("1h30m", 90 * MINUTE),
            ("1y 1w 1d 1h 1m 1s", 373 * DAY + HOUR + MINUTE + 1),
            ("1000y", LONGEST),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn what_is_ambiguous_or_no_span_is_refused() {
        for text in [
            "", " ", "90", "d", "1.5h", "1,5h", "500ms", "-1d", "+1d", "1M", "6months", "1mo", "1 d", "90D",
            "1d ", " 1d", "1d  1h", "1h 1d", "1d 1d", "1d,1h", "1e3s", "1µs", "٣d", "90 days", "10min",
        ] {
            let refused = parse_or_zero(text).unwrap_err();
            assert!(
                refused.contains(&format!("{text:?}")) && refused.contains(FORM),
                "{refused}"
            );
        }
        assert!(parse("1M").unwrap_err().contains("minutes or months"));
        assert!(parse("6months").unwrap_err().contains("write days"));
    }

    #[test]
    fn what_is_too_long_is_refused_and_never_wraps() {
        for text in [
            "1001y",
            "1000y 1s",
            "99999999999999999999d",
            "18446744073709551615y 1s",
        ] {
            let refused = parse(text).unwrap_err();
            assert!(refused.contains("longer than 1000y"), "{refused}");
        }
    }

    #[test]
    fn zero_is_taken_only_where_it_has_a_meaning() {
        for text in ["0s", "0d", "0h 0m"] {
            assert!(parse(text).unwrap_err().contains("is zero"), "{text}");
            assert_eq!(parse_or_zero(text), Ok(Duration::ZERO));
        }
        assert!(parse_or_zero("0").is_err());
    }

    #[test]
    fn what_is_written_reads_back() {
        for seconds in [
            0,
            1,
            59,
            60,
            61,
            HOUR,
            HOUR + 1,
            36 * HOUR,
            DAY,
            397 * DAY,
            7300 * DAY,
            7 * DAY - 1,
        ] {
            let duration = Duration::from_secs(seconds);
            assert_eq!(parse_or_zero(&format(duration)), Ok(duration));
        }
        assert_eq!(format(days(7300)), "7300d");
        assert_eq!(format(hours(36)), "36h");
    }
}
