//! What can be read in a ledger line that is not one record. Nothing is guessed: where two answers are possible there is none.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use x509::Serial;
use x509::crl::Reason;

/// The records that a line held, where the line breaks between them were lost or damaged: `}{` is a boundary, and so is a `}` with
/// one octet before the `{`.
pub(super) fn pieces(line: &[u8]) -> Vec<&[u8]> {
    let ends_before = |at: usize| {
        let before = line.get(at.saturating_sub(2)..at).unwrap_or_default();
        before.contains(&b'}')
    };
    let starts = line
        .iter()
        .enumerate()
        .filter(|(at, byte)| **byte == b'{' && ends_before(*at));
    let mut bounds: Vec<usize> = starts.map(|(at, _)| at).collect();
    bounds.insert(0, 0);
    bounds.push(line.len());
    bounds
        .windows(2)
        .filter_map(|bounds| match bounds {
            [from, to] => line.get(*from..*to),
            _ => None,
        })
        .collect()
}

/// A piece without what follows the end of its record.
pub(super) fn record(piece: &[u8]) -> &[u8] {
    let end = piece.iter().rposition(|byte| *byte == b'}');
    end.and_then(|end| piece.get(..=end)).unwrap_or(piece)
}

/// The one reason that a piece names.
pub(super) fn reason(piece: &[u8]) -> Option<Reason> {
    let named = |reason: &Reason| holds(piece, reason.as_str());
    only(Reason::ALL.into_iter().filter(named))
}

/// The one time that a piece names beside `other`.
pub(super) fn time(piece: &[u8], other: Option<OffsetDateTime>) -> Option<OffsetDateTime> {
    let is_of_time = |byte: &u8| byte.is_ascii_digit() || b":.TZ+-".contains(byte);
    let texts = piece.split(|byte| !is_of_time(byte));
    let times = texts.filter_map(|text| {
        let text = std::str::from_utf8(text).ok()?;
        OffsetDateTime::parse(text, &Rfc3339).ok()
    });
    only(times.filter(|time| Some(*time) != other))
}

/// The serial number of a piece that is JSON still.
pub(super) fn serial(piece: &[u8]) -> Option<Serial> {
    let fields: serde_json::Value = serde_json::from_slice(record(piece)).ok()?;
    fields.get("serial")?.as_str()?.parse().ok()
}

/// Whether a piece has this serial number anywhere. A short one could be there by chance, as part of a date.
pub(super) fn names(piece: &[u8], serial: Serial) -> bool {
    const SHORTEST: usize = 16;
    let digits = serial.to_string();
    digits.len() >= SHORTEST && holds(piece, &digits)
}

fn holds(piece: &[u8], text: &str) -> bool {
    piece
        .windows(text.len())
        .any(|part| part.eq_ignore_ascii_case(text.as_bytes()))
}

fn only<T: PartialEq>(mut found: impl Iterator<Item = T>) -> Option<T> {
    let first = found.next()?;
    found.all(|other| other == first).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_told_apart_where_a_line_break_was() {
        for (line, expected) in [
            ("{a}\n", &["{a}\n"][..]),
            ("{a}{b}\n", &["{a}", "{b}\n"]),
            ("{a}\u{b}{b}{c}", &["{a}\u{b}", "{b}", "{c}"]),
            ("{a\"CN={x}\"}\n", &["{a\"CN={x}\"}\n"]),
            ("x", &["x"]),
        ] {
            let found: Vec<_> = pieces(line.as_bytes());
            let expected: Vec<_> = expected.iter().map(|piece| piece.as_bytes()).collect();
            assert_eq!(found, expected, "{line}");
        }
    }

    #[test]
    fn where_two_answers_are_possible_there_is_none() {
        let (one, other) = ("2026-11-27T01:02:03.5Z", "2027-11-27T01:02:03Z");
        let piece = format!("\"reason\":\"superseded\",\"time\":\"{one}\"");
        assert_eq!(reason(piece.as_bytes()), Some(Reason::Superseded));
        assert!(time(piece.as_bytes(), None).is_some());
        let twice = format!("{piece}~{piece}");
        assert_eq!(time(twice.as_bytes(), None), time(piece.as_bytes(), None));
        let two = format!("{piece}\"key-compromise\"~{other}");
        assert_eq!((reason(two.as_bytes()), time(two.as_bytes(), None)), (None, None));
        assert_eq!(
            time(two.as_bytes(), time(other.as_bytes(), None)),
            time(one.as_bytes(), None)
        );
        for damaged in [
            one.replace("11", "1~"),
            one.replace('Z', "~"),
            one.replace("2026", "~026"),
        ] {
            assert_eq!(time(damaged.as_bytes(), None), None, "{damaged}");
        }
    }
}
