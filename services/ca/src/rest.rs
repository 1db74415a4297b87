//! REST of the CA service: decode, authorize, use case, encode. One file per resource.

mod authorities;
mod certificates;
mod crls;
mod filters;
mod health;
mod object;
mod profiles;
mod revocation;
mod revocations;
mod trust;
mod words;

use std::sync::Arc;

use axum::extract::FromRef;
use kit::auth::Authenticator;
use kit::http::{PublicOperation, PublicRoutes};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

pub(crate) use filters::Filters;

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
    OpenApiRouter::new()
        .merge(certificates::routes())
        .merge(revocation::routes())
        .merge(revocations::routes())
        .merge(authorities::routes())
        .merge(crls::routes())
        .merge(trust::routes())
        .merge(health::routes())
        .merge(profiles::routes())
}

/// Routes for the plain HTTP listener: what certificates point to.
pub(crate) fn public(app: App) -> PublicRoutes {
    authorities::public_routes().with_state(app)
}

/// Methods and paths of the plain HTTP listener; the service need not run.
#[must_use]
pub fn public_operations() -> Vec<PublicOperation> {
    authorities::public_routes().operations()
}
