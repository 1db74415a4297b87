//! What can go wrong in this service, and whose fault it is.

use std::time::Duration;

use kit::error::{FAILED, Fault, Invalid, Kind};
use store::StoreError;

/// Every failure of the service. Its [`Kind`] decides HTTP status and gRPC code.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A field of the request is not of its form.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// A setting that cannot be used.
    #[error("{0}")]
    Config(kit::config::Fault),
    /// The database.
    #[error("the database did not answer as it should")]
    Store(#[from] StoreError),
}

impl Error {
    pub(crate) fn invalid(field: &'static str, detail: impl std::fmt::Display) -> Self {
        Self::Invalid(Invalid::new(field, detail))
    }
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Invalid(invalid) => invalid.kind(),
            Self::Store(error) => error.kind(),
            Self::Config(_) => Kind::Internal,
        }
    }

    fn public(&self) -> String {
        match self {
            Self::Invalid(invalid) => invalid.public(),
            Self::Store(error) => error.public(),
            Self::Config(_) => FAILED.to_owned(),
        }
    }

    fn field(&self) -> Option<&str> {
        match self {
            Self::Invalid(invalid) => invalid.field(),
            Self::Store(_) | Self::Config(_) => None,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Store(error) => Fault::retry_after(error),
            Self::Invalid(_) | Self::Config(_) => None,
        }
    }
}
