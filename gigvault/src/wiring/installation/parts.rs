//! The files that an installation cannot be without, looked at before databases are opened, which would make them.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::bail;
use vocabulary::service;

use super::place::on_postgresql;
use super::{
    Acceptable, HighWater, Kind, NO_FILES, RESTORE, RESTORE_KEYS, Record, State, at_stake, first_services,
};
use crate::wiring::kek;
use crate::wiring::layout::DataDir;
use crate::wiring::services::Service;
use crate::wiring::settings::Settings;

/// Files of a complete installation that are missing.
fn missing_files(
    record: &Record,
    high_water: &HighWater,
    Places { own_kek, database }: Places,
    data: &DataDir,
    services: &[Service],
) -> Result<Vec<PathBuf>, files::Error> {
    let mut wanted = Vec::new();
    if services.len() == Service::ALL.len() {
        wanted.push(data.root_ceremony().join("root.crt"));
        wanted.push(data.root_ceremony().join("root.key"));
    }
    if own_kek && services.contains(&Service::Keymgr) {
        wanted.push(data.kek());
    }
    if (database, record.database) == (Kind::Sqlite, Kind::Sqlite) {
        let names = services.iter().map(|service| service.name());
        wanted.extend(
            names
                .filter(|name| !record.is_new_to(name, high_water))
                .map(|name| data.database(name)),
        );
    }
    let mut missing = Vec::new();
    for path in wanted {
        if is_missing(&path)? {
            missing.push(path);
        }
    }
    Ok(missing)
}

/// Missing or empty. What may not be looked at is neither: a backup would not help.
pub(super) fn is_missing(path: &Path) -> Result<bool, files::Error> {
    match std::fs::metadata(path) {
        Ok(found) => Ok(found.len() == 0),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(true),
        Err(source) => Err(files::Error::Io {
            action: "look at",
            path: path.to_owned(),
            source,
        }),
    }
}

/// Where keys and databases are to be.
#[derive(Clone, Copy)]
pub(crate) struct Places {
    /// Whether the key-encryption key is `keys/kek`.
    pub(crate) own_kek: bool,
    pub(crate) database: Kind,
}

impl Places {
    pub(crate) fn of(settings: &Settings) -> Self {
        Self {
            own_kek: kek::is_own(settings),
            database: Kind::of(settings),
        }
    }
}

/// That a directory holds an installation, or what is left of one. Nothing is made.
pub(crate) fn check_is_there(data: &DataDir) -> anyhow::Result<()> {
    let traces = [
        data.installation(),
        data.high_water(),
        data.root_ceremony(),
        data.database("ca"),
    ];
    if traces.iter().any(|trace| trace.exists()) {
        return Ok(());
    }
    let dir = std::path::absolute(data.path()).unwrap_or_else(|_| data.path().to_owned());
    bail!(
        "there is no installation in the data directory {}, so nothing was restored there: name the right one with --data-dir \
         or --config; nothing was made",
        dir.display()
    )
}

/// Refuses where a file is missing that cannot be made again.
pub(crate) fn check_files(
    record: Option<&Record>,
    high_water: &HighWater,
    places: Places,
    data: &DataDir,
    services: &[Service],
) -> anyhow::Result<()> {
    let Places { own_kek, database } = places;
    let sqlite = database == Kind::Sqlite;
    let elsewhere = record.filter(|record| sqlite && record.database == Kind::Postgresql);
    if let Some(record) = elsewhere {
        for service in services {
            if !record.is_new_to(service.name(), high_water) && is_missing(&data.database(service.name()))? {
                bail!(on_postgresql(record, data));
            }
        }
    }
    let missing = match record {
        Some(record) if record.state == State::Founding => return Ok(()),
        Some(record) => missing_files(record, high_water, places, data, services)?,
        // An earlier version, or what is left of an installation: only a root tells that it was used.
        None if data.has_root() && services.len() == Service::ALL.len() => {
            // Nothing here says where they were.
            if sqlite
                && !services
                    .iter()
                    .any(|service| data.database(service.name()).exists())
            {
                bail!(
                    "there is a root in keys/root, but keys/installation is missing, and {NO_FILES}; {RESTORE_KEYS}"
                );
            }
            let like = Record {
                id: String::new(),
                state: State::Adopting,
                database,
                database_at: String::new(),
                own_kek,
                revocations_in_crl_alone: None,
                services: first_services(),
                starts: 0,
                joining: false,
            };
            missing_files(&like, high_water, places, data, services)?
        }
        None => return Ok(()),
    };
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = missing.iter().map(|path| path.display().to_string()).collect();
    let lost = format!(
        "the data directory {} was used before, but this is missing or empty: {}; {RESTORE}",
        data.path().display(),
        names.join(", ")
    );
    let alone = record.is_some_and(|record| record.revocations_in_crl_alone.is_some());
    match at_stake::can_be_made_again(&missing, data) {
        true if alone && missing.contains(&data.database(service::CRL)) => bail!(
            "{lost}. An older database of ca was accepted before: that of crl may be the only one that has what was revoked in between"
        ),
        true => Err(Acceptable(format!(
            "{lost}. What was in it can be made again, but for its history"
        ))
        .into()),
        false => bail!(lost),
    }
}
