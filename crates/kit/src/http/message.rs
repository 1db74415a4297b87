//! What RFC 9110 and RFC 9112 demand of every request, whatever route it is for.

use std::net::Ipv6Addr;

use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, EXPECT, HOST, TRANSFER_ENCODING};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue, Version};
use vocabulary::ProblemType;

use crate::problem::Problem;

/// A refusal, and a header that RFC 9110 wants with it.
pub(super) struct Refusal {
    pub(super) problem: Problem,
    pub(super) header: Option<(HeaderName, HeaderValue)>,
}

impl From<Problem> for Box<Refusal> {
    fn from(problem: Problem) -> Self {
        Self::new(Refusal {
            problem,
            header: None,
        })
    }
}

pub(super) fn check(parts: &Parts) -> Result<(), Box<Refusal>> {
    host(parts)?;
    transfer_encoding(&parts.headers)?;
    printable("path", parts.uri.path())?;
    printable("query", parts.uri.query().unwrap_or_default())?;
    expectation(parts)?;
    content_encoding(&parts.headers)
}

fn malformed(detail: &str) -> Problem {
    Problem::new(ProblemType::InvalidRequest, detail)
}

/// RFC 9112 section 3.2 and RFC 9113 section 8.3.1: an HTTP/1.1 request has one valid Host; an HTTP/2 request names its
/// host in `:authority` or Host, and in both alike.
fn host(parts: &Parts) -> Result<(), Problem> {
    let mut all = parts.headers.get_all(HOST).iter();
    let (host, second) = (all.next(), all.next());
    if second.is_some() {
        return Err(malformed("the request has more than one Host header"));
    }
    if parts.version < Version::HTTP_2 && !matches!(parts.uri.scheme_str(), None | Some("http" | "https")) {
        return Err(malformed(
            "the scheme of the request target is neither http nor https",
        ));
    }
    let authority = parts.uri.authority();
    if authority.is_some_and(|authority| !names_host(authority.as_str())) {
        return Err(malformed("the authority of the request is not host or host:port"));
    }
    let Some(host) = host else {
        let named = authority.is_some() && parts.version == Version::HTTP_2;
        return match named || parts.version < Version::HTTP_11 {
            true => Ok(()),
            false => Err(malformed("the request has no Host header")),
        };
    };
    let host = host.to_str().unwrap_or_default();
    if !names_host(host) {
        return Err(malformed("the Host header is not host or host:port"));
    }
    match authority {
        Some(authority)
            if parts.version == Version::HTTP_2 && !authority.as_str().eq_ignore_ascii_case(host) =>
        {
            Err(malformed("Host and :authority name different hosts"))
        }
        _ => Ok(()),
    }
}

/// `uri-host [ ":" port ]` with a host that is not empty.
fn names_host(text: &str) -> bool {
    let Ok(authority) = text.parse::<Authority>() else {
        return false;
    };
    let after_host = authority.as_str().strip_prefix(authority.host()).unwrap_or("@");
    let port = match after_host.strip_prefix(':') {
        None => after_host.is_empty(),
        Some(port) => {
            let digits = port.bytes().all(|byte| byte.is_ascii_digit());
            port.is_empty() || digits && port.parse::<u16>().is_ok()
        }
    };
    let bracketed = authority
        .host()
        .strip_prefix('[')
        .map(|rest| rest.strip_suffix(']'));
    let literal =
        bracketed.is_none_or(|inside| inside.is_some_and(|inside| inside.parse::<Ipv6Addr>().is_ok()));
    // A list of hosts would be a valid name by the grammar, and stands for two Host headers.
    !authority.host().is_empty() && port && literal && !text.contains(['@', ','])
}

/// Only `chunked`: hyper takes any list that ends with it, and would hand us a body that is still compressed.
fn transfer_encoding(headers: &HeaderMap) -> Result<(), Problem> {
    let mut all = headers.get_all(TRANSFER_ENCODING).iter();
    match (all.next(), all.next()) {
        (None, _) => Ok(()),
        (Some(coding), None) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => Err(malformed("the only transfer coding that is read is chunked")),
    }
}

/// RFC 9110 section 10.1.1. Over HTTP/2 no interim answer can be sent with hyper, and a client that waits for one would wait
/// until its request is ended for being slow: it is told at once, and sends again without the expectation.
fn expectation(parts: &Parts) -> Result<(), Problem> {
    let mut expected = parts.headers.get_all(EXPECT).iter().peekable();
    let refuse = |detail| Err(Problem::new(ProblemType::ExpectationFailed, detail));
    if parts.version == Version::HTTP_2 && expected.peek().is_some() {
        return refuse("no expectation is met over HTTP/2; send the request without Expect");
    }
    let known = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"100-continue");
    match expected.all(known) {
        true => Ok(()),
        false => refuse("the only expectation that is met is 100-continue"),
    }
}

/// RFC 9110 section 15.5.16: a coding that is not read is 415, and Accept-Encoding says what is.
fn content_encoding(headers: &HeaderMap) -> Result<(), Box<Refusal>> {
    let plain = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    if headers.get_all(CONTENT_ENCODING).iter().all(plain) {
        return Ok(());
    }
    let detail = "bodies are read without a content coding; send the body as it is";
    Err(Box::new(Refusal {
        problem: Problem::new(ProblemType::UnsupportedContentEncoding, detail),
        header: Some((ACCEPT_ENCODING, HeaderValue::from_static("identity"))),
    }))
}

/// Percent-encoding that is complete, UTF-8, and free of control characters: what a path or query decodes to ends up in
/// queries of a database, log lines and answers.
fn printable(part: &'static str, text: &str) -> Result<(), Problem> {
    if text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'%') {
        return Ok(());
    }
    let refuse = |what: &str| Err(malformed(&format!("the {part} contains {what}")).at(part));
    let Some(decoded) = decode(text.as_bytes()) else {
        return refuse("a % that two hexadecimal digits do not follow");
    };
    match String::from_utf8(decoded) {
        Err(_) => refuse("bytes that are not UTF-8"),
        Ok(decoded) if decoded.chars().any(char::is_control) => refuse("a control character"),
        Ok(_) => Ok(()),
    }
}

fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        let byte = match byte {
            b'%' => {
                let digits = [*rest.next()?, *rest.next()?];
                data_encoding::HEXLOWER_PERMISSIVE.decode(&digits).ok()?.pop()?
            }
            byte => *byte,
        };
        decoded.push(byte);
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn status(version: Version, uri: &str, headers: &[(&str, &str)]) -> u16 {
        let mut request = Request::builder().version(version).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        check(&parts).err().map_or(200, |refusal| refusal.problem.status)
    }

    #[test]
    fn a_request_names_its_host_once_and_validly() {
        let one = Version::HTTP_11;
        for host in [
            "a",
            "a.example.test:8443",
            "[::1]",
            "[::1]:1",
            "127.0.0.1:65535",
            "a:",
        ] {
            assert_eq!(status(one, "/", &[("host", host)]), 200, "{host}");
        }
        for host in [
            "",
            "a b",
            "user@a",
            "a:b",
            "a:99999",
            "a:+80",
            "a:-1",
            "a/b",
            "::1",
            "a,b",
            "[]",
            "[a]",
            "[::1",
            "[1.2.3.4]",
            "[::1]x",
        ] {
            assert_eq!(status(one, "/", &[("host", host)]), 400, "{host}");
        }
        assert_eq!(status(one, "/", &[]), 400);
        for (target, expected) in [
            ("http://a/", 200),
            ("HTTPS://a/", 200),
            ("ftp://a/", 400),
            ("foo://a/", 400),
        ] {
            assert_eq!(status(one, target, &[("host", "a")]), expected, "{target}");
        }
        assert_eq!(status(one, "/", &[("host", "a"), ("host", "a")]), 400);
        assert_eq!(status(Version::HTTP_10, "/", &[]), 200);
        let two = Version::HTTP_2;
        assert_eq!(status(two, "https://a/", &[]), 200);
        assert_eq!(status(two, "https://a/", &[("host", "a")]), 200);
        assert_eq!(status(two, "https://a/", &[("host", "b")]), 400);
        assert_eq!(status(two, "https://u:p@a/", &[]), 400);
    }

    #[test]
    fn codings_and_expectations_that_are_not_read_are_refused() {
        let with = |name, value| status(Version::HTTP_11, "/", &[("host", "a"), (name, value)]);
        assert_eq!(with("content-encoding", "identity"), 200);
        assert_eq!(with("content-encoding", "gzip"), 415);
        assert_eq!(with("content-encoding", ""), 415);
        assert_eq!(with("transfer-encoding", "Chunked"), 200);
        assert_eq!(with("transfer-encoding", "gzip, chunked"), 400);
        assert_eq!(with("expect", "100-Continue"), 200);
        assert_eq!(with("expect", "200-ok"), 417);
    }

    #[test]
    fn an_expectation_over_http_2_is_refused_at_once() {
        let over = |version| {
            status(
                version,
                "https://a/",
                &[("host", "a"), ("expect", "100-continue")],
            )
        };
        assert_eq!(over(Version::HTTP_11), 200);
        assert_eq!(over(Version::HTTP_2), 417);
        assert_eq!(status(Version::HTTP_2, "https://a/", &[]), 200);
    }

    #[test]
    fn paths_and_queries_decode_to_printable_text() {
        let with = |uri| status(Version::HTTP_11, uri, &[("host", "a")]);
        for good in ["/", "/a%20b", "/%C3%BC", "/a?x=%2B+1", "/a%2Fb"] {
            assert_eq!(with(good), 200, "{good}");
        }
        for bad in [
            "/%00",
            "/a?x=%00",
            "/%ff",
            "/a?x=%C2%85",
            "/%zz",
            "/a?x=%2",
            "/a?%0d%0a=1",
            "/%7f",
        ] {
            assert_eq!(with(bad), 400, "{bad}");
        }
    }
}
