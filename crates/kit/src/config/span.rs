//! Spans of time as people write them, for `#[serde(with = "kit::config::span")]`: `90d`, `12h`, `1h 30m`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer};

const UNITS: [(&str, u128); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// In the largest unit that has no remainder.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text(*span))
}

/// Numbers with units, added up.
///
/// # Errors
/// When the text is not a span.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text).map_err(|error| {
        serde::de::Error::custom(format!("{text:?}: {error}; it takes a span such as 90d or 12h"))
    })
}

fn text(span: Duration) -> String {
    let milliseconds = span.as_millis();
    let unit = UNITS
        .iter()
        .find(|(_, unit)| milliseconds != 0 && milliseconds.is_multiple_of(*unit));
    unit.map_or_else(
        || "0s".to_owned(),
        |(name, unit)| format!("{}{name}", milliseconds / unit),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_the_same() {
        for (span, written) in [
            (Duration::from_secs(90 * 86_400), "90d"),
            (Duration::from_secs(5400), "90m"),
            (Duration::from_millis(1500), "1500ms"),
            (Duration::ZERO, "0s"),
        ] {
            assert_eq!(text(span), written);
            assert_eq!(humantime::parse_duration(written).unwrap(), span);
        }
    }
}
