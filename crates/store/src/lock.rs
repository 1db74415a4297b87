//! Decisions that hold until the commit.
//!
//! On SQLite writers take turns: what a transaction has read stays true until it ends, and nothing is done here. On
//! PostgreSQL a decision that was read from a row holds while that row is locked ([`share`], [`update`]), and one about
//! what is *not* there holds while its name is locked ([`shared`], [`exclusive`]). Whoever relies on the absence of a
//! thing takes its name shared; whoever adds the thing takes it exclusively. Read after locking: a statement sees what
//! was committed before it began.
//!
//! One order for all, so that no two transactions wait for each other: names before rows, names by number, rows by key.

use crate::{StoreError, Tx, TxKind};

const SHARED: &str = "SELECT pg_advisory_xact_lock_shared(hashtext('gigvault lock ' || $1), name) \
    FROM UNNEST($2::int4[]) AS locks (name)";
const EXCLUSIVE: &str = "SELECT pg_advisory_xact_lock(hashtext('gigvault lock ' || $1), name) \
    FROM UNNEST($2::int4[]) AS locks (name)";

/// Holds names of this service together with other holders, until the transaction ends. One statement, in the order of
/// the numbers; what occurs twice is locked once. Waits for those who hold one of them exclusively.
///
/// # Errors
/// Those of the database; [`StoreError::Unavailable`] after the session's `lock_timeout`.
pub async fn shared(tx: &mut Tx, names: Vec<i32>) -> Result<(), StoreError> {
    lock(tx, SHARED, names).await
}

/// Holds names of this service alone, until the transaction ends. Waits for all other holders.
///
/// # Errors
/// As [`shared`].
pub async fn exclusive(tx: &mut Tx, names: Vec<i32>) -> Result<(), StoreError> {
    lock(tx, EXCLUSIVE, names).await
}

async fn lock(tx: &mut Tx, sql: &'static str, mut names: Vec<i32>) -> Result<(), StoreError> {
    names.sort_unstable();
    names.dedup();
    let schema = tx.schema().to_owned();
    if let TxKind::Pg(connection) = tx.kind() {
        sqlx::query(sql)
            .bind(schema)
            .bind(names)
            .execute(connection)
            .await?;
    }
    Ok(())
}

/// Ends a `SELECT … ORDER BY key` whose rows must not change until the transaction ends.
pub fn share(tx: &mut Tx) -> &'static str {
    clause(tx, " FOR SHARE")
}

/// Ends a `SELECT` of rows that this transaction is about to change.
pub fn update(tx: &mut Tx) -> &'static str {
    clause(tx, " FOR NO KEY UPDATE")
}

fn clause(tx: &mut Tx, text: &'static str) -> &'static str {
    match tx.kind() {
        TxKind::Pg(_) => text,
        TxKind::Lite(_) => "",
    }
}
