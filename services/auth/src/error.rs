//! What can go wrong in authentication, and whose fault it is.

use std::io;

use kit::error::{Common, Fault, Kind, Shown};
use vocabulary::{ProblemType, service};

use crate::domain::Prefix;

/// Every failure of the service. [`Fault::shown`] decides HTTP status and gRPC code.
#[derive(Debug, thiserror::Error)]
pub enum Error {
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
        prefix: String,
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
    /// The first admin's key could not be put where the admin finds it.
    #[error("the first admin's API key could not be kept, and was not made: {0}")]
    Keep(#[source] io::Error),
    /// No key to take the place of.
    #[error("no first admin was ever made in this database; `gigvault up` or `gigvault bootstrap` makes one")]
    NoAdmin,
    /// What goes wrong in every service.
    #[error(transparent)]
    Common(#[from] Common),
}

kit::common_errors!(Error);

impl Fault for Error {
    fn service(&self) -> &'static str {
        service::AUTH
    }

    fn shown(&self) -> Shown<'_> {
        let escalation = || Shown::of(Kind::Denied).typed(ProblemType::Escalation);
        match self {
            Self::BadCredential => Shown::of(Kind::Unauthenticated),
            Self::Escalation { .. } => escalation().at("roles"),
            Self::WiderNames { .. } => escalation().at("allowed_names"),
            Self::WiderKey { .. } => escalation(),
            Self::Outlives(_) => escalation().at("validity"),
            Self::NotFound(_) | Self::NoAdmin => Shown::of(Kind::NotFound),
            Self::LastAdmin(_) => Shown::of(Kind::Conflict).typed(ProblemType::LastAdmin),
            Self::Repeated(_) => Shown::of(Kind::Conflict).typed(ProblemType::ShownOnce),
            Self::Keep(_) => Shown::of(Kind::Internal),
            Self::Common(common) => common.shown(),
        }
    }
}
