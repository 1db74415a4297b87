//! `/api/v1/jobs`, and what is accepted as one.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::Other;
use crate::call::Call;
use crate::connect::Client;
use crate::error::Error;
use crate::page::{List, Listed};

const PATH: &[&str] = &["api", "v1", "jobs"];

/// Long work that the server accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// `<service>-<uuid>`.
    pub id: String,
    /// The service that does it.
    pub service: String,
    /// What is done, such as `certificates.revoke`.
    pub kind: String,
    /// `queued`, `running`, `done`, `canceled` or `failed`.
    pub state: String,
    /// Who asked.
    pub requester: String,
    /// When it was accepted.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it was begun.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub started_at: Option<OffsetDateTime>,
    /// When it ended.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub ended_at: Option<OffsetDateTime>,
    /// When it was asked to end before it is done.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub cancel_requested_at: Option<OffsetDateTime>,
    /// Who asked that.
    #[serde(default)]
    pub canceled_by: Option<String>,
    /// Items; `None` while they are being found.
    pub total: Option<u64>,
    /// Items that were not looked at yet.
    pub pending: u64,
    /// Items that were done.
    pub done: u64,
    /// Items where there was nothing to do.
    pub skipped: u64,
    /// Items that could not be done.
    pub failed: u64,
    /// Why the whole job failed.
    #[serde(default)]
    pub failure: Option<String>,
    /// What the caller may do with it now: `cancel`; `None` where the server does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_actions: Option<Vec<String>>,
    /// What a later server tells beside.
    #[serde(flatten)]
    pub other: Other,
}

impl Job {
    /// Whether nothing of it is done any more.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended_at.is_some()
    }
}

impl Listed for Job {
    const SORTS: &'static [&'static str] = &["-created_at", "created_at"];
}

/// What became of one object of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobItem {
    /// Such as a serial number.
    pub object: String,
    /// `pending`, `done`, `skipped` or `failed`.
    pub state: String,
    /// Why it failed or was skipped, or what is to be said beside that it is done.
    #[serde(default)]
    pub detail: Option<String>,
    /// When it was looked at.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub done_at: Option<OffsetDateTime>,
    /// What a later server tells beside.
    #[serde(flatten)]
    pub other: Other,
}

impl Listed for JobItem {
    const SORTS: &'static [&'static str] = &["position", "-position"];
}

/// Operations on jobs.
#[derive(Clone, Copy, Debug)]
pub struct Jobs<'a>(pub(crate) &'a Client);

impl<'a> Jobs<'a> {
    /// All of them, newest first.
    pub fn list(&self) -> List<'a, Job> {
        List::new(self.0, PATH, Vec::new())
    }

    /// The one of that id.
    ///
    /// # Errors
    /// [`Error::Problem`] with status 404 when there is none, and those of every request.
    pub async fn get(&self, id: &str) -> Result<Job, Error> {
        Call::get(self.0, &["api", "v1", "jobs", id]).json().await
    }

    /// What became of the objects of the one of that id, as they were given; only those of one state if given. Without such a
    /// job the answer is [`Error::Problem`] with status 404.
    pub fn items(&self, id: &str, state: Option<&str>) -> List<'a, JobItem> {
        let state = state.map(|state| ("state", state.to_owned()));
        List::new(
            self.0,
            &["api", "v1", "jobs", id, "items"],
            state.into_iter().collect(),
        )
    }

    /// Ends it before its end. What it did stays done.
    ///
    /// # Errors
    /// [`Error::Problem`] with status 409 when it has ended, and those of every request.
    pub async fn cancel(&self, id: &str) -> Result<Job, Error> {
        Call::act(
            self.0,
            &["api", "v1", "jobs", id, "cancel"],
            &serde_json::Map::new(),
        )?
        .json()
        .await
    }
}
