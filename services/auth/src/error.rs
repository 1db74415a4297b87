//! What can go wrong in authentication, and whose fault it is.

use std::io;
use std::time::Duration;

use kit::error::{Fault, Kind};
use store::StoreError;
use vocabulary::ProblemType;

use crate::domain::Prefix;

/// Every failure of the service. Its [`Kind`] decides HTTP status and gRPC code.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A field of the request is not of its form.
    #[error("{field}: {detail}")]
    Invalid {
        /// Path of the field in the request.
        field: &'static str,
        /// What is wrong and what is expected.
        detail: String,
    },
    /// Not a credential, an unknown, revoked or expired one; which of them is not said.
    #[error("the credential is not valid; it may be revoked or expired")]
    BadCredential,
    /// The caller wants to give away permissions that it does not have.
    #[error("role {role} may do {permission}, which you may not; ask someone who may")]
    Escalation {
        /// The role that was asked for.
        role: String,
        /// The first permission that is missing.
        permission: String,
    },
    /// The same for the names that a key may have certified.
    #[error("allowed_names: {pattern} is wider than your own limits, {own}; ask for less")]
    WiderNames {
        /// The first pattern that is wider.
        pattern: String,
        /// The limits of who asked.
        own: String,
    },
    /// A key is taken back by who could not have made it.
    #[error(
        "API key {prefix} may have names certified beyond your own limits, {own}; ask an admin without limits to revoke it"
    )]
    WiderKey {
        /// The key.
        prefix: Prefix,
        /// The limits of who asked.
        own: String,
    },
    /// The same for a key's life.
    #[error("validity: the key that makes this one ends at {}; ask for less", kit::clock::rfc3339(*.0))]
    Outlives(time::OffsetDateTime),
    /// No API key of that prefix.
    #[error("no API key has the prefix {0}")]
    NotFound(String),
    /// Without this key no other could make keys, now or from the end of the others on.
    #[error(
        "no other API key that may make API keys lives as long as {0}; make one first that ends no earlier, or run \
         `gigvault bootstrap --new-admin-token` on the server, then revoke {0}"
    )]
    LastAdmin(Prefix),
    /// The same request came before; its answer cannot be given again, for the key's text is not kept.
    #[error(
        "a request with this Idempotency-Key made API key {0}, which was shown in its answer and cannot be shown \
         again; if that answer is lost, revoke {0} and make a key with a new Idempotency-Key"
    )]
    Repeated(Prefix),
    /// The same Idempotency-Key came with another request before.
    #[error("this Idempotency-Key was used for another request; use a new key for a new request")]
    IdempotencyConflict,
    /// A setting that cannot be used.
    #[error("{0}")]
    Config(kit::config::Fault),
    /// The first admin's key could not be put where the admin finds it.
    #[error("the first admin's API key could not be kept, and was not made: {0}")]
    Keep(#[source] io::Error),
    /// No key to take the place of.
    #[error("no first admin was ever made in this database; `gigvault up` or `gigvault bootstrap` makes one")]
    NoAdmin,
    /// The request does not hold to its preview.
    #[error(transparent)]
    Preview(#[from] kit::dry_run::Refusal),
    /// The database.
    #[error("the database did not answer as it should")]
    Store(#[from] StoreError),
    /// A state that the code rules out: a bug, or a damaged machine.
    #[error("internal: {0}")]
    Internal(&'static str),
}

impl Error {
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
            Self::Invalid { .. } => Kind::Invalid,
            Self::BadCredential => Kind::Unauthenticated,
            Self::Escalation { .. } | Self::WiderNames { .. } | Self::WiderKey { .. } | Self::Outlives(_) => {
                Kind::Denied
            }
            Self::NotFound(_) | Self::NoAdmin => Kind::NotFound,
            Self::LastAdmin(_) | Self::Repeated(_) | Self::IdempotencyConflict => Kind::Conflict,
            Self::Preview(refusal) => refusal.kind(),
            Self::Store(error) if error.is_unavailable() => Kind::Unavailable,
            Self::Config(_) | Self::Keep(_) | Self::Store(_) | Self::Internal(_) => Kind::Internal,
        }
    }

    fn problem(&self) -> ProblemType {
        match self {
            Self::Escalation { .. } | Self::WiderNames { .. } | Self::WiderKey { .. } | Self::Outlives(_) => {
                ProblemType::Escalation
            }
            Self::LastAdmin(_) => ProblemType::LastAdmin,
            Self::Repeated(_) => ProblemType::ShownOnce,
            Self::Preview(refusal) => refusal.problem(),
            Self::IdempotencyConflict => ProblemType::IdempotencyConflict,
            _ => self.kind().into(),
        }
    }

    fn public(&self) -> String {
        match (self, self.kind()) {
            (Self::Store(_), Kind::Unavailable) => {
                "the database of auth does not answer; try again".to_owned()
            }
            (_, Kind::Internal) => "auth failed; its log has the cause".to_owned(),
            _ => self.to_string(),
        }
    }

    fn field(&self) -> Option<&str> {
        match self {
            Self::Invalid { field, .. } => Some(field),
            Self::Escalation { .. } => Some("roles"),
            Self::WiderNames { .. } => Some("allowed_names"),
            Self::Outlives(_) => Some("validity"),
            Self::Preview(refusal) => refusal.field(),
            _ => None,
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
            _ => None,
        }
    }
}
