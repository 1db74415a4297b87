//! Opening SQLite: a file per service, WAL, every commit synced, one writer and several readers.
//!
//! One writing connection means that tasks of this process queue in the pool and never see SQLITE_BUSY from one
//! another; other processes are waited for by the busy timeout.

use std::fs::{self, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, SqlitePool};

use crate::{Cause, Options, Pools, StoreError};

const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a caller waits for a connection at least. A file does not go away as a server does: whoever waits is in a queue,
/// which moves on, and on a machine with too much to do an error would not shorten it.
const QUEUE: Duration = Duration::from_secs(10);
/// Each reader is a thread with a page cache; more than this only take memory from one another.
const MOST_READERS: u32 = 8;
/// Page caches in KiB, negative as SQLite wants it. The writer's holds the inner pages of indexes on random keys.
const WRITER_CACHE: &str = "-16000";
const READER_CACHE: &str = "-4000";
/// Pages in the log at which a commit moves them into the file. Each commit changes the same pages of the indexes
/// again, so a longer log moves fewer pages a certificate; but that one commit waits longer, and its group with it.
const CHECKPOINT_PAGES: &str = "2000";
/// Attempts to switch a new file to WAL, which needs the file alone and does not wait for others.
const WAL_ATTEMPTS: u32 = 50;
const WAL_PAUSE: Duration = Duration::from_millis(50);

/// Ends of the names of the files beside a database: its write-ahead log, and the index of that in shared memory.
const LOG: &str = "-wal";
const INDEX: &str = "-shm";

pub(crate) async fn open(path: &str, options: &Options) -> Result<Pools, StoreError> {
    let path = file_path(path)?;
    create_private(path).map_err(|error| unusable(path, &error))?;
    check_mode(path)?;
    open_sidecars(path)?;
    let connect = SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(true)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("temp_store", "memory")
        .pragma("journal_size_limit", "67108864")
        .statement_cache_capacity(256);
    let write = open_writer(&connect, options).await?;
    check(&write, path).await?;
    let read = SqlitePoolOptions::new()
        // More readers would be no faster, and each holds descriptors and a cache.
        .max_connections(
            options
                .max_connections
                .unwrap_or(MOST_READERS)
                .clamp(1, MOST_READERS),
        )
        .acquire_timeout(options.acquire_timeout.max(QUEUE))
        .test_before_acquire(false)
        .connect_with(connect.pragma("cache_size", READER_CACHE).read_only(true))
        .await?;
    Ok(Pools::Lite { read, write })
}

/// Opens a file to look into it. One that [`open`] would refuse by its mode is refused. Nothing is changed, and where no process
/// works on the file nothing is made beside it.
pub(crate) async fn open_to_read(path: &Path) -> Result<Pools, StoreError> {
    files::open(path).map_err(|error| unusable(path, &error.into()))?;
    check_mode(path)?;
    // Without a log the file holds everything. SQLite would make one to read it, of the user who reads.
    let alone = !sidecar(path, LOG).exists();
    let connect = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .immutable(alone)
        .busy_timeout(BUSY_TIMEOUT);
    let pool = SqlitePoolOptions::new().max_connections(1);
    let read = pool.connect_with(connect).await?;
    Ok(Pools::Lite {
        write: read.clone(),
        read,
    })
}

async fn open_writer(connect: &SqliteConnectOptions, options: &Options) -> Result<SqlitePool, StoreError> {
    let wal = connect
        .clone()
        .pragma("cache_size", WRITER_CACHE)
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
        .journal_mode(SqliteJournalMode::Wal);
    // The change to WAL needs the file for itself and does not wait for it: another process may be opening it too.
    let mut attempts = 0;
    loop {
        match writer_pool(options)
            .connect_with(wal.clone())
            .await
            .map_err(StoreError::from)
        {
            Err(StoreError::Unavailable {
                cause: Cause::Busy, ..
            }) if attempts < WAL_ATTEMPTS => {
                attempts += 1;
                tokio::time::sleep(WAL_PAUSE).await;
            }
            result => return result,
        }
    }
}

/// SQLite answers a setting that it cannot take with the one it keeps, and no error: a file system without shared memory
/// (a network share) leaves it without the log that commits are synced to.
async fn check(write: &SqlitePool, path: &Path) -> Result<(), StoreError> {
    let sql = "SELECT journal_mode, synchronous FROM pragma_journal_mode, pragma_synchronous";
    let (journal, synchronous): (String, i64) = sqlx::query_as(sql).fetch_one(write).await?;
    judge(&journal, synchronous).map_err(|reason| {
        StoreError::Configuration(format!("cannot use database file {}: {reason}", path.display()))
    })
}

fn judge(journal: &str, synchronous: i64) -> Result<(), String> {
    /// `PRAGMA synchronous`: FULL; EXTRA, which is more, is 3.
    const FULL: i64 = 2;
    if journal != "wal" {
        return Err(format!(
            "SQLite keeps its journal in mode {journal} and not wal there; put the data directory on a local disk"
        ));
    }
    if synchronous < FULL {
        return Err(format!(
            "SQLite does not sync every commit there (synchronous = {synchronous}); use the library that this program \
             was built with"
        ));
    }
    Ok(())
}

/// SQLite ends a transaction by itself when the disk is full. sqlx then still counts it as open and could never
/// begin another on that connection, so such a connection is not taken back.
fn writer_pool(options: &Options) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(options.acquire_timeout.max(QUEUE))
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .after_release(|connection, _| {
            Box::pin(async move {
                // what may still be queued then (a BEGIN whose caller went away) undoes itself before the next caller's turn
                if !connection.is_in_transaction() {
                    return Ok(true);
                }
                // a rollback may be queued behind us: the ping returns when it is done
                connection.ping().await?;
                Ok(!connection.is_in_transaction())
            })
        })
}

/// Moves the log into the file, once no reader holds it. A failure, as on a full disk, loses nothing: the next start reads
/// the log.
pub(crate) async fn empty_log(write: &SqlitePool) {
    if let Err(error) = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
        .execute(write)
        .await
    {
        tracing::warn!(cause = %error, "the write-ahead log could not be moved into the database file");
    }
}

pub(crate) fn file_path(path: &str) -> Result<&Path, StoreError> {
    let path = path.strip_prefix("//").unwrap_or(path);
    if path.is_empty() || path.starts_with(":memory:") || path.contains(['?', '#']) {
        return Err(StoreError::Configuration(format!(
            "sqlite:{path} does not name a file: write sqlite:PATH with no options; memory is not supported"
        )));
    }
    Ok(Path::new(path))
}

/// Creates the file for its owner only (SQLite gives its journal files the same mode), tightens an existing one. A link to
/// one is followed: the disk of a database may be another one.
fn create_private(path: &Path) -> io::Result<()> {
    match files::create(path, b"", 0o600) {
        Err(files::Error::Exists(_)) => {}
        done => return Ok(done?),
    }
    let file = files::open(path)?;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(())
}

/// Refuses a file that its owner may not write. SQLite would open it all the same, to read, and make its other files of the
/// same mode, which are then in the way of later starts. Root writes in spite of it.
fn check_mode(path: &Path) -> Result<(), StoreError> {
    let found = fs::metadata(path).map_err(|error| unusable(path, &error))?;
    if is_writable(&found) {
        return Ok(());
    }
    Err(StoreError::Configuration(format!(
        "cannot use database file {}: its owner may not write it (mode {:04o}); run `chmod u+w {}`",
        path.display(),
        found.mode() & 0o7777,
        files::quoted(path)
    )))
}

fn is_writable(found: &Metadata) -> bool {
    found.uid() == 0 || found.mode() & 0o200 != 0
}

/// The log and its index have the mode that the database file had when they were made. Where that took no writes, they take
/// them from now on, as the database file does: what is in them is not changed.
fn open_sidecars(database: &Path) -> Result<(), StoreError> {
    for suffix in [LOG, INDEX] {
        let path = sidecar(database, suffix);
        // Not opened to look: to close it again would end locks that this process may have on it.
        match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Ok(found) if is_writable(&found) => continue,
            Err(error) => Err(error),
            Ok(_) => fs::set_permissions(&path, Permissions::from_mode(0o600)),
        }
        .map_err(|error| unusable(&path, &error))?;
    }
    Ok(())
}

/// `ca.db-wal` beside `ca.db`.
fn sidecar(database: &Path, suffix: &str) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

fn unusable(path: &Path, error: &io::Error) -> StoreError {
    StoreError::Configuration(format!(
        "cannot use database file {}: {error}; check that the folder exists and belongs to this user",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_whose_commits_are_not_synced_to_a_log_is_refused_in_words() {
        judge("wal", 2).unwrap();
        judge("wal", 3).unwrap();
        assert!(judge("delete", 2).unwrap_err().contains("local disk"));
        assert!(judge("wal", 1).unwrap_err().contains("sync"));
    }
}
