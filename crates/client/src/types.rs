//! The objects of the REST surface. Members that this version does not know are passed over.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A page of a list.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct List<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// What to ask for the next one with; none on the last.
    pub next_cursor: Option<String>,
}

/// What to issue.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NewCertificate {
    /// PKCS#10, PEM.
    pub csr: String,
    /// Profile name.
    pub profile: String,
    /// CA name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
    /// A span such as `90d`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validity: Option<String>,
    /// Takes the place of the CSR's names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub san: Option<Vec<String>>,
}

/// How to renew.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Renewal {
    /// PKCS#10, PEM, with the new key; none keeps the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub csr: Option<String>,
    /// A span such as `90d`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validity: Option<String>,
}

/// Why to revoke.
#[derive(Clone, Debug, Serialize)]
pub struct RevokeRequest {
    /// RFC 5280 name in kebab case; `remove-from-crl` releases a hold.
    pub reason: String,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invalidity_time: Option<String>,
}

/// A certificate and what is known about it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Certificate {
    /// Lower-case hex.
    pub serial: String,
    /// `valid`, `revoked`, `on_hold` or `expired`.
    pub status: String,
    /// RFC 4514.
    pub subject: String,
    /// `kind:value`.
    pub san: Vec<String>,
    /// Name of the issuing CA.
    pub ca: String,
    /// Name of the profile.
    pub profile: String,
    /// RFC 3339.
    pub not_before: String,
    /// RFC 3339; the last second of validity.
    pub not_after: String,
    /// RFC 3339.
    pub issued_at: String,
    /// PEM.
    pub certificate: String,
    /// PEM, issuer first, without the root.
    pub chain: String,
    /// Lower-case hex.
    pub fingerprint_sha256: String,
    /// Lower-case hex.
    pub spki_sha256: String,
    /// Who asked.
    pub requester: String,
    /// How they asked.
    pub protocol: String,
    /// The certificate that this one renews.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
    /// None while not revoked.
    pub revocation: Option<Revocation>,
}

/// When and why a certificate was revoked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Revocation {
    /// RFC 3339.
    pub time: String,
    /// RFC 5280 name in kebab case.
    pub reason: String,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invalidity_time: Option<String>,
}

/// Filters of a list of certificates; those that are set must all hold.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ListQuery {
    /// One SAN, exact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub san: Option<String>,
    /// The end of a SAN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub san_suffix: Option<String>,
    /// RFC 4514, exact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Who asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requester: Option<String>,
    /// Profile name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// CA name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
    /// `valid`, `revoked`, `on_hold` or `expired`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_after: Option<String>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_before: Option<String>,
    /// Hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spki_sha256: Option<String>,
    /// Hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint_sha256: Option<String>,
    /// How it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// Only certificates whose key had one before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_reused: Option<bool>,
    /// Items a page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// A CA.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ca {
    /// In URLs and `ca` fields.
    pub name: String,
    /// RFC 4514.
    pub subject: String,
    /// RFC 3339.
    pub not_before: String,
    /// RFC 3339.
    pub not_after: String,
    /// `p256`, ….
    pub key_algorithm: String,
    /// `ecdsa-sha256`, ….
    pub signature_algorithm: String,
    /// Profiles that it issues.
    pub profiles: Vec<String>,
    /// PEM.
    pub certificate: String,
    /// PEM, issuer first, root last.
    pub chain: String,
}

/// A profile; its rules are passed through as the server says them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Profile {
    /// What requests call it.
    pub name: String,
    /// One sentence.
    pub description: String,
    /// Everything else.
    #[serde(flatten)]
    pub rules: serde_json::Map<String, serde_json::Value>,
}

/// What to make in keymgr.
#[derive(Clone, Debug, Serialize)]
pub struct NewKey {
    /// Unique.
    pub name: String,
    /// `p256`, ….
    pub algorithm: String,
    /// `certificate-authority` or `ocsp-signer`.
    pub purpose: String,
}

/// A key in keymgr.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Key {
    /// Unique.
    pub name: String,
    /// `p256`, ….
    pub algorithm: String,
    /// What it signs.
    pub purpose: String,
    /// Everything else.
    #[serde(flatten)]
    pub rest: serde_json::Map<String, serde_json::Value>,
}

/// What API key to make.
#[derive(Clone, Debug, Serialize)]
pub struct NewApiKey {
    /// For people.
    pub name: String,
    /// What its holder may do.
    pub roles: Vec<String>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
}

/// An API key.
#[derive(Clone, Serialize, Deserialize)]
pub struct ApiKey {
    /// What names it.
    pub prefix: String,
    /// For people.
    pub name: String,
    /// What its holder may do.
    pub roles: Vec<String>,
    /// The key itself: only in the answer that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub rest: serde_json::Map<String, serde_json::Value>,
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey").field("prefix", &self.prefix).field("name", &self.name).finish_non_exhaustive()
    }
}

/// A role.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Role {
    /// What it is called.
    pub name: String,
    /// `resource:verb`.
    pub permissions: Vec<String>,
}

/// Whose a credential is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WhoAmI {
    /// The principal.
    pub subject: String,
    /// Their roles.
    pub roles: Vec<String>,
    /// `resource:verb`.
    pub permissions: Vec<String>,
    /// Everything else.
    #[serde(flatten)]
    pub rest: serde_json::Map<String, serde_json::Value>,
}
