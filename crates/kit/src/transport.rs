//! How a generated gRPC client reaches its service: in this process or over mutual TLS.
//!
//! Both ways have one type, so `KeymgrClient<Transport>` is the same in `up` and in a fleet. Both carry the
//! ids of the current request and a deadline. In process the caller's name is given by the wiring; over the
//! wire it comes from the client certificate.
//!
//! A method that takes a stream of messages is called with [`streamed`].

mod channel;
mod connection;
mod pending;

use std::convert::Infallible;

use http::{Request, Response};
use tonic::Status;
use tonic::body::Body;
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceExt};

pub use channel::{AddressError, channel, check_address};
pub use pending::{PendingTransport, pending};

use crate::grpc::deadline::{self, Requests};
use crate::peer::Peer;
use crate::trace;

/// What generated clients are made over: `KeymgrClient::new(transport)`.
pub type Transport = BoxCloneSyncService<Request<Body>, Response<Body>, Status>;

/// Marks a call that came over no network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InProcess;

/// Calls `service` in this process as the service named `caller`.
///
/// Put [`crate::grpc::edge`] in front of `service` as on a listener; the peer it sees is `caller`.
pub fn in_process<S>(service: S, caller: &'static str) -> Transport
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
{
    let peer = Peer::named(caller);
    let service = service.map_err(|never: Infallible| -> Status { match never {} });
    BoxCloneSyncService::new(service.map_request(move |request| {
        let mut request = outgoing(request);
        request.extensions_mut().insert(peer.clone());
        request.extensions_mut().insert(InProcess);
        request
    }))
}

/// A request of many messages for a generated client. They are sent as they come, and so only once: a call whose connection breaks
/// fails, and the caller begins again.
///
/// Without it a [`channel`] reads all messages before it sends the first.
pub fn streamed<S>(messages: S) -> tonic::Request<S> {
    let mut request = tonic::Request::new(messages);
    request.extensions_mut().insert(Streamed);
    request
}

/// Marks a request that [`streamed`] made.
#[derive(Clone, Copy, Debug)]
struct Streamed;

fn requests<B>(request: &Request<B>) -> Requests {
    match request.extensions().get::<Streamed>() {
        Some(Streamed) => Requests::Stream,
        None => Requests::One,
    }
}

fn outgoing(mut request: Request<Body>) -> Request<Body> {
    trace::inject(request.headers_mut());
    let requests = requests(&request);
    deadline::ensure(request.headers_mut(), requests);
    request
}
