//! How far each database was seen, in a file outside of them: `high-water` in the data directory. A database that is behind
//! it was copied back from an older state, also from one of the run that was under way.
//!
//! A keeper raises the number of a database where anything has happened, and writes it down when it is durable there: the
//! file is never ahead of the database, whenever the process or the machine dies. What happened after the last round is not
//! seen.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use anyhow::bail;
use kit::retry::Retry;
use serde::{Deserialize, Serialize};
use store::{Db, Head};
use tokio_util::sync::CancellationToken;

use super::{Acceptable, DatabaseState, Record, at_stake};
use crate::wiring::layout::DataDir;

/// What happened within it before a process died is not seen. A round where something has happened costs a small transaction
/// a database and one file.
const EVERY: Duration = Duration::from_secs(5);

/// Most bytes of the file.
const LONGEST: usize = 64 * 1024;

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
        let path = data.high_water();
        let Some(content) = content(&path)? else {
            return Ok(Self::default());
        };
        Self::parse(&content).map_err(|error| {
            let damaged = format!(
                "{} is damaged ({error}), so that databases that were copied back from an older state would not be noticed. \
                 If they were not, remove it with `rm {}` and start again. If they were, accepting them says how far each of \
                 them is and writes the file again",
                path.display(),
                files::quoted(&path)
            );
            Acceptable(damaged).into()
        })
    }

    /// As [`read`](Self::read), for whoever takes the databases as they are: a damaged file says nothing.
    pub(crate) fn read_to_accept(data: &DataDir) -> anyhow::Result<Self> {
        let content = content(&data.high_water())?;
        let found = content.and_then(|content| Self::parse(&content).ok());
        Ok(found.unwrap_or_default())
    }

    fn parse(content: &[u8]) -> anyhow::Result<Self> {
        anyhow::ensure!(content.len() <= LONGEST, "it is longer than {LONGEST} bytes");
        let found: Self = serde_json::from_slice(content)?;
        // Raised above such a number, a database could never be raised again.
        let mut marks = found.marks.iter();
        if let Some((service, mark)) = marks.find(|(_, mark)| !(0..=store::HIGHEST_MARK).contains(*mark)) {
            bail!("{mark} is not how far the database of {service} was");
        }
        Ok(found)
    }

    pub(super) fn write(&self, data: &DataDir) -> anyhow::Result<()> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        Ok(files::replace(&data.high_water(), &text, 0o600)?)
    }

    /// Whose databases were seen.
    pub(super) fn installation(&self) -> Option<&str> {
        Some(self.installation.as_str()).filter(|id| !id.is_empty())
    }

    /// Whether it says of other databases than these how far they were.
    pub(super) fn knows_others(&self, found: &[DatabaseState]) -> bool {
        let is_found = |service: &String| found.iter().any(|one| one.service == service);
        !self.marks.keys().all(is_found)
    }

    fn mark(&self, service: &str) -> i64 {
        self.marks.get(service).copied().unwrap_or_default()
    }

    /// Whether it says of each of these how far it was.
    pub(super) fn knows(&self, found: &[DatabaseState]) -> bool {
        found.iter().all(|one| {
            one.id.as_deref() == Some(self.installation.as_str()) && self.marks.contains_key(one.service)
        })
    }

    /// Says nothing of a service any more.
    pub(super) fn forget(&mut self, service: &str) {
        self.marks.remove(service);
    }

    /// Whether a process worked on the database of a service of this installation.
    pub(super) fn knows_of(&self, installation: &str, service: &str) -> bool {
        self.installation == installation && self.marks.contains_key(service)
    }

    /// Databases of the installation of `record` that were further once; without a record, of the one that was seen. One that
    /// names no installation did when it was seen, and is of before.
    pub(super) fn behind<'a>(
        &self,
        record: Option<&Record>,
        found: &'a [DatabaseState],
    ) -> Vec<&'a DatabaseState> {
        if record.is_some_and(|record| record.id != self.installation) {
            return Vec::new();
        }
        let is_behind = |one: &&DatabaseState| match one.id.as_deref() {
            Some(id) => id == self.installation && one.mark < self.mark(one.service),
            None => self.marks.contains_key(one.service),
        };
        found.iter().filter(is_behind).collect()
    }

    /// Refuses databases that were further once, as [`behind`](Self::behind) says.
    pub(super) fn not_behind(&self, record: Option<&Record>, found: &[DatabaseState]) -> anyhow::Result<()> {
        let behind: Vec<&str> = self.behind(record, found).iter().map(|one| one.service).collect();
        if behind.is_empty() {
            return Ok(());
        }
        let older = format!(
            "the database of {} is older than it was when a process last worked on it: it was copied back, or its server lost \
             what it had acknowledged. {}. Put the newest copy back if there is one",
            behind.join(", "),
            at_stake::of(&behind)
        );
        Err(Acceptable(older).into())
    }
}

/// None where there is no file. One byte more than is taken, where it is longer.
fn content(path: &Path) -> Result<Option<Vec<u8>>, files::Error> {
    let file = match files::open(path) {
        Err(error) if error.is_not_found() => return Ok(None),
        file => file?,
    };
    let mut content = Vec::new();
    let read = file.take(LONGEST as u64 + 1).read_to_end(&mut content);
    let failed = |source| files::Error::Io {
        action: "read",
        path: path.to_owned(),
        source,
    };
    read.map_err(failed)?;
    Ok(Some(content))
}

/// A database that was taken as it is.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Accepted {
    /// The service.
    pub(crate) database: String,
    /// Whether it is older than it was, by its mark or by the number of its starts. None where that is not known: nothing says
    /// how far it was, or processes with other data directories may have seen more of it.
    pub(crate) older: Option<bool>,
    /// How far it was seen with this data directory; none where nothing says so.
    pub(crate) seen_at: Option<i64>,
    /// How far it was found.
    pub(crate) found_at: i64,
    /// From where it goes on: above whatever was seen anywhere.
    pub(crate) now_at: i64,
}

/// Keeps the file up to date while a process works on the databases.
pub(crate) struct Keeper {
    data: DataDir,
    high_water: HighWater,
    databases: Vec<(Db, Option<Head>)>,
    log: Retry,
}

impl Keeper {
    pub(crate) async fn start(
        data: &DataDir,
        installation: &str,
        databases: Vec<Db>,
    ) -> anyhow::Result<Self> {
        let high_water = HighWater::read(data)?;
        Self::with(high_water, data, installation, databases).await
    }

    /// As [`start`](Self::start), and takes the databases as they are; `older` are known to be behind. `only_here`: whether
    /// no process works on them with another data directory.
    pub(crate) async fn accept(
        data: &DataDir,
        installation: &str,
        databases: Vec<Db>,
        (older, only_here): (&BTreeSet<&str>, bool),
    ) -> anyhow::Result<(Self, Vec<Accepted>)> {
        let high_water = HighWater::read_to_accept(data)?;
        let known = (high_water.installation == installation).then_some(&high_water.marks);
        let mut highest = known.and_then(|marks| marks.values().max()).copied();
        for db in &databases {
            highest = highest.max(Some(db.high_water().await?));
        }
        let mut accepted = Vec::new();
        for db in &databases {
            let database = db.schema().to_owned();
            let seen_at = known.and_then(|marks| marks.get(&database)).copied();
            let found_at = db.high_water().await?;
            // Above the highest of all: one that was lost with its number counts no restore twice.
            let now_at = db.accept_high_water(highest.unwrap_or_default()).await?;
            accepted.push(Accepted {
                // One that was made again is behind what was seen of it, and was not found.
                older: match older.contains(database.as_str()) || seen_at.is_some_and(|seen| found_at < seen)
                {
                    true => Some(true),
                    false => (only_here && seen_at.is_some()).then_some(false),
                },
                database,
                seen_at,
                found_at,
                now_at: now_at.unwrap_or(found_at),
            });
        }
        let keeper = Self::with(high_water, data, installation, databases).await?;
        Ok((keeper, accepted))
    }

    async fn with(
        mut high_water: HighWater,
        data: &DataDir,
        installation: &str,
        databases: Vec<Db>,
    ) -> anyhow::Result<Self> {
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
        let databases = databases.into_iter().map(|db| (db, None)).collect();
        let mut keeper = Self {
            data: data.clone(),
            high_water,
            databases,
            log: Retry::of_rounds("record of how far the databases are"),
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
        match self.round().await {
            Ok(()) => self.log.works(),
            Err(error) => {
                let _the_next_look_has_its_time = self.log.failed_by(format!("{error:#}"));
            }
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
