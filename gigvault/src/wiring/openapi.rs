//! The one OpenAPI document of all services, and the viewer that shows it.

use axum::Router;
use axum::http::{HeaderName, HeaderValue, header};
use kit::health::Health;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::SwaggerUi;

use super::services::Services;
use super::status;

#[derive(OpenApi)]
#[openapi(info(
    title = "GigVault",
    description = "A complete private PKI. Errors are problem documents (RFC 9457); times are RFC 3339 in UTC; serial \
                   numbers are lower-case hex. A POST that creates takes an Idempotency-Key.",
    license(name = "Apache-2.0", identifier = "Apache-2.0")
))]
struct Base;

/// Routes of all services and of the process itself below `/api/v1`, and their document.
pub(crate) fn routes(services: &Services, health: &Health) -> (Router, utoipa::openapi::OpenApi) {
    let mut all = OpenApiRouter::with_openapi(Base::openapi());
    if let Some(ca) = &services.ca {
        all = all.merge(ca.rest());
    }
    if let Some(keymgr) = &services.keymgr {
        all = all.merge(keymgr.rest());
    }
    if let Some(auth) = &services.auth {
        all = all.merge(auth.rest());
    }
    all = all.merge(status::router(services, health.clone()));
    let (router, mut document) = all.split_for_parts();
    kit::openapi::complete(&mut document);
    (router, document)
}

/// `/api/openapi.json`, and `/api/docs` with everything it needs from this binary.
pub(crate) fn viewer(document: utoipa::openapi::OpenApi) -> Router {
    // The viewer brings its own script and styles; nothing comes from elsewhere.
    const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline'; \
                          img-src 'self' data:; frame-ancestors 'none'";
    let viewer: Router = SwaggerUi::new("/api/docs")
        .url("/api/openapi.json", document)
        .into();
    viewer.layer(axum::middleware::map_response(
        async |mut response: axum::response::Response| {
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
            headers.insert(
                HeaderName::from_static("x-frame-options"),
                HeaderValue::from_static("DENY"),
            );
            response
        },
    ))
}
