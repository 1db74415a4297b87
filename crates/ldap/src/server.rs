//! The listener.

use std::sync::Arc;
use std::time::Duration;

use kit::http::{Limits as ConnectionLimits, tcp};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::connection::{Patience, run};
use crate::directory::Directory;

/// What a client may cost.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections, of all and of one client address, and how slowly an answer may be taken.
    pub connections: ConnectionLimits,
    /// How long a connection may be without a request.
    pub idle: Duration,
    /// How long a message may take to arrive from its first octet on.
    pub message: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: ConnectionLimits {
                // A client needs one, and each holds a request of up to 32 KiB.
                connections: 1024,
                connections_per_peer: 64,
                ..ConnectionLimits::default()
            },
            idle: Duration::from_secs(60),
            message: Duration::from_secs(10),
        }
    }
}

/// Answers clients on `listener` until `stop`, then tells those that are connected that the server ends. A request that is being
/// answered has [`drain`](ConnectionLimits::drain) to end.
pub async fn serve(
    listener: TcpListener,
    directory: Arc<dyn Directory>,
    limits: Limits,
    stop: CancellationToken,
) {
    let patience = Patience {
        idle: limits.idle,
        message: limits.message,
    };
    let protocol = |socket, _remote, stop| run(socket, Arc::clone(&directory), patience, stop);
    tcp::serve(listener, &limits.connections, stop, protocol).await;
}
