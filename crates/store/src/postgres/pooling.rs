//! Finding out what is between us and the server.
//!
//! A pooler in transaction mode gives a client another session of the server whenever a transaction begins. To take
//! it for a session of our own is dangerous: prepared statements have small numbers for names, so one client would
//! run another's. Whether a session is shared shows in the numbers of the server's processes, which no proxy between
//! changes.

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, Executor, PgConnection, Row};
use tokio::time::timeout;

use crate::{Pooling, StoreError};

/// A pooler may pick the same session twice by chance while others come and go.
const ROUNDS: u32 = 3;
/// A pooler in session mode whose sessions are all taken lets us wait; then it is none in transaction mode.
const PATIENCE: Duration = Duration::from_secs(1);

/// Just after a client left, its session is being reset and not to be had.
const KEPT_ROUNDS: u32 = 2;

const PROCESS: &str = "SELECT pg_catalog.pg_backend_pid()::text";
const BEGIN_PROCESS: &str = "BEGIN; SELECT pg_catalog.pg_backend_pid()::text";

/// How the sessions behind this connection are shared.
///
/// # Errors
/// For a pooler that shares them even within a transaction.
pub(super) async fn detect(
    first: &mut PgConnection,
    options: &PgConnectOptions,
) -> Result<Pooling, StoreError> {
    match timeout(PATIENCE, shares(first, options)).await {
        Ok(Ok(true)) => Ok(Pooling::Transaction),
        Ok(Err(sqlx::Error::Database(error))) if error.message().contains("statement pooling") => {
            Err(StoreError::Configuration(
                "the pooler in front of PostgreSQL is in statement mode, in which there are no transactions: set its \
                 pool_mode to transaction or session"
                    .to_owned(),
            ))
        }
        Ok(Err(error)) => {
            tracing::debug!(%error, "no second connection to see whether sessions are shared; taken for our own");
            Ok(Pooling::Session)
        }
        Ok(Ok(false)) | Err(_) => Ok(Pooling::Session),
    }
}

/// Whether a second client gets the session that the first one just had, or the first one another than it had.
async fn shares(first: &mut PgConnection, options: &PgConnectOptions) -> Result<bool, sqlx::Error> {
    let mut second = PgConnection::connect_with(options).await?;
    let mut shared = false;
    for _ in 0..ROUNDS {
        let before = process(first, PROCESS).await?;
        // holds its session until it ends, so that the first cannot get that one
        let others = process(&mut second, BEGIN_PROCESS).await?;
        let after = process(first, PROCESS).await?;
        second.execute(sqlx::raw_sql("ROLLBACK")).await?;
        shared |= before == others || before != after;
        if shared {
            break;
        }
    }
    second.close().await?;
    Ok(shared)
}

/// Whether something keeps sessions beyond their clients: a new connection gets one that began before it.
pub(super) async fn keeps_sessions(
    mut earlier: PgConnection,
    options: &PgConnectOptions,
) -> Result<bool, sqlx::Error> {
    const NOW: &str = "SELECT pg_catalog.clock_timestamp()::text";
    const STARTED: &str = "SELECT backend_start::text FROM pg_catalog.pg_stat_activity \
        WHERE pid = pg_catalog.pg_backend_pid()";
    // Both of one server, in one format and time zone, so that they order as texts do.
    let now = process(&mut earlier, NOW).await?;
    earlier.close().await?;
    let mut kept = false;
    for _ in 0..KEPT_ROUNDS {
        let mut next = PgConnection::connect_with(options).await?;
        kept |= process(&mut next, STARTED).await? < now;
        next.close().await?;
        if kept {
            break;
        }
    }
    Ok(kept)
}

async fn process(connection: &mut PgConnection, sql: &'static str) -> Result<String, sqlx::Error> {
    connection.fetch_one(sqlx::raw_sql(sql)).await?.try_get(0)
}
