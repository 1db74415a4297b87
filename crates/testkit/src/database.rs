//! A database of its own for each test, on SQLite and on PostgreSQL.

use std::path::Path;

use anyhow::Result;
use sqlx::migrate::Migrator;
use store::{Db, Options};
use tempfile::TempDir;

use crate::Postgres;

/// An empty database, and a folder for whatever else the test needs. Both are gone with it.
pub struct TestDatabase {
    dir: TempDir,
    url: String,
}

impl TestDatabase {
    /// A file in the folder.
    ///
    /// # Errors
    /// When no folder can be made.
    pub fn sqlite() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let url = format!("sqlite:{}", dir.path().join("test.db").display());
        Ok(Self { dir, url })
    }

    /// On the server that all tests of this process share.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or does not start.
    pub async fn postgresql() -> Result<Self> {
        Self::of(Postgres::shared().await?).await
    }

    /// On that server, which the test may stop.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn of(server: &Postgres) -> Result<Self> {
        Ok(Self {
            dir: tempfile::tempdir()?,
            url: server.fresh_database().await?,
        })
    }

    /// The same, reached by another URL, such as that of a pooler.
    #[must_use]
    pub fn through(self, url: &str) -> Self {
        Self {
            url: url.to_owned(),
            ..self
        }
    }

    /// Another one of the same kind.
    ///
    /// # Errors
    /// As the first.
    pub async fn another(&self) -> Result<Self> {
        match self.url.starts_with("sqlite:") {
            true => Self::sqlite(),
            false => Self::postgresql().await,
        }
    }

    /// The folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A pool of connections of that service, after its migrations. It does without `fsync`, for speed.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn open(&self, service: &str, migrations: &Migrator) -> Result<Db> {
        let options = Options {
            allow_unsafe: true,
            ..Options::default()
        };
        let db = Db::open(&self.url, service, options).await?;
        db.migrate(migrations).await?;
        Ok(db)
    }
}

/// Runs `async fn name(world: World)` on SQLite and on PostgreSQL. The tests' module has a `World`, which is made by
/// `async fn on(TestDatabase) -> World`.
#[macro_export]
macro_rules! on_both_databases {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            use $crate::database::TestDatabase;

            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn on_sqlite() {
                super::$name(super::World::on(TestDatabase::sqlite().unwrap()).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn on_postgresql() {
                super::$name(super::World::on(TestDatabase::postgresql().await.unwrap()).await).await;
            }
        }
    )+};
}
