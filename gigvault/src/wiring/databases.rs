//! A database per service: a SQLite file in the data directory, or a schema of one PostgreSQL server. They are opened
//! together, because they are only used if they belong together.

mod schemas;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use secrecy::ExposeSecret;
use store::{Db, Options, StoreError};

use super::installation::{
    self, Accept, Acceptable, Accepted, DatabaseState, HighWater, Keeper, Kind, OpenedDatabase, Places,
    Record, Remains,
};
use super::layout::DataDir;
use super::services::Service;
use super::settings::Settings;

/// Longest wait at the end for connections that are still in use.
const PATIENCE: Duration = Duration::from_secs(10);

/// The databases of the services in this process.
pub(crate) struct Databases(BTreeMap<Service, Opened>);

/// The databases of an installation, and what was found of them.
pub(crate) struct Joined {
    pub(crate) record: Record,
    /// Those that are older than they were, and were accepted.
    pub(crate) older: BTreeSet<&'static str>,
}

struct Opened {
    db: Db,
    /// What errors call it: `the database of ca (gigvault-data/db/ca.db)`.
    name: String,
    /// On SQLite.
    file: Option<PathBuf>,
}

impl Databases {
    /// Opens all databases of an installation: those of a new one, or those that belong to the data directory.
    pub(crate) async fn of_installation(
        settings: &Settings,
        data: &DataDir,
        accept: Accept,
    ) -> anyhow::Result<(Self, Joined)> {
        let record = Record::read(data)?;
        let high_water = match accept.older {
            true => HighWater::read_to_accept(data),
            false => HighWater::read(data),
        };
        let high_water = high_water.map_err(|error| Acceptable::with_flags(error, settings))?;
        let places = Places::of(settings);
        let (record, high_water) = match accept.older {
            true => installation::without_lost(record, high_water, (places, accept), data)?,
            false => (record, high_water),
        };
        installation::check_files(record.as_ref(), &high_water, places, data, &Service::ALL)
            .map_err(|error| Acceptable::with_flags(error, settings))?;
        let all = Service::ALL.into_iter().collect();
        if let Some(found) = before_files_are_made(settings, data, &all).await? {
            decide(
                settings,
                data,
                record.clone(),
                &high_water,
                (&found, accept.older),
            )?;
        }
        let databases = Self::open(settings, data, &all).await?;
        let joined = databases
            .join(settings, data, record, (&high_water, accept.older))
            .await;
        databases.closing_on_error(joined).await
    }

    /// Opens the databases of some services, which must have been bootstrapped.
    pub(crate) async fn of_part(
        settings: &Settings,
        data: &DataDir,
        services: &BTreeSet<Service>,
    ) -> anyhow::Result<Self> {
        let record = Record::read(data)?;
        let wanted: Vec<Service> = services.iter().copied().collect();
        let high_water = HighWater::read(data)?;
        installation::check_files(record.as_ref(), &high_water, Places::of(settings), data, &wanted)?;
        if let Some(found) = before_files_are_made(settings, data, services).await? {
            installation::check_part(record.as_ref(), &found, &high_water)?;
        }
        let databases = Self::open(settings, data, services).await?;
        let checked = async {
            databases.refuse_older(settings).await?;
            let found = databases.look().await?;
            check_place(settings, data, record.as_ref(), &found)?;
            installation::check_part(record.as_ref(), &found, &high_water)?;
            databases.prepare(settings).await
        };
        let checked = checked.await;
        Ok(databases.closing_on_error(checked).await?.0)
    }

    /// Opens databases without asking which installation they belong to, and brings their schema up to date.
    pub(crate) async fn unchecked(
        settings: &Settings,
        data: &DataDir,
        services: &BTreeSet<Service>,
    ) -> anyhow::Result<Self> {
        let wanted: Vec<Service> = services.iter().copied().collect();
        let record = Record::read(data)?;
        // How far they are is not asked here, and a damaged file does not matter.
        let high_water = HighWater::read_to_accept(data)?;
        installation::check_files(record.as_ref(), &high_water, Places::of(settings), data, &wanted)?;
        let found = before_files_are_made(settings, data, services).await?;
        if let Some(found) = found.filter(|found| found.iter().any(|one| one.used || one.id.is_some())) {
            // None is made beside others that are in use: it was lost.
            installation::check_part(record.as_ref(), &found, &HighWater::default())?;
        }
        let databases = Self::open(settings, data, services).await?;
        let migrated = async {
            databases.look().await?;
            databases.prepare(settings).await
        };
        let migrated = migrated.await;
        Ok(databases.closing_on_error(migrated).await?.0)
    }

    pub(crate) fn of(&self, service: Service) -> anyhow::Result<Db> {
        let found = self.0.get(&service).map(|opened| opened.db.clone());
        found.with_context(|| format!("the database of {} was not opened", service.name()))
    }

    /// What messages call it; empty if it was not opened.
    pub(crate) fn name(&self, service: Service) -> String {
        self.0
            .get(&service)
            .map(|opened| opened.name.clone())
            .unwrap_or_default()
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<Db> {
        self.0.values().map(|opened| opened.db.clone()).collect()
    }

    /// Remembers from here on how far they are; nothing where they are not part of an installation yet.
    pub(crate) async fn keep_high_water(&self, data: &DataDir) -> anyhow::Result<Option<Keeper>> {
        match self.installation().await? {
            Some(id) => Ok(Some(Keeper::start(data, &id, self.all()).await?)),
            None => Ok(None),
        }
    }

    /// As [`keep_high_water`](Self::keep_high_water), and takes them as they are, where they are behind. Files are worked on with
    /// this data directory alone; what other processes saw of databases on a server is not known here.
    pub(crate) async fn accept(
        &self,
        data: &DataDir,
        older: &BTreeSet<&str>,
    ) -> anyhow::Result<(Option<Keeper>, Vec<Accepted>)> {
        let Some(id) = self.installation().await? else {
            return Ok((None, Vec::new()));
        };
        let only_here = self.0.values().all(|opened| opened.file.is_some());
        let (keeper, accepted) = Keeper::accept(data, &id, self.all(), (older, only_here)).await?;
        Ok((Some(keeper), accepted))
    }

    async fn installation(&self) -> anyhow::Result<Option<String>> {
        for Opened { db, name, .. } in self.0.values() {
            if let Some(known) = db.installation().await.with_context(|| name.clone())? {
                return Ok(Some(known.id));
            }
        }
        Ok(None)
    }

    /// Closes them: a SQLite file then holds everything, and can be copied alone.
    pub(crate) async fn close(&self) {
        for (service, Opened { db, .. }) in &self.0 {
            if tokio::time::timeout(PATIENCE, db.close()).await.is_err() {
                tracing::warn!(
                    service = service.name(),
                    "the database is still in use and was not closed"
                );
            }
        }
    }

    /// No databases.
    pub(crate) fn none() -> Self {
        Self(BTreeMap::new())
    }

    /// The files of some services that are in a data directory, to look into them.
    pub(crate) async fn to_read(data: &DataDir, services: &BTreeSet<Service>) -> anyhow::Result<Self> {
        let mut databases = Self::none();
        for service in services.iter().copied() {
            let file = data.database(service.name());
            if !file.exists() {
                continue;
            }
            let name = name_of_file(data, service);
            let opened = Db::open_to_read(&file, service.name()).await;
            let opened = opened.with_context(|| name.clone());
            let (done, db) = databases.closing_on_error(opened).await?;
            databases = done;
            let file = Some(file);
            databases.0.insert(service, Opened { db, name, file });
        }
        Ok(databases)
    }

    async fn open(settings: &Settings, data: &DataDir, services: &BTreeSet<Service>) -> anyhow::Result<Self> {
        let mut databases = Self(BTreeMap::new());
        for service in services {
            let opened = open(settings, data, *service).await;
            let (done, opened) = databases.closing_on_error(opened).await?;
            databases = done;
            databases.0.insert(*service, opened);
        }
        Ok(databases)
    }

    async fn join(
        &self,
        settings: &Settings,
        data: &DataDir,
        record: Option<Record>,
        (high_water, accept_older): (&HighWater, bool),
    ) -> anyhow::Result<Joined> {
        self.refuse_older(settings).await?;
        let found = self.look().await?;
        check_place(settings, data, record.as_ref(), &found)?;
        let (mut record, older) = decide(settings, data, record, high_water, (&found, accept_older))?;
        Places {
            database: record.database,
            own_kek: record.own_kek,
        } = Places::of(settings);
        record.database_at = place_of(settings).unwrap_or_default();
        record.starts = installation::next_start(&record, high_water, &found);
        // Before the first database joins: what a crash leaves then is known to be this installation's.
        record.joining = true;
        record.write(data)?;
        self.prepare(settings).await?;
        // Each start in the same order: of two first starts at once, the one that joins the first database joins all of them.
        for (joined, (service, Opened { db, name, .. })) in self.0.iter().enumerate() {
            match db.join_installation(&record.id, record.starts).await {
                Err(StoreError::OtherInstallation(other)) => {
                    let said = installation::belongs_to_other(service.name(), &other, &record.id);
                    // Another first start was faster.
                    bail!(match record.is_founding() && joined == 0 {
                        true => format!("{said}; no database is part of this one: remove its data directory"),
                        false => said,
                    })
                }
                joined => joined.with_context(|| name.clone())?,
            }
        }
        record.joining = false;
        // Not before they are: one that a crash leaves empty is made by the next start.
        record.has_all_services();
        record.write(data)?;
        Ok(Joined { record, older })
    }

    /// What they say of themselves. One that is of another service than its own is refused.
    pub(crate) async fn look(&self) -> anyhow::Result<Vec<DatabaseState>> {
        let mut all = Vec::new();
        let mut held = Vec::new();
        for (service, Opened { db, name, file }) in &self.0 {
            let context = || name.clone();
            let installation = db.installation().await.with_context(context)?;
            let used = db.has_rows(service.first_table()).await.with_context(context)?;
            let of = match used {
                true => Some(service.name().to_owned()),
                false => holder(db).await.with_context(context)?,
            };
            held.push(OpenedDatabase {
                service: *service,
                file: file.as_deref(),
                of,
            });
            all.push(DatabaseState {
                service: service.name(),
                used,
                is_there: true,
                starts: installation.as_ref().map_or(0, |known| known.starts),
                mark: db.high_water().await.with_context(context)?,
                id: installation.map(|known| known.id),
            });
        }
        installation::check_services(&held)?;
        Ok(all)
    }

    async fn closing_on_error<T>(self, result: anyhow::Result<T>) -> anyhow::Result<(Self, T)> {
        match result {
            Ok(value) => Ok((self, value)),
            Err(error) => {
                self.close().await;
                Err(error)
            }
        }
    }
}

/// The service of a database that is not in use by its own: as a start recorded it, or as its tables tell where an earlier
/// version did not.
async fn holder(db: &Db) -> Result<Option<String>, StoreError> {
    if let Some(recorded) = db.recorded_service().await? {
        return Ok(Some(recorded));
    }
    for service in Service::ALL {
        if db.has_rows(service.first_table()).await? {
            return Ok(Some(service.name().to_owned()));
        }
    }
    Ok(None)
}

/// What databases say of themselves before one is made, where a start would make a file. None where it would not, and on
/// PostgreSQL, where to open makes nothing.
async fn before_files_are_made(
    settings: &Settings,
    data: &DataDir,
    services: &BTreeSet<Service>,
) -> anyhow::Result<Option<Vec<DatabaseState>>> {
    let is_there = |service: &Service| data.database(service.name()).exists();
    if settings.database.url.is_some() || services.iter().all(is_there) {
        return Ok(None);
    }
    let databases = Databases::to_read(data, services).await?;
    let found = databases.look().await;
    databases.close().await;
    Ok(Some(installation::with_absent(found?, services)))
}

fn decide(
    settings: &Settings,
    data: &DataDir,
    record: Option<Record>,
    high_water: &HighWater,
    (found, accept_older): (&[DatabaseState], bool),
) -> anyhow::Result<(Record, BTreeSet<&'static str>)> {
    let older = installation::behind(record.as_ref(), found, high_water);
    let remains = Remains::of(data)?;
    let decided = installation::decide(record, found, &remains, high_water, accept_older);
    let decided = decided.map_err(|error| Acceptable::with_flags(error, settings))?;
    Ok((decided, older))
}

fn check_place(
    settings: &Settings,
    data: &DataDir,
    record: Option<&Record>,
    found: &[DatabaseState],
) -> anyhow::Result<()> {
    let at = place_of(settings);
    installation::check_place(record, (Kind::of(settings), at.as_deref()), data, found)
}

/// Where the database URL leads.
fn place_of(settings: &Settings) -> Option<String> {
    let url = settings.database.url.as_ref()?;
    store::place_of_url(url.expose_secret())
}

fn name_of_file(data: &DataDir, service: Service) -> String {
    let of = service.name();
    format!("the database of {of} ({})", data.database(of).display())
}

async fn open(settings: &Settings, data: &DataDir, service: Service) -> anyhow::Result<Opened> {
    let of = service.name();
    let (url, name, file) = match &settings.database.url {
        // The URL may hold a password.
        Some(url) => (
            url.expose_secret().to_owned(),
            format!("the database of {of}"),
            None,
        ),
        None => (
            data.database_url(of),
            name_of_file(data, service),
            Some(data.database(of)),
        ),
    };
    let options = Options {
        max_connections: settings.database.max_connections,
        pooling: settings.database.pooling,
        allow_unsafe: settings.database.allow_unsafe,
        migrates: settings.database.migrate,
        ..Options::default()
    };
    let db = Db::open(&url, of, options).await.with_context(|| name.clone())?;
    Ok(Opened { db, name, file })
}
