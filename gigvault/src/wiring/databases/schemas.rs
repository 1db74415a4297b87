//! Schemas at a start: brought up to date, or refused where they do not fit.

use anyhow::{Context as _, bail};

use super::{Databases, Opened};
use crate::wiring::settings::Settings;

impl Databases {
    /// Refuses schemas that a start would refuse, and changes nothing. Whether a start has nothing to bring up to date.
    pub(crate) async fn check_schemas(&self) -> anyhow::Result<bool> {
        Ok(self.older().await?.is_empty())
    }

    /// The databases whose schema is older than this program.
    async fn older(&self) -> anyhow::Result<Vec<&str>> {
        let mut older = Vec::new();
        for (service, Opened { db, name, .. }) in &self.0 {
            let checked = db.check_schema(service.migrations()).await;
            if !checked.with_context(|| schema_of(name))? {
                older.push(name.as_str());
            }
        }
        Ok(older)
    }

    /// Where a start does not bring schemas up to date, it refuses those that are not: older or newer.
    pub(super) async fn refuse_older(&self, settings: &Settings) -> anyhow::Result<()> {
        if settings.database.migrate {
            return Ok(());
        }
        match self.older().await?.first() {
            None => Ok(()),
            Some(name) => bail!(
                "{} is older than this program, and database.migrate is false: run `gigvault migrate --config FILE` with a \
                 role that owns the schema, then start again",
                schema_of(name)
            ),
        }
    }

    /// Brings the schemas up to date where a start does that, and looks whether they can be used.
    pub(super) async fn prepare(&self, settings: &Settings) -> anyhow::Result<()> {
        for (service, Opened { db, name, .. }) in &self.0 {
            if settings.database.migrate {
                let migrated = db.migrate(service.migrations()).await;
                migrated.with_context(|| schema_of(name))?;
            }
            db.check_rights().await.with_context(|| name.clone())?;
            // It stays in memory: a transaction that makes or checks a preview does not wait for a second connection.
            db.secret().await.with_context(|| name.clone())?;
        }
        Ok(())
    }
}

fn schema_of(database: &str) -> String {
    format!("the schema of {database}")
}
