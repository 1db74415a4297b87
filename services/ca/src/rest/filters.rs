//! The filters of a list, as query parameters.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::{Protocol, Query, SERVICE_IDENTITY};
use crate::error::Error;
use crate::parse;

/// Query parameters of `GET /api/v1/certificates`; all that are set must hold.
#[derive(Debug, Default, Serialize, Deserialize, IntoParams, ToSchema)]
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
        let named = self.protocol.as_deref() == Some(Protocol::Internal.as_str())
            || self.profile.as_deref() == Some(SERVICE_IDENTITY)
            || self.spki_sha256.is_some()
            || self.fingerprint_sha256.is_some();
        let time = |field, text: Option<String>| text.map(|text| parse::time(field, &text)).transpose();
        let sha256 = |field, text: Option<String>| text.map(|text| parse::sha256(field, &text)).transpose();
        let query = Query {
            san: self.san.as_deref().map(parse::san).transpose()?,
            san_suffix: self.san_suffix.as_deref().map(parse::san_suffix).transpose()?,
            subject: self.subject.as_deref().map(parse::subject_text).transpose()?,
            requester: self.requester.map(parse::requester).transpose()?,
            profile: self
                .profile
                .map(|text| parse::name("profile", text))
                .transpose()?,
            ca: self.ca.map(|text| parse::name("ca", text)).transpose()?,
            status: self.status.as_deref().map(parse::status).transpose()?,
            expires_after: time("expires_after", self.expires_after)?,
            expires_before: time("expires_before", self.expires_before)?,
            spki_sha256: sha256("spki_sha256", self.spki_sha256)?,
            fingerprint_sha256: sha256("fingerprint_sha256", self.fingerprint_sha256)?,
            protocol: self.protocol.as_deref().map(parse::protocol).transpose()?,
            key_reused: self.key_reused,
            internal: self.internal.unwrap_or(named),
        };
        parse::check_expiry_range(&query, "expires_before")?;
        Ok(query)
    }
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
}
