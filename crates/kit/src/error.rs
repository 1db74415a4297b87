//! What went wrong, as seen from outside.
//!
//! Each service has one error enum, with one variant for [`Common`], which goes wrong everywhere alike. It implements
//! [`Fault`]; the two mappers at the edge ([`crate::problem`] for REST, [`crate::grpc`] for gRPC) need nothing else. What a
//! fault shows to the outside is [`Shown`] and [`Fault::public`] only; its sources go to the log.

mod common;

use std::borrow::Cow;
use std::time::Duration;

use http::StatusCode;
use store::StoreError;
use vocabulary::ProblemType;

pub use self::common::Common;
use crate::dry_run::Difference;

/// When a request may be sent again that met something unavailable, where nothing better is known.
const RETRY_AFTER: Duration = Duration::from_secs(2);

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

/// What the outside sees of a fault, but for its text.
#[derive(Clone, Debug)]
#[must_use]
pub struct Shown<'a> {
    /// Decides HTTP status and gRPC code.
    pub kind: Kind,
    /// The type of its problem document.
    pub problem: ProblemType,
    /// Dotted path of the input at fault, such as `csr.public_key` or `san[2]`.
    pub field: Option<&'a str>,
    /// Ids of the lints that refused.
    pub lints: Vec<String>,
    /// What is different from the preview that the request held to.
    pub difference: &'a [Difference],
    /// When to try again.
    pub retry_after: Option<Duration>,
    text: Text<'a>,
}

/// Where the public text comes from.
#[derive(Clone, Copy, Debug)]
enum Text<'a> {
    /// The error itself; that the service failed, if it did.
    Own,
    /// The database is what failed.
    Database,
    /// Said by the peer that failed.
    Said(&'a str),
}

impl<'a> Shown<'a> {
    /// Nothing more is known than the kind. What is unavailable may be there in two seconds.
    pub fn of(kind: Kind) -> Self {
        Self {
            kind,
            problem: kind.into(),
            field: None,
            lints: Vec::new(),
            difference: &[],
            retry_after: (kind == Kind::Unavailable).then_some(RETRY_AFTER),
            text: Text::Own,
        }
    }

    /// Of a type that says more than the kind.
    pub fn typed(self, problem: ProblemType) -> Self {
        Self { problem, ..self }
    }

    /// Names the input at fault.
    pub fn at(self, field: &'a str) -> Self {
        Self {
            field: Some(field),
            ..self
        }
    }

    /// Names the lints that refused.
    pub fn lints(self, lints: Vec<String>) -> Self {
        Self { lints, ..self }
    }

    /// Shows what has changed since the preview.
    pub fn difference(self, difference: &'a [Difference]) -> Self {
        Self { difference, ..self }
    }

    /// Says when to try again.
    pub fn retry_after(self, wait: Duration) -> Self {
        Self {
            retry_after: Some(wait),
            ..self
        }
    }

    /// In the words of the peer that failed, which were meant for the outside.
    pub(crate) fn saying(self, text: &'a str) -> Self {
        Self {
            text: Text::Said(text),
            ..self
        }
    }
}

/// An error that knows how to show itself outside: that of a service, and those of kit that it wraps.
pub trait Fault: std::error::Error + Send + Sync {
    /// What the outside sees of it. Its text is that of the error itself, unless its kind is [`Kind::Internal`]: so the text of
    /// any other kind says what failed, which input, what to do, and holds no internals and no secrets.
    fn shown(&self) -> Shown<'_>;

    /// Who failed, in a sentence.
    fn service(&self) -> &'static str {
        "the service"
    }

    /// [`Shown::kind`].
    fn kind(&self) -> Kind {
        self.shown().kind
    }

    /// Text for the one who asked.
    fn public(&self) -> Cow<'_, str> {
        let shown = self.shown();
        match (shown.text, shown.kind) {
            (Text::Said(text), _) => text.into(),
            (_, Kind::Internal) => format!("{} failed; its log has the cause", self.service()).into(),
            (Text::Database, _) => {
                format!("the database of {} does not answer; try again", self.service()).into()
            }
            (Text::Own, _) => self.to_string().into(),
        }
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
    fn shown(&self) -> Shown<'_> {
        Shown::of(Kind::Invalid).at(self.field)
    }
}

/// A database that does not answer may answer later; anything else that it says is a bug or damage.
impl Fault for StoreError {
    fn shown(&self) -> Shown<'_> {
        if let Self::Damaged(text) = self {
            return Shown::of(Kind::Internal).saying(text);
        }
        let kind = match self.is_unavailable() {
            true => Kind::Unavailable,
            false => Kind::Internal,
        };
        Shown {
            retry_after: self.retry_after(),
            text: Text::Database,
            ..Shown::of(kind)
        }
    }
}

/// What a caller is told of a fault that is not theirs, where no service is known that failed.
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
    let Shown { kind, problem, .. } = fault.shown();
    if !matches!(kind, Kind::Internal | Kind::Unavailable) {
        return;
    }
    let mut cause = fault.to_string();
    if let Some(source) = fault.source() {
        cause.push_str(": ");
        cause.push_str(&chain(source));
    }
    if kind == Kind::Internal {
        tracing::error!(problem = problem.slug(), cause, "request failed");
    } else {
        tracing::warn!(
            problem = problem.slug(),
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
