//! What one client may cost.

use std::time::Duration;

/// Limits of a listener and of each of its connections.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Most connections at a time; more wait in the kernel's queue.
    pub connections: usize,
    /// Longest TLS handshake.
    pub handshake: Duration,
    /// Longest time to send the head of an HTTP/1.1 request; also the longest idle time between two.
    pub head: Duration,
    /// Most bytes of a request's head.
    pub head_bytes: u32,
    /// Most requests at a time on one HTTP/2 connection.
    pub streams: u32,
    /// After this time a connection finishes its requests and closes, so that a peer whose identity has
    /// changed or expired meanwhile has to show it again.
    pub age: Duration,
    /// Longest wait for running requests when the listener stops; what runs then is cut off.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(30),
            head_bytes: 16 * 1024,
            streams: 256,
            age: Duration::from_secs(3600),
            drain: Duration::from_secs(20),
        }
    }
}
