//! Values of requests that arrive as text, over REST and gRPC alike.

use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::error::Error;

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
    data_encoding::HEXLOWER_PERMISSIVE
        .decode(text.as_bytes())
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| Error::invalid(field, "takes 64 hex digits"))
}

/// A subject in a request.
pub(crate) fn subject(text: &str) -> Result<x509::DistinguishedName, Error> {
    text.parse().map_err(|error| Error::invalid("subject", error))
}

/// SANs in a request.
pub(crate) fn sans(texts: &[String]) -> Result<Vec<x509::San>, Error> {
    if texts.len() > x509::san::MAX_SANS {
        return Err(Error::invalid(
            "san",
            format!(
                "{} names; at most {} are accepted",
                texts.len(),
                x509::san::MAX_SANS
            ),
        ));
    }
    texts
        .iter()
        .map(|text| text.parse().map_err(|error| Error::invalid("san", error)))
        .collect()
}
