//! `/api/v1/doctor/runs`: what the services of this process find wrong in their own state.
//!
//! A run is made while its request waits, and the last few are kept in memory: a report is of use for minutes, and another
//! process would find something else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use axum::response::Response;
use futures::future::join_all;
use kit::auth::{Allow, Authenticator, permission};
use kit::clock::{SharedClock, rfc3339};
use kit::http::{Json, NoMembers, NoParameters, Path, Query, located};
use kit::openapi::one_of;
use kit::peer::PROCESS;
use kit::problem::Problem;
use kit::service::{DoctorCheck, Verdict};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use vocabulary::ProblemType;

use super::identities::{self, Identities};
use super::identity_directory;
use super::services::{Environment, Services};

/// Reports that are kept: those of a day at one per hour. One of whoever has most makes room for another.
const KEPT: usize = 24;

/// What the handlers ask for.
#[derive(Clone, FromRef)]
pub(crate) struct Doctor {
    authenticator: Arc<dyn Authenticator>,
    clock: SharedClock,
    checks: Arc<Vec<(&'static str, DoctorCheck)>>,
    reports: Arc<Mutex<RecentReports>>,
}

/// The last reports with who asked for each, the newest last.
#[derive(Default)]
struct RecentReports(Vec<(Arc<str>, Report)>);

/// What the services of the process that answered found.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = DoctorRun)]
struct Report {
    /// Names the run: a UUID.
    id: String,
    /// When it began: RFC 3339, UTC.
    started_at: String,
    /// Whether no check failed.
    healthy: bool,
    /// By service, as the service has them.
    checks: Vec<Checked>,
}

/// One check of a service.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = DoctorCheck)]
struct Checked {
    #[schema(value_type = CheckedService)]
    service: &'static str,
    #[schema(example = "CA keys")]
    check: &'static str,
    result: Verdict,
    /// What was found.
    #[schema(example = "keymgr has the keys of all 2 CAs")]
    detail: String,
    /// What to do; absent where nothing has to be done.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    fix: String,
}

kit::words! {
    /// Whose check it is: a service, or `process` for what is of no service.
    CheckedService = one_of(vocabulary::service::ALL.iter().chain([&PROCESS]));
}

impl Doctor {
    pub(crate) fn of(
        services: &mut Services,
        environment: &Environment<'_>,
        identities: &Identities,
    ) -> anyhow::Result<Self> {
        let mut checks = services.doctor();
        let own = identity_directory::doctor(environment);
        checks.extend(own.map(|check| (PROCESS, check)));
        checks.push((PROCESS, identities::doctor(identities)));
        Ok(Self {
            authenticator: services.authenticator(environment)?,
            clock: Arc::clone(&environment.clock),
            checks: Arc::new(checks),
            reports: Arc::default(),
        })
    }

    async fn examine(&self) -> Report {
        let now = self.clock.now();
        let looks = self.checks.iter().map(async |(service, check)| {
            let found = check.look().await;
            Checked {
                service,
                check: check.name,
                result: found.verdict,
                detail: found.detail,
                fix: found.fix,
            }
        });
        let checks = join_all(looks).await;
        Report {
            id: store::id::new_id(now).to_string(),
            started_at: rfc3339(now),
            healthy: checks.iter().all(|checked| checked.result != Verdict::Failed),
            checks,
        }
    }

    fn reports(&self) -> MutexGuard<'_, RecentReports> {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RecentReports {
    /// Whoever starts many runs pushes out their own, and not those of others.
    fn add(&mut self, caller: &str, report: Report) {
        if self.0.len() >= KEPT {
            let mut runs: HashMap<&str, usize> = HashMap::new();
            for (of, _) in &self.0 {
                *runs.entry(of).or_default() += 1;
            }
            let most = runs.values().copied().max();
            let of_most = |(of, _): &(Arc<str>, Report)| runs.get(of.as_ref()).copied() == most;
            if let Some(oldest) = self.0.iter().position(of_most) {
                self.0.remove(oldest);
            }
        }
        self.0.push((Arc::from(caller), report));
    }

    fn find(&self, id: &str) -> Option<Report> {
        let found = self.0.iter().find(|(_, report)| report.id == id);
        found.map(|(_, report)| report.clone())
    }
}

pub(crate) fn router(doctor: Doctor) -> OpenApiRouter {
    routes().with_state(doctor)
}

pub(crate) fn openapi() -> utoipa::openapi::OpenApi {
    routes().into_openapi()
}

fn routes() -> OpenApiRouter<Doctor> {
    OpenApiRouter::new().routes(routes!(run)).routes(routes!(get))
}

/// Asks the services of the process that answers what is wrong, and how to fix it.
///
/// It changes nothing. Checks that take longer than five seconds count as failed.
#[utoipa::path(
    post, path = "/api/v1/doctor/runs", tag = "status", request_body = NoMembers,
    responses((status = 201, body = Report)),
    extensions(("x-permission" = json!("status:read")))
)]
async fn run(
    State(doctor): State<Doctor>,
    Allow(caller, _): Allow<permission::StatusRead>,
    Json(NoMembers {}): Json<NoMembers>,
) -> Result<Response, Problem> {
    let report = doctor.examine().await;
    doctor.reports().add(&caller.subject, report.clone());
    let path = format!("/api/v1/doctor/runs/{}", report.id);
    located(StatusCode::CREATED, &path, Json(report))
}

/// Shows what an earlier run found.
///
/// Each process keeps 24 runs, until it ends; for another one it forgets the oldest of the caller who has most.
#[utoipa::path(
    get, path = "/api/v1/doctor/runs/{id}", tag = "status", params(("id" = String, Path)),
    responses(
        (status = 200, body = Report),
    ),
    extensions(("x-permission" = json!("status:read")))
)]
async fn get(
    State(doctor): State<Doctor>,
    _: Allow<permission::StatusRead>,
    Path(id): Path<String>,
    _: Query<NoParameters>,
) -> Result<Json<Report>, Problem> {
    let missing = || {
        let detail = format!("this process keeps no run {id}: start another by POST /api/v1/doctor/runs");
        Problem::new(ProblemType::NotFound, detail)
    };
    doctor.reports().find(&id).map(Json).ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_starts_many_runs_pushes_out_none_of_others() {
        let mut kept = RecentReports::default();
        let report = |id: String| Report {
            id,
            started_at: String::new(),
            healthy: true,
            checks: Vec::new(),
        };
        for number in 0..3 {
            kept.add("one", report(format!("one-{number}")));
        }
        for number in 0..100 {
            kept.add("other", report(format!("other-{number}")));
        }
        for number in 0..3 {
            assert!(kept.find(&format!("one-{number}")).is_some(), "{number}");
        }
        assert_eq!(kept.0.len(), KEPT);
        assert!(kept.find("other-99").is_some() && kept.find("other-78").is_none());
        kept.add("one", report("one-3".to_owned()));
        assert!(kept.find("one-3").is_some() && kept.find("other-79").is_none());
    }
}
