//! `/api/v1/roles`.

use kit::auth::{Allow, permission, roles};
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
    #[schema(example = "auditor")]
    name: &'static str,
    /// `resource:verb`.
    #[schema(example = json!(["certificates:read"]))]
    permissions: Vec<&'static str>,
}

/// All roles; there are few, so that one page holds them.
#[derive(Serialize, ToSchema)]
struct RoleList {
    items: Vec<Role>,
    /// Always null.
    next_cursor: Option<String>,
}

/// Lists the roles and what each may do.
#[utoipa::path(
    get, path = "/api/v1/roles", tag = "identity", responses((status = 200, body = RoleList)),
    security(("bearer" = [])), extensions(("x-permission" = json!("roles:read")))
)]
async fn list(_: Allow<permission::RolesRead>) -> axum::Json<RoleList> {
    let permissions = |name| roles::permissions_of(name).unwrap_or_default().to_vec();
    let items = roles::NAMES
        .iter()
        .map(|&name| Role {
            name,
            permissions: permissions(name),
        })
        .collect();
    axum::Json(RoleList {
        items,
        next_cursor: None,
    })
}
