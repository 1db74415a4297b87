//! `?dry_run=true`: what a request would do. The server decides as it would, and does nothing.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::Other;
use super::api_keys::NewApiKey;
use super::certificates::revocation::RevokeMany;
use super::certificates::{Issue, Renew, Revoke, Selection};
use super::keys::NewKey;
use crate::call::Call;
use crate::connect::Client;
use crate::error::Error;

/// What a request would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// True: nothing was done.
    pub dry_run: bool,
    /// In the order in which they matter; empty if nothing would change.
    pub consequences: Vec<Consequence>,
    /// Sent as `Preview-Token` with the same request, it makes the server refuse what has changed since.
    pub preview_token: String,
    /// Until when the token is taken.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
    /// What a later server tells beside.
    #[serde(flatten)]
    pub other: Other,
}

/// One thing that a request would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consequence {
    /// The type of the event that it would cause, or `resource.what`.
    pub kind: String,
    /// `info`, `warning` or `danger`.
    pub severity: String,
    /// For people.
    pub text: String,
    /// How many objects it concerns.
    pub count: u64,
    /// Names or numbers of these, at most 100.
    pub objects: Vec<String>,
    /// What a later server tells beside.
    #[serde(flatten)]
    pub other: Other,
}

/// Dry runs of what acts.
#[derive(Clone, Copy, Debug)]
pub struct DryRun<'a>(pub(crate) &'a Client);

impl DryRun<'_> {
    /// Of [`Certificates::issue`](crate::Certificates::issue): policy and lint decide, nothing is signed.
    ///
    /// # Errors
    /// Those of the request itself.
    pub async fn issue(&self, issue: &Issue) -> Result<Preview, Error> {
        self.post(&["certificates"], issue).await
    }

    /// Of [`Certificates::renew`](crate::Certificates::renew).
    ///
    /// # Errors
    /// Those of the request itself.
    pub async fn renew(&self, serial: &str, renew: &Renew) -> Result<Preview, Error> {
        self.post(&["certificates", serial, "renew"], renew).await
    }

    /// Of [`Certificates::revoke`](crate::Certificates::revoke).
    ///
    /// # Errors
    /// Those of the request itself.
    pub async fn revoke(&self, serial: &str, revoke: &Revoke) -> Result<Preview, Error> {
        self.post(&["certificates", serial, "revoke"], revoke).await
    }

    /// Of [`Certificates::revoke_many`](crate::Certificates::revoke_many): how many, and some of them.
    ///
    /// # Errors
    /// Those of the request itself.
    pub async fn revoke_many(&self, selection: Selection<'_>, revoke: &Revoke) -> Result<Preview, Error> {
        let body = RevokeMany::new(selection, revoke)?;
        self.post(&["certificates", "revocations"], &body).await
    }

    /// Of [`Certificates::hold`](crate::Certificates::hold).
    ///
    /// # Errors
    /// Those of the request itself.
    pub async fn hold(&self, serial: &str) -> Result<Preview, Error> {
        self.post(&["certificates", serial, "hold"], &nothing()).await
    }

    /// Of [`Certificates::release`](crate::Certificates::release).
    ///
    /// # Errors
    /// Those of the request itself.
    pub async fn release(&self, serial: &str) -> Result<Preview, Error> {
        self.post(&["certificates", serial, "release"], &nothing()).await
    }

    /// Of [`Cas::suspend`](crate::Cas::suspend).
    ///
    /// # Errors
    /// Those of the request itself.
    pub async fn suspend(&self, ca: &str) -> Result<Preview, Error> {
        self.post(&["cas", ca, "suspend"], &nothing()).await
    }

    /// Of [`Cas::resume`](crate::Cas::resume).
    ///
    /// # Errors
    /// Those of the request itself.
    pub async fn resume(&self, ca: &str) -> Result<Preview, Error> {
        self.post(&["cas", ca, "resume"], &nothing()).await
    }

    /// Of [`Jobs::cancel`](crate::Jobs::cancel).
    ///
    /// # Errors
    /// Those of the request itself.
    pub async fn cancel_job(&self, id: &str) -> Result<Preview, Error> {
        self.post(&["jobs", id, "cancel"], &nothing()).await
    }

    /// Of [`Keys::generate`](crate::Keys::generate).
    ///
    /// # Errors
    /// Those of the request itself.
    pub async fn generate(&self, new: &NewKey) -> Result<Preview, Error> {
        self.post(&["keys"], new).await
    }

    /// Of [`ApiKeys::create`](crate::ApiKeys::create).
    ///
    /// # Errors
    /// Those of the request itself.
    pub async fn create_api_key(&self, new: &NewApiKey) -> Result<Preview, Error> {
        self.post(&["api-keys"], new).await
    }

    /// Of [`ApiKeys::revoke`](crate::ApiKeys::revoke).
    ///
    /// # Errors
    /// Those of the request itself.
    pub async fn revoke_api_key(&self, prefix: &str, descendants: bool) -> Result<Preview, Error> {
        let descendants = descendants.then(|| ("descendants", "true".to_owned()));
        Call::delete(self.0, &["api", "v1", "api-keys", prefix])
            .query(descendants.as_slice())
            .preview()
            .await
    }

    pub(crate) async fn post<B: Serialize>(&self, path: &[&str], body: &B) -> Result<Preview, Error> {
        let path = [&["api", "v1"], path].concat();
        Call::act(self.0, &path, body)?.preview().await
    }
}

fn nothing() -> serde_json::Map<String, serde_json::Value> {
    serde_json::Map::new()
}
