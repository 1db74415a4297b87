//! A database a service: a SQLite file in the data directory, or a schema of one PostgreSQL server.

use anyhow::Context;
use secrecy::ExposeSecret;
use store::{Db, Options};

use super::layout::DataDir;
use super::settings::Database;

/// Opens the database of a service and, where configured, brings its schema up to date.
pub(crate) async fn open(
    settings: &Database,
    data: &DataDir,
    service: &str,
    migrations: &sqlx::migrate::Migrator,
) -> anyhow::Result<Db> {
    let url = match &settings.url {
        Some(url) => url.expose_secret().to_owned(),
        None => data.database_url(service),
    };
    let options = Options {
        max_connections: settings.max_connections,
        pooling: settings.pooling,
        allow_unsafe: settings.allow_unsafe,
        ..Options::default()
    };
    let db = Db::open(&url, service, options)
        .await
        .with_context(|| format!("the database of {service}"))?;
    if settings.migrate {
        db.migrate(migrations)
            .await
            .with_context(|| format!("the schema of {service}"))?;
    }
    Ok(db)
}
