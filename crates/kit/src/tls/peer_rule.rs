//! How a client knows that it talks to the service it means.
//!
//! Services are known by their SPIFFE id, not by the host that they happen to run on: the chain must end at
//! our roots and the certificate must name exactly the expected service.

use std::sync::Arc;

use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, OtherError, RootCertStore};
use verify::{ServerRule, Shown};

use super::{RevokedPeers, SpiffeId};

/// Accepts one service.
#[derive(Debug)]
pub(super) struct PeerRule {
    pub(super) expected: SpiffeId,
    pub(super) roots: Arc<RootCertStore>,
    pub(super) revoked: RevokedPeers,
}

#[derive(Debug, thiserror::Error)]
#[error("the server is {found}, not {expected}")]
struct WrongPeer {
    found: String,
    expected: String,
}

#[derive(Debug, thiserror::Error)]
#[error("it is not known yet which services are revoked")]
struct NotKnown;

impl ServerRule for PeerRule {
    fn accept(&self, shown: &Shown<'_>, algorithms: &WebPkiSupportedAlgorithms) -> Result<(), rustls::Error> {
        let parsed = ParsedCertificate::try_from(shown.leaf)?;
        verify_server_cert_signed_by_trust_anchor(
            &parsed,
            &self.roots,
            shown.intermediates,
            shown.now,
            algorithms.all,
        )?;
        if self.revoked.contains(shown.leaf) {
            return Err(CertificateError::Revoked.into());
        }
        // Whom to take is asked of one service; it is the only one that is called before that is known.
        if !self.revoked.are_known() && !self.revoked.is_teller(self.expected.service()) {
            return Err(CertificateError::Other(OtherError(Arc::new(NotKnown))).into());
        }
        let found = match SpiffeId::of(shown.leaf) {
            Ok(found) if found == self.expected => return Ok(()),
            Ok(found) => found.to_string(),
            Err(error) => format!("an unknown peer ({error})"),
        };
        let wrong = WrongPeer {
            found,
            expected: self.expected.to_string(),
        };
        Err(CertificateError::Other(OtherError(Arc::new(wrong))).into())
    }
}
