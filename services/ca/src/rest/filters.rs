//! The filters of a list, as query parameters.

use std::borrow::Cow;

use kit::http::Repeated;
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{IntoParams, ToSchema};

use super::words::{CertificateStatus, KeyType, ProtocolName, RevocationReason};
use crate::domain::{Protocol, Query, SERVICE_IDENTITY, Span};
use crate::error::Error;
use crate::parse;

/// Query parameters of `GET /api/v1/certificates`. All that are set must hold; of one that is repeated, one of its values,
/// of which 64 are taken.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct Filters {
    /// What you know of it: the end of a name, its common name, or the start of its serial number or SHA-256 fingerprint (at
    /// least 4 hex digits). It must find no more than 1,000 certificates.
    #[param(min_length = 2, max_length = 253)]
    #[schema(min_length = 2, max_length = 253)]
    q: Option<String>,
    /// One subject alternative name, exact: `dns:a.example.test`, `ip:10.0.0.1`, `email:a@example.test`, ….
    san: Option<String>,
    /// The end of a DNS name: `example.test`; or of another kind: `email:@example.test`.
    san_suffix: Option<String>,
    /// Subject in RFC 4514 form, exact.
    subject: Option<String>,
    /// Serial number in hex, with or without colons. May be repeated.
    #[param(inline)]
    #[schema(value_type = Vec<String>)]
    serial: Repeated,
    /// SHA-256 of the certificate in hex, with or without colons.
    fingerprint: Option<String>,
    /// SHA-256 of the SubjectPublicKeyInfo in hex, with or without colons.
    spki: Option<String>,
    /// `p256`, `p384`, `p521`, `ed25519`, `rsa2048`, …. May be repeated.
    #[param(inline, value_type = Vec<KeyType>, max_items = 64)]
    #[schema(value_type = Vec<KeyType>)]
    key_type: Repeated,
    /// `rest`, `grpc`, `acme`, `est`, `scep` or `internal`. May be repeated.
    #[param(inline, value_type = Vec<ProtocolName>, max_items = 64)]
    #[schema(value_type = Vec<ProtocolName>)]
    protocol: Repeated,
    /// Who asked for the certificate. May be repeated.
    #[param(inline)]
    #[schema(value_type = Vec<String>)]
    requester: Repeated,
    /// Profile name. May be repeated.
    #[param(inline)]
    #[schema(value_type = Vec<String>)]
    profile: Repeated,
    /// CA name. May be repeated.
    #[param(inline)]
    #[schema(value_type = Vec<String>)]
    ca: Repeated,
    /// `valid`, `revoked`, `on_hold` or `expired`. May be repeated.
    #[param(inline, value_type = Vec<CertificateStatus>, max_items = 64)]
    #[schema(value_type = Vec<CertificateStatus>)]
    status: Repeated,
    /// RFC 5280 name in kebab case: why it is revoked, or `certificate-hold`. May be repeated.
    #[param(inline, value_type = Vec<RevocationReason>, max_items = 64)]
    #[schema(value_type = Vec<RevocationReason>)]
    reason: Repeated,
    /// Expires at this time or later (RFC 3339).
    expires_from: Option<String>,
    /// Expires before this time (RFC 3339).
    expires_to: Option<String>,
    /// Signed at this time or later (RFC 3339).
    issued_from: Option<String>,
    /// Signed before this time (RFC 3339).
    issued_to: Option<String>,
    /// Revoked or put on hold at this time or later (RFC 3339).
    revoked_from: Option<String>,
    /// Revoked or put on hold before this time (RFC 3339).
    revoked_to: Option<String>,
    /// Whether another certificate renews it.
    has_successor: Option<bool>,
    /// What the lints said before it was signed: `passed`, `warned`, or the id of a lint that warned. Certificates of versions
    /// that did not keep it have neither.
    lint: Option<String>,
    /// `true`: only certificates whose key had a certificate before; `false`: only those whose key had none.
    key_reused: Option<bool>,
    /// Also what GigVault issued to itself: identities of services and its HTTPS certificate. Without it they are listed
    /// only where `serial`, `protocol`, `profile`, `spki`, or `fingerprint` names them.
    internal: Option<bool>,
    /// `certificate`: rows hold the certificate and its chain as PEM.
    #[param(inline)]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(ignore)]
    pub(super) fields: Option<Fields>,
}

/// What rows hold beside the usual.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Fields {
    Certificate,
}

/// [`Filters`] as the body of a bulk revocation has them: null counts as absent, and no list is empty.
pub(super) struct FilterBody;

impl ToSchema for FilterBody {
    fn name() -> Cow<'static, str> {
        "RevocationFilter".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        <Filters as ToSchema>::schemas(schemas);
    }
}

impl utoipa::PartialSchema for FilterBody {
    fn schema() -> RefOr<Schema> {
        let mut schema = <Filters as utoipa::PartialSchema>::schema();
        if let RefOr::T(Schema::Object(object)) = &mut schema {
            object.description =
                Some("What the certificates have in common; all that is set must hold.".to_owned());
            object.min_properties = Some(1);
            object.properties.values_mut().for_each(without_default);
        }
        schema
    }
}

/// Many clients send the default of a member that was not set.
fn without_default(member: &mut RefOr<Schema>) {
    match member {
        RefOr::T(Schema::Array(list)) => {
            list.default = None;
            list.min_items = Some(1);
            list.max_items = Some(Repeated::MOST);
            list.schema_type = SchemaType::from_iter([Type::Array, Type::Null]);
        }
        RefOr::T(Schema::Object(single)) => single.default = None,
        _ => {}
    }
}

impl Filters {
    /// Every text parsed; the first that is not of its form is named.
    pub(crate) fn query(&self) -> Result<Query, Error> {
        let internal = Protocol::Internal.as_str();
        let named = self.protocol.iter().any(|protocol| protocol == internal)
            || self.profile.iter().any(|profile| profile == SERVICE_IDENTITY)
            || !self.serial.is_empty()
            || self.spki.is_some()
            || self.fingerprint.is_some();
        let sha256 =
            |field, text: &Option<String>| text.as_deref().map(|text| parse::sha256(field, text)).transpose();
        let query = Query {
            q: self.q.as_deref().map(parse::typed).transpose()?,
            san: self.san.as_deref().map(parse::san).transpose()?,
            san_suffix: self.san_suffix.as_deref().map(parse::san_suffix).transpose()?,
            subject: self.subject.as_deref().map(parse::subject_text).transpose()?,
            serial: each(&self.serial, |text| parse::serial("serial", text))?,
            requester: each(&self.requester, |text| parse::requester(text.to_owned()))?,
            profile: each(&self.profile, |text| parse::name("profile", text.to_owned()))?,
            ca: each(&self.ca, |text| parse::name("ca", text.to_owned()))?,
            status: each(&self.status, parse::status)?,
            protocol: each(&self.protocol, parse::protocol)?,
            key_type: each(&self.key_type, parse::key_type)?,
            reason: each(&self.reason, parse::reason)?,
            expires: span(
                ("expires_from", &self.expires_from),
                ("expires_to", &self.expires_to),
            )?,
            issued: span(("issued_from", &self.issued_from), ("issued_to", &self.issued_to))?,
            revoked: span(
                ("revoked_from", &self.revoked_from),
                ("revoked_to", &self.revoked_to),
            )?,
            spki_sha256: sha256("spki", &self.spki)?,
            fingerprint_sha256: sha256("fingerprint", &self.fingerprint)?,
            key_reused: self.key_reused,
            has_successor: self.has_successor,
            lint: self.lint.as_deref().map(parse::lint).transpose()?,
            internal: self.internal.unwrap_or(named),
            without_responders: false,
        };
        Ok(query)
    }
}

/// Each value once, however it was written.
fn each<T: PartialEq>(texts: &[String], parse: impl Fn(&str) -> Result<T, Error>) -> Result<Vec<T>, Error> {
    let mut values = Vec::with_capacity(texts.len());
    for text in texts {
        let value = parse(text)?;
        if !values.contains(&value) {
            values.push(value);
        }
    }
    Ok(values)
}

type Given<'a> = (&'static str, &'a Option<String>);

fn span((from, start): Given<'_>, (to, end): Given<'_>) -> Result<Span, Error> {
    let time =
        |field, text: &Option<String>| text.as_deref().map(|text| parse::time(field, text)).transpose();
    let span = Span {
        from: time(from, start)?,
        to: time(to, end)?,
    };
    parse::check_span(span, to)?;
    Ok(span)
}

#[cfg(test)]
mod tests {
    use kit::error::Fault as _;

    use super::*;

    /// The filter `field` with this value.
    fn with(field: &str, value: &str) -> Filters {
        let one = serde_json::json!({ field: value });
        let many = serde_json::json!({ field: [value] });
        serde_json::from_value(one)
            .or_else(|_| serde_json::from_value(many))
            .unwrap()
    }

    fn refused(filters: &Filters) -> String {
        match filters.query() {
            Err(error) => error.shown().field.unwrap_or_default().to_owned(),
            Ok(query) => format!("{query:?}"),
        }
    }

    #[test]
    fn a_malformed_filter_is_named() {
        for field in [
            "q",
            "san",
            "serial",
            "fingerprint",
            "spki",
            "key_type",
            "protocol",
            "profile",
            "ca",
            "status",
            "reason",
            "expires_from",
            "expires_to",
            "issued_from",
            "issued_to",
            "revoked_from",
            "revoked_to",
            "lint",
        ] {
            assert_eq!(refused(&with(field, "?")), field);
        }
        assert_eq!(refused(&with("san_suffix", "rid:1.2")), "san_suffix");
        for field in ["profile", "requester", "q"] {
            assert_eq!(refused(&with(field, "a\0")), field, "a control character");
        }
    }

    #[test]
    fn a_value_that_is_written_in_two_ways_counts_once() {
        let serials = serde_json::json!({"serial": ["00ab", "00AB", "00cd"]});
        let filters: Filters = serde_json::from_value(serials).unwrap();
        assert_eq!(filters.query().unwrap().serial.len(), 2);
    }

    /// Whoever adds a list to the filters without a bound fails here.
    #[test]
    fn every_list_has_a_bound_in_the_query_and_in_the_body() {
        let many = vec!["a"; Repeated::MOST + 1];
        let members = serde_json::to_value(Filters::default()).unwrap();
        let lists = members
            .as_object()
            .unwrap()
            .iter()
            .filter(|(_, value)| value.is_array());
        let lists: Vec<&String> = lists.map(|(name, _)| name).collect();
        assert_eq!(lists.len(), 8);
        let RefOr::T(Schema::Object(body)) = <FilterBody as utoipa::PartialSchema>::schema() else {
            panic!("it is an object");
        };
        let parameters = Filters::into_params(|| None);
        for name in lists {
            let refused = serde_json::from_value::<Filters>(serde_json::json!({ name: many })).unwrap_err();
            assert!(refused.to_string().contains("at most 64"), "{name}: {refused}");
            let most = |schema: &RefOr<Schema>| match schema {
                RefOr::T(Schema::Array(list)) => list.max_items,
                _ => None,
            };
            assert_eq!(most(&body.properties[name]), Some(Repeated::MOST), "{name}");
            let parameter = parameters
                .iter()
                .find(|parameter| &parameter.name == name)
                .unwrap();
            assert_eq!(
                parameter.schema.as_ref().and_then(most),
                Some(Repeated::MOST),
                "{name}"
            );
        }
    }

    #[test]
    fn a_subject_is_read_as_a_name_and_not_compared_as_text() {
        let query = |text: &str| with("subject", text).query();
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
        for bad in ["", "Issuing CA", "a/b"] {
            assert_eq!(refused(&with("ca", bad)), "ca", "{bad}");
            assert_eq!(refused(&with("profile", bad)), "profile", "{bad}");
        }
        assert_eq!(refused(&with("requester", "")), "requester");
        for span in ["expires", "issued", "revoked"] {
            let filters = serde_json::json!({
                format!("{span}_from"): "2027-01-01T00:00:00Z",
                format!("{span}_to"): "2026-01-01T00:00:00Z",
            });
            let filters: Filters = serde_json::from_value(filters).unwrap();
            assert_eq!(refused(&filters), format!("{span}_to"));
        }
    }

    #[test]
    fn our_own_certificates_are_found_only_by_those_who_mean_them() {
        let internal = |filters: Filters| filters.query().unwrap().internal;
        assert!(!internal(Filters::default()));
        assert!(internal(Filters {
            internal: Some(true),
            ..Filters::default()
        }));
        assert!(internal(with("protocol", "internal")));
        assert!(internal(with("profile", "service-identity")));
    }
}
