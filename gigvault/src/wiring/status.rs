//! `/api/v1/status`: what this process is and whether it can do its work, for those who may know.

use std::sync::Arc;

use axum::extract::{FromRef, State};
use kit::auth::{Allow, Authenticator, permission};
use kit::clock::SharedClock;
use kit::health::{Health, Readiness};
use kit::http::{Json, NoParameters, Query};
use kit::openapi::{ServiceName, one_of};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::services::{Environment, Services};

/// What the handler asks for.
#[derive(Clone, FromRef)]
pub(crate) struct Status {
    authenticator: Arc<dyn Authenticator>,
    health: Health,
    services: Vec<&'static str>,
    clock: SharedClock,
}

/// The state of the process that answers.
#[derive(Serialize, ToSchema)]
#[schema(as = Status)]
struct Report {
    /// Version of GigVault.
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// `ready`, `not-ready` or `stopping`.
    #[schema(value_type = ReadinessStatus)]
    status: &'static str,
    /// Services that run in this process.
    #[schema(value_type = Vec<ServiceName>, example = json!(["ca", "keymgr", "auth"]))]
    services: Vec<&'static str>,
    /// What must answer for it to be ready; empty while it stops.
    checks: Vec<Check>,
    /// How far the process's clock is shifted by GIGVAULT_CLOCK_OFFSET, in seconds: 0 but in tests.
    #[schema(example = 0)]
    clock_offset_seconds: i64,
}

/// A database or a service that this process needs.
#[derive(Serialize, ToSchema)]
struct Check {
    #[schema(example = "keymgr")]
    name: String,
    /// `ok`, or `failing`: its reason is in the log.
    result: CheckResult,
}

/// Whether a dependency answers.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum CheckResult {
    Ok,
    Failing,
}

kit::words! {
    /// Whether the process can do its work.
    ReadinessStatus = one_of(Readiness::STATUSES);
}

impl Status {
    pub(crate) fn of(
        services: &mut Services,
        environment: &Environment<'_>,
        health: &Health,
    ) -> anyhow::Result<Self> {
        let authenticator = services.authenticator(environment)?;
        Ok(Self {
            authenticator,
            health: health.clone(),
            services: services.names(),
            clock: Arc::clone(&environment.clock),
        })
    }
}

pub(crate) fn router(status: Status) -> OpenApiRouter {
    routes().with_state(status)
}

pub(crate) fn openapi() -> utoipa::openapi::OpenApi {
    routes().into_openapi()
}

fn routes() -> OpenApiRouter<Status> {
    let routes = OpenApiRouter::new().routes(routes!(status));
    kit::openapi::tagged("status", "The process that answers.", routes)
}

/// Shows version, services and readiness of the process that answers.
///
/// It answers 200 also when the process is not ready; `/readyz` is for load balancers.
#[utoipa::path(
    get, path = "/api/v1/status", tag = "status",
    responses((status = 200, body = Report)),
    extensions(("x-permission" = json!("status:read")))
)]
async fn status(
    State(rest): State<Status>,
    _: Allow<permission::StatusRead>,
    _: Query<NoParameters>,
) -> Json<Report> {
    let readiness = rest.health.readiness().await;
    let check = |(name, answers)| Check {
        name,
        result: if answers {
            CheckResult::Ok
        } else {
            CheckResult::Failing
        },
    };
    Json(Report {
        version: env!("CARGO_PKG_VERSION"),
        status: readiness.status,
        services: rest.services,
        checks: readiness.checks.into_iter().map(check).collect(),
        clock_offset_seconds: rest.clock.offset().whole_seconds(),
    })
}
