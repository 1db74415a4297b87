//! Ranges of a list (RFC 9110 section 14): one per request. Several are answered with the whole, as a server may.

use std::ops::Range;

use axum::http::{HeaderMap, header};

/// What of a list is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    Whole,
    Range(Range<u64>),
    /// Nothing of it is there.
    Unsatisfiable,
}

impl Part {
    /// As the request has it, of that many octets. What cannot be read is as if it were not there (section 14.2).
    pub(super) fn of(headers: &HeaderMap, length: u64) -> Self {
        let mut lines = headers.get_all(header::RANGE).iter();
        let (Some(line), None) = (lines.next(), lines.next()) else {
            return Self::Whole;
        };
        let set = line.to_str().ok().and_then(|text| text.split_once('='));
        match set {
            Some((unit, range)) if unit.eq_ignore_ascii_case("bytes") => {
                Self::only(range, length).unwrap_or(Self::Whole)
            }
            _ => Self::Whole,
        }
    }

    /// The one range of a set. Members of a list may be empty (section 5.6.1.2).
    fn only(set: &str, length: u64) -> Option<Self> {
        let ranges = set.split(',').map(|range| range.trim_matches([' ', '\t']));
        let mut ranges = ranges.filter(|range| !range.is_empty());
        match (ranges.next(), ranges.next()) {
            (Some(range), None) => Self::read(range, length),
            _ => None,
        }
    }

    /// `first-last`, `first-`, or `-last octets` (section 14.1.2).
    fn read(range: &str, length: u64) -> Option<Self> {
        let (first, last) = range.split_once('-')?;
        let range = match (first, last) {
            ("", last) => {
                let last = number(last)?;
                length.saturating_sub(last)..length
            }
            (first, "") => number(first)?..length,
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                if last < first {
                    return None;
                }
                first..last.saturating_add(1).min(length)
            }
        };
        match range.start < range.end {
            true => Some(Self::Range(range)),
            false => Some(Self::Unsatisfiable),
        }
    }
}

/// Digits. More of them than a number has are a number beyond every list.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn ranges_are_those_of_rfc_9110() {
        for (text, expected) in [
            ("bytes=0-499", Part::Range(0..500)),
            ("bytes=500-999", Part::Range(500..1000)),
            ("bytes=9500-", Part::Range(9500..10_000)),
            ("bytes=-500", Part::Range(9500..10_000)),
            ("bytes=-20000", Part::Range(0..10_000)),
            ("bytes=9999-20000", Part::Range(9999..10_000)),
            ("BYTES=0-0", Part::Range(0..1)),
            ("bytes=10000-", Part::Unsatisfiable),
            ("bytes=10000-10001", Part::Unsatisfiable),
            ("bytes=99999999999999999999999-", Part::Unsatisfiable),
            ("bytes=-0", Part::Unsatisfiable),
            ("bytes=5-4", Part::Whole),
            ("bytes=0-9,", Part::Range(0..10)),
            ("bytes=, ,0-9\t, ", Part::Range(0..10)),
            ("bytes=,", Part::Whole),
            ("bytes=0-1,3-4", Part::Whole),
            ("bytes=a-b", Part::Whole),
            ("bytes=-", Part::Whole),
            ("bytes=+1-2", Part::Whole),
            ("bytes", Part::Whole),
            ("items=0-1", Part::Whole),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::RANGE, HeaderValue::from_static(text));
            assert_eq!(Part::of(&headers, 10_000), expected, "{text}");
        }
        assert_eq!(Part::of(&HeaderMap::new(), 10_000), Part::Whole);
    }
}
