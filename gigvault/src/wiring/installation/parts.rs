//! The files that an installation cannot be without, looked at before databases are opened, which would make them.

use std::path::{Path, PathBuf};

use anyhow::bail;

use super::{Kind, RESTORE, Record, State};
use crate::wiring::layout::DataDir;
use crate::wiring::services::Service;
use crate::wiring::settings::Settings;

/// Files of a complete installation that are missing.
pub(crate) fn missing_files(
    record: &Record,
    own_kek: bool,
    sqlite: bool,
    data: &DataDir,
    services: &[Service],
) -> Vec<PathBuf> {
    let mut wanted = Vec::new();
    if services.len() == Service::ALL.len() {
        wanted.push(data.root_ceremony().join("root.crt"));
        wanted.push(data.root_ceremony().join("root.key"));
    }
    if own_kek && services.contains(&Service::Keymgr) {
        wanted.push(data.kek());
    }
    if sqlite && record.database == Kind::Sqlite {
        wanted.extend(services.iter().map(|service| data.database(service.name())));
    }
    wanted.retain(|path| std::fs::metadata(path).map_or(true, |found| found.len() == 0));
    wanted
}

/// What a data directory looks like from outside.
pub(crate) enum Belonging {
    /// Every file is there.
    Whole { id: String },
    /// A first start has not ended.
    Unfinished,
    /// It holds neither keys nor databases.
    Part,
    /// Nothing says which installation this is.
    Unrecorded,
    /// These were lost.
    Missing { files: Vec<String> },
}

/// Looks at a data directory without changing it. Which key-encryption key is configured is not known here, so only one
/// that lies in the directory is asked for if it was there.
pub(crate) fn belonging(dir: &Path) -> anyhow::Result<Belonging> {
    let data = DataDir::at(dir);
    let Some(record) = Record::read(&data)? else {
        // A process of some services has a data directory that holds nothing of an installation.
        return Ok(
            match data.has_root() || data.database(Service::Ca.name()).exists() {
                true => Belonging::Unrecorded,
                false => Belonging::Part,
            },
        );
    };
    if record.is_founding() {
        return Ok(Belonging::Unfinished);
    }
    let missing = missing_files(&record, record.own_kek, true, &data, &Service::ALL);
    if missing.is_empty() {
        return Ok(Belonging::Whole { id: record.id });
    }
    let files = missing.iter().map(|path| path.display().to_string()).collect();
    Ok(Belonging::Missing { files })
}

/// Whether keymgr is told of no other key-encryption key than the one in the data directory.
pub(crate) fn has_own_kek(settings: &Settings) -> bool {
    let software = &settings.keymgr.backends.software;
    software.kek_file.is_none() && software.passphrase_file.is_none()
}

/// Refuses where a file is missing that cannot be made again.
pub(crate) fn check_files(
    record: Option<&Record>,
    settings: &Settings,
    data: &DataDir,
    services: &[Service],
) -> anyhow::Result<()> {
    let own_kek = has_own_kek(settings);
    let sqlite = settings.database.url.is_none();
    let missing = match record {
        Some(record) if record.state == State::Founding => return Ok(()),
        Some(record) => missing_files(record, own_kek, sqlite, data, services),
        // An earlier version, or what is left of an installation: only a root tells that it was used.
        None if data.has_root() && services.len() == Service::ALL.len() => {
            let like = Record {
                id: String::new(),
                state: State::Adopting,
                database: Kind::of(settings),
                own_kek,
                starts: 0,
                joining: false,
            };
            missing_files(&like, own_kek, sqlite, data, services)
        }
        None => return Ok(()),
    };
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = missing.iter().map(|path| path.display().to_string()).collect();
    bail!(
        "the data directory {} was used before, but this is missing or empty: {}; {RESTORE}",
        data.path().display(),
        names.join(", ")
    )
}
