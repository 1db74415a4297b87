//! A bounded load: so many clients, so many seconds, every latency kept.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// What a run gave.
pub(crate) struct Outcome {
    /// Answers a second.
    pub(crate) rate: f64,
    latencies: Vec<Duration>,
}

impl Outcome {
    /// The latency that this share of the answers did not exceed.
    pub(crate) fn percentile(&self, share: f64) -> Duration {
        let last = self.latencies.len().saturating_sub(1);
        let at = (last as f64 * share).round() as usize;
        self.latencies.get(at).copied().unwrap_or_default()
    }
}

/// What one client does again and again. The number says which request of the prepared ones to send.
pub(crate) trait Client: Send + 'static {
    /// One request and its answer.
    fn call(&mut self, number: usize) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// Runs all clients for `length`. With `rate`, requests start at that pace (open loop, latency counted from the moment
/// a request was due); without, each client sends its next when the last was answered.
pub(crate) async fn run<C: Client>(
    clients: Vec<C>,
    length: Duration,
    rate: Option<f64>,
    next: Arc<AtomicUsize>,
) -> anyhow::Result<Outcome> {
    let start = Instant::now();
    let due = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = clients
        .into_iter()
        .map(|client| tokio::spawn(one(client, start, length, rate, Arc::clone(&next), Arc::clone(&due))))
        .collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await??);
    }
    let rate = latencies.len() as f64 / start.elapsed().as_secs_f64();
    latencies.sort_unstable();
    Ok(Outcome { rate, latencies })
}

async fn one<C: Client>(
    mut client: C,
    start: Instant,
    length: Duration,
    rate: Option<f64>,
    next: Arc<AtomicUsize>,
    due: Arc<AtomicUsize>,
) -> anyhow::Result<Vec<Duration>> {
    let mut latencies = Vec::new();
    loop {
        let mut began = Instant::now();
        if let Some(rate) = rate {
            began = start + Duration::from_secs_f64(due.fetch_add(1, Ordering::Relaxed) as f64 / rate);
            tokio::time::sleep_until(began.into()).await;
        }
        if began.duration_since(start) >= length {
            return Ok(latencies);
        }
        client.call(next.fetch_add(1, Ordering::Relaxed)).await?;
        latencies.push(began.elapsed());
    }
}
