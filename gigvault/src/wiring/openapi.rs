//! The one OpenAPI document of all services, and the viewer that shows it.

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use kit::http::EntityTag;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::services::Service;
use super::{configuration, doctor, status};

/// Where the document is.
const PATH: &str = "/api/openapi.json";

#[derive(OpenApi)]
#[openapi(info(
    title = "GigVault",
    description = "A complete private PKI. Errors are problem documents (RFC 9457); times are RFC 3339 in UTC; serial \
                   numbers are lower-case hex. A POST that creates takes an Idempotency-Key.\n\n\
                   With `Accept: text/csv` a list is CSV (RFC 4180), all of it in one answer. A column is a member of the \
                   JSON of a row, by its name; `outer.inner` is a member of a member. A text is in its cell as it is, and \
                   nothing where it is null or absent; everything else is JSON. An apostrophe is put before each of \
                   `=`, `+`, `-`, `@`, their full-width forms, a tab, a line break, and an apostrophe, where it is at the \
                   start of a cell or behind `;`, `|`, or a tab, also with blanks and double quotes in between: \
                   spreadsheets would run it as a formula. Take one apostrophe away at each such place to have the text back.",
    license(name = "Apache-2.0", identifier = "Apache-2.0")
))]
struct Base;

/// What routes are merged into: the head of the document.
pub(crate) fn base() -> OpenApiRouter {
    OpenApiRouter::with_openapi(Base::openapi())
}

/// Routes and their document, with what every operation has in common.
pub(crate) fn complete(all: OpenApiRouter) -> (Router, utoipa::openapi::OpenApi) {
    let (router, mut document) = all.split_for_parts();
    kit::openapi::complete(&mut document);
    (router, document)
}

/// The routes that a process answers itself, for all its services.
pub(crate) fn of_process() -> [utoipa::openapi::OpenApi; 4] {
    [
        status::openapi(),
        configuration::openapi(),
        doctor::openapi(),
        kit::jobs::rest::openapi(),
    ]
}

/// The document of a process that runs every service; none needs to run.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    let mut document = Base::openapi();
    for service in Service::ALL {
        document.merge(service.openapi());
    }
    for own in of_process() {
        document.merge(own);
    }
    kit::openapi::complete(&mut document);
    document
}

/// `/api/openapi.json`, and `/api/docs` with everything it needs from this binary.
pub(crate) fn viewer(document: &utoipa::openapi::OpenApi) -> Router {
    // The viewer brings its own script and styles; nothing comes from elsewhere.
    const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline'; \
                          img-src 'self' data:; frame-ancestors 'none'";
    let viewer: Router = SwaggerUi::new("/api/docs").config(Config::new([PATH])).into();
    let document = Document::of(document);
    let viewer = viewer.route(PATH, get(async move || document.answer()));
    viewer.layer(axum::middleware::map_response(async |mut response: Response| {
        // All of it is memory of this process: of the binary, or the document that was written once.
        response.extensions_mut().insert(kit::http::Shared);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        headers.insert(
            HeaderName::from_static("x-frame-options"),
            HeaderValue::from_static("DENY"),
        );
        response
    }))
}

/// The document as it is sent. Any client may ask for it, as often as it likes: it is written once.
#[derive(Clone)]
struct Document {
    json: Bytes,
    tag: EntityTag,
}

impl Document {
    fn of(document: &utoipa::openapi::OpenApi) -> Self {
        let json = serde_json::to_vec(document).unwrap_or_else(|error| {
            tracing::error!(%error, "the OpenAPI document cannot be written");
            b"{}".to_vec()
        });
        Self {
            tag: EntityTag::of_bytes(&json),
            json: json.into(),
        }
    }

    /// The edge leaves it out for those who have it.
    fn answer(&self) -> Response {
        let about = [
            (header::CACHE_CONTROL, "no-cache"),
            (header::CONTENT_TYPE, "application/json"),
        ];
        (self.tag.clone(), about, self.json.clone()).into_response()
    }
}

#[cfg(test)]
mod tests;
