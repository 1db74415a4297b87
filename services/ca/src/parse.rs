//! Values of requests as text, whichever way they came: each answers with the value, or names the field that is not of
//! its form.

// A new variant is decided on here, rather than falling under what was right for the others.
#![warn(clippy::wildcard_enum_match_arm)]

use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use x509::crl::Reason;
use x509::serial::Serial;

use crate::domain::{LintVerdict, MAX_REQUESTER, Protocol, SanSuffix, Span, Status, Typed};
use crate::error::Error;

/// Longest end of a name, in octets: a DNS name has no more.
const LONGEST_SUFFIX: usize = 253;

/// A time in a request.
pub(crate) fn time(field: &'static str, text: &str) -> Result<OffsetDateTime, Error> {
    OffsetDateTime::parse(text, &Rfc3339)
        .map_err(|_| Error::invalid(field, "takes an RFC 3339 time such as 2027-01-31T00:00:00Z"))
}

/// A span in a request: `90d`, `12h`, `1y`.
pub(crate) fn validity(text: &str) -> Result<Duration, Error> {
    kit::config::span::parse(text).map_err(|error| Error::invalid("validity", error))
}

/// A SHA-256 in a request.
pub(crate) fn sha256(field: &'static str, text: &str) -> Result<[u8; 32], Error> {
    x509::hex::octets(text)
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| {
            Error::invalid(
                field,
                "takes 64 hex digits, with or without colons between octets",
            )
        })
}

/// A serial number in a request.
pub(crate) fn serial(field: &'static str, text: &str) -> Result<Serial, Error> {
    text.parse()
        .map_err(|error| Error::invalid(field, format!("{text:?}: {error}")))
}

/// A subject in a request.
pub(crate) fn subject(text: &str) -> Result<x509::DistinguishedName, Error> {
    text.parse().map_err(|error| Error::invalid("subject", error))
}

/// One SAN in a request.
pub(crate) fn san(text: &str) -> Result<x509::San, Error> {
    text.parse().map_err(|error| Error::invalid("san", error))
}

/// SANs in a request.
pub(crate) fn sans(texts: &[String]) -> Result<Vec<x509::San>, Error> {
    if texts.len() > x509::san::MAX_SANS {
        return Err(Error::invalid(
            "san",
            format!("{} names; at most {} are taken", texts.len(), x509::san::MAX_SANS),
        ));
    }
    texts.iter().map(|text| san(text)).collect()
}

/// A distinguished name in the form in which subjects are stored, however its parts were spaced.
pub(crate) fn subject_text(text: &str) -> Result<String, Error> {
    let name: x509::DistinguishedName = text
        .parse()
        .map_err(|error| Error::invalid("subject", format!("takes a name such as CN=a,O=b: {error}")))?;
    Ok(name.to_string())
}

/// The status of a certificate.
pub(crate) fn status(text: &str) -> Result<Status, Error> {
    Status::parse(text).ok_or_else(|| Error::invalid("status", "takes valid, revoked, on_hold or expired"))
}

/// How a certificate was asked for.
pub(crate) fn protocol(text: &str) -> Result<Protocol, Error> {
    Protocol::parse(text)
        .ok_or_else(|| Error::invalid("protocol", "takes rest, grpc, acme, est, scep or internal"))
}

/// Whether something can be in that span; `field` is its end.
pub(crate) fn check_span(span: Span, field: &'static str) -> Result<(), Error> {
    match (span.from, span.to) {
        (Some(from), Some(to)) if from >= to => Err(Error::invalid(
            field,
            "is not later than the begin of the span: nothing can match",
        )),
        _ => Ok(()),
    }
}

/// Type and size of a key.
pub(crate) fn key_type(text: &str) -> Result<x509::KeyAlgorithm, Error> {
    text.parse().map_err(|error| Error::invalid("key_type", error))
}

/// Why a certificate is revoked or on hold.
pub(crate) fn reason(text: &str) -> Result<Reason, Error> {
    let known = Reason::ALL.into_iter().find(|reason| reason.as_str() == text);
    known.ok_or_else(|| {
        let names: Vec<&str> = Reason::ALL.into_iter().map(Reason::as_str).collect();
        Error::invalid("reason", format!("takes {}", names.join(", ")))
    })
}

/// What the lints said.
pub(crate) fn lint(text: &str) -> Result<LintVerdict, Error> {
    match text {
        "passed" => Ok(LintVerdict::Passed),
        "warned" => Ok(LintVerdict::Warned),
        id if ::lint::catalogue().iter().any(|lint| lint.id == id) => Ok(LintVerdict::By(id.to_owned())),
        _ => Err(Error::invalid(
            "lint",
            "takes passed, warned, or the id of a lint; docs/reference/lints.md lists them",
        )),
    }
}

/// What a person types who looks for a certificate.
pub(crate) fn typed(text: &str) -> Result<Typed, Error> {
    const LEAST: usize = 2;
    /// Fewer hex digits are the start of too many serial numbers.
    const LEAST_HEX: usize = 4;
    check_text("q", text, LONGEST_SUFFIX)?;
    if text.chars().count() < LEAST {
        return Err(Error::invalid("q", format!("takes at least {LEAST} characters")));
    }
    let lower = text.to_lowercase();
    // A URI's path keeps its case; an internationalised DNS name is in A-labels, and one that is none is looked for as it is.
    let dns = if text.is_ascii() {
        lower.clone()
    } else {
        a_labels(text).unwrap_or_else(|_| lower.clone())
    };
    let names = [
        ("dns", dns),
        ("email", lower.clone()),
        ("uri", text.to_owned()),
        ("upn", lower.clone()),
        ("ip", lower.clone()),
    ];
    let hex: String = lower.chars().filter(|c| *c != ':').collect();
    let digits =
        hex.len() >= LEAST_HEX && hex.len() <= 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    let escaped = text
        .parse::<x509::DistinguishedName>()
        .map(|name| name.to_string());
    Ok(Typed {
        names: names
            .into_iter()
            .map(|(kind, suffix)| SanSuffix { kind, suffix })
            .collect(),
        subject: escaped.unwrap_or_else(|_| format!("CN={text}")),
        hex: digits.then_some(hex),
    })
}

/// The name of a CA or a profile: what cannot be one can match nothing.
pub(crate) fn name(field: &'static str, text: String) -> Result<String, Error> {
    match crate::domain::publication::is_ca_name(&text) {
        true => Ok(text),
        false => Err(Error::invalid(
            field,
            "takes a name of 1 to 64 lower-case letters, digits, and hyphens",
        )),
    }
}

/// The name of a principal.
pub(crate) fn requester(text: String) -> Result<String, Error> {
    check_text("requester", &text, MAX_REQUESTER)?;
    Ok(text)
}

/// PostgreSQL takes no NUL in a text.
fn check_text(field: &'static str, text: &str, most: usize) -> Result<(), Error> {
    match text.is_empty() || text.len() > most || text.chars().any(char::is_control) {
        true => Err(Error::invalid(
            field,
            format!("takes 1 to {most} octets of printable text"),
        )),
        false => Ok(()),
    }
}

/// The end of a name, with its kind before a colon; without one it is a DNS name.
pub(crate) fn san_suffix(text: &str) -> Result<SanSuffix, Error> {
    let (kind, value) = match text.split_once(':') {
        None | Some(("dns", _)) => ("dns", text.strip_prefix("dns:").unwrap_or(text)),
        Some(("email", value)) => ("email", value),
        Some(("uri", value)) => ("uri", value),
        Some((other, _)) => {
            return Err(Error::invalid(
                "san_suffix",
                format!("{other}: has no suffixes; dns, email and uri have"),
            ));
        }
    };
    check_text("san_suffix", value, LONGEST_SUFFIX)?;
    // As it is stored: a URI's path keeps its case, a DNS name is in A-labels, all else is in lower case.
    let suffix = match kind {
        "uri" => value.to_owned(),
        "dns" if !value.is_ascii() => a_labels(value)?,
        _ => value.to_lowercase(),
    };
    Ok(SanSuffix { kind, suffix })
}

/// An internationalised name, with or without a dot before it, in the form that certificates hold (RFC 5890).
fn a_labels(value: &str) -> Result<String, Error> {
    let (dot, name) = match value.strip_prefix('.') {
        Some(name) => (".", name),
        None => ("", value),
    };
    let name: x509::DnsName = name
        .parse()
        .map_err(|error| Error::invalid("san_suffix", error))?;
    Ok(format!("{dot}{}", name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suffix_without_a_kind_is_a_dns_name() {
        let found = san_suffix("Example.TEST").unwrap();
        assert_eq!((found.kind, found.suffix.as_str()), ("dns", "example.test"));
    }

    #[test]
    fn an_internationalised_suffix_is_looked_for_in_its_stored_form() {
        assert_eq!(
            san_suffix("Bücher.example.test").unwrap().suffix,
            "xn--bcher-kva.example.test"
        );
        assert_eq!(
            san_suffix("dns:.bücher.test").unwrap().suffix,
            ".xn--bcher-kva.test"
        );
        assert!(san_suffix("ü\u{202e}.test").is_err());
    }
}
