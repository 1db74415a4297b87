//! Who called over gRPC, and whether they may.
//!
//! A [`Peer`] is put into the request by whoever knows: the listener, from the verified client certificate,
//! or the in-process transport, from the wiring. [`allow_list`] stands in front of a service and refuses
//! every method that its table does not give to that peer. No rule, no entry, no peer: refused.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::{Either, Ready, ready};
use http::{Request, Response};
use tonic::Status;
use tonic::body::Body;
use tonic::server::NamedService;
use tower::{Layer, Service};

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
#[must_use]
pub const fn allow_list(table: AllowTable) -> AllowList {
    AllowList { table }
}

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

/// The layer made by [`allow_list`].
#[derive(Clone, Copy, Debug)]
pub struct AllowList {
    table: AllowTable,
}

impl<S> Layer<S> for AllowList {
    type Service = AllowListed<S>;

    fn layer(&self, inner: S) -> AllowListed<S> {
        AllowListed {
            inner,
            table: self.table,
        }
    }
}

/// A service behind an allow list.
#[derive(Clone, Debug)]
pub struct AllowListed<S> {
    inner: S,
    table: AllowTable,
}

impl<S: NamedService> NamedService for AllowListed<S> {
    const NAME: &'static str = S::NAME;
}

impl<S, B> Service<Request<B>> for AllowListed<S>
where
    S: Service<Request<B>, Response = Response<Body>, Error = Infallible>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Either<Ready<Result<Response<Body>, Infallible>>, S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match check(self.table, request.uri().path(), request.extensions().get()) {
            Ok(()) => Either::Right(self.inner.call(request)),
            Err(status) => Either::Left(ready(Ok(status.into_http()))),
        }
    }
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
