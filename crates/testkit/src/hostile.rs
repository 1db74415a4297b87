//! Clients that mean harm, against every listener of a running system.
//!
//! [`targets`] reads the ready file, so a listener that is added later is attacked without a change here. An [`Attack`]
//! keeps its connections up until it is dropped: what the server cuts off comes back. It comes from an address of its own
//! (`127.0.0.x`), because limits count by address. Whether the system stands is judged by a caller beside it.

mod http1;
mod http2;
mod ldap;
mod tls;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use anyhow::Context;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

/// Attackers have threads of their own: a caller who shared theirs would wait for them, and be cut off for it by a server
/// that answers at once.
#[expect(clippy::expect_used, reason = "a test without its attackers shows nothing")]
static ATTACKERS: LazyLock<Runtime> = LazyLock::new(|| {
    let mut threads = Builder::new_multi_thread();
    threads
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("threads for attackers")
});

/// One listener.
#[derive(Clone)]
pub struct Target {
    /// Its name in the ready file.
    pub name: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// How to reach it over TLS; `None` for plain text.
    tls: Option<TlsConnector>,
    /// Whether it speaks HTTP/2 only.
    h2_only: bool,
    /// Whether it speaks LDAP, and no HTTP.
    ldap: bool,
    /// A path that takes a body where there is one.
    pub path: String,
    /// A path that anybody may get, with the largest answer where there are several.
    pub open_path: String,
    /// A credential, for attacks by a client that has one.
    pub token: Option<String>,
}

/// What a hostile client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Abuse {
    /// Opens connections and says nothing.
    Connections,
    /// Begins TLS handshakes and does not go on.
    Handshakes,
    /// Sends the head of a request a byte at a time.
    SlowHeads,
    /// Sends most of a small body.
    StalledBodies,
    /// Sends most of the largest body that is taken, on many connections.
    BodyMemory,
    /// Sends requests and reads no answer.
    SlowReaders,
    /// Opens HTTP/2 streams with bodies that do not end.
    Streams,
    /// Asks over HTTP/2 for answers and keeps the window shut.
    ShutWindows,
    /// Opens HTTP/2 streams and resets them at once.
    Resets,
    /// Sends HTTP/2 pings and settings without an end.
    Pings,
    /// The same beside streams that do not end, and reads the answers.
    PingsBesideStreams,
    /// Sends the head of an HTTP/2 request in CONTINUATION frames without an end.
    Continuations,
    /// Sends cheap valid requests without a credential one after the other, and reads the answers.
    CheapRequests,
    /// The same on HTTP/2 streams, as many at a time as the server allows.
    CheapStreams,
    /// Sends requests with credentials that are well-formed and unknown.
    BadCredentials,
    /// Makes TLS handshakes one after the other.
    FullHandshakes,
    /// Makes a connection for each request.
    NewConnections,
}

impl Abuse {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::Connections,
        Self::Handshakes,
        Self::SlowHeads,
        Self::StalledBodies,
        Self::BodyMemory,
        Self::SlowReaders,
        Self::Streams,
        Self::ShutWindows,
        Self::Resets,
        Self::Pings,
        Self::PingsBesideStreams,
        Self::Continuations,
        Self::CheapRequests,
        Self::CheapStreams,
        Self::BadCredentials,
        Self::FullHandshakes,
        Self::NewConnections,
    ];

    /// Those that a listener is open to whatever it speaks: heads and bodies are the beginning of a message, and most of one.
    pub const ANYWHERE: [Self; 6] = [
        Self::Connections,
        Self::SlowHeads,
        Self::StalledBodies,
        Self::SlowReaders,
        Self::CheapRequests,
        Self::NewConnections,
    ];

    /// Those that ask for nothing but work, whose sender shows no valid credential.
    pub const WORK: [Self; 7] = [
        Self::Pings,
        Self::PingsBesideStreams,
        Self::CheapRequests,
        Self::CheapStreams,
        Self::BadCredentials,
        Self::FullHandshakes,
        Self::NewConnections,
    ];

    /// Whether it makes sense there: HTTP/2 is spoken over TLS only, and HTTP/1.1 not everywhere.
    #[must_use]
    pub fn fits(self, target: &Target) -> bool {
        if target.ldap {
            return Self::ANYWHERE.contains(&self);
        }
        match self {
            Self::Connections => true,
            Self::Handshakes
            | Self::FullHandshakes
            | Self::Streams
            | Self::ShutWindows
            | Self::Resets
            | Self::Pings
            | Self::PingsBesideStreams
            | Self::Continuations => target.is_tls(),
            // Where only services get in, no client gets as far as a request without a credential.
            Self::CheapStreams => target.is_tls() && !target.h2_only,
            Self::SlowHeads
            | Self::StalledBodies
            | Self::BodyMemory
            | Self::SlowReaders
            | Self::CheapRequests
            | Self::BadCredentials
            | Self::NewConnections => !target.h2_only,
        }
    }

    /// Connections at a time: beyond the limit of one client where connections are what is attacked.
    fn connections(self) -> usize {
        match self {
            Self::Connections => 600,
            Self::BodyMemory => 256,
            Self::Handshakes | Self::SlowHeads | Self::StalledBodies => 100,
            Self::CheapRequests | Self::BadCredentials => 64,
            Self::SlowReaders | Self::FullHandshakes | Self::NewConnections => 32,
            Self::CheapStreams => 16,
            Self::Streams
            | Self::ShutWindows
            | Self::Resets
            | Self::Pings
            | Self::PingsBesideStreams
            | Self::Continuations => 8,
        }
    }
}

/// Every listener in the ready file of `dir`. `identity` is the folder of a service identity, shown where a listener asks
/// for one.
///
/// # Errors
/// If the file or the identity cannot be read.
pub fn targets(dir: &Path, identity: Option<&Path>) -> anyhow::Result<Vec<Target>> {
    let text = std::fs::read_to_string(dir.join("ready.json")).context("the ready file")?;
    let ready: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text)?;
    let mut targets = Vec::new();
    for (name, value) in ready {
        let Some((scheme, authority)) = value.as_str().and_then(|text| text.split_once("://")) else {
            continue;
        };
        let address = authority
            .replace("localhost", "127.0.0.1")
            .parse()
            .with_context(|| format!("{name} of the ready file: {authority}"))?;
        let h2_only = name == "grpc";
        let tls = match scheme.ends_with('s') {
            true => Some(tls::connector(identity.filter(|_| h2_only), h2_only)?),
            false => None,
        };
        let (path, open_path) = match name.as_str() {
            "https" => ("/api/v1/certificates", "/api/openapi.json"),
            _ => ("/nothing", "/healthz"),
        };
        targets.push(Target {
            name,
            address,
            tls,
            h2_only,
            ldap: scheme == "ldap",
            path: path.to_owned(),
            open_path: open_path.to_owned(),
            token: None,
        });
    }
    anyhow::ensure!(!targets.is_empty(), "the ready file names no listener");
    Ok(targets)
}

/// A stream to attack over.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

impl Target {
    /// A listener that speaks LDAP.
    #[must_use]
    pub fn ldap(address: SocketAddr) -> Self {
        Self {
            name: "ldap".to_owned(),
            address,
            tls: None,
            h2_only: false,
            ldap: true,
            path: String::new(),
            open_path: String::new(),
            token: None,
        }
    }

    /// Whether it speaks TLS.
    #[must_use]
    pub const fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// A TCP connection from that address.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn socket(&self, from: Ipv4Addr) -> std::io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        // Small, so that an answer that is not read soon stays in the server.
        socket.set_recv_buffer_size(4096)?;
        socket.bind((from, 0).into())?;
        socket.connect(self.address).await
    }

    /// A connection that speaks HTTP/1.1, or HTTP/2 if `h2`, from that address.
    async fn stream(&self, from: Ipv4Addr, h2: bool) -> std::io::Result<Box<dyn Stream>> {
        let socket = self.socket(from).await?;
        let Some(connector) = &self.tls else {
            return Ok(Box::new(socket));
        };
        let mut config = rustls::ClientConfig::clone(connector.config());
        let protocol: &[u8] = if h2 { b"h2" } else { b"http/1.1" };
        config.alpn_protocols = vec![protocol.to_vec()];
        let name = rustls::pki_types::ServerName::IpAddress(self.address.ip().into());
        let stream = TlsConnector::from(Arc::new(config)).connect(name, socket).await?;
        Ok(Box::new(stream))
    }
}

/// An attack that goes on until it is dropped.
pub struct Attack {
    what: String,
    _tasks: JoinSet<()>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    opened: AtomicUsize,
    ended: AtomicUsize,
}

impl Attack {
    /// Begins.
    #[must_use]
    pub fn begin(target: &Target, abuse: Abuse, from: Ipv4Addr) -> Self {
        Self::with(target, abuse, from, abuse.connections())
    }

    /// Begins, with this many connections at a time.
    #[must_use]
    pub fn with(target: &Target, abuse: Abuse, from: Ipv4Addr, connections: usize) -> Self {
        let counts = Arc::new(Counts::default());
        let mut tasks = JoinSet::new();
        for _ in 0..connections {
            let (target, counts) = (target.clone(), Arc::clone(&counts));
            let connection = async move {
                loop {
                    once(&target, abuse, from, &counts).await;
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            };
            tasks.spawn_on(connection, ATTACKERS.handle());
        }
        Self {
            what: format!("{abuse:?} on {}", target.name),
            _tasks: tasks,
            counts,
        }
    }

    /// Connections that did what they were made for.
    #[must_use]
    pub fn opened(&self) -> usize {
        self.counts.opened.load(Ordering::Relaxed)
    }

    /// Connections that the server has ended.
    #[must_use]
    pub fn ended(&self) -> usize {
        self.counts.ended.load(Ordering::Relaxed)
    }

    /// Waits until at least this many connections are open or were opened.
    ///
    /// # Errors
    /// If that takes longer than half a minute.
    pub async fn stands(&self, connections: usize) -> anyhow::Result<()> {
        self.stands_within(connections, Duration::from_secs(30)).await
    }

    /// As [`Self::stands`], for attacks that are begun beside many others: those share what is kept for such callers.
    ///
    /// # Errors
    /// If it takes longer than that.
    pub async fn stands_within(&self, connections: usize, longest: Duration) -> anyhow::Result<()> {
        let waiting = async {
            while self.opened() < connections {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let late = || format!("{}: only {} connections were opened", self.what, self.opened());
        tokio::time::timeout(longest, waiting).await.with_context(late)
    }
}

/// One hostile connection, until the server ends it.
async fn once(target: &Target, abuse: Abuse, from: Ipv4Addr, counts: &Counts) {
    let opened = || {
        counts.opened.fetch_add(1, Ordering::Relaxed);
    };
    let ended = match abuse {
        _ if target.ldap => ldap::once(target, abuse, from, opened).await,
        Abuse::Connections => http1::silence(target, from, opened).await,
        Abuse::Handshakes => http1::half_hello(target, from, opened).await,
        Abuse::SlowHeads => http1::slow_head(target, from, opened).await,
        Abuse::StalledBodies => http1::stalled_body(target, from, 1000, opened).await,
        Abuse::BodyMemory => http1::stalled_body(target, from, 256 * 1024, opened).await,
        Abuse::SlowReaders => http1::no_reader(target, from, opened).await,
        Abuse::Streams => http2::streams(target, from, opened).await,
        Abuse::ShutWindows => http2::shut_window(target, from, opened).await,
        Abuse::Resets => http2::resets(target, from, opened).await,
        Abuse::Pings => http2::pings(target, from, opened).await,
        Abuse::PingsBesideStreams => http2::pings_beside_streams(target, from, opened).await,
        Abuse::Continuations => http2::continuations(target, from, opened).await,
        Abuse::CheapRequests => http1::cheap_requests(target, from, opened).await,
        Abuse::CheapStreams => http2::cheap_streams(target, from, opened).await,
        Abuse::BadCredentials => http1::bad_credentials(target, from, opened).await,
        Abuse::FullHandshakes => http1::handshakes(target, from, opened).await,
        Abuse::NewConnections => http1::new_connections(target, from, opened).await,
    };
    // A reset and a refused connection are ends too.
    drop(ended);
    counts.ended.fetch_add(1, Ordering::Relaxed);
}
