//! Databases under the name of another service, and installations whose databases are elsewhere than a start looks.
//!
//! Both look like a loss to whoever only sees what is missing. They are told from one before anything is made.

use std::path::{Path, PathBuf};

use anyhow::bail;
use files::quoted;

use super::{DatabaseState, Kind, RESTORE, Record, State, UNCHANGED};
use crate::wiring::layout::DataDir;
use crate::wiring::services::Service;

/// A database that was opened for a service, and the service that it is of.
pub(crate) struct OpenedDatabase<'a> {
    pub(crate) service: Service,
    /// On SQLite.
    pub(crate) file: Option<&'a Path>,
    /// None where the database does not tell.
    pub(crate) of: Option<String>,
}

impl OpenedDatabase<'_> {
    fn place(&self) -> String {
        match self.file {
            Some(file) => file.display().to_string(),
            None => format!("schema {}", self.service.name()),
        }
    }

    /// Whether it is of another service.
    fn is_misplaced(&self) -> bool {
        self.of.as_ref().is_some_and(|of| *of != self.service.name())
    }

    /// Where it would have been opened.
    fn belongs_to<'b, 'c>(&self, found: &'b [OpenedDatabase<'c>]) -> Option<&'b OpenedDatabase<'c>> {
        let of = self.of.as_deref()?;
        found.iter().find(|place| place.service.name() == of)
    }

    /// Whether the database of that service is here.
    fn holds(&self, service: Service) -> bool {
        match &self.of {
            Some(of) => of == service.name(),
            None => self.service == service,
        }
    }
}

/// Databases of other services than those that they were opened for.
#[derive(Debug, thiserror::Error)]
#[error("databases are exchanged: {what}; {fix}; {UNCHANGED}")]
pub(crate) struct Exchanged {
    what: String,
    /// What to do about it.
    pub(crate) fix: String,
}

/// Refuses databases of other services, and says what belongs where.
pub(crate) fn check_services(found: &[OpenedDatabase<'_>]) -> Result<(), Exchanged> {
    let exchanged: Vec<&OpenedDatabase<'_>> = found.iter().filter(|one| one.is_misplaced()).collect();
    if exchanged.is_empty() {
        return Ok(());
    }
    let what = exchanged.iter().map(|one| {
        let holds = format!(
            "{} holds the database of {}",
            one.place(),
            one.of.as_deref().unwrap_or_default()
        );
        match one.belongs_to(found) {
            Some(right) => format!("{holds}, which belongs in {}", right.place()),
            None => holds,
        }
    });
    let what = what.collect::<Vec<_>>().join("; ");
    let is_lost = |service: &Service| !found.iter().any(|one| one.holds(*service));
    let lost = Service::ALL.into_iter().filter(is_lost).map(Service::name);
    let lost: Vec<&str> = lost.collect();
    let fix = match moves(&exchanged, found) {
        // What is not among these is not known to be free, or lost.
        _ if found.len() < Service::ALL.len() => "put each where it belongs".to_owned(),
        _ if !lost.is_empty() => format!(
            "the database of {} is in none of them: put it back from the backup (docs/guides/operating.md, \"Restore\")",
            lost.join(", ")
        ),
        Some(moves) => format!("put each where it belongs with `{moves}`"),
        None => "put each where it belongs".to_owned(),
    };
    Err(Exchanged { what, fix })
}

/// The command that gives each file its name; none for schemas.
fn moves(exchanged: &[&OpenedDatabase<'_>], found: &[OpenedDatabase<'_>]) -> Option<String> {
    let aside = |file: &Path| {
        let mut aside = file.as_os_str().to_owned();
        aside.push(".aside");
        PathBuf::from(aside)
    };
    let (mut first, mut then) = (Vec::new(), Vec::new());
    for one in exchanged {
        let (from, to) = (one.file?, one.belongs_to(found)?.file?);
        let between = aside(from);
        first.push(format!("mv {} {}", quoted(from), quoted(&between)));
        then.push(format!("mv {} {}", quoted(&between), quoted(to)));
    }
    first.append(&mut then);
    Some(first.join(" && "))
}

/// What is said where no database URL was given, and the databases are on PostgreSQL.
pub(super) fn on_postgresql(record: &Record, data: &DataDir) -> String {
    let of = match record.database_at.as_str() {
        "" => String::new(),
        at => format!(" ({at})"),
    };
    format!(
        "the databases of the installation in {} are on PostgreSQL{of}, and no database URL was given: give it as \
         --database-url {}, as database.url in the file of --config, or in GIGVAULT_DATABASE__URL; {UNCHANGED}",
        data.path().display(),
        url(record)
    )
}

/// The flag that leads to the databases of a data directory, with a space before it; nothing where they are in it.
pub(crate) fn database_flag(dir: &Path) -> String {
    match Record::read(&DataDir::at(dir)) {
        Ok(Some(record)) if record.database == Kind::Postgresql => {
            format!(" --database-url {}", url(&record))
        }
        _ => String::new(),
    }
}

/// As far as it is known.
fn url(record: &Record) -> String {
    match record.database_at.as_str() {
        "" => "postgres://USER@HOST/DATABASE".to_owned(),
        at => format!("postgres://USER@{at}"),
    }
}

/// Refuses empty databases of an installation that had its own elsewhere when it last started. `at`: where the database URL
/// leads.
pub(crate) fn check_place(
    record: Option<&Record>,
    (kind, at): (Kind, Option<&str>),
    data: &DataDir,
    found: &[DatabaseState],
) -> anyhow::Result<()> {
    let Some(record) = record.filter(|record| record.state != State::Founding) else {
        return Ok(());
    };
    let empty: Vec<&str> = found
        .iter()
        .filter(|one| one.id.is_none() && !one.used)
        .map(|one| one.service)
        .collect();
    let at = at.unwrap_or("another server");
    match (record.database, kind) {
        _ if empty.is_empty() => Ok(()),
        (Kind::Postgresql, Kind::Sqlite) => bail!(on_postgresql(record, data)),
        (Kind::Sqlite, Kind::Postgresql) => bail!(
            "the databases of this installation are the files in {}, and the PostgreSQL database {at} is empty: leave the \
             database URL out (--database-url, database.url, GIGVAULT_DATABASE__URL); {UNCHANGED}",
            data.path().join("db").display()
        ),
        (Kind::Postgresql, Kind::Postgresql)
            if !record.database_at.is_empty() && record.database_at != at =>
        {
            bail!(
                "the databases of this installation were on PostgreSQL at {} when it last started, and the database URL leads \
                 to {at}, where the database of {} is empty: correct the URL; if what was there is lost, {RESTORE}",
                record.database_at,
                empty.join(", ")
            )
        }
        _ => Ok(()),
    }
}
