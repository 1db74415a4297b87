//! `/api/v1/api-keys`.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};
use time::OffsetDateTime;

use super::Other;
use crate::call::Call;
use crate::connect::Client;
use crate::error::Error;
use crate::page::{List, Listed};

const PATH: &[&str] = &["api", "v1", "api-keys"];

/// An API key; its text is not in lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Names it in lists, logs and events.
    pub prefix: String,
    /// For people.
    pub name: String,
    /// Names of roles.
    pub roles: Vec<String>,
    /// `active`, `expired` or `revoked`.
    pub status: String,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// Who made it.
    pub created_by: String,
    /// From when on it is void.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub expires_at: Option<OffsetDateTime>,
    /// Patterns of the names that it may have certified; all if empty.
    #[serde(default)]
    pub allowed_names: Vec<String>,
    /// When it was last used, to the minute.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub last_used_at: Option<OffsetDateTime>,
    /// When it was taken back.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub revoked_at: Option<OffsetDateTime>,
    /// Who took it back.
    #[serde(default)]
    pub revoked_by: Option<String>,
    /// What the caller may do with it now: `revoke`; `None` where the server does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_actions: Option<Vec<String>>,
    /// What a later server tells beside.
    #[serde(flatten)]
    pub other: Other,
}

impl Listed for ApiKey {
    const SORTS: &'static [&'static str] = &["-created_at", "created_at"];
}

/// A new API key with its text, which cannot be had again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CreatedApiKey {
    /// What is kept.
    #[serde(flatten)]
    pub key: ApiKey,
    /// The key itself. Serializing shows it; `Debug` does not.
    #[serde(serialize_with = "exposed")]
    pub token: SecretString,
}

fn exposed<S: Serializer>(token: &SecretString, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(token.expose_secret())
}

/// The API key to make.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NewApiKey {
    /// For people.
    pub name: String,
    /// Names of roles.
    pub roles: Vec<String>,
    /// A span such as `90d`; absent, it is good until it is revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validity: Option<String>,
    /// Patterns of the names that it may have certified, such as `dns:*.dev.example.test`; all that the caller may if
    /// empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_names: Vec<String>,
}

/// What a revocation did to the keys that the key made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokedKeys {
    /// Revoked with it.
    #[serde(default)]
    pub revoked: Vec<ApiKey>,
    /// Still good.
    #[serde(default)]
    pub remaining: Vec<ApiKey>,
    /// Those, and the key itself, of which the server's database holds something that cannot be read.
    #[serde(default)]
    pub damaged: Vec<DamagedApiKey>,
    /// What a later server tells beside.
    #[serde(flatten)]
    pub other: Other,
}

/// An API key of which the server's database holds something that cannot be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DamagedApiKey {
    /// `None` if it cannot be read: then the keys that it made cannot be found.
    #[serde(default)]
    pub prefix: Option<String>,
    /// `active` or `revoked`: what it is once it is restored.
    #[serde(default)]
    pub status: String,
    /// The columns that cannot be read.
    #[serde(default)]
    pub damage: Vec<String>,
    /// What a later server tells beside.
    #[serde(flatten)]
    pub other: Other,
}

/// Operations on API keys.
#[derive(Clone, Copy, Debug)]
pub struct ApiKeys<'a>(pub(crate) &'a Client);

impl<'a> ApiKeys<'a> {
    /// All of them, newest first.
    pub fn list(&self) -> List<'a, ApiKey> {
        List::new(self.0, PATH, Vec::new())
    }

    /// The one with this prefix.
    ///
    /// # Errors
    /// [`Error::Problem`] with status 404 when there is none, and those of every request.
    pub async fn get(&self, prefix: &str) -> Result<ApiKey, Error> {
        Call::get(self.0, &["api", "v1", "api-keys", prefix]).json().await
    }

    /// Makes an API key.
    ///
    /// # Errors
    /// [`Error::Problem`] with status 403 when a role may do more than the caller, and those of every request.
    pub async fn create(&self, new: &NewApiKey) -> Result<CreatedApiKey, Error> {
        Call::create(self.0, PATH, new)?.json().await
    }

    /// Revokes the one with this prefix, and those that it made if `descendants` says so.
    ///
    /// # Errors
    /// [`Error::Problem`] with status 404 when there is none and 409 when no key could make others without it, and
    /// those of every request.
    pub async fn revoke(&self, prefix: &str, descendants: bool) -> Result<RevokedKeys, Error> {
        let mut query = Vec::new();
        if descendants {
            query.push(("descendants", "true".to_owned()));
        }
        let call = Call::delete(self.0, &["api", "v1", "api-keys", prefix]).query(&query);
        Ok(call.json_if_any().await?.unwrap_or_default())
    }
}
