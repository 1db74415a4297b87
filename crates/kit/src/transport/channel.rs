//! Calls to a service in another process, over mutual TLS.
//!
//! One HTTP/2 connection, made at the first call and again whenever it ends, each time with the identity of
//! that moment. A call that meets a closing connection and was certainly not processed (RFC 9113 section 8.7)
//! goes to the next one: that is what keeps rotations and restarts of the peer from failing calls. For that a
//! request is read whole before it is sent. A stream of requests ([`streamed`](super::streamed)) is not: it is sent as it comes, and
//! once.

use std::sync::Arc;

use bytes::Bytes;
use http::uri::{PathAndQuery, Scheme};
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use tokio::time::timeout;
use tonic::Status;
use tonic::body::Body;
use tower::util::BoxCloneSyncService;
use x509::uri::shown;

use super::connection::{Address, ConnectError, Connections, Sent};
use super::{Transport, outgoing, requests};
use crate::grpc::deadline::{self, Requests};
use crate::peer::REVOKED;
use crate::tls::Identity;

/// How often a call that was not processed is sent at most.
const ATTEMPTS: u8 = 4;

/// The address of a service cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{url:?} is not the address of a service; it takes https://host:port")]
pub struct AddressError {
    /// As it may be shown.
    url: String,
}

impl AddressError {
    fn of(url: &str) -> Self {
        Self {
            url: shown(url).into_owned(),
        }
    }
}

/// Whether `url` is the address of a service, as [`channel`] takes it.
///
/// # Errors
/// When it is not.
pub fn check_address(url: &str) -> Result<(), AddressError> {
    match Address::parse(url) {
        Some(_) => Ok(()),
        None => Err(AddressError::of(url)),
    }
}

/// Calls the service named `peer` at `url` (`https://host:port`), showing `identity`.
///
/// Only a server whose certificate names `peer` in our trust domain is accepted, at whatever host it runs.
///
/// # Errors
/// When `url` is not of that form.
pub fn channel(url: &str, peer: &str, identity: &Identity) -> Result<Transport, AddressError> {
    let address = Address::parse(url).ok_or_else(|| AddressError::of(url))?;
    let connections = Arc::new(Connections::new(address, peer, identity.clone()));
    Ok(BoxCloneSyncService::new(tower::service_fn(move |request| {
        call(Arc::clone(&connections), request)
    })))
}

async fn call(connections: Arc<Connections>, request: Request<Body>) -> Result<Response<Body>, Status> {
    let requests = requests(&request);
    let (mut parts, body) = outgoing(request).into_parts();
    let path = parts
        .uri
        .path_and_query()
        .cloned()
        .unwrap_or_else(|| PathAndQuery::from_static("/"));
    parts.uri = Uri::builder()
        .scheme(Scheme::HTTPS)
        .authority(connections.authority().clone())
        .path_and_query(path)
        .build()
        .map_err(|error| Status::internal(error.to_string()))?;
    // A malformed deadline is the server's to refuse.
    let wait = deadline::of(&parts.headers, requests).unwrap_or(deadline::DEFAULT);
    let answer = async {
        if requests == Requests::Stream {
            let request = Request::from_parts(parts, Either::Right(body));
            return attempt(&connections, request).await?.map_err(broken);
        }
        let body = Full::new(body.collect().await?.to_bytes());
        attempts(&connections, &Request::from_parts(parts, body)).await
    };
    let late = |_| Status::deadline_exceeded("the service did not answer in time");
    timeout(wait, answer).await.map_err(late)?.map(|response| {
        let revoked = response.headers().get(REVOKED);
        if let Some(serial) = revoked.and_then(|serial| serial.to_str().ok()) {
            connections.refused_as_revoked(serial);
        }
        response.map(Body::new)
    })
}

async fn attempts(
    connections: &Connections,
    request: &Request<Full<Bytes>>,
) -> Result<Response<Incoming>, Status> {
    let mut left = ATTEMPTS;
    // Only what the other side has not begun is sent again: a call may have effects.
    loop {
        left -= 1;
        let error = match attempt(connections, request.clone().map(Either::Left)).await? {
            Ok(response) => return Ok(response),
            Err(error) => error,
        };
        if left == 0 || !was_not_processed(&error) {
            return Err(broken(error));
        }
    }
}

/// Sends a request over the connection that is open, or a new one.
async fn attempt(
    connections: &Connections,
    request: Request<Sent>,
) -> Result<Result<Response<Incoming>, hyper::Error>, Status> {
    let mut sender = connections.sender().await.map_err(unreachable)?;
    let answer = sender.send_request(request);
    // A request that is queued just when its connection ends is given back only once every sender is gone:
    // whoever waits for an answer must not hold one.
    drop(sender);
    Ok(answer.await)
}

// So say a request that never got to the connection, a remote GOAWAY without an error, and a refused stream.
fn was_not_processed(error: &hyper::Error) -> bool {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<h2::Error>());
    error.is_canceled()
        || cause.is_some_and(|cause| {
            let going =
                cause.is_go_away() && cause.is_remote() && cause.reason() == Some(h2::Reason::NO_ERROR);
            going || cause.reason() == Some(h2::Reason::REFUSED_STREAM)
        })
}

fn broken(error: hyper::Error) -> Status {
    unavailable("the connection to the service broke", error)
}

fn unreachable(error: ConnectError) -> Status {
    unavailable("no connection to the service", error)
}

fn unavailable(text: &str, error: impl std::error::Error + Send + Sync + 'static) -> Status {
    let mut status = Status::unavailable(text);
    status.set_source(Arc::new(error));
    status
}
