//! `/api/v1/profiles`.

use std::sync::Arc;

use axum::extract::State;
use kit::auth::{Allow, permission};
use kit::http::{NoParameters, Path, Query};
use kit::problem::Problem;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Rest;
use super::paging::Paging;
use crate::app::App;
use crate::error::Error;

pub(super) fn routes() -> OpenApiRouter<Rest> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get))
}

/// One page of the profiles.
#[derive(Serialize, ToSchema)]
struct ProfileList {
    /// Each as in section `ca.profiles` of the configuration.
    #[schema(value_type = Vec<Object>)]
    items: Vec<Arc<rules::Profile>>,
    /// Null on the last page.
    next_cursor: Option<String>,
}

/// Lists the profiles by name.
#[utoipa::path(
    get, path = "/api/v1/profiles", tag = "profiles", params(Paging),
    responses(
        (status = 200, body = ProfileList),
        (status = 400, body = Problem, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])), extensions(("x-permission" = json!("profiles:read")))
)]
async fn list(
    State(app): State<App>,
    _: Allow<permission::ProfilesRead>,
    Query(paging): Query<Paging>,
) -> Result<axum::Json<ProfileList>, Problem> {
    let all = app.profiles.iter().cloned();
    let page = paging.of("profiles by name", all, |profile| profile.name.clone())?;
    Ok(axum::Json(ProfileList {
        items: page.items,
        next_cursor: page.next_cursor,
    }))
}

/// One profile by name.
#[utoipa::path(
    get, path = "/api/v1/profiles/{name}", tag = "profiles", params(("name" = String, Path)),
    responses(
        (status = 200, body = Object, description = "as in section `ca.profiles` of the configuration"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])), extensions(("x-permission" = json!("profiles:read")))
)]
async fn get(
    State(app): State<App>,
    _: Allow<permission::ProfilesRead>,
    Path(name): Path<String>,
    _: Query<NoParameters>,
) -> Result<axum::Json<Arc<rules::Profile>>, Problem> {
    let profile = app
        .profiles
        .named(&name)
        .ok_or_else(|| Error::not_found("profile", name))?;
    Ok(axum::Json(Arc::clone(profile)))
}
