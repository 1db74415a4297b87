//! A directory that listens.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use ldap::{Content, Directory, Limits, Published, Unavailable};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A directory of these issuers.
pub(crate) struct Fixed(pub(crate) Vec<Arc<Published>>);

impl Directory for Fixed {
    fn published(&self) -> BoxFuture<'_, Result<Vec<Arc<Published>>, Unavailable>> {
        let issuers = self.0.clone();
        Box::pin(async { Ok(issuers) })
    }
}

/// An issuer whose values begin with this octet.
pub(crate) fn issuer(name: &str, octet: u8) -> Arc<Published> {
    let mut issuer = Published::new(&name.parse().unwrap());
    let content = |kind: u8, length| Content::from(Bytes::from([vec![octet], vec![kind; length]].concat()));
    issuer.certificates.push(content(1, 700));
    // In pieces, as they are stored.
    issuer.complete.push(Content::new([
        Bytes::from(vec![octet; 5000]),
        Bytes::new(),
        Bytes::from(vec![2; 70_000]),
        Bytes::from_static(&[0xff]),
    ]));
    issuer.deltas.push(content(3, 200));
    Arc::new(issuer)
}

/// The octets of a value.
pub(crate) fn octets(content: &Content) -> Vec<u8> {
    content.identity()
}

/// Issuing CA in two generations, another CA, one of another country, and a root without a common name.
pub(crate) fn issuers() -> Vec<Arc<Published>> {
    vec![
        issuer("CN=Issuing CA,O=Example Org,C=DE", 0x11),
        issuer("CN=Issuing CA,O=Example Org,C=DE", 0x12),
        issuer("CN=Second CA,OU=Dept+O=Example Org,C=DE", 0x13),
        issuer("CN=Ünïcode CA,DC=example,DC=test", 0x14),
        issuer("O=Example Org,C=DE", 0x15),
    ]
}

/// A listener, until it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn of(directory: impl Directory, limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let task = tokio::spawn(ldap::serve(listener, Arc::new(directory), limits, stop.clone()));
        Self { address, stop, task }
    }

    pub(crate) async fn start() -> Self {
        Self::of(Fixed(issuers()), Limits::default()).await
    }

    /// Waits until all connections have ended.
    pub(crate) async fn ended(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}
