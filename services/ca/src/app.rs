//! The use cases, one a file. No axum, tonic or SQL in here.

// A new variant is decided on here, rather than falling under what was right for the others.
#![warn(clippy::wildcard_enum_match_arm)]

mod authorities;
mod authority_key;
mod changes;
mod compromised_keys;
mod crls;
mod find;
mod foresee;
mod health;
mod issue;
mod ocsp_queries;
mod ocsp_signer;
mod plans;
mod probe;
mod renew;
mod revocations;
mod revoke;
mod revoke_many;
mod suspend;

pub use authorities::NewAuthority;
pub(crate) use authority_key::KEY_PURPOSES;
pub use authority_key::KeyUnknown;
pub(crate) use crls::ImportedCrl;
pub use health::{HealthUnknown, Report};
pub use issue::IssueRequest;
pub use renew::RenewRequest;
pub use revoke::{HoldOutcome, RevokeRequest, Revoked, SameKey};
pub(crate) use revoke_many::{KIND as REVOKE_MANY, MOST_SERIALS, REVOCABLE, Stored as StoredRevocations};
pub use revoke_many::{RevokeMany, Selection};

use std::sync::Arc;
use std::time::Duration;

use kit::clock::SharedClock;
use kit::dry_run::Previews;
use kit::jobs::Jobs;
use kit::transport::Transport;
use proto::crl::v1::crl_client::CrlClient;
use proto::ocsp::v1::ocsp_client::OcspClient;
use store::Db;
use time::OffsetDateTime;

use crate::authorities::Authorities;
use crate::config::Config;
use crate::domain::{Asker, Capacity, Issued, Seen};
use crate::error::Error;
use crate::issuance::{Issuance, Keymgr};

/// What the use cases share.
#[derive(Clone)]
pub struct App {
    pub(crate) db: Db,
    pub(crate) clock: SharedClock,
    pub(crate) authorities: Arc<Authorities>,
    pub(crate) profiles: Arc<rules::Profiles>,
    pub(crate) issuance: Issuance,
    pub(crate) keymgr: Keymgr,
    pub(crate) crl: CrlClient<Transport>,
    pub(crate) ocsp: OcspClient<Transport>,
    pub(crate) config: Arc<Config>,
    /// Life of the identities of services; the default of their profile if none.
    pub(crate) identity_validity: Option<Duration>,
    pub(crate) previews: Previews,
    pub(crate) jobs: Jobs,
    /// When this process began with it.
    pub(crate) started: OffsetDateTime,
}

/// Who a request is made for, and what they may do. Edges make it from the caller they authenticated.
#[derive(Clone, Debug)]
pub struct Requester {
    /// Name of the principal.
    pub subject: String,
    /// Which profiles they may use.
    pub issues: ProfileScope,
    /// Which certificates they may see and change.
    pub sees: Visibility,
    /// What they may have certified beside names of their own.
    pub rights: Rights,
    /// Set where a service asks for the subject that it names: then `sees` is what the service sees.
    pub on_behalf: bool,
    /// In which state they saw what they change.
    pub seen: Seen,
}

/// Rights that no ordinary requester has, and limits that a credential may have.
#[derive(Clone, Debug, Default)]
pub struct Rights {
    /// Certificates whose holder signs certificates, CRLs or OCSP responses.
    pub authority: bool,
    /// Host names on which the API is reached.
    pub reserved_names: bool,
    /// Patterns of [`rules::NameLimits`]; every name if empty.
    pub allowed_names: Vec<String>,
}

/// Which profiles a requester may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProfileScope {
    /// All but those for GigVault's own services.
    Any,
    /// Those marked for development.
    Development,
    /// `service-identity` for exactly this SPIFFE id, and nothing else.
    OwnIdentity {
        /// The SPIFFE id.
        id: String,
        /// The certificate that was shown; none within the process.
        shown: Option<Asker>,
    },
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
    /// What policy holds their requests to. GigVault itself, and a service that asks for its own identity, go the way
    /// of services.
    pub(crate) fn grant(&self) -> Result<rules::Grant, Error> {
        if matches!(
            self.issues,
            ProfileScope::Bootstrap | ProfileScope::OwnIdentity { .. }
        ) {
            return Ok(rules::Grant::service());
        }
        let limits = rules::NameLimits::parse(&self.rights.allowed_names)
            .map_err(|error| Error::internal(format!("limits of {}: {error}", self.subject)))?;
        let mut grant = rules::Grant::default().within(limits);
        if self.rights.authority {
            grant = grant.with_authority();
        }
        if self.rights.reserved_names {
            grant = grant.with_reserved_hosts();
        }
        Ok(grant)
    }

    /// The identity that a service showed, which asks for its own.
    pub(crate) fn asker(&self) -> Option<Asker> {
        match &self.issues {
            ProfileScope::OwnIdentity { shown, .. } => shown.clone(),
            ProfileScope::Any | ProfileScope::Development | ProfileScope::Bootstrap => None,
        }
    }

    /// In what capacity this requester decides on a certificate. A service that acts on behalf of a requester counts as owner
    /// of that requester's certificates and as operator of all others; it must have checked those rights itself.
    pub(crate) fn capacity(&self, certificate: &Issued) -> Capacity {
        self.capacity_over(&certificate.requester)
    }

    /// The same of a certificate that is that requester's.
    pub(crate) fn capacity_over(&self, requester: &str) -> Capacity {
        let owner = requester == self.subject;
        match self.sees {
            Visibility::All if !(self.on_behalf && owner) => Capacity::Operator,
            Visibility::All | Visibility::Own => Capacity::Owner,
        }
    }

    /// Whose certificates this requester may revoke beside one that was named; `None` stands for everybody's. A service has
    /// looked at the rights to the one that it named, and not to others.
    pub(crate) fn revokes_beside(&self) -> Option<&str> {
        let everybody = self.sees == Visibility::All && !self.on_behalf;
        (!everybody).then_some(self.subject.as_str())
    }

    /// Whether this requester may know of that certificate.
    pub(crate) fn may_see(&self, certificate: &Issued) -> bool {
        self.sees == Visibility::All || certificate.requester == self.subject
    }
}
