//! One HTTP/2 connection to a service, and its successors.

use std::future::{Future, pending};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::Uri;
use http::uri::{Authority, Scheme};
use http_body_util::{Either, Full};
use hyper::client::conn::http2::{self, SendRequest};
use hyper::rt::Executor;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;

use crate::tls::Identity;

/// Longest wait for a connection: TCP, TLS and HTTP/2.
const CONNECT: Duration = Duration::from_secs(5);
/// A silent connection is asked for a sign of life after this time, and given up after that one.
const PING_AFTER: Duration = Duration::from_secs(20);
const PING_WAIT: Duration = Duration::from_secs(10);

/// What is sent: a message that was read whole, or messages as they come.
pub(super) type Sent = Either<Full<Bytes>, Body>;

/// A way to send requests; many share one connection.
pub(super) type Sender = SendRequest<Sent>;

/// There is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error("no connection within {CONNECT:?}")]
    TooLate,
    #[error("no connection")]
    Transport(#[from] io::Error),
    #[error("no HTTP/2 connection")]
    Protocol(#[from] hyper::Error),
}

/// Where a service is, who it has to be, and the connection to it while there is one.
pub(super) struct Connections {
    address: Address,
    peer: Arc<str>,
    identity: Identity,
    current: Arc<ArcSwapOption<Sender>>,
    // Whoever has it makes the connection that the others wait for.
    connecting: Mutex<()>,
}

impl Connections {
    pub(super) fn new(address: Address, peer: &str, identity: Identity) -> Self {
        Self {
            address,
            peer: Arc::from(peer),
            identity,
            current: Arc::default(),
            connecting: Mutex::new(()),
        }
    }

    pub(super) const fn authority(&self) -> &Authority {
        &self.address.authority
    }

    /// The service does not take our certificate any more. Another one, or the end of a hold, needs another connection.
    pub(super) fn refused_as_revoked(&self, serial: &str) {
        self.identity.told_revoked(serial);
        self.current.store(None);
    }

    /// The connection that is open, or a new one.
    pub(super) async fn sender(&self) -> Result<Sender, ConnectError> {
        if let Some(sender) = self.standing() {
            return Ok(sender);
        }
        let _turn = self.connecting.lock().await;
        if let Some(sender) = self.standing() {
            return Ok(sender);
        }
        let sender = match timeout(CONNECT, self.connect()).await {
            Ok(sender) => sender?,
            Err(_elapsed) => return Err(ConnectError::TooLate),
        };
        self.current.store(Some(Arc::new(sender.clone())));
        // It may have ended before it was stored.
        forget(&self.current);
        Ok(sender)
    }

    fn standing(&self) -> Option<Sender> {
        let current = self.current.load();
        current
            .as_ref()
            .filter(|sender| !sender.is_closed())
            .map(|sender| Sender::clone(sender))
    }

    async fn connect(&self) -> Result<Sender, ConnectError> {
        let stream = self.stream().await?;
        let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let shown = shown.map(|leaf| leaf.clone().into_owned());
        let cut = CancellationToken::new();
        let (sender, connection) = http2::Builder::new(Tasks(cut.clone()))
            .timer(TokioTimer::new())
            .keep_alive_interval(PING_AFTER)
            .keep_alive_timeout(PING_WAIT)
            .keep_alive_while_idle(true)
            .handshake(TokioIo::new(stream))
            .await?;
        let revoked = self.until_revoked(shown);
        let (peer, current) = (Arc::clone(&self.peer), Arc::clone(&self.current));
        tokio::spawn(async move {
            tokio::select! {
                ended = connection => if let Err(error) = ended {
                    tracing::debug!(
                        peer = &*peer,
                        cause = crate::error::chain(&error),
                        "a connection to a service broke"
                    );
                },
                () = revoked => {
                    cut.cancel();
                    tracing::warn!(
                        peer = &*peer,
                        "connection cut off: the certificate of the service is revoked"
                    );
                }
            }
            forget(&current);
        });
        Ok(sender)
    }

    /// Returns once the service may not go by the certificate that it showed.
    fn until_revoked(&self, shown: Option<CertificateDer<'static>>) -> BoxFuture<'static, ()> {
        match shown {
            Some(leaf) => self.identity.revoked_peers().clone().until_among(leaf).boxed(),
            // None came without one.
            None => pending().boxed(),
        }
    }

    async fn stream(&self) -> io::Result<TlsStream<TcpStream>> {
        let revoked = self.identity.revoked_peers();
        if !revoked.is_teller(&self.peer) {
            revoked.clone().until_known().await;
        }
        let config = self
            .identity
            .client_config(&self.peer)
            .map_err(io::Error::other)?;
        let stream = TcpStream::connect((self.address.host.as_str(), self.address.port)).await?;
        stream.set_nodelay(true)?;
        TlsConnector::from(config)
            .connect(self.address.name.clone(), stream)
            .await
    }
}

/// What hyper runs for a connection, until it is cut: hyper itself would let calls that are under way finish.
#[derive(Clone)]
struct Tasks(CancellationToken);

impl<F> Executor<F> for Tasks
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, task: F) {
        let cut = self.0.clone();
        tokio::spawn(async move { cut.run_until_cancelled_owned(task).await });
    }
}

// Lets go of a connection that has ended: its sender would keep what is still queued from being given back.
fn forget(current: &ArcSwapOption<Sender>) {
    let ended = current.load();
    if ended.as_ref().is_some_and(|sender| sender.is_closed()) {
        current.compare_and_swap(&*ended, None);
    }
}

/// Where a service is.
pub(super) struct Address {
    authority: Authority,
    host: String,
    port: u16,
    name: ServerName<'static>,
}

impl Address {
    /// Of `https://host:port`.
    pub(super) fn parse(url: &str) -> Option<Self> {
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
    }
}
