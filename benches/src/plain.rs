//! HTTP/1.1 keep-alive without TLS, by hand, so that the load generator leaves the cores to the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::load::Client;

/// Octets that are read at once.
const READ: usize = 64 * 1024;

/// Writes the request of that number.
pub(crate) type Requests = Arc<dyn Fn(usize, &mut Vec<u8>) + Send + Sync>;

/// What all connections of a load send, and what they have to be answered with.
#[derive(Clone)]
pub(crate) struct Exchange {
    /// `host:port`.
    address: String,
    requests: Requests,
    /// Octets of a body that is an answer; shorter ones are refusals.
    least: usize,
    refused: Arc<AtomicUsize>,
}

impl Exchange {
    pub(crate) fn new(
        address: &str,
        least: usize,
        requests: impl Fn(usize, &mut Vec<u8>) + Send + Sync + 'static,
    ) -> Self {
        Self {
            address: address.trim_start_matches("http://").to_owned(),
            requests: Arc::new(requests),
            least,
            refused: Arc::default(),
        }
    }

    /// GET of one path.
    pub(crate) fn get(address: &str, path: &str, least: usize) -> Self {
        let host = address.trim_start_matches("http://");
        let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n").into_bytes();
        Self::new(address, least, move |_, out| out.extend(&request))
    }

    /// Answers that were refusals.
    pub(crate) fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }

    pub(crate) async fn connect(&self, clients: usize) -> anyhow::Result<Vec<Plain>> {
        let mut all = Vec::with_capacity(clients);
        for _ in 0..clients {
            let stream = TcpStream::connect(&self.address).await?;
            stream.set_nodelay(true)?;
            all.push(Plain {
                stream,
                exchange: self.clone(),
                sent: Vec::new(),
                received: Vec::with_capacity(READ),
            });
        }
        Ok(all)
    }
}

/// One connection.
pub(crate) struct Plain {
    stream: TcpStream,
    exchange: Exchange,
    sent: Vec<u8>,
    received: Vec<u8>,
}

impl Plain {
    async fn read(&mut self) -> anyhow::Result<usize> {
        let read = self.stream.read_buf(&mut self.received).await?;
        ensure!(read > 0, "the server closed the connection");
        Ok(read)
    }

    /// Reads one answer to its end; whether it is one, and no refusal.
    async fn answer(&mut self) -> anyhow::Result<bool> {
        self.received.clear();
        let head = loop {
            self.read().await?;
            if let Some(end) = self.received.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let text = std::str::from_utf8(self.received.get(..head).unwrap_or_default())?;
        let length = text
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .context("no content-length")?;
        let length = length.1.trim().parse::<usize>()?;
        let answered = text.starts_with("HTTP/1.1 200") && length >= self.exchange.least;
        let mut left = length.saturating_sub(self.received.len() - head);
        while left > 0 {
            self.received.clear();
            left = left.saturating_sub(self.read().await?);
        }
        Ok(answered)
    }
}

impl Client for Plain {
    async fn call(&mut self, number: usize) -> anyhow::Result<()> {
        self.sent.clear();
        (self.exchange.requests)(number, &mut self.sent);
        self.stream.write_all(&self.sent).await?;
        if !self.answer().await? {
            self.exchange.refused.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}
