//! The `grpc-timeout` header: how long a caller will wait.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};

pub(crate) const HEADER: &str = "grpc-timeout";

/// What a call without a deadline gets.
pub(crate) const DEFAULT: Duration = Duration::from_secs(30);
/// Longest deadline that is granted.
pub(crate) const LONGEST: Duration = Duration::from_secs(120);
/// What a stream of requests gets, and the longest that it is granted: its length is not known when it begins. Who reads it watches
/// over the time between two messages.
pub(crate) const STREAM: Duration = Duration::from_secs(15 * 60);

/// Whether a call sends one message or a stream of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Requests {
    One,
    Stream,
}

/// The header is not of the form of the gRPC specification.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// The caller's deadline, within bounds.
pub(crate) fn of(headers: &HeaderMap, requests: Requests) -> Result<Duration, Malformed> {
    let (usual, longest) = match requests {
        Requests::One => (DEFAULT, LONGEST),
        Requests::Stream => (STREAM, STREAM),
    };
    let Some(value) = headers.get(HEADER) else {
        return Ok(usual);
    };
    let text = value.to_str().map_err(|_| Malformed)?;
    Ok(parse(text).ok_or(Malformed)?.min(longest))
}

// At most eight digits, then the unit.
fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(count * 3600),
        "M" => Duration::from_secs(count * 60),
        "S" => Duration::from_secs(count),
        "m" => Duration::from_millis(count),
        "u" => Duration::from_micros(count),
        "n" => Duration::from_nanos(count),
        _ => return None,
    })
}

/// Gives a call the usual deadline where its caller gave none.
pub(crate) fn ensure(headers: &mut HeaderMap, requests: Requests) {
    let usual = match requests {
        Requests::One => const { HeaderValue::from_static("30S") },
        Requests::Stream => const { HeaderValue::from_static("15M") },
    };
    headers.entry(HEADER).or_insert(usual);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_have_a_unit_and_a_bound() {
        assert_eq!(parse("3S"), Some(Duration::from_secs(3)));
        assert_eq!(parse("250m"), Some(Duration::from_millis(250)));
        assert_eq!(parse("99999999u"), Some(Duration::from_micros(99_999_999)));
        for bad in ["", "S", "3", "-3S", "+3S", "123456789S", "3s", "3 S", "3é"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        for (requests, usual, longest) in [
            (Requests::One, DEFAULT, LONGEST),
            (Requests::Stream, STREAM, STREAM),
        ] {
            let mut headers = HeaderMap::new();
            assert_eq!(of(&headers, requests), Ok(usual));
            headers.insert(HEADER, HeaderValue::from_static("99999999H"));
            assert_eq!(of(&headers, requests), Ok(longest));
        }
    }

    #[test]
    fn the_usual_deadline_is_what_a_server_assumes() {
        for (requests, usual) in [(Requests::One, DEFAULT), (Requests::Stream, STREAM)] {
            let mut headers = HeaderMap::new();
            ensure(&mut headers, requests);
            assert_eq!(parse(headers[HEADER].to_str().unwrap()), Some(usual));
        }
    }
}
