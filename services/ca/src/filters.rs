//! The filters of a list, as text, and what they mean. REST and gRPC share them.

use serde::Deserialize;
use utoipa::IntoParams;

use crate::domain::{Protocol, Query, SanSuffix, Status};
use crate::error::Error;
use crate::parse::{sha256, time};

/// Query parameters of `GET /api/v1/certificates`; all that are set must hold.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Filters {
    /// One subject alternative name, exact: `dns:a.example.test`, `ip:10.0.0.1`, `email:a@example.test`, ….
    pub(crate) san: Option<String>,
    /// The end of a DNS name: `example.test`; or of another kind: `email:@example.test`.
    pub(crate) san_suffix: Option<String>,
    /// Subject in RFC 4514 form, exact.
    pub(crate) subject: Option<String>,
    /// Who asked for the certificate.
    pub(crate) requester: Option<String>,
    /// Profile name.
    pub(crate) profile: Option<String>,
    /// CA name.
    pub(crate) ca: Option<String>,
    /// `valid`, `revoked`, `on_hold` or `expired`.
    pub(crate) status: Option<String>,
    /// Expires at this time or later (RFC 3339).
    pub(crate) expires_after: Option<String>,
    /// Expires before this time (RFC 3339).
    pub(crate) expires_before: Option<String>,
    /// SHA-256 of the SubjectPublicKeyInfo, hex.
    pub(crate) spki_sha256: Option<String>,
    /// SHA-256 of the certificate, hex.
    pub(crate) fingerprint_sha256: Option<String>,
    /// `rest`, `grpc`, `acme`, `est`, `scep` or `internal`.
    pub(crate) protocol: Option<String>,
    /// `true`: only certificates whose key had a certificate before; `false`: only those whose key had none.
    pub(crate) key_reused: Option<bool>,
    /// Also what GigVault issued to itself: identities of services and its HTTPS certificate. Without it they are listed
    /// only where `protocol`, `profile`, `spki_sha256`, or `fingerprint_sha256` names them.
    pub(crate) internal: Option<bool>,
    /// Items a page, 1 to 500; 50 if not given.
    pub(crate) limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub(crate) cursor: Option<String>,
}

impl Filters {
    /// Every text parsed; the first that is not of its form is named.
    pub(crate) fn query(self) -> Result<Query, Error> {
        for (field, text) in [
            ("subject", &self.subject),
            ("requester", &self.requester),
            ("profile", &self.profile),
            ("ca", &self.ca),
        ] {
            // PostgreSQL refuses NUL in a text, as if the query were wrong.
            if text
                .as_deref()
                .is_some_and(|text| text.chars().any(char::is_control))
            {
                return Err(Error::invalid(field, "contains a control character"));
            }
        }
        let san = |text: String| text.parse().map_err(|error| Error::invalid("san", error));
        let status = |text: String| {
            Status::parse(&text)
                .ok_or_else(|| Error::invalid("status", "takes valid, revoked, on_hold or expired"))
        };
        let protocol = |text: String| {
            Protocol::parse(&text)
                .ok_or_else(|| Error::invalid("protocol", "takes rest, grpc, acme, est, scep or internal"))
        };
        let named = self.protocol.as_deref() == Some(Protocol::Internal.as_str())
            || self.profile.as_deref() == Some("service-identity")
            || self.spki_sha256.is_some()
            || self.fingerprint_sha256.is_some();
        let internal = self.internal.unwrap_or(named);
        if let (Some(after), Some(before)) = (&self.expires_after, &self.expires_before)
            && time("expires_after", after)? >= time("expires_before", before)?
        {
            return Err(Error::invalid(
                "expires_before",
                "is not later than expires_after: nothing can match",
            ));
        }
        Ok(Query {
            san: self.san.map(san).transpose()?,
            san_suffix: self.san_suffix.as_deref().map(suffix).transpose()?,
            subject: self.subject.as_deref().map(subject).transpose()?,
            requester: self
                .requester
                .map(|text| printable("requester", text))
                .transpose()?,
            profile: self.profile.map(|text| name("profile", text)).transpose()?,
            ca: self.ca.map(|text| name("ca", text)).transpose()?,
            status: self.status.map(status).transpose()?,
            expires_after: self
                .expires_after
                .map(|text| time("expires_after", &text))
                .transpose()?,
            expires_before: self
                .expires_before
                .map(|text| time("expires_before", &text))
                .transpose()?,
            spki_sha256: self
                .spki_sha256
                .map(|text| sha256("spki_sha256", &text))
                .transpose()?,
            fingerprint_sha256: self
                .fingerprint_sha256
                .map(|text| sha256("fingerprint_sha256", &text))
                .transpose()?,
            protocol: self.protocol.map(protocol).transpose()?,
            key_reused: self.key_reused,
            internal,
        })
    }
}

/// A distinguished name in the form in which subjects are stored, however its parts were spaced.
fn subject(text: &str) -> Result<String, Error> {
    let name: x509::DistinguishedName = text
        .parse()
        .map_err(|error| Error::invalid("subject", format!("takes a name such as CN=a,O=b: {error}")))?;
    Ok(name.to_string())
}

/// The name of a CA or a profile: what cannot be one can match nothing.
fn name(field: &'static str, text: String) -> Result<String, Error> {
    match crate::config::is_ca_name(&text) {
        true => Ok(text),
        false => Err(Error::invalid(
            field,
            "takes a name of 1 to 64 lower-case letters, digits, and hyphens",
        )),
    }
}

fn printable(field: &'static str, text: String) -> Result<String, Error> {
    match text.is_empty() || text.len() > 253 || text.chars().any(char::is_control) {
        true => Err(Error::invalid(field, "takes 1 to 253 printable characters")),
        false => Ok(text),
    }
}

fn suffix(text: &str) -> Result<SanSuffix, Error> {
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
    if value.is_empty() || value.len() > 253 || value.chars().any(char::is_control) {
        return Err(Error::invalid(
            "san_suffix",
            "takes 1 to 253 printable characters",
        ));
    }
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

    fn field(filters: Filters) -> String {
        match filters.query() {
            Err(Error::Invalid { field, .. }) => field.to_owned(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_malformed_filter_is_named() {
        let text = || Some("?".to_owned());
        assert_eq!(
            field(Filters {
                san: text(),
                ..Filters::default()
            }),
            "san"
        );
        assert_eq!(
            field(Filters {
                status: text(),
                ..Filters::default()
            }),
            "status"
        );
        assert_eq!(
            field(Filters {
                protocol: text(),
                ..Filters::default()
            }),
            "protocol"
        );
        assert_eq!(
            field(Filters {
                expires_after: text(),
                ..Filters::default()
            }),
            "expires_after"
        );
        assert_eq!(
            field(Filters {
                expires_before: text(),
                ..Filters::default()
            }),
            "expires_before"
        );
        assert_eq!(
            field(Filters {
                spki_sha256: text(),
                ..Filters::default()
            }),
            "spki_sha256"
        );
        assert_eq!(
            field(Filters {
                fingerprint_sha256: text(),
                ..Filters::default()
            }),
            "fingerprint_sha256"
        );
        let suffix = Some("rid:1.2".to_owned());
        assert_eq!(
            field(Filters {
                san_suffix: suffix,
                ..Filters::default()
            }),
            "san_suffix"
        );
    }

    #[test]
    fn a_subject_is_read_as_a_name_and_not_compared_as_text() {
        let query = |text: &str| {
            Filters {
                subject: Some(text.to_owned()),
                ..Filters::default()
            }
            .query()
        };
        for text in ["CN=a,O=b", "CN=a, O=b", "cn=a,o=b"] {
            assert_eq!(
                query(text).unwrap().subject.as_deref(),
                Some("CN=a,O=b"),
                "{text}"
            );
        }
        for text in ["a.example.test", "CN", "CN=a,,O=b"] {
            assert!(query(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_cannot_match_is_refused() {
        let invalid = |filters: Filters| matches!(filters.query(), Err(Error::Invalid { .. }));
        let some = |text: &str| Some(text.to_owned());
        for bad in ["", "Issuing CA", "a/b"] {
            assert!(
                invalid(Filters {
                    ca: some(bad),
                    ..Filters::default()
                }),
                "{bad}"
            );
            assert!(
                invalid(Filters {
                    profile: some(bad),
                    ..Filters::default()
                }),
                "{bad}"
            );
        }
        assert!(invalid(Filters {
            requester: some(""),
            ..Filters::default()
        }));
        assert!(invalid(Filters {
            expires_after: some("2027-01-01T00:00:00Z"),
            expires_before: some("2026-01-01T00:00:00Z"),
            ..Filters::default()
        }));
    }

    #[test]
    fn our_own_certificates_are_found_only_by_those_who_mean_them() {
        let internal = |filters: Filters| filters.query().unwrap().internal;
        assert!(!internal(Filters::default()));
        assert!(internal(Filters {
            internal: Some(true),
            ..Filters::default()
        }));
        assert!(internal(Filters {
            protocol: Some("internal".to_owned()),
            ..Filters::default()
        }));
        assert!(internal(Filters {
            profile: Some("service-identity".to_owned()),
            ..Filters::default()
        }));
    }

    #[test]
    fn a_control_character_in_a_filter_is_named() {
        let text = || Some("a\0".to_owned());
        let profile = Filters {
            profile: text(),
            ..Filters::default()
        };
        let requester = Filters {
            requester: text(),
            ..Filters::default()
        };
        assert_eq!(
            (field(profile), field(requester)),
            ("profile".to_owned(), "requester".to_owned())
        );
    }

    #[test]
    fn a_suffix_without_a_kind_is_a_dns_name() {
        let found = suffix("Example.TEST").unwrap();
        assert_eq!((found.kind, found.suffix.as_str()), ("dns", "example.test"));
    }

    #[test]
    fn an_internationalised_suffix_is_looked_for_in_its_stored_form() {
        assert_eq!(
            suffix("Bücher.example.test").unwrap().suffix,
            "xn--bcher-kva.example.test"
        );
        assert_eq!(suffix("dns:.bücher.test").unwrap().suffix, ".xn--bcher-kva.test");
        assert!(suffix("ü\u{202e}.test").is_err());
    }
}
