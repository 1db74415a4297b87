//! A bounded load: this many clients, this many seconds, every latency kept.

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

/// A measurement: how long, at what pace, and which prepared request comes next.
#[derive(Clone)]
pub(crate) struct Run {
    length: Duration,
    /// How many requests there are, whatever time they take.
    most: usize,
    rate: Option<f64>,
    next: Arc<AtomicUsize>,
    due: Arc<AtomicUsize>,
}

impl Run {
    /// Each client sends its next request when the last was answered.
    pub(crate) fn full(length: Duration, next: &Arc<AtomicUsize>) -> Self {
        Self {
            length,
            most: usize::MAX,
            rate: None,
            next: Arc::clone(next),
            due: Arc::default(),
        }
    }

    /// Each of the requests 0 to `count` - 1 once, as fast as they are answered.
    pub(crate) fn counted(count: usize) -> Self {
        Self {
            most: count,
            ..Self::full(Duration::MAX, &Arc::default())
        }
    }

    /// Requests start at this pace a second, and latency counts from the moment a request was due.
    pub(crate) fn paced(self, rate: f64) -> Self {
        Self {
            rate: Some(rate),
            ..self
        }
    }

    /// Runs all clients to the end.
    pub(crate) async fn run<C: Client>(self, clients: Vec<C>) -> anyhow::Result<Outcome> {
        let start = Instant::now();
        let tasks: Vec<_> = clients
            .into_iter()
            .map(|client| tokio::spawn(self.clone().one(client, start)))
            .collect();
        let mut latencies = Vec::new();
        for task in tasks {
            latencies.extend(task.await??);
        }
        let rate = latencies.len() as f64 / start.elapsed().as_secs_f64();
        latencies.sort_unstable();
        Ok(Outcome { rate, latencies })
    }

    async fn one<C: Client>(self, mut client: C, start: Instant) -> anyhow::Result<Vec<Duration>> {
        let mut latencies = Vec::new();
        loop {
            let mut began = Instant::now();
            if let Some(rate) = self.rate {
                began =
                    start + Duration::from_secs_f64(self.due.fetch_add(1, Ordering::Relaxed) as f64 / rate);
                tokio::time::sleep_until(began.into()).await;
            }
            if began.duration_since(start) >= self.length {
                return Ok(latencies);
            }
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.most {
                return Ok(latencies);
            }
            client.call(number).await?;
            latencies.push(began.elapsed());
        }
    }
}
