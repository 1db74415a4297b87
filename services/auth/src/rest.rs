//! REST of authentication: decode, authorize, use case, encode. One file per resource.

mod api_keys;
mod roles;
mod whoami;

use std::sync::Arc;

use axum::extract::FromRef;
use kit::auth::Authenticator;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// What the handlers ask for.
#[derive(Clone, FromRef)]
struct Rest {
    app: App,
    authenticator: Arc<dyn Authenticator>,
}

/// All routes below `/api/v1`.
pub(crate) fn router(app: App, authenticator: Arc<dyn Authenticator>) -> OpenApiRouter {
    routes().with_state(Rest { app, authenticator })
}

/// What the routes below `/api/v1` take and answer; the service need not run.
#[must_use]
pub fn openapi() -> OpenApi {
    routes().into_openapi()
}

fn routes() -> OpenApiRouter<Rest> {
    let routes = OpenApiRouter::new()
        .merge(api_keys::routes())
        .merge(roles::routes())
        .merge(whoami::routes());
    kit::openapi::tagged("identity", "API keys, roles, and whose a credential is.", routes)
}
