//! W3C Trace Context (Recommendation of 2021-11-23): `traceparent` and `tracestate`.
//!
//! A `traceparent` that is not well-formed is as good as none, and then `tracestate` is dropped too
//! (section 3.3). A `tracestate` with a malformed member or more than 32 of them is dropped whole.

use http::{HeaderMap, HeaderValue};

const MAX_MEMBERS: usize = 32;

/// One span of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    trace_id: [u8; 16],
    span_id: [u8; 8],
    sampled: bool,
}

impl Span {
    /// A new span: in the caller's trace, or in a new one that is not sampled.
    pub(crate) fn child_of(caller: Option<Self>) -> Self {
        let [trace_id, span_id] = [random(), random()];
        match caller {
            Some(caller) => Self {
                span_id: first_half(span_id),
                ..caller
            },
            None => Self {
                trace_id,
                span_id: first_half(span_id),
                sampled: false,
            },
        }
    }

    /// Version 00.
    pub(crate) fn header(self) -> HeaderValue {
        let hex = data_encoding::HEXLOWER;
        let (trace, span) = (hex.encode(&self.trace_id), hex.encode(&self.span_id));
        ascii(&format!("00-{trace}-{span}-0{}", u8::from(self.sampled)))
    }

    pub(crate) fn trace_id_header(self) -> HeaderValue {
        ascii(&data_encoding::HEXLOWER.encode(&self.trace_id))
    }
}

fn ascii(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(const { HeaderValue::from_static("") })
}

// All-zero ids are invalid (section 3.2.2.3), and a request must not fail because its trace id is not valid.
fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    if aws_lc_rs::rand::fill(&mut bytes).is_err() || bytes.iter().take(8).all(|byte| *byte == 0) {
        bytes = [1; 16];
    }
    bytes
}

fn first_half(bytes: [u8; 16]) -> [u8; 8] {
    let [a, b, c, d, e, f, g, h, ..] = bytes;
    [a, b, c, d, e, f, g, h]
}

/// The caller's span, if there is exactly one `traceparent` and it is well-formed.
pub(crate) fn parent(headers: &HeaderMap) -> Option<Span> {
    let mut all = headers.get_all("traceparent").iter();
    match (all.next(), all.next()) {
        (Some(only), None) => parse(only.to_str().ok()?.trim_matches([' ', '\t'])),
        _ => None,
    }
}

fn parse(text: &str) -> Option<Span> {
    let (known, rest) = (text.get(..55)?, text.get(55..)?);
    let mut fields = known.split('-');
    let version = hex::<1>(fields.next()?)?;
    let trace_id = hex::<16>(fields.next()?)?;
    let span_id = hex::<8>(fields.next()?)?;
    let [flags] = hex::<1>(fields.next()?)?;
    // A later version may go on after a dash; version 00 ends here and version ff is forbidden.
    let ends_well = match version {
        [0] => rest.is_empty(),
        [0xff] => false,
        _ => rest.is_empty() || rest.starts_with('-'),
    };
    let valid = fields.next().is_none() && ends_well && trace_id != [0; 16] && span_id != [0; 8];
    valid.then_some(Span {
        trace_id,
        span_id,
        sampled: flags & 1 == 1,
    })
}

fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    data_encoding::HEXLOWER
        .decode(text.as_bytes())
        .ok()?
        .try_into()
        .ok()
}

/// All `tracestate` headers as one, in their order.
pub(crate) fn state(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut members = Vec::new();
    for header in headers.get_all("tracestate") {
        for member in header.to_str().ok()?.split(',') {
            let member = member.trim_matches([' ', '\t']);
            if member.is_empty() {
                continue;
            }
            let (key, value) = member.split_once('=')?;
            if members.len() == MAX_MEMBERS || !is_key(key) || !is_value(value) {
                return None;
            }
            members.push(member);
        }
    }
    if members.is_empty() {
        None
    } else {
        HeaderValue::from_str(&members.join(",")).ok()
    }
}

// Section 3.3.1.3.1: simple-key, or tenant-id "@" system-id.
fn is_key(key: &str) -> bool {
    let part = |text: &str, most: usize, digit_first: bool| {
        let starts = text
            .bytes()
            .next()
            .is_some_and(|b| b.is_ascii_lowercase() || digit_first && b.is_ascii_digit());
        let rest = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-*/".contains(&b);
        starts && text.len() <= most && text.bytes().all(rest)
    };
    match key.split_once('@') {
        Some((tenant, system)) => part(tenant, 241, true) && part(system, 14, false),
        None => part(key, 256, true),
    }
}

// Section 3.3.1.3.2. Blanks at the end were trimmed with the member.
fn is_value(value: &str) -> bool {
    (1..=256).contains(&value.len()) && value.bytes().all(|b| (b' '..=b'~').contains(&b) && b != b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn state_of(values: &[&str]) -> Option<String> {
        let name = http::HeaderName::from_static("tracestate");
        let headers: HeaderMap = values
            .iter()
            .map(|value| (name.clone(), value.parse().unwrap()))
            .collect();
        state(&headers).map(|value| value.to_str().unwrap().to_owned())
    }

    // The cases are those of the W3C validation suite (trace-context/test/test.py), in its order.
    #[test]
    fn well_formed_parents_are_continued() {
        for (text, sampled) in [
            (GOOD.to_owned(), true),
            (GOOD.replace("-01", "-00"), false),
            (GOOD.replace("-01", "-ff"), true),
            (GOOD.replace("-01", "-08"), false),
            (GOOD.replacen("00-", "cc-", 1), true),
            (
                GOOD.replacen("00-", "cc-", 1) + "-what-the-future-will-be-like",
                true,
            ),
            (GOOD.replacen("00-", "01-", 1) + "-", true),
        ] {
            let span = parse(&text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(span.sampled, sampled, "{text}");
            let child = Span::child_of(Some(span)).header();
            let flags = if sampled { "01" } else { "00" };
            assert!(
                child.to_str().unwrap().starts_with(&format!("00-{TRACE}-")),
                "{text}"
            );
            assert!(child.to_str().unwrap().ends_with(flags), "{text}");
        }
    }

    #[test]
    fn malformed_parents_are_restarted() {
        let zeros = "0".repeat(32);
        for text in [
            String::new(),
            GOOD.replacen("00-", "ff-", 1),
            GOOD.to_owned() + ".",
            GOOD.to_owned() + "-what-the-future-will-be-like",
            GOOD.replacen("00-", "cc-", 1) + ".what-the-future-will-be-like",
            GOOD.replacen("00-", ".0-", 1),
            GOOD.replacen("00-", "0-", 1),
            GOOD.replacen("00-", "000-", 1),
            GOOD.replace(TRACE, &zeros),
            GOOD.replace(TRACE, &TRACE.to_uppercase()),
            GOOD.replace(TRACE, &TRACE.replace("0a", ".a")),
            GOOD.replace(TRACE, TRACE.get(1..).unwrap()),
            GOOD.replace("b7ad6b7169203331", "0000000000000000"),
            GOOD.replace("b7ad6b7169203331", "b7ad6b7169203331a"),
            GOOD.replace("b7ad6b7169203331", "b7ad6b716920333"),
            GOOD.replace("-01", "-.0"),
            GOOD.replace("-01", "-1"),
            GOOD.replace("-01", "-001"),
            GOOD.replace('-', "_"),
            "é".repeat(40),
        ] {
            assert_eq!(parse(&text), None, "{text}");
        }
    }

    #[test]
    fn two_parents_are_as_good_as_none() {
        let mut headers = HeaderMap::new();
        headers.append("traceparent", GOOD.parse().unwrap());
        assert!(parent(&headers).is_some());
        headers.append("traceparent", GOOD.parse().unwrap());
        assert!(parent(&headers).is_none());
    }

    #[test]
    fn a_trace_of_our_own_is_well_formed() {
        let one = Span::child_of(None);
        assert_eq!(parse(one.header().to_str().unwrap()), Some(one));
        assert_ne!(one, Span::child_of(None));
    }

    #[test]
    fn state_keeps_its_members_in_order() {
        for (given, kept) in [
            (vec!["foo=1,bar=2"], "foo=1,bar=2"),
            (vec!["foo=1", "bar=2"], "foo=1,bar=2"),
            (vec!["foo=1 \t , \t bar=2, \t baz=3"], "foo=1,bar=2,baz=3"),
            (vec!["foo=1", "", "bar=2"], "foo=1,bar=2"),
            (vec!["foo=1,foo=2"], "foo=1,foo=2"),
            (vec!["fw529a3039@dt=FfFfFf"], "fw529a3039@dt=FfFfFf"),
            (vec!["0=1,a_-*/=x"], "0=1,a_-*/=x"),
        ] {
            assert_eq!(state_of(&given).as_deref(), Some(kept));
        }
    }

    #[test]
    fn malformed_state_is_dropped_whole() {
        for text in [
            "",
            "foo",
            "foo=",
            "=1",
            "foo =1",
            "FOO=1",
            "foo=1,bar=b=c",
            "foo@=1",
            "@foo=1",
            "foo@@bar=1",
            "foo@bar@baz=1",
            "foo.bar=1",
            "foo=1;bar=2",
            "a@1dt=1",
        ] {
            assert_eq!(state_of(&[text]), None, "{text}");
        }
        assert_eq!(state_of(&[&format!("{}=1", "z".repeat(257))]), None);
        assert_eq!(state_of(&[&format!("a={}", "z".repeat(257))]), None);
    }

    #[test]
    fn state_has_at_most_32_members() {
        let members = |n: usize| {
            (0..n)
                .map(|i| format!("bar{i:02}={i:02}"))
                .collect::<Vec<_>>()
                .join(",")
        };
        assert_eq!(state_of(&[&members(32)]), Some(members(32)));
        assert_eq!(state_of(&[&members(33)]), None);
    }
}
