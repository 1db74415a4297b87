//! How a generated gRPC client reaches its service: in this process or over mutual TLS.
//!
//! Both ways have one type, so `KeymgrClient<Transport>` is the same in `up` and in a fleet. Both carry the
//! ids of the current request and a deadline. In process the caller's name is given by the wiring; over the
//! wire it comes from the client certificate.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::body::Body;
use tonic::transport::Endpoint;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Service, ServiceExt};

use crate::grpc::deadline;
use crate::peer::Peer;
use crate::tls::Identity;
use crate::trace;

/// What generated clients are made over: `KeymgrClient::new(transport)`.
pub type Transport = BoxCloneSyncService<Request<Body>, Response<Body>, TransportError>;

/// Why a call did not reach its service. A type of its own, not a bare box: the compiler can then see that the
/// futures of generated clients may move between threads.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TransportError(#[source] BoxError);

/// Longest wait for a connection: TCP and TLS.
const CONNECT: Duration = Duration::from_secs(5);
/// A silent connection is asked for a sign of life after this time, and given up after that one.
const PING_AFTER: Duration = Duration::from_secs(20);
const PING_WAIT: Duration = Duration::from_secs(10);

/// The address of a service can't be used.
#[derive(Debug, thiserror::Error)]
#[error("{url:?} is not the address of a service; it takes https://host:port")]
pub struct AddressError {
    url: String,
}

/// Calls `service` in this process as the service named `caller`.
///
/// Put [`crate::grpc::edge`] in front of `service` as on a listener; the peer it sees is `caller`.
pub fn in_process<S>(service: S, caller: &'static str) -> Transport
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
{
    let peer = Peer(Some(Arc::from(caller)));
    let service = service.map_err(|never: Infallible| -> TransportError { match never {} });
    BoxCloneSyncService::new(service.map_request(move |request| {
        let mut request = outgoing(request);
        request.extensions_mut().insert(peer.clone());
        request
    }))
}

/// Calls the service named `peer` at `url` (`https://host:port`), showing `identity`.
///
/// The connection is made at the first call and again whenever it breaks, each time with the identity of
/// that moment. Only a server whose certificate names `peer` in our trust domain is accepted, at whatever
/// host it runs.
///
/// # Errors
/// When `url` is not of that form.
pub fn channel(url: &str, peer: &str, identity: &Identity) -> Result<Transport, AddressError> {
    let error = || AddressError { url: url.to_owned() };
    let authority = url
        .strip_prefix("https://")
        .ok_or_else(error)?
        .trim_end_matches('/');
    let uri: Uri = format!("http://{authority}").parse().map_err(|_| error())?;
    let host = uri
        .host()
        .filter(|_| uri.path() == "/" && uri.query().is_none())
        .ok_or_else(error)?;
    let host = host.trim_matches(['[', ']']).to_owned();
    let address = (host.clone(), uri.port_u16().ok_or_else(error)?);
    let name = ServerName::try_from(host).map_err(|_| error())?;
    let (peer, identity): (Arc<str>, _) = (Arc::from(peer), identity.clone());
    let connector = tower::service_fn(move |_: Uri| {
        let (address, name, peer, identity) =
            (address.clone(), name.clone(), Arc::clone(&peer), identity.clone());
        async move { connect(address, name, &peer, &identity).await.map(TokioIo::new) }
    });
    let channel = Endpoint::from(uri)
        .connect_timeout(CONNECT)
        .http2_keep_alive_interval(PING_AFTER)
        .keep_alive_timeout(PING_WAIT)
        .keep_alive_while_idle(true)
        .connect_with_connector_lazy(connector);
    Ok(BoxCloneSyncService::new(
        channel
            .map_err(|error| TransportError(error.into()))
            .map_request(outgoing),
    ))
}

async fn connect(
    address: (String, u16),
    name: ServerName<'static>,
    peer: &str,
    identity: &Identity,
) -> io::Result<TlsStream<TcpStream>> {
    let config = identity.client_config(peer).map_err(io::Error::other)?;
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    TlsConnector::from(config).connect(name, stream).await
}

fn outgoing(mut request: Request<Body>) -> Request<Body> {
    trace::inject(request.headers_mut());
    deadline::ensure(request.headers_mut());
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_https_with_a_port_is_an_address() {
        let identity = crate::tls::tests::identity();
        for good in [
            "https://keymgr:9443",
            "https://127.0.0.1:1/",
            "https://[::1]:9443",
        ] {
            assert!(channel(good, "keymgr", &identity).is_ok(), "{good}");
        }
        for bad in [
            "",
            "keymgr:9443",
            "http://keymgr:9443",
            "https://keymgr",
            "https://keymgr:9443/x",
            "https://a b:1",
        ] {
            assert!(
                channel(bad, "keymgr", &identity)
                    .unwrap_err()
                    .to_string()
                    .contains("https://host:port"),
                "{bad}"
            );
        }
    }
}
