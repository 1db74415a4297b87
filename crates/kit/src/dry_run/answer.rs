//! What a route that acts answers: its outcome, or a preview.

use axum::response::{IntoResponse, Response};

use super::Preview;

/// An outcome, or what it would have been.
#[derive(Clone, Debug)]
pub enum Answer<T> {
    /// Done and durable.
    Done(T),
    /// Nothing was done.
    Planned(Box<Preview>),
}

impl<T> Answer<T> {
    /// Turns an outcome into its wire form; a preview has one already.
    ///
    /// # Errors
    /// Those of `show`.
    pub async fn show<U, E>(self, show: impl AsyncFnOnce(T) -> Result<U, E>) -> Result<Answer<U>, E> {
        Ok(match self {
            Self::Done(outcome) => Answer::Done(show(outcome).await?),
            Self::Planned(preview) => Answer::Planned(preview),
        })
    }
}

impl<T: IntoResponse> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        match self {
            Self::Done(outcome) => outcome.into_response(),
            Self::Planned(preview) => axum::Json(preview).into_response(),
        }
    }
}
