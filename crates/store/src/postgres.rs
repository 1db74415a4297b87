//! Opening PostgreSQL (13 or newer): pool settings and the service's schema.
//!
//! Sessions carry their settings as connection options, so a pooler in between must be in session mode.

use std::{str::FromStr, time::Duration};

use sqlx::{
    AssertSqlSafe, Connection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::{Options, StoreError, signal::Signal};

/// A connection that rested longer than this is tested before use. Testing each time would cost a round trip a
/// query; never testing would answer one error a pooled connection after a restart of the server.
const TEST_AFTER: Duration = Duration::from_secs(1);

/// Server-side limits. A transaction that is left open holds back the change feed of every service on that
/// server, so none may idle; a statement that runs this long has lost its caller.
const SESSION: [(&str, &str); 3] = [
    ("statement_timeout", "30s"),
    ("lock_timeout", "10s"),
    ("idle_in_transaction_session_timeout", "30s"),
];

/// Whether [`open`] takes this URL.
pub(crate) fn check_url(url: &str) -> Result<(), StoreError> {
    options_of(url).map(drop)
}

fn options_of(url: &str) -> Result<PgConnectOptions, StoreError> {
    PgConnectOptions::from_str(url)
        .map_err(|_| StoreError::Configuration("database URL is not a valid postgres:// URL".to_owned()))
}

pub(crate) async fn open(url: &str, schema: &str, options: &Options) -> Result<(PgPool, Signal), StoreError> {
    let connect = options_of(url)?
        .application_name(&format!("gigvault-{schema}"))
        .statement_cache_capacity(256)
        .options([("search_path", schema)])
        .options(SESSION);
    let pool = pool(options.max_connections, options).connect_lazy_with(connect.clone());
    create_schema(&pool, schema).await?;
    // A NOTIFY counts as a transaction: without this each would wait for the disk, with nothing to keep there.
    let signals = connect.options([("synchronous_commit", "off")]);
    let signals = pool_for_signals(options).connect_lazy_with(signals);
    Ok((pool, Signal::postgres(signals, schema)))
}

fn pool(max_connections: u32, options: &Options) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(max_connections.max(1))
        .acquire_timeout(options.acquire_timeout)
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for > TEST_AFTER {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
}

/// One connection listens, one notifies; apart from the main pool, which may be busy when they are needed.
fn pool_for_signals(options: &Options) -> PgPoolOptions {
    pool(2, options).max_lifetime(None).idle_timeout(None)
}

/// `CREATE SCHEMA IF NOT EXISTS` needs the right to create even where the schema exists, and two of them may
/// collide; a service's role often has no such right, so look first and create under a lock.
async fn create_schema(pool: &PgPool, schema: &str) -> Result<(), StoreError> {
    if schema_exists(pool, schema).await? {
        return Ok(());
    }
    let mut tx = pool.begin().await?;
    lock(&mut tx, schema).await?;
    // the name was checked to need no quoting
    sqlx::query(AssertSqlSafe(format!("CREATE SCHEMA IF NOT EXISTS \"{schema}\"")))
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(())
}

async fn schema_exists(pool: &PgPool, schema: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1)")
        .bind(schema)
        .fetch_one(pool)
        .await
}

/// Serialises changes of a schema's shape among all replicas until the transaction ends.
pub(crate) async fn lock(connection: &mut sqlx::PgConnection, schema: &str) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT pg_advisory_xact_lock(hashtext('gigvault schema'), hashtext($1))")
        .bind(schema)
        .execute(connection)
        .await?;
    Ok(())
}
