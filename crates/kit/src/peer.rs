//! Who called over gRPC, and whether they may.
//!
//! A [`Peer`] is put into the request by whoever knows: the listener, from the verified client certificate,
//! or the in-process transport, from the wiring. [`edge`](crate::grpc::edge) comes before a
//! service and refuses every method that its table does not give to that peer. No rule, no entry, no peer: refused.
//! [`PROCESS`] in a table is the process itself, which no certificate can name.

use std::sync::Arc;

use tonic::Status;
use tonic::metadata::{MetadataMap, MetadataValue};
use x509::serial::Serial;

/// The process that a service runs in: its first start, its own identities, its own routes. Only a call within the process
/// has this name; over the network it is refused, whatever the certificate says.
pub const PROCESS: &str = "process";

/// In an answer: the serial number of the caller's certificate, which is revoked.
pub(crate) const REVOKED: &str = "gigvault-revoked";

/// The service at the other end, if it showed an identity that counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    name: Option<Arc<str>>,
    /// It showed a certificate that is revoked.
    revoked: Option<Serial>,
}

impl Peer {
    /// A peer of that service name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self {
            name: Some(Arc::from(name)),
            revoked: None,
        }
    }

    /// One whose certificate is revoked. It has no name, and is told why it is refused.
    #[must_use]
    pub fn revoked(serial: Serial) -> Self {
        Self {
            name: None,
            revoked: Some(serial),
        }
    }

    /// The service name: `ca` of `spiffe://<trust-domain>/svc/ca`.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Whether the process itself calls. The edge has looked that it does not come over the network.
    #[must_use]
    pub fn is_process(&self) -> bool {
        self.name() == Some(PROCESS)
    }
}

/// The certificate that a client showed over TLS, DER; in the extensions of its requests. It led to a CA that the listener
/// accepts, and was valid at the handshake; nothing is said of a revocation. It authenticates no request yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerCertificate(pub Arc<[u8]>);

/// Path of a gRPC method (`/gigvault.keymgr.v1.Keymgr/Sign`) and the services that may call it.
pub type AllowTable = &'static [(&'static str, &'static [&'static str])];

/// How a call came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// From this process.
    InProcess,
    /// Over mutual TLS.
    Network,
}

/// Refuses what `table` does not allow: `UNAUTHENTICATED` without a peer, else `PERMISSION_DENIED`.
pub(crate) fn check(table: AllowTable, method: &str, peer: Option<&Peer>, way: Way) -> Result<(), Status> {
    if let Some(serial) = peer.and_then(|peer| peer.revoked) {
        tracing::warn!(method, %serial, "gRPC call refused: the certificate of the caller is revoked");
        return Err(revoked(serial));
    }
    let Some(name) = peer.and_then(Peer::name) else {
        tracing::warn!(method, "gRPC call without an identity refused");
        return Err(Status::unauthenticated(
            "this port takes only services that show their certificate",
        ));
    };
    let allowed = table
        .iter()
        .any(|(listed, peers)| *listed == method && peers.contains(&name));
    if allowed && (name != PROCESS || way == Way::InProcess) {
        return Ok(());
    }
    tracing::warn!(method, peer = name, "gRPC call refused: not on the allow list");
    Err(Status::permission_denied(format!(
        "service {name} may not call this method"
    )))
}

fn revoked(serial: Serial) -> Status {
    let mut metadata = MetadataMap::new();
    if let Ok(value) = MetadataValue::try_from(serial.to_string()) {
        metadata.insert(REVOKED, value);
    }
    Status::with_metadata(
        tonic::Code::Unauthenticated,
        format!(
            "the certificate of the calling service, serial number {serial}, is revoked: make it another identity with \
             `gigvault bootstrap --identity NAME`"
        ),
        metadata,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: AllowTable = &[
        ("/keymgr/Sign", &["ca", "ocsp"]),
        ("/keymgr/NoCaller", &[]),
        ("/keymgr/Own", &[PROCESS]),
    ];

    fn code(method: &str, peer: Option<&Peer>) -> Option<tonic::Code> {
        let checked = check(TABLE, method, peer, Way::Network);
        checked.err().map(|status| status.code())
    }

    #[test]
    fn the_process_itself_never_calls_over_the_network() {
        let own = Peer::named(PROCESS);
        assert!(check(TABLE, "/keymgr/Own", Some(&own), Way::InProcess).is_ok());
        assert_eq!(
            code("/keymgr/Own", Some(&own)),
            Some(tonic::Code::PermissionDenied)
        );
        assert!(check(TABLE, "/keymgr/Sign", Some(&own), Way::InProcess).is_err());
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
            code("/keymgr/NoCaller", Some(&Peer::named("ca"))),
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
