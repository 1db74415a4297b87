//! `/api/v1/cas/{name}/crl` and `/api/v1/trust`.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::Other;
use super::cas::Cas;
use super::dry_run::{DryRun, Preview};
use crate::call::Call;
use crate::connect::Client;
use crate::error::Error;

/// A CRL that is out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crl {
    /// Issuer generation: the CA's name, then `<ca>.2`, ….
    pub issuer: String,
    /// `complete` or `delta`.
    pub kind: String,
    /// Number of the shard; 0: all certificates that are in no shard.
    pub shard: u32,
    /// CRL number.
    pub number: u64,
    /// Of a delta, the number of the complete list that it changes.
    pub base: Option<u64>,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub this_update: OffsetDateTime,
    /// When the next one will be there.
    #[serde(with = "time::serde::rfc3339")]
    pub next_update: OffsetDateTime,
    /// Entries.
    pub entries: u64,
    /// Size in DER.
    pub octets: u64,
    /// SHA-256 of its DER, in hex; empty in the answer about an import.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sha256: String,
    /// Where it is served.
    pub url: String,
    /// The key of its issuer is elsewhere.
    #[serde(default)]
    pub imported: bool,
    /// What a later server tells beside.
    #[serde(flatten)]
    pub other: Other,
}

impl Crl {
    /// Whether it tells what changed since a complete list.
    #[must_use]
    pub fn is_delta(&self) -> bool {
        self.kind == "delta"
    }
}

/// The CRLs of a CA that are out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crls {
    /// By issuer generation and shard, complete lists before deltas.
    pub crls: Vec<Crl>,
    /// What a later server tells beside.
    #[serde(flatten)]
    pub other: Other,
}

/// What became of a CRL that was imported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportedCrl {
    /// The CRL that is served now.
    pub crl: Crl,
    /// The one in whose place it is.
    pub replaced: Option<Crl>,
    /// This very CRL was served already.
    pub unchanged: bool,
    /// What a later server tells beside.
    #[serde(flatten)]
    pub other: Other,
}

/// A CRL to be imported.
#[derive(Clone, Debug, Serialize)]
pub struct CrlImport {
    /// PEM, or DER in base64.
    pub crl: String,
}

/// The certificates of roots and CAs, and where their status is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trust {
    /// What clients have to trust.
    pub roots: Vec<TrustedIssuer>,
    /// The CAs below, by name.
    pub cas: Vec<TrustedIssuer>,
    /// What a later server tells beside.
    #[serde(flatten)]
    pub other: Other,
}

/// The certificate of an issuer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustedIssuer {
    /// Issuer generation, as URLs have it.
    pub name: Option<String>,
    /// RFC 4514.
    pub subject: String,
    /// SHA-256 of its DER, in hex.
    pub fingerprint_sha256: String,
    /// PEM.
    pub certificate: String,
    /// What a later server tells beside.
    #[serde(flatten)]
    pub other: Other,
}

impl Cas<'_> {
    /// The CRLs of that CA that are out.
    ///
    /// # Errors
    /// [`Error::Problem`] with status 404 when there is no such CA, and those of every request.
    pub async fn crls(&self, name: &str) -> Result<Crls, Error> {
        Call::get(self.0, &["api", "v1", "cas", name, "crl"]).json().await
    }

    /// Makes its CRLs now, and answers when they are out.
    ///
    /// # Errors
    /// As [`Self::crls`].
    pub async fn publish_crls(&self, name: &str) -> Result<Crls, Error> {
        let nothing = serde_json::Map::new();
        Call::act(self.0, &["api", "v1", "cas", name, "crl", "publish"], &nothing)?
            .json()
            .await
    }

    /// Has a CRL of an issuer whose key is elsewhere verified and served.
    ///
    /// # Errors
    /// [`Error::Problem`] with status 404 for an issuer that is not known, 409 where a later CRL is out, 422 for one that relying
    /// parties would not take; and those of every request.
    pub async fn import_crl(&self, name: &str, crl: &CrlImport) -> Result<ImportedCrl, Error> {
        Call::act(self.0, &["api", "v1", "cas", name, "crl", "import"], crl)?
            .json()
            .await
    }
}

impl DryRun<'_> {
    /// Of [`Cas::publish_crls`].
    ///
    /// # Errors
    /// Those of the request itself.
    pub async fn publish_crls(&self, ca: &str) -> Result<Preview, Error> {
        let nothing = serde_json::Map::<String, serde_json::Value>::new();
        self.post(&["cas", ca, "crl", "publish"], &nothing).await
    }

    /// Of [`Cas::import_crl`].
    ///
    /// # Errors
    /// Those of the request itself.
    pub async fn import_crl(&self, name: &str, crl: &CrlImport) -> Result<Preview, Error> {
        self.post(&["cas", name, "crl", "import"], crl).await
    }
}

impl Client {
    /// The certificates of roots and CAs; no credential is asked for.
    ///
    /// # Errors
    /// Those of every request.
    pub async fn trust(&self) -> Result<Trust, Error> {
        Call::get(self, &["api", "v1", "trust"]).json().await
    }
}
