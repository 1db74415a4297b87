//! The net below every route: what the framework answers by itself becomes a problem document.
//!
//! Unknown paths, wrong methods, rejections of extractors that are not ours: axum answers those with an
//! empty or a plain-text body. A body of any other media type was meant by a handler and stays.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{ALLOW, CONTENT_TYPE};
use vocabulary::ProblemType;

use crate::error::FAILED;
use crate::problem::Problem;

pub(super) fn catch(response: Response) -> Response {
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) || is_meant(&response) {
        return response;
    }
    let (problem, detail) = explain(status);
    let mut caught = Problem::new(problem, detail).status(status).into_response();
    if let Some(allow) = response.headers().get(ALLOW) {
        caught.headers_mut().insert(ALLOW, allow.clone());
    }
    caught
}

fn is_meant(response: &Response) -> bool {
    let media_type = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    media_type.is_some_and(|media_type| !media_type.starts_with("text/plain"))
}

fn explain(status: StatusCode) -> (ProblemType, &'static str) {
    match status {
        StatusCode::UNAUTHORIZED => (ProblemType::Unauthenticated, "this needs credentials"),
        StatusCode::FORBIDDEN => (ProblemType::Forbidden, "this is not allowed"),
        StatusCode::NOT_FOUND => (ProblemType::UnknownPath, "there is nothing at this path"),
        StatusCode::METHOD_NOT_ALLOWED => (
            ProblemType::MethodNotAllowed,
            "this path does not take that method; the Allow header lists those it takes",
        ),
        StatusCode::NOT_ACCEPTABLE => (
            ProblemType::NotAcceptable,
            "there is no answer in a media type of the Accept header",
        ),
        StatusCode::PAYLOAD_TOO_LARGE => (
            ProblemType::BodyTooLarge,
            "the request body is larger than this service takes",
        ),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => (
            ProblemType::UnsupportedMediaType,
            "the request body is not of a media type that this path takes",
        ),
        StatusCode::TOO_MANY_REQUESTS => (ProblemType::RateLimited, "too many requests; wait and try again"),
        StatusCode::SERVICE_UNAVAILABLE => (
            ProblemType::Unavailable,
            "the service cannot answer now; try again",
        ),
        _ if status.is_server_error() => (ProblemType::Internal, FAILED),
        _ => (
            ProblemType::InvalidRequest,
            "the request is not one that this path understands",
        ),
    }
}
