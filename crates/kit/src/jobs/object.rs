//! The job object of the REST surface.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use store::jobs::{Job, Progress};
use store::{Damage, StoreError};
use uuid::Uuid;

use super::Jobs;
use crate::clock::rfc3339;
use crate::openapi::{JobState, ServiceName};

/// Characters of a UUID as text.
const UUID: usize = 36;

/// `<service>-<uuid>`: the service that a job belongs to can be read off, also by an ingress that routes by prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobId {
    /// Name of the service.
    pub service: String,
    /// Unique in the service.
    pub job: Uuid,
}

/// A text that is not the id of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnId;

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.service, self.job)
    }
}

impl FromStr for JobId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let at = text.len().checked_sub(UUID + 1).ok_or(NotAnId)?;
        let (service, job) = text.split_at_checked(at).ok_or(NotAnId)?;
        let job = job.strip_prefix('-').ok_or(NotAnId)?;
        let canonical = !job.contains(|character: char| character.is_ascii_uppercase());
        let job = Uuid::try_parse(job).ok().filter(|_| canonical);
        Ok(Self {
            service: service.to_owned(),
            job: job.ok_or(NotAnId)?,
        })
    }
}

/// Long work that was accepted.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Job)]
pub struct JobObject {
    /// `<service>-<uuid>`.
    #[schema(example = "ca-0198f3a2-6b1e-7c4d-9a55-2f60c1d7e8b9")]
    pub id: String,
    /// The service that does it.
    #[schema(value_type = ServiceName)]
    pub service: String,
    /// What is done.
    #[schema(example = "certificates.revoke")]
    pub kind: String,
    /// `queued`, `running`, `done`, `canceled` or `failed`. A job is `done` when every item was looked at, also where some
    /// of them failed.
    #[schema(value_type = JobState)]
    pub state: &'static str,
    /// Who asked.
    pub requester: String,
    /// RFC 3339, UTC.
    pub created_at: String,
    /// RFC 3339, UTC; null while it is queued.
    pub started_at: Option<String>,
    /// RFC 3339, UTC; null until it has ended.
    pub ended_at: Option<String>,
    /// When it was asked to end: RFC 3339, UTC.
    pub cancel_requested_at: Option<String>,
    /// Who asked it to end.
    pub canceled_by: Option<String>,
    /// Items; null while they are being found.
    pub total: Option<u64>,
    /// Items that were not looked at yet.
    pub pending: u64,
    /// Items that were done.
    pub done: u64,
    /// Items where there was nothing to do.
    pub skipped: u64,
    /// Items that could not be done; `GET /api/v1/jobs/{id}/items?state=failed` says why.
    pub failed: u64,
    /// Why the whole job failed.
    pub failure: Option<String>,
    /// What the caller may do with it: `cancel`.
    pub allowed_actions: Vec<JobAction>,
}

/// A verb of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum JobAction {
    /// End it before its end.
    Cancel,
}

impl Jobs {
    /// What became of a job's items so far.
    pub(super) async fn progress_of(&self, job: &Job) -> Result<Progress, StoreError> {
        match job.counts {
            Some(counts) => Ok(counts),
            None => store::jobs::progress(&self.db, job.id).await,
        }
    }

    /// A job whose row cannot be read is shown as one that failed, with what can be read of it.
    pub(super) async fn object(&self, job: Job, may_cancel: bool) -> Result<JobObject, StoreError> {
        let progress = self.progress_of(&job).await?;
        self.report_damage(job.id, &job.damage, "");
        let can_end = may_cancel && job.ended.is_none() && job.cancel_asked.is_none();
        Ok(JobObject {
            id: self.id(job.id).to_string(),
            service: self.service().to_owned(),
            state: job.state.as_str(),
            created_at: rfc3339(job.created),
            started_at: job.started.map(rfc3339),
            ended_at: job.ended.map(rfc3339),
            cancel_requested_at: job.cancel_asked.map(rfc3339),
            canceled_by: job.canceled_by,
            total: (job.collected || job.ended.is_some()).then_some(progress.total()),
            pending: progress.pending,
            done: progress.done,
            skipped: progress.skipped,
            failed: progress.failed,
            failure: unreadable(&job.damage).or(job.failure),
            allowed_actions: can_end.then_some(JobAction::Cancel).into_iter().collect(),
            kind: job.kind,
            requester: job.requester,
        })
    }
}

/// Says what cannot be read of a row, if there is anything.
pub(super) fn unreadable(damage: &Damage) -> Option<String> {
    (!damage.is_none()).then(|| format!("what the database holds of it cannot be read: {damage}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_back_and_nothing_else_is_one() {
        let text = "ca-0198f3a2-6b1e-7c4d-9a55-2f60c1d7e8b9";
        let id: JobId = text.parse().unwrap();
        assert_eq!((id.service.as_str(), id.to_string().as_str()), ("ca", text));
        for bad in [
            "",
            "ca",
            "ca-",
            "0198f3a2-6b1e-7c4d-9a55-2f60c1d7e8b9",
            "ca0198f3a2-6b1e-7c4d-9a55-2f60c1d7e8b9",
            "ca-0198F3A2-6b1e-7c4d-9a55-2f60c1d7e8b9",
            "ca-0198f3a26b1e7c4d9a552f60c1d7e8b9",
            "äääääääääääääääääääääääääääääääääääääää",
        ] {
            assert_eq!(bad.parse::<JobId>(), Err(NotAnId), "{bad}");
        }
    }
}
