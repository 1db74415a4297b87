//! `/api/v1/profiles`.

mod schema;

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use kit::auth::{Allow, permission};
use kit::http::{Json, List, NoParameters, Page, Paging, Path, Query, Row};
use kit::page::{Ask, Sort};
use kit::problem::Problem;
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Rest;
use crate::app::App;
use crate::error::Error;

pub(super) fn routes() -> OpenApiRouter<Rest> {
    let routes = OpenApiRouter::new().routes(routes!(list)).routes(routes!(get));
    kit::openapi::tagged(
        "profiles",
        "What certificates of a kind may contain, and for how long they are valid.",
        routes,
    )
}

/// A profile, as in section `ca.profiles` of the configuration.
#[derive(Serialize)]
#[serde(transparent)]
struct Profile(Arc<rules::Profile>);

impl Row for Profile {
    const COLUMNS: &'static [&'static str] = &[
        "name",
        "description",
        "certificate",
        "subject",
        "san",
        "keys",
        "default_validity",
        "max_validity",
        "backdate",
        "key_usage",
        "extended_key_usage",
        "policies",
        "revocation",
        "must_staple",
        "crl_in_ldap",
        "name_constraints",
        "allowed_names",
        "development",
    ];
}

/// The profiles, by name.
struct Profiles;

impl List for Profiles {
    const NAME: &'static str = "profiles";
    const SORTS: &'static [&'static str] = &["name", "-name"];
    type Filters = NoParameters;
}

/// Lists the profiles by name.
#[utoipa::path(
    get, path = "/api/v1/profiles", tag = "profiles", params(Paging<Profiles>),
    responses(
        (status = 200, content((Page<Profile> = "application/json"), (String = "text/csv"))),
    ),
    extensions(("x-permission" = json!("profiles:read")))
)]
async fn list(
    State(app): State<App>,
    _: Allow<permission::ProfilesRead>,
    Paging { pages, .. }: Paging<Profiles>,
) -> Result<Response, Problem> {
    let page = move |ask: Ask| {
        let all: Vec<_> = app.profiles.iter().cloned().collect();
        async move {
            let page = ask.of_all(all, Sort::of("name"), |profile| profile.name.clone())?;
            Ok(page.map(Profile))
        }
    };
    pages.answer(page).await
}

/// One profile by name.
#[utoipa::path(
    get, path = "/api/v1/profiles/{name}", tag = "profiles", params(("name" = String, Path)),
    responses(
        (status = 200, body = Profile, description = "as in section `ca.profiles` of the configuration"),
    ),
    extensions(("x-permission" = json!("profiles:read")))
)]
async fn get(
    State(app): State<App>,
    _: Allow<permission::ProfilesRead>,
    Path(name): Path<String>,
    _: Query<NoParameters>,
) -> Result<Json<Arc<rules::Profile>>, Problem> {
    let profile = app
        .profiles
        .named(&name)
        .ok_or_else(|| Error::not_found("profile", name))?;
    Ok(Json(Arc::clone(profile)))
}
