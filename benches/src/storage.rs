//! Where systems under measurement keep their state.

use store::{Db, Options};
use testkit::postgres::Postgres;
use testkit::system::System;

use crate::{Database, filling};

/// SQLite, or a PostgreSQL server of this run with `fsync` on.
pub(crate) struct Storage(Option<Postgres>);

impl Storage {
    pub(crate) async fn start(database: Database) -> anyhow::Result<Self> {
        Ok(Self(match database {
            Database::Sqlite => None,
            Database::Postgresql => Some(Postgres::start_with(filling::server(true)).await?),
        }))
    }

    /// Arguments for a system with a database of its own.
    pub(crate) async fn fresh(&self) -> anyhow::Result<Vec<String>> {
        Ok(match &self.0 {
            None => Vec::new(),
            Some(postgres) => vec!["--database-url".to_owned(), postgres.fresh_database().await?],
        })
    }
}

/// A system with a database of its own and a file of settings.
pub(crate) struct Configured {
    pub(crate) system: System,
    url: Option<String>,
    settings: tempfile::NamedTempFile,
}

impl Configured {
    /// Starts it with these settings, YAML.
    pub(crate) async fn start(storage: &Storage, settings: &str) -> anyhow::Result<Self> {
        let file = tempfile::NamedTempFile::with_suffix(".yaml")?;
        write(&file, settings)?;
        let mut arguments = storage.fresh().await?;
        let url = arguments.get(1).cloned();
        arguments.extend(["--config".to_owned(), file.path().display().to_string()]);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        Ok(Self {
            system: System::up_with(&arguments)?,
            url,
            settings: file,
        })
    }

    /// Stops it, and starts it with other settings.
    pub(crate) fn restart_with(&mut self, settings: &str) -> anyhow::Result<()> {
        self.system.terminate()?;
        self.start_with(settings)
    }

    /// Starts it with other settings after it was stopped.
    pub(crate) fn start_with(&mut self, settings: &str) -> anyhow::Result<()> {
        write(&self.settings, settings)?;
        self.system.restart()
    }

    /// URL of the database of that service.
    pub(crate) fn url(&self, service: &str) -> String {
        let file = self.system.ready().data_dir.join(format!("db/{service}.db"));
        self.url
            .clone()
            .unwrap_or_else(|| format!("sqlite:{}", file.display()))
    }

    /// The database of that service, beside the system.
    pub(crate) async fn open(&self, service: &str) -> anyhow::Result<Db> {
        open(&self.url(service), service).await
    }
}

#[expect(clippy::disallowed_methods, reason = "a file that ends with the run")]
fn write(file: &tempfile::NamedTempFile, settings: &str) -> std::io::Result<()> {
    std::fs::write(file.path(), settings)
}

/// The database of a service.
pub(crate) async fn open(url: &str, service: &str) -> anyhow::Result<Db> {
    let options = Options {
        allow_unsafe: true,
        ..Options::default()
    };
    Ok(Db::open(url, service, options).await?)
}
