//! What a start would refuse in a data directory, found without changing anything: by the functions that a start calls, so
//! that both say the same.

use std::path::Path;

use anyhow::Context;
use time::OffsetDateTime;

use super::{
    DatabaseState, HighWater, Kind, Places, Record, Remains, State, check_files, check_part, decide,
    with_absent,
};
use crate::wiring::databases::Databases;
use crate::wiring::layout::DataDir;
use crate::wiring::services::Service;

/// What a start would find in a data directory.
pub(crate) enum Belonging {
    /// Every part is there, and of one installation.
    Whole {
        id: String,
        database: Kind,
        /// Whether it is known that no database is older than it was.
        compared: bool,
    },
    /// A first start has not ended.
    Unfinished,
    /// It holds neither keys nor databases.
    Part,
    /// Nothing says which installation this is.
    Unrecorded,
    /// A start takes it, but the development root will sign nothing any more, or cannot be looked at.
    Unsigning(anyhow::Error),
}

/// Looks at a data directory. Databases elsewhere are not looked at: where they are is not known here.
pub(crate) async fn belonging(dir: &Path, now: OffsetDateTime) -> anyhow::Result<Belonging> {
    let data = DataDir::at(dir);
    // In this order: a server that starts in the meantime is never ahead of what was read of it.
    let record = Record::read(&data)?;
    let high_water = HighWater::read(&data)?;
    let places = Places {
        own_kek: record.as_ref().is_none_or(|record| record.own_kek),
        database: record.as_ref().map_or(Kind::Sqlite, |record| record.database),
    };
    check_files(record.as_ref(), &high_water, places, &data, &Service::ALL)?;
    // One elsewhere is not known here: the root's key is not looked at then. Earlier versions sealed it with this one also
    // where keymgr had another.
    let kek = match data.kek().exists() {
        true => Some(keys::KeyEncryptionKey::from_file(&data.kek())?),
        false => None,
    };
    let all = Service::ALL.into_iter().collect();
    let databases = match places.database {
        Kind::Sqlite => Databases::to_read(&data, &all).await?,
        Kind::Postgresql => Databases::none(),
    };
    let found = look(&databases, record, &high_water, places, &data).await;
    databases.close().await;
    match found? {
        whole @ Belonging::Whole { .. } => {
            let signs = setup::check_signs(&data.root_ceremony(), kek.as_ref(), now);
            Ok(signs.map_or_else(|error| Belonging::Unsigning(error.into()), |()| whole))
        }
        other @ (Belonging::Unfinished
        | Belonging::Part
        | Belonging::Unrecorded
        | Belonging::Unsigning(_)) => Ok(other),
    }
}

async fn look(
    databases: &Databases,
    record: Option<Record>,
    high_water: &HighWater,
    places: Places,
    data: &DataDir,
) -> anyhow::Result<Belonging> {
    let found = databases.look().await?;
    let remains = Remains::of(data)?;
    let expected = record.as_ref().map(|record| {
        let names = Service::ALL.iter().map(|service| service.name());
        names.filter(|name| !record.is_new_to(name, high_water)).count()
    });
    let whole = found.len() >= expected.unwrap_or(Service::ALL.len());
    let decided = match record {
        Some(record) if places.database == Kind::Postgresql => record,
        None if is_part(&found, &remains, high_water) => {
            if found.is_empty() {
                return Ok(Belonging::Part);
            }
            check_part(None, &found, high_water)?;
            return Ok(Belonging::Unrecorded);
        }
        record => {
            let all = with_absent(found.clone(), &Service::ALL.into_iter().collect());
            decide(record, &all, &remains, high_water, false)?
        }
    };
    let current = databases.check_schemas().await?;
    if decided.state != State::Founding {
        let root = setup::root_of(&data.root_ceremony())?;
        // What a schema of before does not have cannot be read.
        if whole && current {
            check_contents(databases, &root, places, data).await?;
        }
    }
    Ok(of(decided, whole && high_water.knows(&found)))
}

/// Whether this may be the data directory of a process of some services, which has no keys: whether `serve` or `up` is to run
/// there is not known then.
fn is_part(found: &[DatabaseState], remains: &Remains, high_water: &HighWater) -> bool {
    let is_used = !remains.others.is_empty()
        || high_water.installation().is_some()
        || found.iter().any(|one| one.used || one.id.is_some());
    // Where there are files, those that were seen here and are not there were lost.
    let lost = !found.is_empty() && high_water.knows_others(found);
    let whole = found.len() == Service::ALL.len() || remains.root || remains.of_whole;
    is_used && !whole && !lost
}

/// What the services and the hierarchy refuse when they start.
async fn check_contents(
    databases: &Databases,
    root: &x509::Certificate,
    places: Places,
    data: &DataDir,
) -> anyhow::Result<()> {
    let keymgr = databases.of(Service::Keymgr)?;
    if places.own_kek {
        let checked = keymgr::check_kek(&keymgr, &data.kek()).await;
        checked.context(Service::Keymgr.name())?;
    }
    let ca = databases.of(Service::Ca)?;
    let authorities = ca::stored_authorities(&ca).await.context(Service::Ca.name())?;
    let mut members = Vec::new();
    for authority in authorities.iter().filter(|known| setup::is_planned(&known.name)) {
        let name = authority.key_name.parse().context(Service::Keymgr.name())?;
        let key = keymgr::stored_key(&keymgr, &name).await;
        members.push(setup::Member {
            name: authority.name.clone(),
            certificate: authority.certificate.clone(),
            top: authority
                .chain
                .last()
                .map(|top| top.der().to_vec())
                .unwrap_or_default(),
            key_name: authority.key_name.clone(),
            key: key.context(Service::Keymgr.name())?.map(|found| found.public_key),
        });
    }
    Ok(setup::belong_together(root, &members)?)
}

fn of(record: Record, compared: bool) -> Belonging {
    match record.state {
        State::Founding => Belonging::Unfinished,
        State::Adopting => Belonging::Unrecorded,
        State::Complete => Belonging::Whole {
            id: record.id,
            database: record.database,
            compared,
        },
    }
}
