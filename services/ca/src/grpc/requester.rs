//! Who a request is made for: the caller itself, or whom it names.

use kit::peer::Peer;

use super::{Grpc, on_behalf};
use crate::app::{ProfileScope, Requester, Rights, Visibility};
use crate::domain::Seen;
use crate::error::Error;

impl Grpc {
    /// A service that works for others (ra, enroll) names its requester, within what it may claim. Its own identity it
    /// asks for itself, as every other service does.
    pub(super) fn requester(
        &self,
        peer: &Peer,
        named: &str,
        allowed_names: &[String],
    ) -> Result<Requester, Error> {
        on_behalf::check_principal(peer, named)?;
        Ok(Requester {
            subject: named.to_owned(),
            issues: ProfileScope::Any,
            sees: Visibility::All,
            rights: Rights {
                allowed_names: limits(allowed_names)?,
                ..Rights::default()
            },
            on_behalf: true,
            seen: Seen::Any,
        })
    }

    pub(super) fn itself(&self, peer: &Peer, sees: Visibility) -> Requester {
        let name = peer.name().unwrap_or_default();
        Requester {
            subject: format!("service:{name}"),
            issues: ProfileScope::OwnIdentity(format!("spiffe://{}/svc/{name}", self.trust_domain)),
            sees,
            rights: Rights::default(),
            on_behalf: false,
            seen: Seen::Any,
        }
    }

    /// The process that this service runs in, setting itself up: identities and the HTTPS certificate.
    pub(super) fn process(&self) -> Requester {
        Requester {
            subject: "gigvault".to_owned(),
            issues: ProfileScope::Bootstrap,
            sees: Visibility::All,
            rights: Rights::default(),
            on_behalf: false,
            seen: Seen::Any,
        }
    }
}

/// The patterns as they came, if all can be read.
fn limits(patterns: &[String]) -> Result<Vec<String>, Error> {
    rules::NameLimits::parse(patterns)
        .map(|limits| limits.patterns())
        .map_err(|error| Error::invalid("allowed_names", error))
}
