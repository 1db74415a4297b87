//! Whether the database takes writes.
//!
//! A database on a full disk, or one that has become read-only, still answers queries. So readiness writes: a row of a table of
//! its own, with bytes that no compression makes small, committed like anything else.

use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::{Db, StoreError};

/// Bytes that are written: more than fits into the room that a page has left.
const FILLER: usize = 16 * 1024;
/// How long a success is believed. A failure is not: it ends as soon as there is room again.
pub(crate) const FRESH: Duration = Duration::from_secs(10);

impl Db {
    /// Asks the database for a sign of life and, every ten seconds at most, for a durable write; for readiness checks.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it does not answer or takes no writes; its cause says why.
    pub async fn ready(&self) -> Result<(), StoreError> {
        self.ping().await?;
        if self.probed().is_some_and(|at| at.elapsed() < FRESH) {
            return Ok(());
        }
        let filler = filler();
        let mut tx = self.begin().await?;
        crate::tx!(&mut tx, |c| {
            sqlx::query("UPDATE readiness_probe SET filler = $1 WHERE only_row = 1")
                .bind(filler)
                .execute(c)
                .await?
                .rows_affected()
        });
        tx.commit().await?;
        self.set_probed(Instant::now());
        Ok(())
    }
}

/// Bytes without a pattern (xorshift).
fn filler() -> Vec<u8> {
    let (seed, _) = Uuid::new_v4().as_u64_pair();
    let mut state = seed | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    std::iter::repeat_with(next)
        .take(FILLER / 8)
        .flat_map(u64::to_le_bytes)
        .collect()
}
