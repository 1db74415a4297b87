//! Which certificates of the inventory.

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::call::Pairs;
use crate::error::Error;

/// Which certificates; all that is given must hold, of a list one of its values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// The end of a name, a common name, or the start of a serial number or fingerprint.
    pub q: Option<String>,
    /// A whole name: `dns:web.example.test`.
    pub san: Option<String>,
    /// The end of a name: `example.test` finds it and everything below.
    pub san_suffix: Option<String>,
    /// Subject in RFC 4514 form, exact.
    pub subject: Option<String>,
    /// Serial numbers.
    pub serial: Vec<String>,
    /// Who asked for it.
    pub requester: Vec<String>,
    /// Profile names.
    pub profile: Vec<String>,
    /// CA names.
    pub ca: Vec<String>,
    /// `valid`, `revoked`, `on_hold` or `expired`.
    pub status: Vec<String>,
    /// RFC 5280 names in kebab case.
    pub reason: Vec<String>,
    /// `p256`, `rsa3072`, ….
    pub key_type: Vec<String>,
    /// `rest`, `grpc`, `acme`, `est`, `scep` or `internal`.
    pub protocol: Vec<String>,
    /// When it expires.
    pub expires: Span,
    /// When it was signed.
    pub issued: Span,
    /// When it was revoked or put on hold.
    pub revoked: Span,
    /// SHA-256 of the SubjectPublicKeyInfo, hex.
    pub spki: Option<String>,
    /// SHA-256 of the certificate, hex.
    pub fingerprint: Option<String>,
    /// Whether another certificate renews it.
    pub has_successor: Option<bool>,
    /// `passed`, `warned`, or the id of a lint.
    pub lint: Option<String>,
    /// Whether the key had a certificate before.
    pub key_reused: Option<bool>,
    /// Also those that the server issued to itself.
    pub internal: bool,
    /// Have the certificates themselves in the list.
    pub pem: bool,
}

/// A span of time, open where an end is not set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// At this time or later.
    pub from: Option<OffsetDateTime>,
    /// Before this time.
    pub to: Option<OffsetDateTime>,
}

impl Filter {
    /// As members of a JSON object: what must hold, without the form of a list.
    pub(super) fn members(&self) -> Result<Map<String, Value>, Error> {
        Ok(self
            .conditions()?
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect())
    }

    pub(super) fn pairs(&self) -> Result<Pairs, Error> {
        let text = |value| match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        let mut pairs = Pairs::new();
        for (name, value) in self.conditions()? {
            match value {
                Value::Array(values) => pairs.extend(values.into_iter().map(|value| (name, text(value)))),
                value => pairs.push((name, text(value))),
            }
        }
        pairs.extend(self.pem.then(|| ("fields", "certificate".to_owned())));
        Ok(pairs)
    }

    /// What is set: a text, a boolean, or a list of texts.
    fn conditions(&self) -> Result<Vec<(&'static str, Value)>, Error> {
        let text = |text: &Option<String>| text.clone().map(Value::from);
        let many = |texts: &[String]| (!texts.is_empty()).then(|| Value::from(texts));
        let time = |time: Option<OffsetDateTime>| {
            time.map(|time| time.format(&Rfc3339).map(Value::from))
                .transpose()
                .map_err(|error| Error::Config(format!("a time of the filter cannot be written: {error}")))
        };
        let conditions = [
            ("q", text(&self.q)),
            ("san", text(&self.san)),
            ("san_suffix", text(&self.san_suffix)),
            ("subject", text(&self.subject)),
            ("serial", many(&self.serial)),
            ("requester", many(&self.requester)),
            ("profile", many(&self.profile)),
            ("ca", many(&self.ca)),
            ("status", many(&self.status)),
            ("reason", many(&self.reason)),
            ("key_type", many(&self.key_type)),
            ("protocol", many(&self.protocol)),
            ("expires_from", time(self.expires.from)?),
            ("expires_to", time(self.expires.to)?),
            ("issued_from", time(self.issued.from)?),
            ("issued_to", time(self.issued.to)?),
            ("revoked_from", time(self.revoked.from)?),
            ("revoked_to", time(self.revoked.to)?),
            ("spki", text(&self.spki)),
            ("fingerprint", text(&self.fingerprint)),
            ("has_successor", self.has_successor.map(Value::from)),
            ("lint", text(&self.lint)),
            ("key_reused", self.key_reused.map(Value::from)),
            ("internal", self.internal.then_some(Value::Bool(true))),
        ];
        let set = conditions.into_iter();
        Ok(set.filter_map(|(name, value)| Some((name, value?))).collect())
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
            expires: Span {
                from: None,
                to: Some(datetime!(2027-01-01 00:00 +1)),
            },
            key_reused: Some(true),
            status: vec!["valid".to_owned(), "expired".to_owned()],
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
                ("status", "valid"),
                ("status", "expired"),
                ("expires_to", "2027-01-01T00:00:00+01:00"),
                ("key_reused", "true"),
            ]
        );
    }

    #[test]
    fn a_body_has_the_conditions_in_their_types_and_no_form() {
        let filter = Filter {
            ca: vec!["issuing".to_owned()],
            lint: Some("passed".to_owned()),
            internal: true,
            pem: true,
            ..Filter::default()
        };
        let members = Value::Object(filter.members().unwrap());
        let expected = serde_json::json!({"ca": ["issuing"], "lint": "passed", "internal": true});
        assert_eq!(members, expected);
    }
}
