//! Migrations: embedded, forward-only, safe from any number of replicas at once.
//!
//! Everything pending is applied in one transaction that first takes a lock (an advisory lock on PostgreSQL, the
//! writer's lock of `BEGIN IMMEDIATE` on SQLite), so a migration is applied once, and a failure leaves the
//! database as it was. On PostgreSQL it makes the schema too, where there is none. The store's own tables are a second
//! set of migrations with its own ledger; versions of a service's migrations are free.
//!
//! The ledger is sqlx's. It is read and written here because sqlx prepares its statements under names, which a pooler
//! that shares sessions does not bear.

use std::collections::BTreeMap;

use sqlx::migrate::{MigrateError, Migration, Migrator};
use sqlx::{AssertSqlSafe, SqlSafeStr};

use crate::installation::{if_there, lacks_right};
use crate::{Db, PgTx, Pools, StoreError, Tx, TxKind, feed, postgres, secret};

/// The store's own tables.
static STORE: Migrator = sqlx::migrate!("./migrations");
const STORE_LEDGER: &str = "_store_migrations";
const SERVICE_LEDGER: &str = "_sqlx_migrations";

/// The role, and the tables of a schema that it may not read and write. The ledgers of migrations are for whoever migrates.
const CLOSED_TABLES: &str =
    "SELECT current_user::text, COALESCE(array_agg(c.relname::text ORDER BY c.relname) FILTER (
    WHERE NOT (has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
           AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'))
  ), '{}')
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND c.relname !~ '_migrations$'";

impl Db {
    /// Brings the database to the state that this program expects: the store's own tables, then `service`, made
    /// by `sqlx::migrate!("./migrations")`. Cheap when there is nothing to do; call it at every start.
    ///
    /// # Errors
    /// [`StoreError::Newer`] when a newer program was here before; [`StoreError::Migration`] when a migration
    /// fails or was edited after it was applied; [`StoreError::Configuration`] when the role lacks a right.
    pub async fn migrate(&self, service: &Migrator) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let done = bring_up(&mut tx, service, self.schema()).await;
        // Also what is up to date is written to: the secret, the horizon of the feed.
        done.map_err(|error| match error {
            StoreError::Internal(source) => in_words(source, self.schema()),
            other => other,
        })?;
        tx.commit().await
    }

    /// Refuses the schema that [`migrate`](Self::migrate) would refuse, and changes nothing. Whether nothing is to be
    /// applied.
    ///
    /// # Errors
    /// [`StoreError::Newer`] and [`StoreError::Migration`] as there; [`StoreError::Configuration`] when the role may not read
    /// how far the schema is; [`StoreError::Unavailable`].
    pub async fn check_schema(&self, service: &Migrator) -> Result<bool, StoreError> {
        let mut current = true;
        for (set, ledger) in [(&STORE, STORE_LEDGER), (service, SERVICE_LEDGER)] {
            let list = list_of(ledger);
            let rows: Result<Vec<(i64, Vec<u8>)>, _> =
                crate::read!(self, |c| sqlx::query_as(AssertSqlSafe(list)).fetch_all(c).await);
            let rows = if_there(rows, self.schema(), ledger)?.unwrap_or_default();
            current &= pending(set, &rows.into_iter().collect(), self.schema())?.is_empty();
        }
        Ok(current)
    }

    /// Refuses a role that may not read and write all tables of the schema, where another one brings it up to date. SQLite
    /// has no roles.
    ///
    /// # Errors
    /// [`StoreError::Configuration`] with what to grant; [`StoreError::Unavailable`].
    pub async fn check_rights(&self) -> Result<(), StoreError> {
        let Pools::Pg(pg) = self.pools() else {
            return Ok(());
        };
        let (role, closed): (String, Vec<String>) = sqlx::query_as(CLOSED_TABLES)
            .bind(self.schema())
            .fetch_one(pg)
            .await?;
        if closed.is_empty() {
            return Ok(());
        }
        let schema = self.schema();
        Err(StoreError::Configuration(format!(
            "the role {role:?} of the database URL may not read and write {} of schema {schema:?}: as their owner, run \
             GRANT ALL ON ALL TABLES IN SCHEMA {schema} TO {role:?}; and, for the tables of later versions, \
             ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT ALL ON TABLES TO {role:?}",
            closed.join(", ")
        )))
    }
}

async fn bring_up(tx: &mut Tx, service: &Migrator, schema: &str) -> Result<(), StoreError> {
    take_turn(tx, schema).await?;
    apply(tx, &STORE, STORE_LEDGER, schema).await?;
    secret::ensure(tx).await?;
    apply(tx, service, SERVICE_LEDGER, schema).await?;
    feed::horizon::keep_ahead(tx).await
}

/// On PostgreSQL, and that this transaction is in the schema of the service and no other.
async fn take_turn(tx: &mut Tx, schema: &str) -> Result<(), StoreError> {
    let TxKind::Pg(transaction) = tx.kind() else {
        return Ok(());
    };
    // a migration may take long, and so may waiting for another replica's
    let lock = format!(
        "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; {}",
        postgres::lock_text(schema)
    );
    sqlx::raw_sql(AssertSqlSafe(lock))
        .execute(&mut *transaction)
        .await?;
    make_schema(transaction, schema).await?;
    let current: Option<String> = sqlx::query_scalar("SELECT current_schema()::text")
        .fetch_one(transaction)
        .await?;
    if current.as_deref() == Some(schema) {
        return Ok(());
    }
    Err(StoreError::Configuration(format!(
        "transactions run in the schema {current:?} and not in {schema:?}: something between this program and \
         PostgreSQL drops its settings; if it is a pooler in transaction mode, set database.pooling: transaction"
    )))
}

/// Where it exists already, to make it "if not exists" would still take the right to make schemas.
async fn make_schema(transaction: &mut PgTx, schema: &str) -> Result<(), sqlx::Error> {
    let exists: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1)")
            .bind(schema)
            .fetch_one(&mut *transaction)
            .await?;
    if !exists {
        // The name was checked to need no quoting.
        let create = format!("CREATE SCHEMA \"{schema}\"");
        sqlx::raw_sql(AssertSqlSafe(create)).execute(transaction).await?;
    }
    Ok(())
}

async fn apply(tx: &mut Tx, set: &Migrator, ledger: &'static str, schema: &str) -> Result<(), StoreError> {
    if let Some(migration) = set
        .iter()
        .find(|m| m.no_tx || m.migration_type.is_down_migration())
    {
        return Err(StoreError::Configuration(format!(
            "migration {} is marked no-transaction or is a down migration; the store runs neither",
            migration.version
        )));
    }
    let applied = applied(tx, ledger, schema).await?;
    for migration in pending(set, &applied, schema)? {
        run(tx, migration, ledger)
            .await
            .map_err(|error| classify(error, migration.version, schema))?;
    }
    Ok(())
}

/// Those that were not applied yet, unless one was that this program does not know as it is.
fn pending<'a>(
    set: &'a Migrator,
    applied: &BTreeMap<i64, Vec<u8>>,
    schema: &str,
) -> Result<Vec<&'a Migration>, StoreError> {
    let known = |version: &i64| set.iter().any(|migration| migration.version == *version);
    if let Some(version) = applied.keys().copied().find(|version| !known(version)) {
        let schema = schema.to_owned();
        return Err(StoreError::Newer { schema, version });
    }
    let mut pending = Vec::new();
    for migration in set.iter() {
        match applied.get(&migration.version) {
            None => pending.push(migration),
            Some(checksum) if checksum[..] == migration.checksum[..] => {}
            Some(_) => {
                return Err(StoreError::Migration {
                    schema: schema.to_owned(),
                    source: MigrateError::VersionMismatch(migration.version),
                });
            }
        }
    }
    Ok(pending)
}

fn list_of(ledger: &'static str) -> String {
    format!("SELECT version, checksum FROM {ledger}")
}

/// Versions in the ledger with the checksums of their texts.
async fn applied(
    tx: &mut Tx,
    ledger: &'static str,
    schema: &str,
) -> Result<BTreeMap<i64, Vec<u8>>, sqlx::Error> {
    // Where it exists already, to make it "if not exists" would still take the right to create.
    let exists =
        match tx.kind() {
            TxKind::Pg(transaction) => sqlx::query_scalar(
                "SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = $1 AND tablename = $2)",
            )
            .bind(schema)
            .bind(ledger)
            .fetch_one(transaction)
            .await?,
            TxKind::Lite(_) => false,
        };
    if !exists {
        let create = format!(
            "CREATE TABLE IF NOT EXISTS {ledger} (
                version        BIGINT      PRIMARY KEY,
                description    TEXT        NOT NULL,
                installed_on   TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
                success        BOOLEAN     NOT NULL,
                checksum       BYTEA       NOT NULL,
                execution_time BIGINT      NOT NULL
            )"
        );
        crate::tx!(tx, |c| sqlx::raw_sql(AssertSqlSafe(create))
            .execute(c)
            .await?
            .rows_affected());
    }
    let list = list_of(ledger);
    let rows: Vec<(i64, Vec<u8>)> =
        crate::tx!(tx, |c| sqlx::query_as(AssertSqlSafe(list)).fetch_all(c).await)?;
    Ok(rows.into_iter().collect())
}

async fn run(tx: &mut Tx, migration: &Migration, ledger: &str) -> Result<(), sqlx::Error> {
    let text = migration.sql.clone().into_sql_str();
    let record = format!(
        "INSERT INTO {ledger} (version, description, success, checksum, execution_time) VALUES ($1, $2, TRUE, $3, -1)"
    );
    crate::tx!(tx, |c| {
        sqlx::raw_sql(text).execute(&mut *c).await?;
        let query = sqlx::query(AssertSqlSafe(record)).bind(migration.version);
        query
            .bind(&*migration.description)
            .bind(&*migration.checksum)
            .execute(c)
            .await?
            .rows_affected()
    });
    Ok(())
}

/// A right that the role lacks is the business of whoever gave it the schema.
fn in_words(error: sqlx::Error, schema: &str) -> StoreError {
    match lacks_right(&error) {
        Some(message) => StoreError::Configuration(format!(
            "the role of the database URL lacks a right in schema {schema:?}: {message}; make it the owner of the schema and \
             what is in it, or run GRANT USAGE, CREATE ON SCHEMA {schema} TO ROLE and GRANT ALL ON ALL TABLES IN SCHEMA {schema} TO ROLE, with \
             that role in place of ROLE"
        )),
        None => error.into(),
    }
}

fn classify(error: sqlx::Error, version: i64, schema: &str) -> StoreError {
    match in_words(error, schema) {
        StoreError::Internal(source) | StoreError::Conflict { source, .. } => StoreError::Migration {
            schema: schema.to_owned(),
            source: MigrateError::ExecuteMigration(source, version),
        },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_migrations_have_one_version() {
        let versions: Vec<i64> = STORE.iter().map(|migration| migration.version).collect();
        let distinct: std::collections::BTreeSet<i64> = versions.iter().copied().collect();
        assert_eq!(distinct.len(), versions.len(), "{versions:?}");
    }
}
