//! Where messages are looked at and signed: at most one blocking thread a core, so that a burst of RSA or of
//! large batches leaves the async threads free and the machine unflooded.
//!
//! A little light work is done on the spot: handing it over would cost as much as doing it.

use std::num::NonZero;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, spawn_blocking};
use x509::key::KeyAlgorithm;

use crate::error::Error;

/// Bytes in one call from which on hashing is heavy work.
const HEAVY_BYTES: usize = 64 * 1024;

/// How work on messages is spread. An async thread should go on after some hundred microseconds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spread {
    /// Messages of one call that are done on the spot.
    on_the_spot: usize,
    /// Messages that pay for one hand-over to another thread.
    chunk: usize,
}

impl Spread {
    /// For a few microseconds a message: a look at its structure.
    pub(crate) const LOOK: Self = Self {
        on_the_spot: 32,
        chunk: 64,
    };
    /// For some 25 µs: P-256 and Ed25519.
    const LIGHT: Self = Self {
        on_the_spot: 4,
        chunk: 8,
    };
    /// For anything slower.
    const HEAVY: Self = Self {
        on_the_spot: 0,
        chunk: 1,
    };

    /// For signatures with such a key.
    pub(crate) fn of_signing(key: KeyAlgorithm) -> Self {
        match key {
            KeyAlgorithm::P256 | KeyAlgorithm::Ed25519 => Self::LIGHT,
            KeyAlgorithm::P384 | KeyAlgorithm::P521 | KeyAlgorithm::Rsa(_) => Self::HEAVY,
        }
    }
}

/// The pool.
#[derive(Clone)]
pub(crate) struct Workers {
    threads: usize,
    permits: Arc<Semaphore>,
}

impl Workers {
    pub(crate) fn new() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self {
            threads,
            permits: Arc::new(Semaphore::new(threads)),
        }
    }

    /// Runs one blocking job.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        joined(self.start(job).await?).await
    }

    /// Does `job` to every message (with its index), several at a time, and returns the results in order. One
    /// failure fails all.
    pub(crate) async fn each<T, F>(&self, messages: &[Bytes], spread: Spread, job: F) -> Result<Vec<T>, Error>
    where
        T: Send + 'static,
        F: Fn(usize, &[u8]) -> Result<T, Error> + Clone + Send + 'static,
    {
        let heavy = messages.iter().map(Bytes::len).sum::<usize>() > HEAVY_BYTES;
        let spread = if heavy { Spread::HEAVY } else { spread };
        if messages.len() <= spread.on_the_spot {
            return all(0, messages, job);
        }
        let chunk = messages.len().div_ceil(self.threads).max(spread.chunk);
        let mut running = Vec::with_capacity(self.threads);
        for (part, index) in messages.chunks(chunk).zip((0..).step_by(chunk)) {
            let (part, job) = (part.to_vec(), job.clone());
            running.push(self.start(move || all(index, &part, job)).await?);
        }
        let mut results = Vec::with_capacity(messages.len());
        for part in running {
            results.extend(joined(part).await??);
        }
        Ok(results)
    }

    async fn start<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<JoinHandle<T>, Error> {
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .map_err(|_| stopped())?;
        Ok(spawn_blocking(move || {
            let _permit = permit;
            job()
        }))
    }
}

fn all<T>(
    first: usize,
    messages: &[Bytes],
    job: impl Fn(usize, &[u8]) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    (first..)
        .zip(messages)
        .map(|(index, message)| job(index, message))
        .collect()
}

async fn joined<T>(job: JoinHandle<T>) -> Result<T, Error> {
    job.await.map_err(|_| stopped())
}

fn stopped() -> Error {
    Error::internal("a signing thread stopped before it was done")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(count: usize) -> Vec<Bytes> {
        (0..count)
            .map(|n| Bytes::from(n.to_be_bytes().to_vec()))
            .collect()
    }

    #[tokio::test]
    async fn results_come_in_the_order_of_the_messages() {
        let workers = Workers {
            threads: 3,
            permits: Arc::new(Semaphore::new(3)),
        };
        for count in [1, 4, 5, 9, 24, 25, 100, 511] {
            for spread in [Spread::LOOK, Spread::LIGHT, Spread::HEAVY] {
                let echo = |index: usize, message: &[u8]| Ok((index, message.to_vec()));
                let done = workers.each(&numbered(count), spread, echo).await.unwrap();
                let expected: Vec<_> = (0..count).map(|n| (n, n.to_be_bytes().to_vec())).collect();
                assert_eq!(done, expected);
            }
        }
    }

    #[tokio::test]
    async fn one_failure_fails_all() {
        let workers = Workers::new();
        let picky = |index: usize, _: &[u8]| {
            if index == 70 {
                Err(Error::NotFound("x".to_owned()))
            } else {
                Ok(())
            }
        };
        assert!(workers.each(&numbered(100), Spread::LIGHT, picky).await.is_err());
        assert!(workers.each(&numbered(70), Spread::LIGHT, picky).await.is_ok());
    }

    #[tokio::test]
    async fn no_more_jobs_run_at_once_than_there_are_threads() {
        use std::sync::atomic::{AtomicUsize, Ordering};
        static RUNNING: AtomicUsize = AtomicUsize::new(0);
        static MOST: AtomicUsize = AtomicUsize::new(0);
        let workers = Workers {
            threads: 2,
            permits: Arc::new(Semaphore::new(2)),
        };
        let job = || {
            MOST.fetch_max(RUNNING.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(std::time::Duration::from_millis(5));
            RUNNING.fetch_sub(1, Ordering::SeqCst);
        };
        let jobs: Vec<_> = (0..10)
            .map(|_| {
                let workers = workers.clone();
                tokio::spawn(async move { workers.run(job).await })
            })
            .collect();
        for job in jobs {
            job.await.unwrap().unwrap();
        }
        assert_eq!(MOST.load(Ordering::SeqCst), 2);
    }
}
