//! What went wrong, as seen from outside.
//!
//! Each service has one error enum. It implements [`Fault`]; the two mappers at the edge ([`crate::problem`]
//! for REST, [`crate::grpc`] for gRPC) need nothing else. What a fault shows to the outside is
//! [`Fault::public`] only; its sources go to the log.

use std::time::Duration;

use http::StatusCode;
use store::StoreError;
use vocabulary::ProblemType;

use crate::dry_run::Difference;

/// Who misbehaved, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request cannot be read.
    Invalid,
    /// No credentials, or bad ones.
    Unauthenticated,
    /// Good credentials without the permission.
    Denied,
    /// No such thing, or none that this caller may know of.
    NotFound,
    /// The state of the thing does not allow it.
    Conflict,
    /// The thing is not in the state that the caller saw.
    Changed,
    /// More bytes than are taken.
    TooLarge,
    /// Readable, but not acceptable.
    Unprocessable,
    /// Too many requests of this caller.
    RateLimited,
    /// A bug or a damaged installation.
    Internal,
    /// A dependency does not answer; the same request may succeed later.
    Unavailable,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::Invalid,
        Self::Unauthenticated,
        Self::Denied,
        Self::NotFound,
        Self::Conflict,
        Self::Changed,
        Self::TooLarge,
        Self::Unprocessable,
        Self::RateLimited,
        Self::Internal,
        Self::Unavailable,
    ];

    /// The HTTP status of the problem document.
    #[must_use]
    pub const fn http(self) -> StatusCode {
        match self {
            Self::Invalid => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Denied => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Conflict => StatusCode::CONFLICT,
            Self::Changed => StatusCode::PRECONDITION_FAILED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unprocessable => StatusCode::UNPROCESSABLE_ENTITY,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The gRPC code. Several kinds share one; [`Kind::name`] travels beside it.
    #[must_use]
    pub const fn grpc(self) -> tonic::Code {
        match self {
            Self::Invalid | Self::Unprocessable => tonic::Code::InvalidArgument,
            Self::Unauthenticated => tonic::Code::Unauthenticated,
            Self::Denied => tonic::Code::PermissionDenied,
            Self::NotFound => tonic::Code::NotFound,
            Self::Conflict | Self::Changed => tonic::Code::FailedPrecondition,
            Self::TooLarge | Self::RateLimited => tonic::Code::ResourceExhausted,
            Self::Internal => tonic::Code::Internal,
            Self::Unavailable => tonic::Code::Unavailable,
        }
    }

    /// Stable name in kebab case: the value of the gRPC metadata `gigvault-kind`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Unauthenticated => "unauthenticated",
            Self::Denied => "denied",
            Self::NotFound => "not-found",
            Self::Conflict => "conflict",
            Self::Changed => "changed",
            Self::TooLarge => "too-large",
            Self::Unprocessable => "unprocessable",
            Self::RateLimited => "rate-limited",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
        }
    }

    /// The kind of this [`Kind::name`].
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// The type of a problem of which nothing more is known than its kind.
impl From<Kind> for ProblemType {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Invalid | Kind::Unprocessable => Self::InvalidRequest,
            Kind::Unauthenticated => Self::Unauthenticated,
            Kind::Denied => Self::Forbidden,
            Kind::NotFound => Self::NotFound,
            Kind::Conflict => Self::Conflict,
            Kind::Changed => Self::Changed,
            Kind::TooLarge => Self::BodyTooLarge,
            Kind::RateLimited => Self::RateLimited,
            Kind::Internal => Self::Internal,
            Kind::Unavailable => Self::Unavailable,
        }
    }
}

/// An error that knows how to show itself outside. One implementor a crate.
pub trait Fault: std::error::Error + Send + Sync {
    /// Decides HTTP status and gRPC code.
    fn kind(&self) -> Kind;

    /// The type of its problem document.
    fn problem(&self) -> ProblemType {
        self.kind().into()
    }

    /// Text for the one who asked: what failed, which input, what to do. No internals, no secrets.
    fn public(&self) -> String;

    /// Dotted path of the input at fault, such as `csr.public_key` or `san[2]`.
    fn field(&self) -> Option<&str> {
        None
    }

    /// Ids of the lints that refused.
    fn lints(&self) -> Vec<String> {
        Vec::new()
    }

    /// What is different from the preview that the request held to.
    fn difference(&self) -> &[Difference] {
        &[]
    }

    /// When to try again.
    fn retry_after(&self) -> Option<Duration> {
        None
    }
}

/// A member, parameter or field of a request is not of its form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {detail}")]
pub struct Invalid {
    /// Path of the input in the request.
    pub field: &'static str,
    /// What is wrong and what is expected.
    pub detail: String,
}

impl Invalid {
    /// Of an error that says what is expected.
    pub fn new(field: &'static str, detail: impl std::fmt::Display) -> Self {
        Self {
            field,
            detail: detail.to_string(),
        }
    }
}

impl Fault for Invalid {
    fn kind(&self) -> Kind {
        Kind::Invalid
    }

    fn public(&self) -> String {
        self.to_string()
    }

    fn field(&self) -> Option<&str> {
        Some(self.field)
    }
}

/// A database that does not answer may answer later; anything else that it says is a bug or damage.
impl Fault for StoreError {
    fn kind(&self) -> Kind {
        match self.is_unavailable() {
            true => Kind::Unavailable,
            false => Kind::Internal,
        }
    }

    fn public(&self) -> String {
        match self.is_unavailable() {
            true => "the database does not answer; try again".to_owned(),
            false => FAILED.to_owned(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        StoreError::retry_after(self)
    }
}

/// What a caller is told of a fault that is not theirs.
pub const FAILED: &str = "the service failed; its log has the cause";

/// The error and its sources in one line, outermost first. For logs only.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let cause = source.to_string();
        if !text.ends_with(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
        next = source.source();
    }
    text
}

/// Logs a fault that an operator must know of. Called once, by the mapper at the edge.
pub(crate) fn report(fault: &dyn Fault) {
    let kind = fault.kind();
    if !matches!(kind, Kind::Internal | Kind::Unavailable) {
        return;
    }
    let mut cause = fault.to_string();
    if let Some(source) = fault.source() {
        cause.push_str(": ");
        cause.push_str(&chain(source));
    }
    if kind == Kind::Internal {
        tracing::error!(problem = fault.problem().slug(), cause, "request failed");
    } else {
        tracing::warn!(
            problem = fault.problem().slug(),
            cause,
            "request failed: a dependency is unavailable"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_of_a_kind_has_its_status() {
        for kind in Kind::ALL {
            let statuses = ProblemType::from(kind).statuses();
            assert!(statuses.contains(&kind.http().as_u16()), "{kind:?}: {statuses:?}");
        }
    }

    #[test]
    fn a_kind_is_found_by_its_name() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_name(kind.name()), Some(kind));
        }
        assert_eq!(Kind::from_name("INTERNAL"), None);
    }

    #[test]
    fn a_chain_does_not_say_the_same_thing_twice() {
        #[derive(Debug, thiserror::Error)]
        #[error("disk: {0}")]
        struct Outer(#[source] std::io::Error);
        let text = chain(&Outer(std::io::Error::other("full")));
        assert_eq!(text, "disk: full");
    }
}
