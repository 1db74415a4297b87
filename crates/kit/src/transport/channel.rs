//! Mutual TLS to a service in another process.
//!
//! One HTTP/2 connection, made at the first call and again whenever it ends, each time with the identity of
//! that moment. A call that meets a closing connection and was certainly not processed (RFC 9113 section 8.7)
//! goes to the next one: that is what keeps rotations and restarts of the peer from failing calls. For that a
//! request is read whole before it is sent; streams of requests are not carried.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::Connect;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tonic::Status;
use tonic::body::Body;
use tower::util::BoxCloneSyncService;

use super::wire::Wire;
use super::{Transport, outgoing};
use crate::grpc::deadline;
use crate::tls::Identity;

/// Longest wait for a connection: TCP and TLS.
const CONNECT: Duration = Duration::from_secs(5);
/// A silent connection is asked for a sign of life after this time, and given up after that one.
const PING_AFTER: Duration = Duration::from_secs(20);
const PING_WAIT: Duration = Duration::from_secs(10);
/// How often a call that was not processed is sent at most.
const ATTEMPTS: u8 = 4;

/// The address of a service can't be used.
#[derive(Debug, thiserror::Error)]
#[error("{url:?} is not the address of a service; it takes https://host:port")]
pub struct AddressError {
    url: String,
}

/// Calls the service named `peer` at `url` (`https://host:port`), showing `identity`.
///
/// Only a server whose certificate names `peer` in our trust domain is accepted, at whatever host it runs.
///
/// # Errors
/// When `url` is not of that form.
pub fn channel(url: &str, peer: &str, identity: &Identity) -> Result<Transport, AddressError> {
    let address = Address::parse(url).ok_or_else(|| AddressError { url: url.to_owned() })?;
    let authority = address.authority.clone();
    let (peer, identity): (Arc<str>, _) = (Arc::from(peer), identity.clone());
    let connector = tower::service_fn(move |_: Uri| {
        let (address, peer, identity) = (address.clone(), Arc::clone(&peer), identity.clone());
        Box::pin(async move { connect(&address, &peer, &identity).await })
    });
    let client = Client::builder(TokioExecutor::new())
        .http2_only(true)
        .http2_keep_alive_interval(PING_AFTER)
        .http2_keep_alive_timeout(PING_WAIT)
        .http2_keep_alive_while_idle(true)
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .build(connector);
    Ok(BoxCloneSyncService::new(tower::service_fn(move |request| {
        call(client.clone(), authority.clone(), request)
    })))
}

async fn call<C>(
    client: Client<C, Full<Bytes>>,
    authority: Authority,
    request: Request<Body>,
) -> Result<Response<Body>, Status>
where
    C: Connect + Clone + Send + Sync + 'static,
{
    let (mut parts, body) = outgoing(request).into_parts();
    let path = parts
        .uri
        .path_and_query()
        .cloned()
        .unwrap_or_else(|| PathAndQuery::from_static("/"));
    parts.uri = Uri::builder()
        .scheme(Scheme::HTTPS)
        .authority(authority)
        .path_and_query(path)
        .build()
        .map_err(|error| Status::internal(error.to_string()))?;
    // A malformed deadline is the server's to refuse.
    let wait = deadline::of(&parts.headers).unwrap_or(deadline::DEFAULT);
    let answer = async {
        let body = Full::new(body.collect().await?.to_bytes());
        attempts(&client, &Request::from_parts(parts, body)).await
    };
    let late = |_| Status::deadline_exceeded("the service did not answer in time");
    timeout(wait, answer)
        .await
        .map_err(late)?
        .map(|response| response.map(Body::new))
}

async fn attempts<C>(
    client: &Client<C, Full<Bytes>>,
    request: &Request<Full<Bytes>>,
) -> Result<Response<Incoming>, Status>
where
    C: Connect + Clone + Send + Sync + 'static,
{
    let mut left = ATTEMPTS;
    loop {
        left -= 1;
        match client.request(request.clone()).await {
            Ok(response) => return Ok(response),
            Err(error) if left > 0 && was_not_processed(&error) => {}
            Err(error) => return Err(unavailable(error)),
        }
    }
}

// A remote GOAWAY without an error and a refused stream both say so. (What was not even begun, the client
// below has sent again already.)
fn was_not_processed(error: &Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(error) = cause.downcast_ref::<h2::Error>() {
            let going =
                error.is_go_away() && error.is_remote() && error.reason() == Some(h2::Reason::NO_ERROR);
            return going || error.reason() == Some(h2::Reason::REFUSED_STREAM);
        }
        source = cause.source();
    }
    false
}

fn unavailable(error: Error) -> Status {
    let text = if error.is_connect() {
        "no connection to the service"
    } else {
        "the connection to the service broke"
    };
    let mut status = Status::unavailable(text);
    status.set_source(Arc::new(error));
    status
}

#[derive(Clone)]
struct Address {
    authority: Authority,
    host: String,
    port: u16,
    name: ServerName<'static>,
}

impl Address {
    fn parse(url: &str) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        let authority = uri.authority()?.clone();
        let plain = uri.path() == "/" && uri.query().is_none() && !authority.as_str().contains('@');
        if uri.scheme() != Some(&Scheme::HTTPS) || !plain {
            return None;
        }
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(host.clone()).ok()?;
        Some(Self {
            port: authority.port_u16()?,
            authority,
            host,
            name,
        })
    }
}

async fn connect(address: &Address, peer: &str, identity: &Identity) -> io::Result<Wire> {
    let config = identity.client_config(peer).map_err(io::Error::other)?;
    let connect = async {
        let stream = TcpStream::connect((address.host.as_str(), address.port)).await?;
        stream.set_nodelay(true)?;
        TlsConnector::from(config)
            .connect(address.name.clone(), stream)
            .await
    };
    match timeout(CONNECT, connect).await {
        Ok(stream) => stream.map(Wire::new),
        Err(_elapsed) => Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("no connection within {CONNECT:?}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_with_a_port_is_an_address() {
        for good in [
            "https://keymgr:9443",
            "https://127.0.0.1:1/",
            "https://[::1]:9443",
        ] {
            assert!(Address::parse(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "keymgr:9443",
            "http://keymgr:9443",
            "https://keymgr",
            "https://keymgr:9443/x",
            "https://a b:1",
            "https://user@keymgr:9443",
            "https://keymgr:9443/?x",
        ] {
            assert!(Address::parse(bad).is_none(), "{bad}");
        }
        let error = AddressError {
            url: "keymgr".to_owned(),
        }
        .to_string();
        assert!(
            error.contains("keymgr") && error.contains("https://host:port"),
            "{error}"
        );
    }
}
