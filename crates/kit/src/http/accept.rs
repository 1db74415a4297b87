//! What a client takes as an answer (RFC 9110 section 12.5.1).

use http::HeaderMap;
use http::header::ACCEPT;

/// Whether an answer of this media type may be sent.
pub(super) fn accepts(headers: &HeaderMap, media_type: &str) -> bool {
    weight(headers, media_type) > 0.0
}

/// Whether an answer of the one media type is wanted rather than of the other.
pub(super) fn prefers(headers: &HeaderMap, media_type: &str, to: &str) -> bool {
    weight(headers, media_type) > weight(headers, to)
}

/// How much an answer of this media type is wanted, 0 for not at all: the most specific range that matches decides, and no
/// Accept header at all takes everything. Parameters other than `q` are passed over, and so is what cannot be read.
fn weight(headers: &HeaderMap, media_type: &str) -> f32 {
    let mut ranges = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(range)
        .peekable();
    if ranges.peek().is_none() {
        return 1.0;
    }
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    ranges
        .filter_map(|(range, weight)| Some((specificity(range, essence)?, weight)))
        .max_by(|(one, a), (other, b)| one.cmp(other).then(a.total_cmp(b)))
        .map_or(0.0, |(_, weight)| weight)
}

/// A media range, and its weight.
fn range(text: &str) -> Option<(&str, f32)> {
    let mut parts = text.split(';').map(str::trim);
    let range = parts.next().filter(|range| range.contains('/'))?;
    let weight = parts
        .filter_map(|part| part.split_once('='))
        .find(|(name, _)| name.eq_ignore_ascii_case("q"))
        .and_then(|(_, q)| q.parse().ok());
    Some((range, weight.unwrap_or(1.0)))
}

/// How closely a range fits: 2 exactly, 1 by type, 0 as everything.
fn specificity(range: &str, essence: &str) -> Option<u8> {
    let of_type = range.strip_suffix("/*");
    match of_type {
        Some("*") => Some(0),
        Some(wanted) => {
            let (kind, _) = essence.split_once('/')?;
            kind.eq_ignore_ascii_case(wanted).then_some(1)
        }
        None => range.eq_ignore_ascii_case(essence).then_some(2),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn takes(accept: &'static str, media_type: &str) -> bool {
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
        accepts(&headers, media_type)
    }

    #[test]
    fn the_most_specific_range_decides() {
        for accept in [
            "*/*",
            "application/*",
            "application/json",
            "APPLICATION/JSON",
            "text/html, application/json;q=0.1",
            "text/html;q=0.9,*/*;q=0.8",
            "application/*;q=0, application/json",
            "application/json;version=1",
            "",
            "nonsense",
        ] {
            assert!(takes(accept, "application/json; charset=utf-8"), "{accept}");
        }
        for accept in [
            "text/html",
            "text/*",
            "application/jsonx",
            "application/json;q=0, */*",
            "application/*;q=0.000, */*",
            "*/*;q=0",
        ] {
            assert!(!takes(accept, "application/json"), "{accept}");
        }
        assert!(accepts(&HeaderMap::new(), "application/json"));
    }

    #[test]
    fn several_headers_count_as_one() {
        let mut headers = HeaderMap::new();
        headers.append(ACCEPT, HeaderValue::from_static("text/html"));
        headers.append(ACCEPT, HeaderValue::from_static("application/json"));
        assert!(accepts(&headers, "application/json"));
    }
}
