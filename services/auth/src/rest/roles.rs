//! `/api/v1/roles`.

use kit::auth::{Allow, permission, roles};
use kit::http::Query;
use kit::problem::Problem;
use serde::Serialize;
use store::page::Page;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Rest;
use super::api_keys::Paging;
use crate::error::Error;

pub(super) fn routes() -> OpenApiRouter<Rest> {
    OpenApiRouter::new().routes(routes!(list))
}

/// A role.
#[derive(Serialize, ToSchema)]
struct Role {
    #[schema(example = "auditor")]
    name: &'static str,
    /// `resource:verb`.
    #[schema(example = json!(["certificates:read"]))]
    permissions: Vec<&'static str>,
}

/// One page of the roles.
#[derive(Serialize, ToSchema)]
struct RoleList {
    items: Vec<Role>,
    /// Null on the last page.
    next_cursor: Option<String>,
}

/// Lists the roles by name and what each may do.
#[utoipa::path(
    get, path = "/api/v1/roles", tag = "identity", params(Paging),
    responses(
        (status = 200, body = RoleList),
        (status = 400, body = Problem, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])), extensions(("x-permission" = json!("roles:read")))
)]
async fn list(
    _: Allow<permission::RolesRead>,
    Query(paging): Query<Paging>,
) -> Result<axum::Json<RoleList>, Problem> {
    let permissions = |name| roles::permissions_of(name).unwrap_or_default().to_vec();
    let mut names = roles::NAMES;
    names.sort_unstable();
    let page = Page::of_all(
        names,
        paging.limit()?,
        paging.cursor.as_deref(),
        "roles by name",
        |name| (*name).to_owned(),
    );
    let page = page.map_err(|error| Error::invalid("cursor", error))?;
    let page = page.map(|name| Role {
        name,
        permissions: permissions(name),
    });
    Ok(axum::Json(RoleList {
        items: page.items,
        next_cursor: page.next_cursor,
    }))
}
