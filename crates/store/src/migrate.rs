//! Migrations: embedded, forward-only, safe from any number of replicas at once.
//!
//! Everything pending is applied in one transaction that first takes a lock (an advisory lock on PostgreSQL, the
//! writer's lock of `BEGIN IMMEDIATE` on SQLite), so a migration is applied once, and a failure leaves the
//! database as it was. The store's own tables are a second set of migrations with its own ledger; versions of a
//! service's migrations are free.

use sqlx::migrate::{MigrateError, Migration, Migrator};

use crate::{Db, StoreError, Tx, TxKind, feed, postgres};

/// The store's own tables.
static STORE: Migrator = sqlx::migrate!("./migrations");
const STORE_LEDGER: &str = "_store_migrations";
const SERVICE_LEDGER: &str = "_sqlx_migrations";

impl Db {
    /// Brings the database to the state that this program expects: the store's own tables, then `service`, made
    /// by `sqlx::migrate!("./migrations")`. Cheap when there is nothing to do; call it at every start.
    ///
    /// # Errors
    /// [`StoreError::Newer`] when a newer program was here before; [`StoreError::Migration`] when a migration
    /// fails or was edited after it was applied.
    pub async fn migrate(&self, service: &Migrator) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        if let TxKind::Pg(transaction) = tx.kind() {
            // a migration may take long, and so may waiting for another replica's
            sqlx::raw_sql("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0")
                .execute(&mut **transaction)
                .await?;
            postgres::lock(transaction, self.schema()).await?;
        }
        apply(&mut tx, &STORE, STORE_LEDGER, self.schema()).await?;
        apply(&mut tx, service, SERVICE_LEDGER, self.schema()).await?;
        feed::horizon::keep_ahead(&mut tx).await?;
        tx.commit().await
    }
}

async fn apply(tx: &mut Tx, set: &Migrator, ledger: &'static str, schema: &str) -> Result<(), StoreError> {
    let migrations: Vec<Migration> = set.iter().cloned().collect();
    if let Some(migration) = migrations
        .iter()
        .find(|m| m.no_tx || m.migration_type.is_down_migration())
    {
        return Err(StoreError::Configuration(format!(
            "migration {} is marked no-transaction or is a down migration; the store runs neither",
            migration.version
        )));
    }
    let mut migrator = Migrator::with_migrations(migrations);
    migrator.dangerous_set_table_name(ledger);
    // our transaction holds a lock already; sqlx's would outlive an error on a pooled connection
    migrator.set_locking(false);
    let result = crate::tx!(tx, |c| migrator.run(c).await);
    result.map_err(|source| classify(source, schema))
}

fn classify(source: MigrateError, schema: &str) -> StoreError {
    let schema = schema.to_owned();
    match source {
        MigrateError::VersionMissing(version) => StoreError::Newer { schema, version },
        MigrateError::Execute(error) => error.into(),
        MigrateError::ExecuteMigration(error, version) => match StoreError::from(error) {
            unavailable @ StoreError::Unavailable { .. } => unavailable,
            StoreError::Internal(source) | StoreError::Conflict { source, .. } => StoreError::Migration {
                schema,
                source: MigrateError::ExecuteMigration(source, version),
            },
            other => other,
        },
        source => StoreError::Migration { schema, source },
    }
}
