//! Which certificates of the inventory, as query parameters and as members of a body.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::call::Pairs;
use crate::error::Error;

/// Which certificates; all that are given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// A whole name: `dns:web.example.test`.
    pub san: Option<String>,
    /// The end of a name: `example.test` finds it and everything below.
    pub san_suffix: Option<String>,
    /// Subject in RFC 4514 form, exact.
    pub subject: Option<String>,
    /// Who asked for it.
    pub requester: Option<String>,
    /// Profile name.
    pub profile: Option<String>,
    /// CA name.
    pub ca: Option<String>,
    /// `valid`, `revoked`, `on_hold` or `expired`.
    pub status: Option<String>,
    /// Expires at this time or later.
    pub expires_after: Option<OffsetDateTime>,
    /// Expires before this time.
    pub expires_before: Option<OffsetDateTime>,
    /// SHA-256 of the SubjectPublicKeyInfo, hex.
    pub spki_sha256: Option<String>,
    /// SHA-256 of the certificate, hex.
    pub fingerprint_sha256: Option<String>,
    /// `rest`, `grpc`, `acme`, `est`, `scep` or `internal`.
    pub protocol: Option<String>,
    /// Whether the key had a certificate before.
    pub key_reused: Option<bool>,
    /// Also those that the server issued to itself.
    pub internal: bool,
}

impl Filter {
    /// As members of a JSON object.
    pub(super) fn members(&self) -> Result<serde_json::Map<String, serde_json::Value>, Error> {
        let member = |(name, text): (&str, String)| {
            let value = match name {
                "key_reused" | "internal" => serde_json::Value::Bool(text == "true"),
                _ => serde_json::Value::String(text),
            };
            (name.to_owned(), value)
        };
        Ok(self.pairs()?.into_iter().map(member).collect())
    }

    pub(super) fn pairs(&self) -> Result<Pairs, Error> {
        let time = |time: Option<OffsetDateTime>| {
            time.map(|time| time.format(&Rfc3339))
                .transpose()
                .map_err(|error| Error::Config(format!("a time of the filter cannot be written: {error}")))
        };
        let pairs = [
            ("san", self.san.clone()),
            ("san_suffix", self.san_suffix.clone()),
            ("subject", self.subject.clone()),
            ("requester", self.requester.clone()),
            ("profile", self.profile.clone()),
            ("ca", self.ca.clone()),
            ("status", self.status.clone()),
            ("expires_after", time(self.expires_after)?),
            ("expires_before", time(self.expires_before)?),
            ("spki_sha256", self.spki_sha256.clone()),
            ("fingerprint_sha256", self.fingerprint_sha256.clone()),
            ("protocol", self.protocol.clone()),
            ("key_reused", self.key_reused.map(|reused| reused.to_string())),
            ("internal", self.internal.then(|| "true".to_owned())),
        ];
        Ok(pairs
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn only_what_is_set_is_asked_for() {
        assert!(Filter::default().pairs().unwrap().is_empty());
        let filter = Filter {
            san: Some("dns:a.test".to_owned()),
            expires_before: Some(datetime!(2027-01-01 00:00 +1)),
            key_reused: Some(true),
            ..Filter::default()
        };
        let pairs = filter.pairs().unwrap();
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        assert_eq!(
            pairs,
            [
                ("san", "dns:a.test"),
                ("expires_before", "2027-01-01T00:00:00+01:00"),
                ("key_reused", "true"),
            ]
        );
    }

    #[test]
    fn a_flag_of_a_body_is_a_boolean() {
        let filter = Filter {
            ca: Some("issuing".to_owned()),
            internal: true,
            ..Filter::default()
        };
        let members = serde_json::Value::Object(filter.members().unwrap());
        assert_eq!(members, serde_json::json!({"ca": "issuing", "internal": true}));
    }
}
