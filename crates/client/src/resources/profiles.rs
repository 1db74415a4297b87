//! `/api/v1/profiles`.

use serde::{Deserialize, Serialize};

use super::Other;
use crate::call::Call;
use crate::connect::Client;
use crate::error::Error;
use crate::page::{List, Listed};

/// Rules for one kind of certificate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// What requests call it.
    pub name: String,
    /// One sentence for people who choose.
    #[serde(default)]
    pub description: String,
    /// Kinds of keys that are certified.
    #[serde(default)]
    pub keys: Vec<String>,
    /// Lifetime when nothing is asked for, such as `90d`.
    pub default_validity: String,
    /// Longest lifetime.
    pub max_validity: String,
    /// RFC 5280 names in kebab case.
    #[serde(default)]
    pub key_usage: Vec<String>,
    /// RFC 5280 names in kebab case, or OIDs.
    #[serde(default)]
    pub extended_key_usage: Vec<String>,
    /// Which names are allowed and needed.
    #[serde(default)]
    pub san: SanRule,
    /// The rest, as the server's configuration has it.
    #[serde(flatten)]
    pub other: Other,
}

impl Listed for Profile {
    const SORTS: &'static [&'static str] = &["name", "-name"];
}

/// Which subject alternative names a profile takes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SanRule {
    /// Kinds that the certificate may have.
    #[serde(default)]
    pub allowed: Vec<String>,
    /// At least one name of one of these kinds must be there.
    #[serde(default)]
    pub required: Vec<String>,
    /// The rest.
    #[serde(flatten)]
    pub other: Other,
}

/// Operations on profiles.
#[derive(Clone, Copy, Debug)]
pub struct Profiles<'a>(pub(crate) &'a Client);

impl<'a> Profiles<'a> {
    /// All of them, by name.
    pub fn list(&self) -> List<'a, Profile> {
        List::new(self.0, &["api", "v1", "profiles"], Vec::new())
    }

    /// The one of that name.
    ///
    /// # Errors
    /// [`Error::Problem`] with status 404 when there is none, and those of every request.
    pub async fn get(&self, name: &str) -> Result<Profile, Error> {
        Call::get(self.0, &["api", "v1", "profiles", name]).json().await
    }
}
