//! Who calls over REST, and what they may do.
//!
//! A handler states its permission in its signature: [`Allow`]`<permission::CertificatesIssue>`. The extractor
//! reads the bearer credential, asks the router state's [`Authenticator`] whose it is, and answers 401 or 403
//! itself. What a credential is and where it is stored is the auth service's.

mod cached;
mod extract;
pub mod permission;
pub mod roles;

use std::time::Duration;

use futures::future::BoxFuture;
use time::OffsetDateTime;
use vocabulary::ProblemType;

pub use cached::{CachedAuthenticator, Epoch, NEGATIVE_TTL, POSITIVE_TTL};
pub use extract::{Allow, Authenticated};
pub use permission::Permission;

use crate::error::{Fault, Kind, Shown};

/// A principal whose credential was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Stable name, such as `apikey:7f3a2b1c`.
    pub subject: String,
    /// Names of roles.
    pub roles: Vec<String>,
    /// `resource:verb`, all roles' together.
    pub permissions: Vec<String>,
    /// When the credential becomes void; `None` for never.
    pub expires: Option<OffsetDateTime>,
    /// Patterns of the names that the credential may have certified (`dns:*.dev.example.test`); all if empty.
    pub allowed_names: Vec<String>,
}

impl Caller {
    /// Whether this caller has the permission, or one that covers it: `certificates:read` covers
    /// `certificates:read-own`.
    #[must_use]
    pub fn may(&self, permission: &str) -> bool {
        self.permissions
            .iter()
            .any(|held| permission::covers(held, permission))
    }
}

/// Why a request is not served for its credentials.
#[derive(Debug, thiserror::Error)]
pub enum AuthFault {
    /// No `Authorization` header.
    #[error("no credentials; send Authorization: Bearer with an API key")]
    Missing,
    /// A header that is not one bearer credential.
    #[error("the Authorization header is not of the form: Bearer <credential>")]
    Malformed,
    /// Unknown, revoked or expired; which of them is not said.
    #[error("the credential is not valid; it may be revoked or expired")]
    Invalid,
    /// A good credential without the permission.
    #[error("this needs the permission {0}")]
    Denied(&'static str),
    /// Too many credentials of this client wait to be looked up.
    #[error("too many credentials of this client wait to be looked up; wait for some of the answers")]
    TooMany,
    /// Whether the credential is good cannot be known now.
    #[error("credentials cannot be checked now: {why}; try again")]
    Unavailable {
        /// Who does not do its part, for whoever has to start it.
        why: &'static str,
        /// The cause, for the log.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Fault for AuthFault {
    fn shown(&self) -> Shown<'_> {
        match self {
            Self::Missing | Self::Malformed | Self::Invalid => Shown::of(Kind::Unauthenticated),
            Self::Denied(_) => Shown::of(Kind::Denied),
            Self::TooMany => Shown::of(Kind::RateLimited).retry_after(Duration::from_secs(2)),
            Self::Unavailable { .. } => Shown::of(Kind::Unavailable).typed(ProblemType::CredentialUnchecked),
        }
    }
}

/// The right to look a credential up, held while that is done.
pub type Turn<'a> = BoxFuture<'a, Result<Box<dyn Send>, AuthFault>>;

/// Tells whose a credential is.
pub trait Authenticator: Send + Sync {
    /// Checks a credential as it came after `Bearer `. Must take the same time for any credential that is
    /// not valid.
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Caller, AuthFault>>;

    /// Whether it has the form of a credential. What has not is not valid, and nothing has to be looked up to say so.
    fn is_well_formed(&self, _token: &str) -> bool {
        true
    }

    /// As [`Authenticator::authenticate`], but what has to be looked up waits for its `turn`, which is not begun for what is
    /// known without.
    fn authenticate_in_turn<'a>(
        &'a self,
        token: &'a str,
        turn: Turn<'a>,
    ) -> BoxFuture<'a, Result<Caller, AuthFault>> {
        Box::pin(async move {
            if !self.is_well_formed(token) {
                return Err(AuthFault::Invalid);
            }
            let _held = turn.await?;
            self.authenticate(token).await
        })
    }
}
