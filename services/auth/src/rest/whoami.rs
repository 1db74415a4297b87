//! `/api/v1/whoami`.

use kit::auth::Authenticated;
use kit::clock::rfc3339;
use kit::http::{Json, NoParameters, Query};
use kit::openapi::PermissionName;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Rest;

pub(super) fn routes() -> OpenApiRouter<Rest> {
    OpenApiRouter::new().routes(routes!(whoami))
}

/// The owner of the credential that came with the request.
#[derive(Serialize, ToSchema)]
struct Identity {
    #[schema(example = "apikey:7f3a2b1c")]
    subject: String,
    #[schema(example = json!(["developer"]))]
    roles: Vec<String>,
    /// `resource:verb`, all roles' together.
    #[schema(value_type = Vec<PermissionName>, example = json!(["certificates:read-own"]))]
    permissions: Vec<String>,
    /// When the credential becomes void: RFC 3339, UTC; null for never.
    expires_at: Option<String>,
    /// Patterns of the names that the credential may have certified; all if empty.
    #[schema(example = json!(["dns:*.dev.example.test"]))]
    allowed_names: Vec<String>,
}

/// Tells whose the credential is, and what its owner may do. Any credential may ask.
#[utoipa::path(
    get, path = "/api/v1/whoami", tag = "identity", responses((status = 200, body = Identity)),
    extensions(("x-permission" = json!("")))
)]
async fn whoami(Authenticated(caller): Authenticated, _: Query<NoParameters>) -> Json<Identity> {
    Json(Identity {
        subject: caller.subject,
        roles: caller.roles,
        permissions: caller.permissions,
        expires_at: caller.expires.map(rfc3339),
        allowed_names: caller.allowed_names,
    })
}
