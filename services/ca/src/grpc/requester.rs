//! Who a request is made for: the caller itself, or whom it names.

use kit::peer::{Peer, PeerCertificate};

use super::{Grpc, on_behalf};
use crate::app::{ProfileScope, Requester, Rights, Visibility};
use crate::domain::{Asker, Seen};
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
            issues: ProfileScope::OwnIdentity {
                id: format!("spiffe://{}/svc/{name}", self.trust_domain),
                shown: None,
            },
            sees,
            rights: Rights::default(),
            on_behalf: false,
            seen: Seen::Any,
        }
    }

    /// The same for an identity: over the network, with what the peer showed.
    pub(super) fn identity_of(
        &self,
        peer: &Peer,
        certificate: Option<&PeerCertificate>,
    ) -> Result<Requester, Error> {
        let mut requester = self.itself(peer, Visibility::Own);
        if let (ProfileScope::OwnIdentity { id, shown }, Some(certificate)) =
            (&mut requester.issues, certificate)
        {
            *shown = Some(Asker::of(&certificate.0, id)?);
        }
        Ok(requester)
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
