//! How far each database was seen, in a file outside of them: `high-water` in the data directory. A database that is behind
//! it was copied back from an older state, also from one of the run that was under way.
//!
//! A keeper raises the number of a database where anything has happened, and writes it down when it is durable there: the
//! file is never ahead of the database, whenever the process or the machine dies. What happened after the last round is not
//! seen.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use store::{Db, Head};
use tokio_util::sync::CancellationToken;

use super::DatabaseState;
use crate::wiring::layout::DataDir;

/// What happened within it before a process died is not seen. A round where something has happened costs a small transaction
/// a database and one file.
const EVERY: Duration = Duration::from_secs(5);

/// What the file says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HighWater {
    installation: String,
    /// By service.
    marks: BTreeMap<String, i64>,
}

impl HighWater {
    #[cfg(test)]
    pub(super) fn of(installation: &str, marks: BTreeMap<String, i64>) -> Self {
        Self {
            installation: installation.to_owned(),
            marks,
        }
    }

    /// Nothing where there is no file.
    pub(crate) fn read(data: &DataDir) -> anyhow::Result<Self> {
        const LONGEST: u64 = 64 * 1024;
        let path = data.high_water();
        let content = match files::read(&path, LONGEST) {
            Err(error) if error.is_not_found() => return Ok(Self::default()),
            content => content?,
        };
        let damaged = || {
            format!(
                "{} is damaged: if the databases were not copied back from an older state, remove it and start again",
                path.display()
            )
        };
        let found: Self = serde_json::from_slice(&content).with_context(damaged)?;
        // Raised above such a number, a database could never be raised again.
        let mut marks = found.marks.iter();
        if let Some((service, mark)) = marks.find(|(_, mark)| !(0..=store::HIGHEST_MARK).contains(*mark)) {
            return Err(
                anyhow::anyhow!("{mark} is not how far the database of {service} was").context(damaged()),
            );
        }
        Ok(found)
    }

    pub(super) fn write(&self, data: &DataDir) -> anyhow::Result<()> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        Ok(files::replace(&data.high_water(), &text, 0o600)?)
    }

    fn mark(&self, service: &str) -> i64 {
        self.marks.get(service).copied().unwrap_or_default()
    }

    /// Refuses databases that were further once.
    pub(super) fn not_behind(&self, found: &[DatabaseState]) -> anyhow::Result<()> {
        let ours = |one: &&DatabaseState| one.id.as_deref() == Some(self.installation.as_str());
        let behind: Vec<&str> = found
            .iter()
            .filter(ours)
            .filter(|one| one.mark < self.mark(one.service))
            .map(|one| one.service)
            .collect();
        if behind.is_empty() {
            return Ok(());
        }
        bail!(
            "the database of {} is older than it was when a process last worked on it: it was copied back, or its server lost \
             what it had acknowledged. What was issued and revoked since then is missing from it: certificates that nobody \
             can revoke by number, and revoked ones that count as valid. Put the newest copy back if there is one; to go on \
             with this one, run `gigvault bootstrap --accept-restored` with the same settings, then start again",
            behind.join(", ")
        )
    }
}

/// Keeps the file up to date while a process works on the databases.
pub(crate) struct Keeper {
    data: DataDir,
    high_water: HighWater,
    databases: Vec<(Db, Option<Head>)>,
}

impl Keeper {
    /// `accept` takes databases that are behind for what they are.
    pub(crate) async fn start(
        data: &DataDir,
        installation: &str,
        databases: Vec<Db>,
        accept: bool,
    ) -> anyhow::Result<Self> {
        let mut high_water = HighWater::read(data)?;
        if high_water.installation != installation {
            if !high_water.marks.is_empty() {
                tracing::warn!(
                    file = %data.high_water().display(),
                    of = high_water.installation,
                    "how far the databases of another installation were is dropped; whether these were copied back from an \
                     older state is not known"
                );
            }
            high_water = HighWater {
                installation: installation.to_owned(),
                ..HighWater::default()
            };
        }
        if accept {
            for db in &databases {
                db.accept_high_water(high_water.mark(db.schema())).await?;
            }
        }
        let databases = databases.into_iter().map(|db| (db, None)).collect();
        let mut keeper = Self {
            data: data.clone(),
            high_water,
            databases,
        };
        keeper.round().await?;
        Ok(keeper)
    }

    /// Looks every so often until `stop`, and answers itself for [`finish`](Self::finish).
    pub(crate) async fn run(mut self, stop: CancellationToken) -> Self {
        let mut timer = tokio::time::interval(EVERY);
        timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while stop.run_until_cancelled(timer.tick()).await.is_some() {
            self.attempt().await;
        }
        self
    }

    /// The last look, when nothing changes any more.
    pub(crate) async fn finish(mut self) {
        self.attempt().await;
    }

    async fn attempt(&mut self) {
        if let Err(error) = self.round().await {
            tracing::warn!(
                error = format!("{error:#}"),
                "how far the databases are was not written down; trying again later"
            );
        }
    }

    async fn round(&mut self) -> anyhow::Result<()> {
        let mut changed = false;
        for (db, seen) in &mut self.databases {
            let head = db.newest_event().await?;
            if *seen == Some(head) {
                continue;
            }
            let Some(mark) = db.raise_high_water().await? else {
                continue;
            };
            self.high_water.marks.insert(db.schema().to_owned(), mark);
            *seen = Some(head);
            changed = true;
        }
        match changed {
            // Each of them is durable by now.
            true => self.high_water.write(&self.data),
            false => Ok(()),
        }
    }
}
