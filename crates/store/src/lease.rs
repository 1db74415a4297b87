//! One process at a time: a lease by name, with a fence.
//!
//! A holder that stops renewing loses the lease to the next who asks. It may not know: its process was stopped, its network
//! cut. Therefore every effect asks [`Lease::hold`] in its own transaction. As long as that transaction runs no other process takes
//! the lease over; where one has, it fails, and nothing of the late holder is committed.
//!
//! Time is that of the database: replicas need not agree on theirs.

use std::time::Duration;

use sqlx::AssertSqlSafe;

use crate::{Db, StoreError, Tx, TxKind};

/// The right to do work of a name, until it is taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    name: String,
    fence: i64,
}

/// The database's clock: microseconds since the Unix epoch.
fn now(tx: &mut Tx) -> &'static str {
    match tx.kind() {
        TxKind::Pg(_) => "(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::bigint",
        TxKind::Lite(_) => "CAST(unixepoch('subsec') * 1000000 AS INTEGER)",
    }
}

/// The longest time that a lease is taken or renewed for. One that ends later was written by a clock that was ahead.
pub const LONGEST_TERM: Duration = Duration::from_secs(60);

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX / 4)
}

/// Takes the lease of that name for `term`, at most [`LONGEST_TERM`], unless another holder has it; of simultaneous takers one
/// gets it.
///
/// # Errors
/// Those of the database.
pub async fn take(db: &Db, name: &str, holder: &str, term: Duration) -> Result<Option<Lease>, StoreError> {
    take_if_due(db, name, holder, (term, Duration::ZERO)).await
}

/// The same for work that is to be done once in `every`, however many ask: no process gets the lease before that time has passed
/// since [`Lease::done`].
///
/// The clock of a database may be set back. A time that cannot be in the future yet is does not count: neither a lease that
/// ends later than any that is taken now, nor work that was done after now.
///
/// # Errors
/// Those of the database.
pub async fn take_if_due(
    db: &Db,
    name: &str,
    holder: &str,
    (term, every): (Duration, Duration),
) -> Result<Option<Lease>, StoreError> {
    let mut tx = db.begin().await?;
    let now = now(&mut tx);
    let sql = format!(
        "INSERT INTO leases (name, holder, fence, until_us, done_us) VALUES ($1, $2, 1, {now} + $3, 0)
         ON CONFLICT (name) DO UPDATE
         SET holder = excluded.holder, fence = leases.fence + 1, until_us = excluded.until_us
         WHERE (leases.until_us <= {now} OR leases.until_us > {now} + $5)
           AND (leases.done_us + $4 <= {now} OR leases.done_us > {now})
         RETURNING fence"
    );
    let fence: Option<i64> = crate::tx!(&mut tx, |c| sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(name)
        .bind(holder)
        .bind(micros(term.min(LONGEST_TERM)))
        .bind(micros(every))
        .bind(micros(LONGEST_TERM))
        .fetch_optional(c)
        .await)?;
    tx.commit().await?;
    Ok(fence.map(|fence| Lease {
        name: name.to_owned(),
        fence,
    }))
}

impl Lease {
    /// What it is for.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Grows with every holder.
    #[must_use]
    pub fn fence(&self) -> i64 {
        self.fence
    }

    /// Keeps it for another `term`. False if it was taken over.
    ///
    /// # Errors
    /// Those of the database; the lease may be held all the same.
    pub async fn renew(&self, db: &Db, term: Duration) -> Result<bool, StoreError> {
        self.update(db, "until_us = {now} + $3", micros(term.min(LONGEST_TERM)))
            .await
    }

    /// Does `work` and keeps the lease for it, renewed three times in each `term`. None if it was taken over: then the work was
    /// left where it was.
    ///
    /// Work and renewal go on beside each other. A transaction of the work that holds the lease keeps a renewal waiting, and
    /// would wait for it forever were the work not polled beside it.
    pub async fn keep<T>(&self, db: &Db, term: Duration, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = work => Some(done),
            () = self.until_lost(db, term) => None,
        }
    }

    /// Renews it until another process has it.
    async fn until_lost(&self, db: &Db, term: Duration) {
        loop {
            tokio::time::sleep(term / 3).await;
            match self.renew(db, term).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    tracing::warn!(lease = self.name, cause = %error, "a lease could not be renewed; trying again");
                }
            }
        }
        tracing::warn!(lease = self.name, "another process took this lease over");
    }

    /// Gives it back, so that the next need not wait.
    ///
    /// # Errors
    /// Those of the database; then it ends by itself.
    pub async fn release(&self, db: &Db) -> Result<bool, StoreError> {
        self.update(db, "until_us = $3", 0).await
    }

    /// Gives it back and notes that the work was done now.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn done(&self, db: &Db) -> Result<bool, StoreError> {
        self.update(db, "until_us = $3, done_us = {now}", 0).await
    }

    async fn update(&self, db: &Db, set: &str, value: i64) -> Result<bool, StoreError> {
        let mut tx = db.begin().await?;
        let set = set.replace("{now}", now(&mut tx));
        let sql = format!("UPDATE leases SET {set} WHERE name = $1 AND fence = $2");
        let updated = crate::tx!(&mut tx, |c| sqlx::query(AssertSqlSafe(sql))
            .bind(self.name.as_str())
            .bind(self.fence)
            .bind(value)
            .execute(c)
            .await?
            .rows_affected());
        tx.commit().await?;
        Ok(updated > 0)
    }

    /// Lets a transaction go on only under this lease: no other holder takes it over before the transaction has ended.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] if another holder has it; those of the database.
    pub async fn hold(&self, tx: &mut Tx) -> Result<(), StoreError> {
        let locking = crate::lock::share(tx);
        let sql = format!("SELECT fence FROM leases WHERE name = $1 AND fence = $2{locking}");
        let held: Option<i64> = crate::tx!(tx, |c| sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(self.name.as_str())
            .bind(self.fence)
            .fetch_optional(c)
            .await)?;
        match held {
            Some(_) => Ok(()),
            None => Err(StoreError::LeaseLost(self.name.clone())),
        }
    }
}
