//! `/api/v1/jobs`: the jobs of the services that run in this process.
//!
//! The process owns the path, because a list of jobs is one list whatever service does them. An id says by its first part
//! whose job it is, so that an ingress in front of a fleet sends `/api/v1/jobs/ca-…` to ca.

mod lists;

use std::sync::Arc;

use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use axum::response::Response;
use store::StoreError;
use store::jobs::{self, Job};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{JobId, JobObject, Jobs};
use crate::auth::{Allow, Authenticator, Caller, permission};
use crate::dry_run::{Answer, Refusal};
use crate::error::{Common, Fault, Invalid, Kind, Shown};
use crate::http::{Json, NoMembers, NoParameters, Path, Query, located};
use crate::problem::Problem;

/// What the handlers ask for.
#[derive(Clone, FromRef)]
struct Rest {
    jobs: Arc<[Jobs]>,
    authenticator: Arc<dyn Authenticator>,
}

/// The routes, for the jobs of these services.
pub fn routes(jobs: Vec<Jobs>, authenticator: Arc<dyn Authenticator>) -> OpenApiRouter {
    all().with_state(Rest {
        jobs: jobs.into(),
        authenticator,
    })
}

/// What they take and answer.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    all().into_openapi()
}

fn all() -> OpenApiRouter<Rest> {
    let routes = OpenApiRouter::new()
        .merge(lists::routes())
        .routes(routes!(get))
        .routes(routes!(cancel));
    crate::openapi::tagged(
        "jobs",
        "Long work of the services, and what became of it.",
        routes,
    )
}

/// The answer to the request of `caller` that was accepted as a job: 202 with its place.
///
/// # Errors
/// Those of the database.
pub async fn accepted(jobs: &Jobs, job: Uuid, caller: &Caller) -> Result<Response, Problem> {
    let found = jobs::as_stored(&jobs.db, job).await?.ok_or(Error::NotFound)?;
    let may_cancel = may_cancel(caller, &found);
    let object = jobs.object(found, may_cancel).await?;
    let path = format!("/api/v1/jobs/{}", object.id);
    located(StatusCode::ACCEPTED, &path, Json(object))
}

/// What can go wrong here.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// None of that id, or not the caller's.
    #[error("there is no such job, or it is not yours")]
    NotFound,
    /// No service of that name that has jobs runs here.
    #[error(
        "this process does no jobs of a service {0}; if there is one that has jobs, ask a process that runs it"
    )]
    Elsewhere(String),
    /// It has ended.
    #[error("the job has ended; what it did stays")]
    Ended,
    /// What goes wrong everywhere.
    #[error(transparent)]
    Common(#[from] Common),
}

crate::common_errors!(@from Error: Invalid, Refusal, StoreError,);

impl Fault for Error {
    fn shown(&self) -> Shown<'_> {
        match self {
            Self::NotFound | Self::Elsewhere(_) => Shown::of(Kind::NotFound),
            Self::Ended => Shown::of(Kind::Conflict),
            Self::Common(common) => common.shown(),
        }
    }
}

/// Whether the caller may end this job.
fn may_cancel(caller: &Caller, job: &Job) -> bool {
    caller.may(permission::JOBS_CANCEL)
        || (caller.may(permission::JOBS_CANCEL_OWN) && caller.subject == job.requester)
}

/// The job of that id that the caller may see.
async fn find<'a>(all: &'a [Jobs], caller: &Caller, id: &str) -> Result<(&'a Jobs, Job), Error> {
    let id: JobId = id.parse().map_err(|_| Error::NotFound)?;
    let here = all.iter().find(|jobs| jobs.service() == id.service);
    let jobs = here.ok_or(Error::Elsewhere(id.service))?;
    let found = jobs::as_stored(&jobs.db, id.job).await?;
    let mine = |job: &Job| caller.may(permission::JOBS_READ) || job.requester == caller.subject;
    Ok((jobs, found.filter(mine).ok_or(Error::NotFound)?))
}

/// One job and how far it is.
#[utoipa::path(
    get, path = "/api/v1/jobs/{id}", tag = "jobs",
    params(("id" = String, Path, description = "`<service>-<uuid>`")),
    responses(
        (status = 200, body = JobObject),
    ),
    extensions(("x-permission" = json!("jobs:read-own")))
)]
async fn get(
    State(all): State<Arc<[Jobs]>>,
    Allow(caller, _): Allow<permission::JobsReadOwn>,
    Path(id): Path<String>,
    _: Query<NoParameters>,
) -> Result<Json<JobObject>, Problem> {
    let (jobs, job) = find(&all, &caller, &id).await?;
    let may_cancel = may_cancel(&caller, &job);
    Ok(Json(jobs.object(job, may_cancel).await.map_err(Error::from)?))
}

/// Ends a job before its end. What it did stays done; no item is begun any more once this is answered.
#[utoipa::path(
    post, path = "/api/v1/jobs/{id}/cancel", tag = "jobs", request_body = NoMembers,
    params(("id" = String, Path, description = "`<service>-<uuid>`")),
    responses(
        (status = 200, description = "asked to end; its state is `canceled` soon", body = JobObject),
        (status = 409, description = "it has ended"),
    ),
    extensions(("x-permission" = json!("jobs:cancel-own")))
)]
async fn cancel(
    State(all): State<Arc<[Jobs]>>,
    Allow(caller, intent): Allow<permission::JobsCancelOwn>,
    Path(id): Path<String>,
    Json(NoMembers {}): Json<NoMembers>,
) -> Result<Answer<Json<JobObject>>, Problem> {
    let (jobs, job) = find(&all, &caller, &id).await?;
    if !may_cancel(&caller, &job) {
        return Err(Error::NotFound.into());
    }
    let canceled = jobs.cancel(job.id, &caller.subject, &intent).await?;
    let show = async |job| jobs.object(job, true).await.map(Json).map_err(Error::from);
    Ok(canceled.show(show).await?)
}
