//! Many rows in the inventory by SQL: its indexes are taken away for that, and made again as they were.

use sqlx::{AssertSqlSafe, Connection};
use store::Pools;

use crate::storage;

/// All but those of primary keys.
const INDEXES_POSTGRES: &str = "
    SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema()
        AND tablename IN ('certificates', 'certificate_names') AND indexname NOT LIKE '%_pkey'";

/// What makes the rows.
pub(crate) struct Filling<'a> {
    /// Statements with the number of rows as their parameter.
    pub(crate) postgres: &'a [&'a str],
    /// A Python program, which is called with the file, and the number of rows.
    pub(crate) sqlite: &'a str,
    /// Further arguments of it.
    pub(crate) more: &'a [String],
}

impl Filling<'_> {
    /// Fills the database of ca, which no process may have open for writing.
    pub(crate) async fn run(&self, url: &str, rows: i64) -> anyhow::Result<()> {
        let db = storage::open(url, "ca").await?;
        match db.pools() {
            Pools::Pg(_) => self.fill_postgres(url, rows).await?,
            Pools::Lite { .. } => self.fill_sqlite(url.trim_start_matches("sqlite:"), rows).await?,
        }
        db.close().await;
        Ok(())
    }

    async fn fill_postgres(&self, url: &str, rows: i64) -> anyhow::Result<()> {
        // One of its own: those of the handle only read outside of transactions.
        let mut connection = sqlx::PgConnection::connect(url).await?;
        sqlx::raw_sql("SET search_path = ca")
            .execute(&mut connection)
            .await?;
        let indexes: Vec<(String, String)> = sqlx::query_as(INDEXES_POSTGRES)
            .fetch_all(&mut connection)
            .await?;
        for (name, _) in &indexes {
            sqlx::query(AssertSqlSafe(format!("DROP INDEX {name}")))
                .execute(&mut connection)
                .await?;
        }
        for fill in self.postgres {
            sqlx::query(AssertSqlSafe((*fill).to_owned()))
                .bind(rows)
                .execute(&mut connection)
                .await?;
        }
        for (_, definition) in indexes {
            sqlx::query(AssertSqlSafe(definition))
                .execute(&mut connection)
                .await?;
        }
        sqlx::query("ANALYZE").execute(&mut connection).await?;
        Ok(())
    }

    async fn fill_sqlite(&self, file: &str, rows: i64) -> anyhow::Result<()> {
        let status = tokio::process::Command::new("python3")
            .args(["-c", self.sqlite, file, &rows.to_string()])
            .args(self.more)
            .status()
            .await?;
        anyhow::ensure!(status.success(), "the inventory could not be filled");
        Ok(())
    }
}

/// A server that a large table is made in quickly, and that is otherwise as it comes; `durable` with `fsync`, as in production.
pub(crate) fn server(durable: bool) -> testkit::postgres::Options {
    let mut settings = vec!["max_wal_size=8GB", "maintenance_work_mem=1GB"];
    if !durable {
        settings.push("synchronous_commit=off");
    }
    testkit::postgres::Options {
        fsync: durable,
        settings: settings.into_iter().map(str::to_owned).collect(),
        ..Default::default()
    }
}
