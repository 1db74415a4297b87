//! The jobs, and the items of one, as lists.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use store::StoreError;
use store::jobs::{self, Item, ItemPlace, ItemState, Job, Slice};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{Error, Rest, find, may_cancel};
use crate::auth::{Allow, Caller, permission};
use crate::clock::rfc3339;
use crate::error::Invalid;
use crate::http::{List, NoParameters, Paging, Path, Row};
use crate::jobs::object::unreadable;
use crate::jobs::{JobObject, Jobs};
use crate::openapi::JobItemState;
use crate::page::{Ask, Page, Place, Sort};
use crate::problem::Problem;

pub(super) fn routes() -> OpenApiRouter<Rest> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(items))
}

/// The jobs, by age.
struct JobList;

impl List for JobList {
    const NAME: &'static str = "jobs";
    const SORTS: &'static [&'static str] = &["-created_at", "created_at"];
    type Filters = NoParameters;
}

impl Row for JobObject {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "service",
        "kind",
        "state",
        "requester",
        "created_at",
        "started_at",
        "ended_at",
        "cancel_requested_at",
        "canceled_by",
        "total",
        "pending",
        "done",
        "skipped",
        "failed",
        "failure",
        "allowed_actions",
    ];
}

/// The items of one job, in the order in which they are done.
struct JobItems;

impl List for JobItems {
    const NAME: &'static str = "items";
    const SORTS: &'static [&'static str] = &["position", "-position"];
    type Filters = ItemFilter;
}

/// Which items.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ItemFilter {
    /// `pending`, `done`, `skipped` or `failed`; all if absent.
    #[param(inline, value_type = Option<JobItemState>)]
    state: Option<String>,
}

impl ItemFilter {
    fn state(&self) -> Result<Option<ItemState>, Invalid> {
        let known = |text: &String| {
            let unknown = || Invalid::new("state", "takes pending, done, skipped or failed");
            ItemState::parse(text).ok_or_else(unknown)
        };
        self.state.as_ref().map(known).transpose()
    }
}

/// What became of one object of a job.
#[derive(Serialize, ToSchema)]
struct JobItem {
    /// Its place in the job, from 0. The largest number if it cannot be read: such items are behind the others, by object.
    position: i64,
    /// Such as a serial number.
    object: String,
    /// `pending`, `done`, `skipped` or `failed`.
    #[schema(value_type = JobItemState)]
    state: &'static str,
    /// Why it failed or was skipped, or what is to be said beside that it is done.
    detail: Option<String>,
    /// RFC 3339, UTC; null while it is pending.
    done_at: Option<String>,
}

impl From<Item> for JobItem {
    fn from(item: Item) -> Self {
        Self {
            position: item.position,
            object: item.object,
            state: item.state.as_str(),
            detail: unreadable(&item.damage).or(item.detail),
            done_at: item.done.map(rfc3339),
        }
    }
}

impl Row for JobItem {
    const COLUMNS: &'static [&'static str] = &["position", "object", "state", "detail", "done_at"];
}

/// Lists the jobs of the services in this process: those of the caller, or all with `jobs:read`.
#[utoipa::path(
    get, path = "/api/v1/jobs", tag = "jobs", params(Paging<JobList>),
    responses(
        (status = 200, content((Page<JobObject> = "application/json"), (String = "text/csv"))),
    ),
    extensions(("x-permission" = json!("jobs:read-own")))
)]
async fn list(
    State(all): State<Arc<[Jobs]>>,
    Allow(caller, _): Allow<permission::JobsReadOwn>,
    Paging { pages, .. }: Paging<JobList>,
) -> Result<Response, Problem> {
    let caller = Arc::new(caller);
    let page = move |ask: Ask| {
        let (all, caller) = (Arc::clone(&all), Arc::clone(&caller));
        async move { page_of_jobs(&all, &caller, &ask).await }
    };
    pages.answer(page).await
}

/// Each service has its own table: a page is made of the pages of all.
async fn page_of_jobs(all: &[Jobs], caller: &Caller, ask: &Ask) -> Result<Page<JobObject>, Problem> {
    let own = (!caller.may(permission::JOBS_READ)).then_some(caller.subject.as_str());
    let ask = &ask.clone().of_owner(own);
    let place: Place<Uuid> = ask.place(Sort::of("-created_at"))?;
    let slice = slice(&place, ask);
    let mut found: Vec<(&Jobs, Job)> = Vec::new();
    for jobs in all {
        let some = jobs::list(&jobs.db, own, &slice).await.map_err(Error::from)?;
        found.extend(some.into_iter().map(|job| (jobs, job)));
    }
    found.sort_by_key(|(_, job)| job.id);
    if place.reads_down() {
        found.reverse();
    }
    let count = async |most: i64| {
        let mut counted = 0;
        for jobs in all {
            counted += jobs::count(&jobs.db, own, most).await?;
        }
        Ok::<_, Error>(counted)
    };
    let count = ask.counting.count(count).await?;
    let page = place.page(found, |(_, job)| job.id).counted(count);
    let objects = page.try_map(|(jobs, job)| async move {
        let may_cancel = may_cancel(caller, &job);
        jobs.object(job, may_cancel).await.map_err(Error::from)
    });
    Ok(objects.await?)
}

/// Lists what became of each object of a job.
#[utoipa::path(
    get, path = "/api/v1/jobs/{id}/items", tag = "jobs",
    params(("id" = String, Path, description = "`<service>-<uuid>`"), Paging<JobItems>),
    responses(
        (status = 200, content((Page<JobItem> = "application/json"), (String = "text/csv"))),
    ),
    extensions(("x-permission" = json!("jobs:read-own")))
)]
async fn items(
    State(all): State<Arc<[Jobs]>>,
    Allow(caller, _): Allow<permission::JobsReadOwn>,
    Path(id): Path<String>,
    Paging { filters, pages }: Paging<JobItems>,
) -> Result<Response, Problem> {
    let state = filters.state()?;
    let (jobs, job) = find(&all, &caller, &id).await?;
    let (jobs, job) = (jobs.clone(), job.id);
    let page = move |ask: Ask| {
        let jobs = jobs.clone();
        async move { page_of_items(&jobs, job, state, &ask).await }
    };
    pages.answer(page).await
}

async fn page_of_items(
    jobs: &Jobs,
    job: Uuid,
    state: Option<ItemState>,
    ask: &Ask,
) -> Result<Page<JobItem>, Problem> {
    let place: Place<ItemPlace> = ask.place(Sort::of("position"))?;
    let found = jobs::items(&jobs.db, job, state, &slice(&place, ask))
        .await
        .map_err(Error::from)?;
    if let Some(item) = found.iter().find(|item| !item.damage.is_none()) {
        jobs.report_damage(job, &item.damage, " of an item");
    }
    let last = found
        .get(ask.limit.rows() - 1)
        .filter(|_| found.len() > ask.limit.rows());
    if last.is_some_and(|item| item.place().is_none()) {
        // Without a place there is no way on; a cursor would lead here again and again.
        let problem = "neither position nor object of an item of the job can be read";
        return Err(Error::from(StoreError::Corrupt(problem.to_owned())).into());
    }
    let count = async |most| jobs::count_items(&jobs.db, job, state, most).await;
    let count = ask.counting.count(count).await.map_err(Error::from)?;
    Ok(place
        .page(found, |item| {
            item.place().unwrap_or(ItemPlace::Position(item.position))
        })
        .counted(count)
        .map(JobItem::from))
}

/// The rows of a page and one more, which shows that the list goes on.
fn slice<K: Clone + Serialize>(place: &Place<K>, ask: &Ask) -> Slice<K> {
    Slice {
        behind: place.from.clone(),
        down: place.reads_down(),
        rows: ask.limit.fetch(),
    }
}
