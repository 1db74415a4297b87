//! What belongs together: keys, certificates and databases of one installation carry one id.
//!
//! `keys/installation` holds it in the data directory, a table of the store in each database. A first start writes the
//! record first and marks it complete last; from then on nothing that is missing is made again, because it was lost.

mod acceptable;
mod at_stake;
mod high_water;
mod inspect;
mod parts;
mod place;
mod record;
mod remains;

use std::collections::BTreeSet;

use anyhow::bail;
use serde::{Deserialize, Serialize};

use super::services::Service;
use super::settings::Settings;

pub(crate) use acceptable::Acceptable;
pub(crate) use at_stake::{Accept, without_lost};
pub(crate) use high_water::{Accepted, HighWater, Keeper};
pub(crate) use inspect::{Belonging, belonging};
pub(crate) use parts::{Places, check_files, check_is_there};
pub(crate) use place::{Exchanged, OpenedDatabase, check_place, check_services, database_flag};
pub(crate) use record::{Record, first_services};
pub(crate) use remains::{Part, Remains};

/// Where no database was found, and none was asked for anywhere else.
const NO_FILES: &str =
    "no database is in db/ (those on PostgreSQL are looked at only where their URL is given)";

const RESTORE_KEYS: &str = "restore the whole of keys/ from the backup, and with it the databases that were in db/ \
                            (docs/guides/operating.md, \"Restore\"), or start a new installation with another data directory and \
                            database; no key, certificate, or database was changed";

const RESTORE: &str = "restore it from the backup (docs/guides/operating.md, \"Restore\"), or start a new installation with \
                       another data directory and database; no key, certificate, or database was changed";

/// A start that refuses has made no more than empty folders.
const UNCHANGED: &str = "no key, certificate, or database was changed";

/// Why nothing is accepted where no installation was.
const NOT_RESTORED: &str = "so nothing was restored there: name the right directory and databases with --data-dir or --config; \
                            for a new installation leave --accept-restored out";

/// How far an installation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    /// The first start has not ended yet: what is missing is made.
    Founding,
    /// An installation of an earlier version is given its id.
    Adopting,
    /// Everything was there once: what is missing was lost.
    Complete,
}

/// Where the databases are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    Sqlite,
    Postgresql,
}

impl Kind {
    pub(crate) fn of(settings: &Settings) -> Self {
        match settings.database.url {
            Some(_) => Self::Postgresql,
            None => Self::Sqlite,
        }
    }
}

/// What a database says of itself.
#[derive(Clone, Debug)]
pub(crate) struct DatabaseState {
    pub(crate) service: &'static str,
    pub(crate) id: Option<String>,
    pub(crate) starts: i64,
    /// How far it is ([`HighWater`]).
    pub(crate) mark: i64,
    /// Whether it holds what a service made.
    pub(crate) used: bool,
    /// Whether there is one: on SQLite a file. What is not there is not known to be lost: it may be elsewhere.
    pub(crate) is_there: bool,
}

impl DatabaseState {
    /// A file that is not there.
    pub(crate) fn absent(service: &'static str) -> Self {
        Self {
            service,
            id: None,
            starts: 0,
            mark: 0,
            used: false,
            is_there: false,
        }
    }
}

/// With those whose files are not there.
pub(crate) fn with_absent(mut found: Vec<DatabaseState>, services: &BTreeSet<Service>) -> Vec<DatabaseState> {
    for service in services {
        if !found.iter().any(|one| one.service == service.name()) {
            found.push(DatabaseState::absent(service.name()));
        }
    }
    found
}

/// The number that this start records: the next one, or that of a start that was cut off before all databases had it.
pub(crate) fn next_start(record: &Record, high_water: &HighWater, found: &[DatabaseState]) -> i64 {
    let newest = found.iter().map(|one| one.starts).max().unwrap_or_default();
    let mut had = found
        .iter()
        .filter(|one| !record.is_new_to(one.service, high_water));
    match had.all(|one| one.starts == newest) {
        true => newest + 1,
        false => newest,
    }
}

/// Which installation this is, or why these parts are not one.
pub(crate) fn decide(
    record: Option<Record>,
    found: &[DatabaseState],
    remains: &Remains,
    high_water: &HighWater,
    accept_older: bool,
) -> anyhow::Result<Record> {
    let Some(record) = record else {
        let new = without_record(found, remains, high_water)?;
        if accept_older && new.state == State::Founding {
            bail!("this data directory and its databases are empty, {NOT_RESTORED}");
        }
        if !accept_older {
            high_water.not_behind(None, found)?;
            remains.root_not_older()?;
        }
        return Ok(new);
    };
    same_id(&record, found)?;
    let unmarked: Vec<&DatabaseState> = found
        .iter()
        .filter(|one| one.id.is_none() && (one.used || !record.is_new_to(one.service, high_water)))
        .collect();
    let names = |of: &[&DatabaseState]| of.iter().map(|one| one.service).collect::<Vec<_>>().join(", ");
    let is_lost = |one: &&DatabaseState| {
        !one.used && (!record.is_founding() || high_water.knows_of(&record.id, one.service))
    };
    let lost: Vec<&DatabaseState> = unmarked.iter().copied().filter(is_lost).collect();
    if !lost.is_empty() {
        bail!(
            "the keys of this data directory were used before (installation {}), but the database of {} is empty: it was lost, or \
             the database URL names another server; {RESTORE}",
            record.id,
            names(&lost)
        );
    }
    match record.state {
        State::Founding => {
            if let Some(foreign) = unmarked.iter().find(|one| one.used) {
                bail!(
                    "the database of {} was used by another installation: name an empty one, or the data directory that \
                     belongs to it",
                    foreign.service
                );
            }
            if accept_older {
                bail!("the first start in this data directory has not ended, {NOT_RESTORED}");
            }
        }
        State::Adopting | State::Complete => {
            if record.state == State::Complete && !unmarked.is_empty() {
                bail!(
                    "the database of {} names no installation, but this data directory is of installation {}: they are from \
                     different backups; {RESTORE}",
                    names(&unmarked),
                    record.id
                );
            }
            if !accept_older {
                not_older(&record, found)?;
                high_water.not_behind(Some(&record), found)?;
                remains.root_not_older()?;
            }
        }
    }
    Ok(record)
}

fn without_record(
    found: &[DatabaseState],
    remains: &Remains,
    high_water: &HighWater,
) -> anyhow::Result<Record> {
    if let Some(id) = found.iter().find_map(|one| one.id.as_ref()) {
        bail!(
            "the databases belong to installation {id}, but keys/installation is missing from this data directory: its keys \
             were lost, or it is not the data directory of these databases; restore the whole of keys/ from the backup, or \
             name the right data directory; {UNCHANGED}"
        );
    }
    let new = |state| Record {
        id: store::Installation::new_id(),
        state,
        database: Kind::Sqlite,
        database_at: String::new(),
        own_kek: true,
        revocations_in_crl_alone: None,
        services: match state {
            State::Founding => BTreeSet::new(),
            State::Adopting | State::Complete => first_services(),
        },
        starts: 0,
        joining: false,
    };
    let has_root = remains.root;
    if !found.iter().any(|one| one.used) && !has_root {
        let databases = match found.iter().any(|one| one.is_there) {
            true => "the databases are empty",
            false => NO_FILES,
        };
        if let Some(id) = high_water.installation() {
            bail!(
                "processes of installation {id} worked with this data directory, as its `high-water` says, but its keys are \
                 missing, and {databases}; {RESTORE_KEYS}"
            );
        }
        // A first start writes the record before any of them.
        if !remains.others.is_empty() {
            bail!(
                "keys/installation is missing, and {databases}, but the data directory was used before: it holds {}. Its keys \
                 were lost; {RESTORE_KEYS}",
                remains.others.join(", ")
            );
        }
        return Ok(new(State::Founding));
    }
    let had = first_services();
    let empty: Vec<&str> = found
        .iter()
        .filter(|one| !one.used && had.contains(one.service))
        .map(|one| one.service)
        .collect();
    if empty.is_empty() && has_root {
        return Ok(new(State::Adopting));
    }
    let lost = match has_root {
        true => format!(
            "there is a root in keys/root, but the database of {} is empty",
            empty.join(", ")
        ),
        false => "the databases are in use, but keys/root is missing".to_owned(),
    };
    let over = match remains.ended {
        true => "",
        false => ". If no start has ever ended here, remove the data directory and start again",
    };
    bail!("{lost}; {RESTORE}{over}")
}

fn same_id(record: &Record, found: &[DatabaseState]) -> anyhow::Result<()> {
    let foreign = found
        .iter()
        .find(|one| one.id.as_ref().is_some_and(|id| *id != record.id));
    if let Some(foreign) = foreign {
        let other = foreign.id.as_deref().unwrap_or_default();
        bail!(
            "{}; {UNCHANGED}",
            belongs_to_other(foreign.service, other, &record.id)
        );
    }
    Ok(())
}

/// What is said of a database of another installation than the data directory.
pub(crate) fn belongs_to_other(service: &str, other: &str, ours: &str) -> String {
    format!(
        "the database of {service} belongs to installation {other}, this data directory to {ours}: name the data directory and the \
         database of one installation"
    )
}

/// Databases that took part in fewer starts than the installation had, and how many it had at least. They were restored
/// from a backup.
fn older<'a>(record: &Record, found: &'a [DatabaseState]) -> (i64, Vec<&'a DatabaseState>) {
    let newest = found.iter().map(|one| one.starts).max().unwrap_or_default();
    // A start that was cut off left some at its number and the others one behind.
    let least = match newest > record.starts {
        true => newest - 1,
        false => record.starts - i64::from(record.joining),
    };
    let older = found.iter().filter(|one| one.id.is_some() && one.starts < least);
    (least, older.collect())
}

fn not_older(record: &Record, found: &[DatabaseState]) -> anyhow::Result<()> {
    let (starts, older) = older(record, found);
    if older.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = older.iter().map(|one| one.service).collect();
    let took_part: Vec<String> = older
        .iter()
        .map(|one| format!("{} knows of {}", one.service, one.starts))
        .collect();
    let older = format!(
        "the database of {} is older than the installation, which was started {starts} times ({}): it was restored from a \
         backup. {}. Restore a newer one if there is one",
        names.join(", "),
        took_part.join(", "),
        at_stake::of(&names)
    );
    Err(Acceptable(older).into())
}

/// The databases that `--accept-restored` takes though they are older than they were.
pub(crate) fn behind(
    record: Option<&Record>,
    found: &[DatabaseState],
    high_water: &HighWater,
) -> BTreeSet<&'static str> {
    let (_, by_starts) = record.map_or((0, Vec::new()), |record| older(record, found));
    let by_mark = high_water.behind(record, found);
    by_starts.iter().chain(&by_mark).map(|one| one.service).collect()
}

/// What a process of some services asks: that its databases were bootstrapped, are of one installation, and are not behind
/// what this process saw of them before.
pub(crate) fn check_part(
    record: Option<&Record>,
    found: &[DatabaseState],
    high_water: &HighWater,
) -> anyhow::Result<()> {
    if let Some(record) = record {
        same_id(record, found)?;
    }
    if let Some(lost) = found.iter().find(|one| one.id.is_none() && !one.used) {
        bail!(
            "the database of {} is empty: if this installation is new, run `gigvault bootstrap` first; else the database was \
             lost, or its URL names another server: {RESTORE}",
            lost.service
        );
    }
    let ids: BTreeSet<_> = found.iter().filter_map(|one| one.id.as_ref()).collect();
    if ids.len() > 1 {
        bail!("the databases of this process belong to different installations: {ids:?}");
    }
    high_water.not_behind(record, found)?;
    for unmarked in found.iter().filter(|one| one.id.is_none()) {
        tracing::info!(
            service = unmarked.service,
            "the database names no installation yet: `gigvault bootstrap` records it"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests;
