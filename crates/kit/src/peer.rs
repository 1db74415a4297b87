//! Who called over gRPC, and whether they may.
//!
//! A [`Peer`] is put into the request by whoever knows: the listener, from the verified client certificate,
//! or the in-process transport, from the wiring. [`edge`](crate::grpc::edge) stands in front of a
//! service and refuses every method that its table does not give to that peer. No rule, no entry, no peer: refused.

use std::sync::Arc;

use tonic::Status;

/// The service at the other end; `None` where it showed no identity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peer(pub Option<Arc<str>>);

impl Peer {
    /// A peer of that service name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self(Some(Arc::from(name)))
    }

    /// The service name: `ca` of `spiffe://<trust-domain>/svc/ca`.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

/// Path of a gRPC method (`/gigvault.keymgr.v1.Keymgr/Sign`) and the services that may call it.
pub type AllowTable = &'static [(&'static str, &'static [&'static str])];

/// Refuses what `table` does not allow: `UNAUTHENTICATED` without a peer, else `PERMISSION_DENIED`.
pub(crate) fn check(table: AllowTable, method: &str, peer: Option<&Peer>) -> Result<(), Status> {
    let Some(name) = peer.and_then(Peer::name) else {
        tracing::warn!(method, "gRPC call without an identity refused");
        return Err(Status::unauthenticated(
            "this port takes only services that show their certificate",
        ));
    };
    let allowed = table
        .iter()
        .any(|(listed, peers)| *listed == method && peers.contains(&name));
    if allowed {
        return Ok(());
    }
    tracing::warn!(method, peer = name, "gRPC call refused: not on the allow list");
    Err(Status::permission_denied(format!(
        "service {name} may not call this method"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: AllowTable = &[("/keymgr/Sign", &["ca", "ocsp"]), ("/keymgr/Nobody", &[])];

    fn code(method: &str, peer: Option<&Peer>) -> Option<tonic::Code> {
        check(TABLE, method, peer).err().map(|status| status.code())
    }

    #[test]
    fn only_what_is_listed_is_allowed() {
        use tonic::Code::{PermissionDenied, Unauthenticated};
        assert_eq!(code("/keymgr/Sign", Some(&Peer::named("ca"))), None);
        assert_eq!(
            code("/keymgr/Sign", Some(&Peer::named("ra"))),
            Some(PermissionDenied)
        );
        assert_eq!(
            code("/keymgr/Sign", Some(&Peer::named("CA"))),
            Some(PermissionDenied)
        );
        assert_eq!(
            code("/keymgr/Sign/", Some(&Peer::named("ca"))),
            Some(PermissionDenied)
        );
        assert_eq!(
            code("/keymgr/Nobody", Some(&Peer::named("ca"))),
            Some(PermissionDenied)
        );
        assert_eq!(
            code("/keymgr/Unknown", Some(&Peer::named("ca"))),
            Some(PermissionDenied)
        );
        assert_eq!(
            code("/keymgr/Sign", Some(&Peer::default())),
            Some(Unauthenticated)
        );
        assert_eq!(code("/keymgr/Sign", None), Some(Unauthenticated));
    }
}
