//! When keys were last used, gathered in memory and written together.
//!
//! A key is written at most once a minute, by however many replicas. The map holds at most the keys that were used
//! since the last time it was written.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use time::{Duration, OffsetDateTime};

use super::App;
use crate::domain::{ApiKey, Prefix};
use crate::error::Error;
use crate::tables;

/// How exact the time of last use is.
pub(crate) const GRAIN: Duration = Duration::minutes(1);

/// Uses that are not written yet.
#[derive(Debug, Default)]
pub(crate) struct LastUsed(Mutex<HashMap<Prefix, OffsetDateTime>>);

impl LastUsed {
    /// Remembers that `key` was used, unless what is stored is exact enough.
    pub(super) fn note(&self, key: &ApiKey, now: OffsetDateTime) {
        if key.last_used.is_none_or(|last| now - last >= GRAIN) {
            self.lock().insert(key.prefix.clone(), now);
        }
    }

    fn take(&self) -> HashMap<Prefix, OffsetDateTime> {
        std::mem::take(&mut *self.lock())
    }

    /// Puts back what could not be written; a later use counts more.
    fn put_back(&self, uses: HashMap<Prefix, OffsetDateTime>) {
        let mut waiting = self.lock();
        for (prefix, at) in uses {
            waiting.entry(prefix).or_insert(at);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Prefix, OffsetDateTime>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl App {
    /// Writes the times of last use; the job does it, and tests.
    ///
    /// # Errors
    /// `Common::Store`; nothing is lost then.
    pub async fn write_last_used(&self) -> Result<(), Error> {
        let uses = self.last_used.take();
        if uses.is_empty() {
            return Ok(());
        }
        let written = tables::set_last_used(&self.db, &uses, GRAIN).await;
        if written.is_err() {
            self.last_used.put_back(uses);
        }
        Ok(written?)
    }
}
