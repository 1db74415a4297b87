//! `/api/v1/certificates`.

mod filter;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::paging;
use crate::call::Call;
use crate::connect::Client;
use crate::error::Error;
use crate::page::{Items, Page};
use crate::resources::jobs::Job;

pub use filter::Filter;

const PATH: &[&str] = &["api", "v1", "certificates"];

/// A certificate and what is known about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// First second of validity.
    #[serde(with = "time::serde::rfc3339")]
    pub not_before: OffsetDateTime,
    /// Last second of validity.
    #[serde(with = "time::serde::rfc3339")]
    pub not_after: OffsetDateTime,
    /// When it was signed.
    #[serde(with = "time::serde::rfc3339")]
    pub issued_at: OffsetDateTime,
    /// PEM.
    pub certificate: String,
    /// PEM, issuer first, without the root.
    pub chain: String,
    /// SHA-256 of the certificate, lower-case hex.
    pub fingerprint_sha256: String,
    /// SHA-256 of the SubjectPublicKeyInfo, lower-case hex.
    pub spki_sha256: String,
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
    /// `None` while not revoked.
    pub revocation: Option<Revocation>,
}

/// When and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// Since when the certificate is not to be trusted.
    #[serde(with = "time::serde::rfc3339")]
    pub time: OffsetDateTime,
    /// RFC 5280 name in kebab case.
    pub reason: String,
    /// Since when the key may be in wrong hands.
    #[serde(
        default,
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub invalidity_time: Option<OffsetDateTime>,
    /// When a hold became final or the reason was changed.
    #[serde(
        default,
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub decided_time: Option<OffsetDateTime>,
    /// `owner` or `operator`: in what capacity it was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_as: Option<String>,
}

/// A certificate that was revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokedCertificate {
    /// As it is then.
    #[serde(flatten)]
    pub certificate: Certificate,
    /// Where the key is compromised: the other certificates of that public key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_key: Option<SameKey>,
}

/// The other certificates of a compromised key, of whatever CA, that were valid or on hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SameKey {
    /// Revoked with it.
    pub revoked: Vec<OtherCertificate>,
    /// Still valid or on hold.
    pub remaining: Vec<OtherCertificate>,
    /// How many more remain that the caller may not see.
    pub of_others: u64,
    /// Others have unexpired certificates over the key: it is not recorded as compromised until an operator confirms.
    #[serde(default)]
    pub unconfirmed: bool,
    /// There are more than the server looked at.
    pub more: bool,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherCertificate {
    /// Lower-case hex.
    pub serial: String,
    /// `valid`, `on_hold` or `revoked`.
    pub status: String,
    /// RFC 4514.
    pub subject: String,
    /// Name of the issuing CA.
    pub ca: String,
    /// Whose it is.
    pub requester: String,
    /// Last second of validity.
    #[serde(with = "time::serde::rfc3339")]
    pub not_after: OffsetDateTime,
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

/// Why to revoke.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Revoke {
    /// RFC 5280 name in kebab case; hold and release are [`Certificates::hold`] and [`Certificates::release`].
    pub reason: String,
    /// When the key was compromised, if known.
    #[serde(
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub invalidity_time: Option<OffsetDateTime>,
    /// Where the key is compromised: revoke its other certificates too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub same_key: bool,
}

#[derive(Serialize)]
struct RevokeMatching<'a> {
    reason: &'a str,
    #[serde(
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    invalidity_time: Option<OffsetDateTime>,
    filter: serde_json::Map<String, serde_json::Value>,
}

/// Operations on certificates.
#[derive(Clone, Copy, Debug)]
pub struct Certificates<'a>(pub(crate) &'a Client);

impl Certificates<'_> {
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

    /// One page.
    ///
    /// # Errors
    /// [`Error::Problem`] for a malformed filter or cursor, and those of every request.
    pub async fn list(
        &self,
        filter: &Filter,
        limit: Option<u32>,
        cursor: Option<&str>,
    ) -> Result<Page<Certificate>, Error> {
        Call::get(self.0, PATH)
            .query(&filter.pairs()?)
            .query(&paging(limit, cursor))
            .json()
            .await
    }

    /// All of them, page by page.
    ///
    /// # Errors
    /// [`Error::Config`] for a time that has no RFC 3339 form.
    pub fn all(&self, filter: &Filter) -> Result<Items<Certificate>, Error> {
        Ok(Items::new(self.0, PATH, filter.pairs()?))
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

    /// Accepts the revocation of all that match and are valid or on hold: the job revokes them one after the other. Of the
    /// request, `same_key` is not sent.
    ///
    /// # Errors
    /// [`Error::Problem`] for a malformed filter or reason, and those of every request.
    pub async fn revoke_matching(&self, filter: &Filter, revoke: &Revoke) -> Result<Job, Error> {
        let body = RevokeMatching {
            reason: &revoke.reason,
            invalidity_time: revoke.invalidity_time,
            filter: filter.members()?,
        };
        Call::create(self.0, &["api", "v1", "certificates", "revocations"], &body)?
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
    pub async fn hold(&self, serial: &str) -> Result<Certificate, Error> {
        self.act(serial, "hold").await
    }

    /// Releases a certificate from hold; durable when this returns.
    ///
    /// # Errors
    /// [`Error::Problem`] with status 409 when it is not on hold, and those of every request.
    pub async fn release(&self, serial: &str) -> Result<Certificate, Error> {
        self.act(serial, "release").await
    }

    async fn act(&self, serial: &str, verb: &str) -> Result<Certificate, Error> {
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
        };
        assert_eq!(
            serde_json::to_string(&revoke).unwrap(),
            r#"{"reason":"superseded"}"#
        );
    }
}
