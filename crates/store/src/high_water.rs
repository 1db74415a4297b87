//! A number that only grows, in the database, to be remembered outside of it.
//!
//! Order of the caller: raise it here, then write what this returned elsewhere. It is durable when it is returned, so that
//! what is remembered elsewhere is never ahead of the database, whenever the process or the machine dies. A database that is
//! behind what is remembered was copied back.

use crate::installation::{TABLE, if_there};
use crate::{Db, StoreError};

/// Restores that were accepted are this far apart: whoever remembers a number of before one is behind, not ahead.
const ERA: i64 = 1 << 40;

/// No number is beyond: there is room for every era above it.
pub const HIGHEST_MARK: i64 = 1 << 62;

/// The position of the newest event: says cheaply whether anything has happened.
pub type Head = Option<(i64, i64)>;

impl Db {
    /// The number as it is. 0 before a database has one.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn high_water(&self) -> Result<i64, StoreError> {
        let found = crate::read!(self, |c| sqlx::query_scalar("SELECT mark FROM installation")
            .fetch_optional(c)
            .await);
        Ok(if_there(found, self.schema(), TABLE)?
            .flatten()
            .unwrap_or_default())
    }

    /// Raises the number by one and answers it; durable when this returns. `None` in a database that is not part of an
    /// installation.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn raise_high_water(&self) -> Result<Option<i64>, StoreError> {
        self.raise(0).await
    }

    /// Raises it above `remembered` and above whatever anybody else remembers: what this database lost is accepted.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Corrupt`] for a number that no database had.
    pub async fn accept_high_water(&self, remembered: i64) -> Result<Option<i64>, StoreError> {
        if !(0..=HIGHEST_MARK).contains(&remembered) {
            return Err(StoreError::Corrupt(format!(
                "{remembered} is not how far a database was"
            )));
        }
        let highest = remembered.max(self.high_water().await?);
        let next = (highest / ERA).saturating_add(1).saturating_mul(ERA);
        self.raise(next).await
    }

    /// How often databases of this installation were accepted after one was restored. It grows with each time, also for a database
    /// that lost its own count with what else it lost: [`accept_high_water`](Self::accept_high_water) was told how far all were.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn restores(&self) -> Result<i64, StoreError> {
        Ok(self.high_water().await? / ERA)
    }

    async fn raise(&self, at_least: i64) -> Result<Option<i64>, StoreError> {
        let mut tx = self.begin().await?;
        let raised = crate::tx!(&mut tx, |c| sqlx::query_scalar(
            "UPDATE installation SET mark = CASE WHEN mark < $1 THEN $1 ELSE mark + 1 END RETURNING mark"
        )
        .bind(at_least)
        .fetch_optional(c)
        .await)?;
        tx.commit().await?;
        Ok(raised)
    }

    /// Where the outbox ends.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn newest_event(&self) -> Result<Head, StoreError> {
        Ok(crate::read!(self, |c| sqlx::query_as(
            "SELECT tx, ordinal FROM outbox ORDER BY tx DESC, ordinal DESC LIMIT 1"
        )
        .fetch_optional(c)
        .await)?)
    }
}
