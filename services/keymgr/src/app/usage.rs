//! What each key does: how many signatures a second it may make, and how many it made.
//!
//! Whoever takes over a service that may call keymgr can have things signed. The rate bounds how much before an operator
//! looks, and the record tells afterwards: signatures that the CA's own tables do not explain. Counts are gathered in
//! memory and written together, so that a signature costs no query; a process that is killed loses those of the last
//! seconds.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use vocabulary::metric;
use x509::kind::SignedStructure;

use super::App;
use crate::domain::{Counts, KeyName, Signatures};
use crate::error::Error;
use crate::tables;

/// Longest wait for the rate; a call that would wait longer is refused at once.
const PATIENCE: Duration = Duration::from_secs(1);

/// All keys of this process.
#[derive(Clone)]
pub(crate) struct Usage {
    /// None without a limit.
    pace: Option<Pace>,
    next: Arc<Mutex<HashMap<KeyName, Instant>>>,
    counts: Arc<Mutex<Counts>>,
}

/// How fast one key may sign.
#[derive(Clone, Copy, Debug)]
struct Pace {
    each: Duration,
    burst: Duration,
}

impl Usage {
    /// At most that many signatures a second by one key, a second's worth of them at once; 0 means no limit.
    pub(crate) fn new(per_second: u32) -> Self {
        let pace = Duration::from_secs(1).checked_div(per_second).map(|each| Pace {
            each,
            burst: Duration::from_secs(1),
        });
        Self {
            pace,
            next: Arc::default(),
            counts: Arc::default(),
        }
    }

    /// Waits until the key may make that many signatures.
    pub(super) async fn pace(&self, key: &KeyName, signatures: usize) -> Result<(), Error> {
        let wait = self.take(key, signatures, Instant::now())?;
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }

    /// How long to wait for them. The time that is taken by all so far is kept as the moment at which it ends; a second
    /// of it may be ahead.
    fn take(&self, key: &KeyName, signatures: usize, now: Instant) -> Result<Duration, Error> {
        let Some(pace) = self.pace else {
            return Ok(Duration::ZERO);
        };
        let cost = pace
            .each
            .saturating_mul(u32::try_from(signatures).unwrap_or(u32::MAX));
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let from = next.get(key).copied().unwrap_or(now).max(now);
        let end = from + cost;
        let wait = (end - now).saturating_sub(pace.burst.max(cost));
        if wait > PATIENCE {
            metrics::counter!(metric::SIGNATURES_REFUSED_TOTAL, "reason" => "rate").increment(1);
            return Err(Error::Rate(key.clone()));
        }
        next.insert(key.clone(), end);
        Ok(wait)
    }

    /// Counts signatures that were made.
    pub(super) fn note(&self, key: &KeyName, structures: &[SignedStructure]) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        for structure in structures {
            let entry = counts.entry((key.clone(), name_of(*structure)));
            *entry.or_default() += 1;
        }
    }

    fn take_counts(&self) -> Counts {
        std::mem::take(&mut *self.counts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn put_back(&self, taken: Counts) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, count) in taken {
            *counts.entry(key).or_default() += count;
        }
    }
}

/// The name in the database and in REST.
fn name_of(structure: SignedStructure) -> &'static str {
    match structure {
        SignedStructure::Certificate => "certificate",
        SignedStructure::Crl => "crl",
        SignedStructure::CertificateRequest => "certificate-request",
        SignedStructure::OcspResponse => "ocsp-response",
    }
}

impl App {
    /// Writes how many signatures were made; the job does it, and tests.
    ///
    /// # Errors
    /// `Common::Store`; nothing is lost then.
    pub async fn write_signatures(&self) -> Result<(), Error> {
        let counts = self.usage.take_counts();
        if counts.is_empty() {
            return Ok(());
        }
        let written = tables::add_signatures(&self.db, &counts, self.clock.now()).await;
        if written.is_err() {
            self.usage.put_back(counts);
        }
        Ok(written?)
    }

    /// What a key signed, as far as it is written.
    ///
    /// # Errors
    /// `Common::Store`.
    pub async fn signatures(&self, name: &KeyName) -> Result<Vec<Signatures>, Error> {
        Ok(tables::signatures(&self.db, name).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_of_signatures_is_free_the_next_waits_and_more_is_refused() {
        let (usage, key) = (Usage::new(100), "ca".parse().unwrap());
        let now = Instant::now();
        assert_eq!(usage.take(&key, 100, now).unwrap(), Duration::ZERO);
        assert_eq!(usage.take(&key, 50, now).unwrap(), Duration::from_millis(500));
        assert_eq!(usage.take(&key, 50, now).unwrap(), Duration::from_secs(1));
        assert!(matches!(usage.take(&key, 1, now), Err(Error::Rate(_))));
        // Another key has its own.
        assert_eq!(
            usage.take(&"other".parse().unwrap(), 1, now).unwrap(),
            Duration::ZERO
        );
        // What was refused was not taken.
        let later = now + Duration::from_secs(2);
        assert_eq!(usage.take(&key, 100, later).unwrap(), Duration::ZERO);
    }

    #[test]
    fn a_batch_larger_than_the_rate_is_signed_and_paid_for() {
        let (usage, key) = (Usage::new(10), "ca".parse().unwrap());
        let now = Instant::now();
        assert_eq!(usage.take(&key, 30, now).unwrap(), Duration::ZERO);
        assert!(matches!(usage.take(&key, 1, now), Err(Error::Rate(_))));
        assert_eq!(
            usage.take(&key, 1, now + Duration::from_secs(3)).unwrap(),
            Duration::ZERO
        );
    }

    #[test]
    fn without_a_limit_nobody_waits() {
        let (usage, key) = (Usage::new(0), "ca".parse().unwrap());
        for _ in 0..1000 {
            assert_eq!(usage.take(&key, 512, Instant::now()).unwrap(), Duration::ZERO);
        }
    }
}
