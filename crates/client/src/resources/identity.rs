//! `/api/v1/whoami` and `/api/v1/roles`.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::Other;
use crate::call::Call;
use crate::connect::Client;
use crate::error::Error;
use crate::page::Page;

/// The owner of the credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Stable name, such as `apikey:7f3a2b1c`.
    pub subject: String,
    /// Names of roles.
    pub roles: Vec<String>,
    /// `resource:verb`, all roles' together.
    pub permissions: Vec<String>,
    /// When the credential becomes void.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub expires_at: Option<OffsetDateTime>,
    /// Patterns of the names that it may have certified; all if empty.
    #[serde(default)]
    pub allowed_names: Vec<String>,
    /// What a later server tells beside.
    #[serde(flatten)]
    pub other: Other,
}

/// A role and what it may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// `resource:verb`.
    pub permissions: Vec<String>,
    /// What a later server tells beside.
    #[serde(flatten)]
    pub other: Other,
}

impl Client {
    /// Whose the credential is.
    ///
    /// # Errors
    /// [`Error::Problem`] with status 401 when it is unknown, and those of every request.
    pub async fn whoami(&self) -> Result<Identity, Error> {
        Call::get(self, &["api", "v1", "whoami"]).json().await
    }

    /// All roles.
    ///
    /// # Errors
    /// Those of every request.
    pub async fn roles(&self) -> Result<Page<Role>, Error> {
        Call::get(self, &["api", "v1", "roles"]).json().await
    }
}
