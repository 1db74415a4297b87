//! `/api/v1/roles`.

use axum::response::Response;
use kit::auth::{Allow, permission, roles};
use kit::http::{List, NoParameters, Page, Paging, Row};
use kit::openapi::{PermissionName, RoleName};
use kit::page::{Ask, Sort};
use kit::problem::Problem;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Rest;

pub(super) fn routes() -> OpenApiRouter<Rest> {
    OpenApiRouter::new().routes(routes!(list))
}

/// A role.
#[derive(Serialize, ToSchema)]
struct Role {
    #[schema(value_type = RoleName)]
    name: &'static str,
    /// `resource:verb`.
    #[schema(value_type = Vec<PermissionName>, example = json!(["certificates:read"]))]
    permissions: Vec<&'static str>,
}

impl Row for Role {
    const COLUMNS: &'static [&'static str] = &["name", "permissions"];
}

/// The roles, by name.
struct Roles;

impl List for Roles {
    const NAME: &'static str = "roles";
    const SORTS: &'static [&'static str] = &["name", "-name"];
    type Filters = NoParameters;
}

/// Lists the roles by name and what each may do.
#[utoipa::path(
    get, path = "/api/v1/roles", tag = "identity", params(Paging<Roles>),
    responses(
        (status = 200, content((Page<Role> = "application/json"), (String = "text/csv"))),
    ),
    extensions(("x-permission" = json!("roles:read")))
)]
async fn list(
    _: Allow<permission::RolesRead>,
    Paging { pages, .. }: Paging<Roles>,
) -> Result<Response, Problem> {
    let role = |name| Role {
        name,
        permissions: roles::permissions_of(name).unwrap_or_default().to_vec(),
    };
    let page = move |ask: Ask| async move {
        let page = ask.of_all(roles::NAMES, Sort::of("name"), |name| (*name).to_owned())?;
        Ok(page.map(role))
    };
    pages.answer(page).await
}
