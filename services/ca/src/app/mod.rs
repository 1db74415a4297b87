//! The use cases, one a file. No axum, tonic or SQL in here.

mod authorities;
mod find;
mod issue;
mod renew;
mod revoke;

pub use authorities::{Authorities, NewAuthority};
pub use issue::IssueRequest;
pub use renew::RenewRequest;
pub use revoke::RevokeRequest;

use std::sync::Arc;

use kit::clock::SharedClock;
use store::Db;

use crate::config::Config;
use crate::issuance::Issuance;

/// What the use cases share.
#[derive(Clone)]
pub struct App {
    pub(crate) db: Db,
    pub(crate) clock: SharedClock,
    pub(crate) authorities: Arc<Authorities>,
    pub(crate) profiles: Arc<rules::Profiles>,
    pub(crate) issuance: Issuance,
    pub(crate) config: Arc<Config>,
}

/// Who a request is made for, and what they may do. Edges make it from the caller they authenticated.
#[derive(Clone, Debug)]
pub struct Requester {
    /// Name of the principal.
    pub subject: String,
    /// Which profiles they may use.
    pub issues: Scope,
    /// Which certificates they may see and change.
    pub sees: Visibility,
}

/// Which profiles a requester may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All but those for GigVault's own services.
    Any,
    /// Those marked for development.
    Development,
    /// `service-identity` for exactly this SPIFFE id, and nothing else.
    OwnIdentity(String),
    /// Every profile: GigVault itself, while it sets itself up.
    Bootstrap,
}

/// Which certificates a requester may see and change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Every certificate.
    All,
    /// Those that they asked for.
    Own,
}

impl Requester {
    /// Whether this requester may know of that certificate.
    pub(crate) fn may_see(&self, certificate: &crate::domain::Issued) -> bool {
        self.sees == Visibility::All || certificate.requester == self.subject
    }
}
