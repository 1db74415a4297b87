//! What certificates point to: `/crl/<issuer>.crl` and its deltas and shards.
//!
//! A list is answered from one copy in memory that all requests share, with validators, so that who has it already is told so (RFC 9110
//! section 13), and in parts to those who were interrupted (section 14).

mod range;

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kit::http::{EntityTag, PublicOperation, PublicRoutes, Shared, Takes, Validators, not_modified};
use kit::problem::Problem;
use time::OffsetDateTime;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;
use crate::domain::{Publication, Scope};
use crate::error::Error;
use range::Part;

/// All routes below `/api/v1`: what people ask of lists is below the paths of ca, which asks this service over gRPC.
pub(crate) fn router() -> OpenApiRouter {
    OpenApiRouter::new()
}

/// What the routes below `/api/v1` take and answer; the service need not run.
#[must_use]
pub fn openapi() -> OpenApi {
    router().into_openapi()
}

/// The routes of the plain HTTP listener.
pub(crate) fn public(app: App) -> PublicRoutes {
    public_routes().with_state(app)
}

/// Methods and paths of the plain HTTP listener; the service need not run.
#[must_use]
pub fn public_operations() -> Vec<PublicOperation> {
    public_routes().operations()
}

fn public_routes() -> PublicRoutes<App> {
    PublicRoutes::new().get("/crl/{*path}", Takes::NOTHING, list)
}

async fn list(
    State(app): State<App>,
    Path(path): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (scope, kind) = Scope::parse(&path).ok_or_else(|| Error::NotFound(format!("/crl/{path}")))?;
    let list = app.current(&scope, kind).await?;
    let now = app.clock.now();
    let validators = Validators::new(EntityTag::of_digest(&list.digest), list.modified);
    let is_unchanged = validators.is_unchanged(&headers, now)?;
    let mut answer = HeaderMap::new();
    answer.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/pkix-crl"),
    );
    answer.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    answer.insert(
        header::CACHE_CONTROL,
        cache_control(&list, now, app.config.max_age),
    );
    validators.write(&mut answer, now);
    if is_unchanged {
        return Ok(not_modified(answer));
    }
    let part = match validators.allow_part(&headers, now) {
        true => Part::of(&headers, list.length),
        false => Part::Whole,
    };
    let (status, range) = match part {
        Part::Whole => (StatusCode::OK, 0..list.length),
        Part::Range(range) => (StatusCode::PARTIAL_CONTENT, range),
        Part::Unsatisfiable => {
            answer.insert(header::CONTENT_RANGE, value(&format!("bytes */{}", list.length)));
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, answer).into_response());
        }
    };
    if status == StatusCode::PARTIAL_CONTENT {
        let (first, last) = (range.start, range.end.saturating_sub(1));
        answer.insert(
            header::CONTENT_RANGE,
            value(&format!("bytes {first}-{last}/{}", list.length)),
        );
    }
    answer.insert(header::CONTENT_LENGTH, HeaderValue::from(range.end - range.start));
    let content = app.content(&list).await?;
    let is_shared = content.is_in_memory();
    let mut response = (status, answer, Body::from_stream(content.part(range))).into_response();
    if is_shared {
        response.extensions_mut().insert(Shared);
    }
    Ok(response)
}

/// Caches keep a list for a while, and not beyond its nextUpdate. One that has run out is answered all the same, for the client to
/// decide, and no cache keeps it.
fn cache_control(list: &Publication, now: OffsetDateTime, max_age: Duration) -> HeaderValue {
    let left = (list.next_update - now).whole_seconds();
    let left = Duration::from_secs(u64::try_from(left).unwrap_or(0));
    match left.min(max_age).as_secs() {
        0 => HeaderValue::from_static("no-cache"),
        seconds => value(&format!("public, max-age={seconds}")),
    }
}

/// What is written here is ASCII.
fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}
