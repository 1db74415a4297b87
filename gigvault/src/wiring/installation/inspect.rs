//! What a start would refuse in a data directory, found without changing anything: by the functions that a start calls, so
//! that both say the same.

use std::path::Path;

use super::{HighWater, Kind, Places, Record, State, check_files, check_part, decide};
use crate::wiring::databases::Databases;
use crate::wiring::layout::DataDir;
use crate::wiring::services::Service;

/// What a start would find in a data directory.
pub(crate) enum Belonging {
    /// Every part is there, and of one installation.
    Whole { id: String, database: Kind },
    /// A first start has not ended.
    Unfinished,
    /// It holds neither keys nor databases.
    Part,
    /// Nothing says which installation this is.
    Unrecorded,
}

/// Looks at a data directory. Databases elsewhere are not looked at: where they are is not known here.
pub(crate) async fn belonging(dir: &Path) -> anyhow::Result<Belonging> {
    let data = DataDir::at(dir);
    // In this order: a server that starts in the meantime is never ahead of what was read of it.
    let record = Record::read(&data)?;
    let high_water = HighWater::read(&data)?;
    let places = Places {
        own_kek: record.as_ref().is_none_or(|record| record.own_kek),
        database: record.as_ref().map_or(Kind::Sqlite, |record| record.database),
    };
    check_files(record.as_ref(), places, &data, &Service::ALL)?;
    if places.own_kek && data.kek().exists() {
        keys::KeyEncryptionKey::from_file(&data.kek())?;
    }
    let databases = match places.database {
        Kind::Sqlite => Databases::to_read(&data).await?,
        Kind::Postgresql => Databases::none(),
    };
    let found = databases.look().await;
    databases.close().await;
    let found = found?;
    let whole = found.len() == Service::ALL.len();
    match record {
        Some(record) if places.database == Kind::Postgresql || !whole => Ok(of(record)),
        None if !whole && !data.has_root() => {
            if !found.is_empty() {
                check_part(None, &found, &high_water)?;
                return Ok(Belonging::Unrecorded);
            }
            // A process of some services has a data directory that holds nothing of an installation; `up` and `bootstrap`
            // leave the certificate of the CA.
            match data.ca_certificate().exists() {
                true => decide(None, &found, false, &high_water, false).map(of),
                false => Ok(Belonging::Part),
            }
        }
        record => decide(record, &found, data.has_root(), &high_water, false).map(of),
    }
}

fn of(record: Record) -> Belonging {
    match record.state {
        State::Founding => Belonging::Unfinished,
        State::Adopting => Belonging::Unrecorded,
        State::Complete => Belonging::Whole {
            id: record.id,
            database: record.database,
        },
    }
}
