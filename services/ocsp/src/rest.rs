//! `/ocsp` of the plain HTTP listener (RFC 6960 appendix A, RFC 9919): decode, call, encode. Anybody may ask.
//!
//! What is a request to HTTP gets 200, also where the OCSPResponse is an error (RFC 6960 appendix A.2).

use std::time::Duration;

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, EXPIRES, IF_MODIFIED_SINCE};
use axum::http::{HeaderMap, HeaderValue, Uri};
use axum::response::{IntoResponse, Response};
use kit::http::{
    EntityTag, PublicOperation, PublicRoutes, Raw, Takes, Unauthenticated, Validators, date, not_modified,
};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use x509::ocsp::{OcspRequest, RequestError};

use crate::app::{App, Fresh, Reply};

const PATH: &str = "/ocsp";
/// Clients that add a slash to the address of the responder, and then nothing.
const WITH_SLASH: &str = "/ocsp/";
const REQUEST: &str = "application/ocsp-request";
/// Of a request: room for as many certificates as one may ask about, and for a signature with a chain of its own.
const MOST_BYTES: usize = 256 * 1024;
const RESPONSE: HeaderValue = HeaderValue::from_static("application/ocsp-response");

/// What the handlers ask for.
#[derive(Clone)]
struct Rest {
    app: App,
    max_age: Duration,
}

/// What the routes below `/api/v1` take and answer: there are none.
#[must_use]
pub fn openapi() -> OpenApi {
    OpenApiRouter::<()>::new().into_openapi()
}

/// The routes of the plain HTTP listener.
pub(crate) fn public(app: App, max_age: Duration) -> PublicRoutes {
    public_routes().with_state(Rest { app, max_age })
}

/// Methods and paths of the plain HTTP listener; the service need not run.
#[must_use]
pub fn public_operations() -> Vec<PublicOperation> {
    public_routes().operations()
}

fn public_routes() -> PublicRoutes<Rest> {
    let request = Takes::NOTHING.body(&[REQUEST], MOST_BYTES);
    PublicRoutes::new()
        .post(PATH, request, by_post)
        .post(WITH_SLASH, request, by_post)
        .get(PATH, Takes::NOTHING, by_get)
        .get(WITH_SLASH, Takes::NOTHING, by_get)
        .get("/ocsp/{*request}", Takes::NOTHING, by_get)
}

async fn by_post(State(rest): State<Rest>, Unauthenticated(Raw(body)): Unauthenticated<Raw>) -> Response {
    // What a POST answers is not a state of something (RFC 9110 section 13.2.1): conditions are for GET.
    rest.answer(OcspRequest::from_der(&body), HeaderMap::new()).await
}

/// The path as it was sent: what a framework makes of it is not base64 any more.
async fn by_get(State(rest): State<Rest>, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path();
    let request = OcspRequest::from_get_path(path.strip_prefix(PATH).unwrap_or(path));
    rest.answer(request, headers).await
}

impl Rest {
    async fn answer(&self, request: Result<OcspRequest, RequestError>, mut asked: HeaderMap) -> Response {
        let Reply { der, fresh } = self.app.answer(request).await;
        let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, RESPONSE)]);
        let Some(fresh) = fresh else {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            return (headers, der).into_response();
        };
        headers.extend(caching(fresh, self.max_age));
        let validators = Validators::new(EntityTag::of_bytes(&der), fresh.this_update);
        validators.write(&mut headers, fresh.now);
        // thisUpdate is in whole seconds, within which a certificate may be revoked, or a hold released: a response of the same date may
        // say something else. The tag tells them apart.
        asked.remove(IF_MODIFIED_SINCE);
        match validators.is_unchanged(&asked, fresh.now) {
            Ok(true) => not_modified(headers),
            Ok(false) => (headers, der).into_response(),
            Err(refused) => refused.into_response(),
        }
    }
}

/// RFC 9919 section 7: how long caches may keep it, and until when clients take it.
fn caching(fresh: Fresh, max_age: Duration) -> HeaderMap {
    let left = (fresh.next_update - fresh.now).max(time::Duration::ZERO);
    let age = left.min(time::Duration::try_from(max_age).unwrap_or(left));
    let control = format!(
        "max-age={},public,no-transform,must-revalidate",
        age.whole_seconds()
    );
    let control = HeaderValue::try_from(control).unwrap_or(HeaderValue::from_static("no-store"));
    HeaderMap::from_iter([
        (CACHE_CONTROL, control),
        (EXPIRES, date::write(fresh.next_update)),
    ])
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn nothing_is_kept_past_its_next_update() {
        let now = datetime!(2027-01-02 03:04:05.5 UTC);
        let headers = |seconds| {
            let fresh = Fresh {
                this_update: datetime!(2027-01-02 02:04:05 UTC),
                next_update: now + time::Duration::seconds(seconds),
                now,
            };
            let headers = caching(fresh, Duration::from_secs(300));
            let text = |name| headers.get(name).unwrap().to_str().unwrap().to_owned();
            [CACHE_CONTROL, EXPIRES].map(text)
        };
        assert_eq!(
            headers(3600),
            [
                "max-age=300,public,no-transform,must-revalidate",
                "Sat, 02 Jan 2027 04:04:05 GMT"
            ]
        );
        assert!(headers(20)[0].starts_with("max-age=20,"));
        assert!(headers(-5)[0].starts_with("max-age=0,"));
    }
}
