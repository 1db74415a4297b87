//! `/api/v1/keys`.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::Other;
use crate::call::Call;
use crate::connect::Client;
use crate::error::Error;
use crate::page::{List, Listed};

const PATH: &[&str] = &["api", "v1", "keys"];

/// A key held by the key manager; its private half is never shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// Unique.
    pub name: String,
    /// `p256`, `p384`, `p521`, `rsa2048`, `rsa3072`, `rsa4096` or `ed25519`.
    pub algorithm: String,
    /// What it signs: `certificate-authority` or `ocsp-signer`.
    pub purpose: String,
    /// Where the private half lives.
    pub backend: String,
    /// PEM SubjectPublicKeyInfo.
    pub public_key: String,
    /// SHA-256 of the DER SubjectPublicKeyInfo, lower-case hex.
    pub spki_sha256: String,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// What it signed so far; in the answer about one key only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<Signatures>,
    /// What a later server tells beside.
    #[serde(flatten)]
    pub other: Other,
}

impl Listed for Key {
    const SORTS: &'static [&'static str] = &["name", "-name"];
}

/// How often a key signed one kind of structure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signatures {
    /// `certificate`, `crl`, `certificate-request` or `ocsp-response`.
    pub structure: String,
    /// How many.
    pub count: i64,
    /// When the last one was counted.
    #[serde(with = "time::serde::rfc3339")]
    pub last_at: OffsetDateTime,
    /// What a later server tells beside.
    #[serde(flatten)]
    pub other: Other,
}

/// The key to make.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NewKey {
    /// No other key has it.
    pub name: String,
    /// As [`Key::algorithm`].
    pub algorithm: String,
    /// As [`Key::purpose`].
    pub purpose: String,
}

/// Operations on keys of the key manager.
#[derive(Clone, Copy, Debug)]
pub struct Keys<'a>(pub(crate) &'a Client);

impl<'a> Keys<'a> {
    /// All of them, by name.
    pub fn list(&self) -> List<'a, Key> {
        List::new(self.0, PATH, Vec::new())
    }

    /// The one of that name.
    ///
    /// # Errors
    /// [`Error::Problem`] with status 404 when there is none, and those of every request.
    pub async fn get(&self, name: &str) -> Result<Key, Error> {
        Call::get(self.0, &["api", "v1", "keys", name]).json().await
    }

    /// Makes a key.
    ///
    /// # Errors
    /// [`Error::Problem`] with status 409 when the name is taken, and those of every request.
    pub async fn generate(&self, new: &NewKey) -> Result<Key, Error> {
        Call::create(self.0, PATH, new)?.json().await
    }
}
