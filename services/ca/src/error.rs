//! What can go wrong in the CA service, and whose fault it is.

use std::time::Duration;

use kit::error::{Fault, Kind};
use vocabulary::ProblemType;

/// Every failure of the service. Its [`Kind`] decides HTTP status and gRPC code.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The CSR cannot be read, proves nothing, or holds a key we refuse.
    #[error(transparent)]
    Csr(#[from] x509::csr::CsrError),
    /// A field of the request is not of its form.
    #[error("{field}: {detail}")]
    Invalid {
        /// Path of the field in the request.
        field: &'static str,
        /// What is wrong and what is expected.
        detail: String,
    },
    /// The profile does not allow it.
    #[error(transparent)]
    Policy(#[from] rules::Denied),
    /// The certificate would have broken a rule of its format.
    #[error("refused before signing: {0}")]
    Lint(#[from] lint::Refused),
    /// The caller may not do this to this object.
    #[error("{0}")]
    Forbidden(String),
    /// No such certificate, CA or profile, or not for this caller.
    #[error("no {what} named {name}")]
    NotFound {
        /// `certificate`, `CA`, `profile`.
        what: &'static str,
        /// As asked for.
        name: String,
    },
    /// The object's state does not allow it.
    #[error("{0}")]
    Conflict(String),
    /// The certificate is not in the state that the caller saw.
    #[error(
        "certificate {0} has changed since you read it; read it again, and send the request with its new ETag"
    )]
    Changed(x509::serial::Serial),
    /// The same Idempotency-Key came with another request before.
    #[error("this Idempotency-Key was used for another request; use a new key for a new request")]
    IdempotencyConflict,
    /// The private key is known to others: a certificate was revoked for it.
    #[error("this public key is known to be compromised and is not certified again; make a new key")]
    CompromisedKey,
    /// The private key of the certificate that was to be renewed is known to others.
    #[error(
        "the key of certificate {0} is known to be compromised: the certificate is not renewed, not with another key \
         either; request a new one with a new key"
    )]
    CompromisedPredecessor(x509::serial::Serial),
    /// An operator stopped this CA.
    #[error("issuing by CA {0} is suspended; an operator resumes it with `gigvault ca resume {0}`")]
    Suspended(String),
    /// More requests wait than the service takes on.
    #[error("too many requests wait for a signature; try again")]
    Overloaded,
    /// The service is shutting down.
    #[error("the service is shutting down; try again")]
    Stopping,
    /// keymgr refused or cannot be reached.
    #[error("the key manager did not sign")]
    Keymgr(#[source] kit::grpc::RemoteFault),
    /// The request does not hold to its preview.
    #[error(transparent)]
    Preview(#[from] kit::dry_run::Refusal),
    /// The job was not accepted.
    #[error(transparent)]
    Job(#[from] kit::jobs::NotStored),
    /// The database.
    #[error("the database did not answer as it should")]
    Store(#[from] store::StoreError),
    /// The group that this request was committed with failed.
    #[error("{0}")]
    Group(#[source] std::sync::Arc<Error>),
    /// A state that the code rules out: a bug, or a damaged database.
    #[error("internal: {0}")]
    Internal(String),
}

impl Error {
    pub(crate) fn not_found(what: &'static str, name: impl Into<String>) -> Self {
        Self::NotFound {
            what,
            name: name.into(),
        }
    }

    pub(crate) fn invalid(field: &'static str, detail: impl std::fmt::Display) -> Self {
        Self::Invalid {
            field,
            detail: detail.to_string(),
        }
    }
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Csr(_) | Self::Invalid { .. } => Kind::Invalid,
            Self::Policy(_) | Self::Lint(_) | Self::CompromisedKey | Self::CompromisedPredecessor(_) => {
                Kind::Unprocessable
            }
            Self::Forbidden(_) => Kind::Denied,
            Self::NotFound { .. } => Kind::NotFound,
            Self::Conflict(_) | Self::IdempotencyConflict | Self::Suspended(_) => Kind::Conflict,
            Self::Changed(_) => Kind::Changed,
            Self::Overloaded | Self::Stopping => Kind::Unavailable,
            Self::Keymgr(fault) => match fault.kind() {
                Kind::Unavailable => Kind::Unavailable,
                _ => Kind::Internal,
            },
            Self::Preview(refusal) => refusal.kind(),
            Self::Job(refusal) => refusal.kind(),
            Self::Store(error) if error.is_unavailable() => Kind::Unavailable,
            Self::Store(_) | Self::Internal(_) => Kind::Internal,
            Self::Group(error) => error.kind(),
        }
    }

    fn problem(&self) -> ProblemType {
        match self {
            Self::Csr(_) => ProblemType::BadCsr,
            Self::Policy(_) => ProblemType::DeniedByProfile,
            Self::Lint(_) => ProblemType::Lint,
            Self::IdempotencyConflict => ProblemType::IdempotencyConflict,
            Self::CompromisedKey | Self::CompromisedPredecessor(_) => ProblemType::CompromisedKey,
            Self::Suspended(_) => ProblemType::CaSuspended,
            Self::Preview(refusal) => refusal.problem(),
            Self::Job(refusal) => refusal.problem(),
            Self::Group(error) => error.problem(),
            Self::Invalid { .. }
            | Self::Forbidden(_)
            | Self::NotFound { .. }
            | Self::Conflict(_)
            | Self::Changed(_)
            | Self::Overloaded
            | Self::Stopping
            | Self::Keymgr(_)
            | Self::Store(_)
            | Self::Internal(_) => self.kind().into(),
        }
    }

    fn public(&self) -> String {
        match self {
            Self::Internal(_) => "the service failed; its log has the cause".to_owned(),
            Self::Group(error) => error.public(),
            other => other.to_string(),
        }
    }

    fn field(&self) -> Option<&str> {
        match self {
            Self::Csr(error) => Some(error.field()),
            Self::Invalid { field, .. } => Some(field),
            Self::Policy(denied) => Some(denied.field),
            Self::CompromisedKey => Some("csr"),
            Self::Preview(refusal) => refusal.field(),
            Self::Group(error) => error.field(),
            _ => None,
        }
    }

    fn lints(&self) -> Vec<String> {
        match self {
            Self::Lint(refused) => refused.ids().map(str::to_owned).collect(),
            Self::Group(error) => error.lints(),
            _ => Vec::new(),
        }
    }

    fn difference(&self) -> &[kit::dry_run::Difference] {
        match self {
            Self::Preview(refusal) => refusal.difference(),
            _ => &[],
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Store(error) => error.retry_after(),
            Self::Job(refusal) => refusal.retry_after(),
            _ => (self.kind() == Kind::Unavailable).then_some(Duration::from_secs(2)),
        }
    }
}
