//! `Location`: where what was made is found (RFC 9110 section 10.2.2).

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use vocabulary::ProblemType;

use crate::error::FAILED;
use crate::problem::Problem;

/// An answer with the path of what was made, or accepted.
///
/// # Errors
/// A path that does not fit a header, which is a bug: what is part of it is checked when it is made.
pub fn located<T: IntoResponse>(status: StatusCode, path: &str, body: T) -> Result<Response, Problem> {
    let location = HeaderValue::try_from(path).map_err(|_| {
        tracing::error!(path, "a path does not fit a header");
        Problem::new(ProblemType::Internal, FAILED)
    })?;
    Ok((status, [(header::LOCATION, location)], body).into_response())
}
