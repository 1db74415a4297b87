//! A transaction, and what happens around its commit.

use std::fmt;

use sqlx::{Sqlite, Transaction};
use vocabulary::{EventType, metric};

use crate::postgres::PgTx;
use crate::{Db, StoreError};

/// A transaction on either database; used through [`tx!`](crate::tx!). Dropped without commit, it rolls back.
pub struct Tx {
    kind: TxKind,
    db: Db,
    /// Number of events that this transaction has appended to the outbox: the last ordinal in use.
    pub(crate) events: i64,
    /// SQLite: the number this transaction drew from the outbox's counter, once it has appended anything.
    pub(crate) number: Option<i64>,
    /// Whether the last statement appended to the outbox and succeeded: then none before it failed.
    pub(crate) sound: bool,
}

/// The driver's transaction; named by the macros of this crate only.
#[doc(hidden)]
pub enum TxKind {
    /// PostgreSQL.
    Pg(PgTx),
    /// SQLite.
    Lite(Transaction<'static, Sqlite>),
}

impl Tx {
    pub(crate) fn new(kind: TxKind, db: Db) -> Self {
        Self {
            kind,
            db,
            events: 0,
            number: None,
            sound: false,
        }
    }

    /// Makes everything in the transaction durable, then wakes the subscribers of the change feed if it appended
    /// events.
    ///
    /// # Errors
    /// Nothing is committed when this fails, with one exception that no database can avoid: when the connection
    /// breaks while PostgreSQL commits ([`StoreError::Unavailable`]), the outcome is unknown and the caller must
    /// be able to repeat the operation.
    pub async fn commit(mut self) -> Result<(), StoreError> {
        self.refuse_if_failed().await?;
        files::fault::point().map_err(sqlx::Error::Io)?;
        match self.kind {
            TxKind::Pg(transaction) => transaction.commit().await?,
            TxKind::Lite(transaction) => transaction.commit().await?,
        }
        if self.events > 0 {
            self.db.signal().raise();
            metrics::counter!(metric::OUTBOX_EVENTS_TOTAL, "service" => self.db.schema().to_owned())
                .increment(self.events.unsigned_abs());
        }
        Ok(())
    }

    /// PostgreSQL answers COMMIT of a transaction in which a statement failed with ROLLBACK and no error, and
    /// sqlx does not look. A caller who overlooked the statement's error would take nothing for durable, so any
    /// statement is tried first, unless one just succeeded: it fails in such a transaction.
    async fn refuse_if_failed(&mut self) -> Result<(), StoreError> {
        if let (TxKind::Pg(transaction), false) = (&mut self.kind, self.sound) {
            sqlx::query("SELECT 1").execute(transaction).await?;
        }
        Ok(())
    }

    /// Undoes the transaction and waits until it is undone.
    ///
    /// # Errors
    /// When the connection is lost, in which case the database undoes it by itself.
    pub async fn rollback(self) -> Result<(), StoreError> {
        match self.kind {
            TxKind::Pg(transaction) => transaction.rollback().await?,
            TxKind::Lite(transaction) => transaction.rollback().await?,
        }
        Ok(())
    }

    pub(crate) fn schema(&self) -> &str {
        self.db.schema()
    }

    pub(crate) fn declares(&self, event: EventType) -> bool {
        self.db.declares(event)
    }

    /// For the macros of this crate.
    #[doc(hidden)]
    pub fn kind(&mut self) -> &mut TxKind {
        self.sound = false;
        &mut self.kind
    }
}

impl fmt::Debug for Tx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tx")
            .field("db", &self.db)
            .field("events", &self.events)
            .finish()
    }
}
