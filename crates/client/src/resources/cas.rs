//! `/api/v1/cas`.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::Other;
use super::keys::Signatures;
use super::part::Part;
use crate::call::Call;
use crate::connect::Client;
use crate::error::Error;
use crate::page::{List, Listed};

/// A certificate authority of the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ca {
    /// What requests call it.
    pub name: String,
    /// RFC 4514.
    pub subject: String,
    /// First second of validity.
    #[serde(with = "time::serde::rfc3339")]
    pub not_before: OffsetDateTime,
    /// Last second of validity.
    #[serde(with = "time::serde::rfc3339")]
    pub not_after: OffsetDateTime,
    /// `p256`, `p384`, `rsa3072`, ….
    pub key_algorithm: String,
    /// What it signs with.
    #[serde(default)]
    pub signature_algorithm: String,
    /// Profiles that it issues.
    #[serde(default)]
    pub profiles: Vec<String>,
    /// Since when it issues nothing; `None` while it issues.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub suspended_since: Option<OffsetDateTime>,
    /// Who suspended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended_by: Option<String>,
    /// PEM.
    pub certificate: String,
    /// PEM of the certificates above, issuer first, root last.
    pub chain: String,
    /// What the key manager says of its key: in the answer about one CA only, for callers who may read keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Part<CaKey>>,
    /// What the caller may do with it now: `suspend`, `resume`; `None` where the server does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_actions: Option<Vec<String>>,
    /// What a later server tells beside.
    #[serde(flatten)]
    pub other: Other,
}

impl Listed for Ca {
    const SORTS: &'static [&'static str] = &["name", "-name"];
}

/// The key of a CA.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaKey {
    /// Its name in the key manager.
    pub name: String,
    /// `p256`, `p384`, `rsa3072`, ….
    pub algorithm: String,
    /// What it signs: `certificate-authority`.
    pub purpose: String,
    /// What holds the private half: `software`.
    pub backend: String,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// What it signed so far.
    #[serde(default)]
    pub signatures: Vec<Signatures>,
    /// What a later server tells beside.
    #[serde(flatten)]
    pub other: Other,
}

/// The health of a CA.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaHealth {
    /// Its name.
    pub ca: String,
    /// `healthy`, `unhealthy` or `unknown`.
    pub status: String,
    /// The CRLs that are out.
    pub crls: Part<Vec<CaCrl>>,
    /// OCSP.
    pub ocsp: Part<CaOcsp>,
    /// What was found at the URLs in certificates, by issuer generation.
    pub self_check: Vec<CaSelfCheck>,
    /// What a later server tells beside.
    #[serde(flatten)]
    pub other: Other,
}

/// A CRL that is out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaCrl {
    /// Issuer generation.
    pub issuer: String,
    /// 0: all that is in no shard.
    pub shard: u32,
    /// `complete` or `delta`.
    pub kind: String,
    /// CRL number.
    pub number: u64,
    /// nextUpdate.
    #[serde(with = "time::serde::rfc3339")]
    pub next_update: OffsetDateTime,
    /// Entries.
    pub entries: u64,
    /// As certificates name it.
    pub url: String,
    /// What a later server tells beside.
    #[serde(flatten)]
    pub other: Other,
}

/// OCSP for a CA.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaOcsp {
    /// Who signs responses.
    pub responders: Vec<CaResponder>,
    /// Whether answers rest on all revocations.
    pub current: bool,
    /// Seconds within which 95 of 100 answers were made.
    #[serde(default)]
    pub p95_seconds: Option<f64>,
    /// What a later server tells beside.
    #[serde(flatten)]
    pub other: Other,
}

/// Who signs OCSP responses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaResponder {
    /// Issuer generation.
    pub issuer: String,
    /// The end of its certificate; `None` where nothing can be signed.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub not_after: Option<OffsetDateTime>,
    /// What a later server tells beside.
    #[serde(flatten)]
    pub other: Other,
}

/// What was found at the URLs in certificates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaSelfCheck {
    /// Issuer generation.
    pub issuer: String,
    /// `healthy`, `unhealthy` or `unknown`.
    pub status: String,
    /// What is wrong.
    pub problems: Vec<String>,
    /// What could not be looked at.
    #[serde(default)]
    pub unknown: Vec<String>,
    /// When it was looked at last.
    #[serde(with = "time::serde::rfc3339")]
    pub checked_at: OffsetDateTime,
    /// What a later server tells beside.
    #[serde(flatten)]
    pub other: Other,
}

/// Operations on certificate authorities.
#[derive(Clone, Copy, Debug)]
pub struct Cas<'a>(pub(crate) &'a Client);

impl<'a> Cas<'a> {
    /// All of them, by name.
    pub fn list(&self) -> List<'a, Ca> {
        List::new(self.0, &["api", "v1", "cas"], Vec::new())
    }

    /// The one of that name.
    ///
    /// # Errors
    /// [`Error::Problem`] with status 404 when there is none, and those of every request.
    pub async fn get(&self, name: &str) -> Result<Ca, Error> {
        Call::get(self.0, &["api", "v1", "cas", name]).json().await
    }

    /// Its health, as seen from outside.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn health(&self, name: &str) -> Result<CaHealth, Error> {
        Call::get(self.0, &["api", "v1", "cas", name, "health"])
            .json()
            .await
    }

    /// Stops it from issuing: when this returns, no certificate of it is stored any more.
    ///
    /// # Errors
    /// [`Error::Problem`] with status 404 when there is none, and those of every request.
    pub async fn suspend(&self, name: &str) -> Result<Ca, Error> {
        self.act(name, "suspend").await
    }

    /// Lets it issue again.
    ///
    /// # Errors
    /// As [`Self::suspend`].
    pub async fn resume(&self, name: &str) -> Result<Ca, Error> {
        self.act(name, "resume").await
    }

    async fn act(&self, name: &str, verb: &str) -> Result<Ca, Error> {
        let nothing = serde_json::Map::new();
        Call::act(self.0, &["api", "v1", "cas", name, verb], &nothing)?
            .json()
            .await
    }
}
