//! `/api/v1/certificates`.

pub(crate) mod revocation;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use self::revocation::RevokeMany;
use super::Other;
use super::filter::Filter;
use crate::call::Call;
use crate::connect::Client;
use crate::error::Error;
use crate::page::{List, Listed};
use crate::resources::jobs::Job;

pub use revocation::{
    DamagedCertificate, Descendants, HeldCertificate, OtherCertificate, Revocation, Revoke,
    RevokedCertificate, SameKey, Selection,
};

const PATH: &[&str] = &["api", "v1", "certificates"];
const REVOCATIONS: &[&str] = &["api", "v1", "certificates", "revocations"];

/// A certificate and what is known about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// Lower-case hex.
    pub serial: String,
    /// What people call it: the common name, or else the first of its other names.
    #[serde(default)]
    pub name: String,
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
    /// First second of validity.
    #[serde(with = "time::serde::rfc3339")]
    pub not_before: OffsetDateTime,
    /// Last second of validity.
    #[serde(with = "time::serde::rfc3339")]
    pub not_after: OffsetDateTime,
    /// When it was signed.
    #[serde(with = "time::serde::rfc3339")]
    pub issued_at: OffsetDateTime,
    /// PEM; empty in a list that did not ask for it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub certificate: String,
    /// PEM, issuer first, without the root; empty in a list that did not ask for it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub chain: String,
    /// SHA-256 of the certificate, lower-case hex.
    pub fingerprint_sha256: String,
    /// SHA-256 of the SubjectPublicKeyInfo, lower-case hex.
    pub spki_sha256: String,
    /// The public key; `None` from a server that does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PublicKey>,
    /// What it was signed with.
    #[serde(default)]
    pub signature_algorithm: String,
    /// Whose it is: who asked for it, or for the first of the certificates that it renews.
    pub requester: String,
    /// Who renewed it, where that is not the requester.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_by: Option<String>,
    /// `rest`, `grpc`, `acme`, `est`, `scep` or `internal`.
    pub protocol: String,
    /// Serial number of the certificate that this one renews.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
    /// Serial number of the last certificate that renews this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<String>,
    /// Ids of the lints that would have had it otherwise; `None` where that was not kept.
    #[serde(default)]
    pub lint: Option<Vec<String>>,
    /// `None` while not revoked.
    pub revocation: Option<Revocation>,
    /// When OCSP was last asked about it, as far as that is known.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub last_ocsp_query_at: Option<OffsetDateTime>,
    /// Decoded; not in lists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<Extension>,
    /// What the caller may do with it now: `renew`, `hold`, `release`, `revoke`; not in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_actions: Option<Vec<String>>,
    /// Columns of the stored row that cannot be read: what the members for these hold says nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub damaged: Vec<String>,
    /// What a later server tells beside.
    #[serde(flatten)]
    pub other: Other,
}

impl Listed for Certificate {
    const SORTS: &'static [&'static str] = &[
        "-issued_at",
        "issued_at",
        "not_after",
        "-not_after",
        "subject",
        "-subject",
        "-revoked_at",
        "revoked_at",
    ];
}

/// Type and size of a public key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicKey {
    /// `p256`, `rsa3072`, ….
    #[serde(rename = "type")]
    pub kind: String,
    /// Of the modulus, or of the field of the curve.
    pub bits: u32,
    /// What a later server tells beside.
    #[serde(flatten)]
    pub other: Other,
}

/// An extension, decoded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    /// Dotted.
    pub oid: String,
    /// As RFC 5280 and its companions call it.
    pub name: String,
    /// Whether who does not understand it must refuse the certificate.
    pub critical: bool,
    /// What it says, a line for each statement.
    pub text: String,
    /// What a later server tells beside.
    #[serde(flatten)]
    pub other: Other,
}

/// What to issue.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Issue {
    /// PKCS#10, PEM.
    pub csr: String,
    /// Profile name.
    pub profile: String,
    /// CA name; the default CA if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
    /// A span such as `90d`; the profile's default if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validity: Option<String>,
    /// Takes the place of the CSR's subject, in RFC 4514 form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Takes the place of the CSR's names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub san: Option<Vec<String>>,
}

/// How to renew.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Renew {
    /// PKCS#10 in PEM with the new key; absent keeps the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub csr: Option<String>,
    /// A span such as `90d`; the profile's default if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validity: Option<String>,
}

/// Operations on certificates.
#[derive(Clone, Copy, Debug)]
pub struct Certificates<'a>(pub(crate) &'a Client);

impl<'a> Certificates<'a> {
    /// Issues a certificate from a CSR; durable when this returns.
    ///
    /// # Errors
    /// [`Error::Problem`] when CSR, profile or lint refuse, and those of every request.
    pub async fn issue(&self, issue: &Issue) -> Result<Certificate, Error> {
        Call::create(self.0, PATH, issue)?.json().await
    }

    /// The certificate with this serial number.
    ///
    /// # Errors
    /// [`Error::Problem`] with status 404 when there is none, and those of every request.
    pub async fn get(&self, serial: &str) -> Result<Certificate, Error> {
        Call::get(self.0, &["api", "v1", "certificates", serial])
            .json()
            .await
    }

    /// PEM of the certificate and those above it, leaf first, without the root.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn chain(&self, serial: &str) -> Result<String, Error> {
        Call::get(self.0, &["api", "v1", "certificates", serial, "chain"])
            .text()
            .await
    }

    /// Those that match; the newest first, unless the filter says another order.
    ///
    /// # Errors
    /// [`Error::Config`] for a time that has no RFC 3339 form.
    pub fn list(&self, filter: &Filter) -> Result<List<'a, Certificate>, Error> {
        Ok(List::new(self.0, PATH, filter.pairs()?))
    }

    /// Issues the successor of a valid certificate.
    ///
    /// # Errors
    /// [`Error::Problem`] with status 409 when it is revoked, on hold or expired, and those of every request.
    pub async fn renew(&self, serial: &str, renew: &Renew) -> Result<Certificate, Error> {
        Call::create(self.0, &["api", "v1", "certificates", serial, "renew"], renew)?
            .json()
            .await
    }

    /// Accepts the revocation of many: the job revokes them one after the other. With the token of a preview the job is held to what
    /// that showed. Of the request, `same_key` and `descendants` are not sent.
    ///
    /// # Errors
    /// [`Error::Problem`] for a malformed filter, serial number or reason, with status 409 where a preview does not hold any more,
    /// and those of every request.
    pub async fn revoke_many(
        &self,
        selection: Selection<'_>,
        revoke: &Revoke,
        preview_token: Option<&str>,
    ) -> Result<Job, Error> {
        let body = RevokeMany::new(selection, revoke)?;
        Call::create(self.0, REVOCATIONS, &body)?
            .previewed(preview_token)
            .json()
            .await
    }

    /// Revokes for good, or changes the reason to a compromise; durable when this returns.
    ///
    /// # Errors
    /// [`Error::Problem`] with status 409 when it is revoked already, and those of every request.
    pub async fn revoke(&self, serial: &str, revoke: &Revoke) -> Result<RevokedCertificate, Error> {
        Call::act(self.0, &["api", "v1", "certificates", serial, "revoke"], revoke)?
            .json()
            .await
    }
}

impl Certificates<'_> {
    /// Puts a certificate on hold; durable when this returns.
    ///
    /// # Errors
    /// [`Error::Problem`] with status 409 when it is on hold or revoked already, and those of every request.
    pub async fn hold(&self, serial: &str) -> Result<HeldCertificate, Error> {
        self.act(serial, "hold").await
    }

    /// Releases a certificate from hold; durable when this returns.
    ///
    /// # Errors
    /// [`Error::Problem`] with status 409 when it is not on hold, and those of every request.
    pub async fn release(&self, serial: &str) -> Result<Certificate, Error> {
        self.act(serial, "release").await
    }

    async fn act<T: DeserializeOwned>(&self, serial: &str, verb: &str) -> Result<T, Error> {
        Call::act(
            self.0,
            &["api", "v1", "certificates", serial, verb],
            &serde_json::Map::new(),
        )?
        .json()
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_members_are_not_sent() {
        let issue = Issue {
            csr: "x".to_owned(),
            profile: "mtls".to_owned(),
            ..Issue::default()
        };
        assert_eq!(
            serde_json::to_string(&issue).unwrap(),
            r#"{"csr":"x","profile":"mtls"}"#
        );
        assert_eq!(serde_json::to_string(&Renew::default()).unwrap(), "{}");
        let revoke = Revoke {
            reason: "superseded".to_owned(),
            invalidity_time: None,
            same_key: false,
            descendants: false,
        };
        assert_eq!(
            serde_json::to_string(&revoke).unwrap(),
            r#"{"reason":"superseded"}"#
        );
    }
}
