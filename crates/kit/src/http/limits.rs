//! What one client may cost a listener.

use std::time::Duration;

use super::body::Pace;
use super::cpu::CpuBudget;

/// Limits of a listener and of each of its connections.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Most connections at a time; more wait in the kernel's queue.
    pub connections: usize,
    /// Most connections of one client address (IPv4 address, IPv6 /64) at a time; more are closed at once.
    pub connections_per_peer: usize,
    /// Longest TLS handshake, the wait for its turn included.
    pub handshake: Duration,
    /// Most TLS handshakes at a time, and of one client address.
    pub handshakes: usize,
    /// As above, of one client address.
    pub handshakes_per_peer: usize,
    /// Longest time to send the head of an HTTP/1.1 request; also the longest idle time between two.
    pub head: Duration,
    /// Most bytes of a request's head.
    pub head_bytes: u32,
    /// Most requests at a time on one HTTP/2 connection.
    pub streams: u32,
    /// Most bytes of bodies that an HTTP/2 connection holds before anybody reads them; one stream has a quarter.
    pub window: u32,
    /// How long an HTTP/2 connection may be without a request.
    pub idle: Duration,
    /// The slowest that a client may take an answer. The grace is the longest that it may take nothing.
    pub answer: Pace,
    /// CPU time for clients that have shown no credential. Listeners that clone these limits share it.
    pub cpu: CpuBudget,
    /// After this time a connection finishes its requests and closes, so that a peer whose identity has
    /// changed or expired in the meantime has to show it again.
    pub age: Duration,
    /// Longest wait for running requests when the listener stops or a connection has come of age; what runs then is cut
    /// off.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            connections_per_peer: 512,
            handshake: Duration::from_secs(10),
            handshakes: 256,
            handshakes_per_peer: 32,
            head: Duration::from_secs(30),
            head_bytes: 16 * 1024,
            streams: 128,
            window: 1024 * 1024,
            idle: Duration::from_secs(300),
            answer: Pace {
                grace: Duration::from_secs(20),
                rate: 8 * 1024,
            },
            cpu: CpuBudget::default(),
            age: Duration::from_secs(3600),
            drain: Duration::from_secs(20),
        }
    }
}
