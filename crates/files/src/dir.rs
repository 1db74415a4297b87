//! Directories for the owner only, changes of names, and what crashes left.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::OFlags;

use crate::error::kind;
use crate::read::flags;
use crate::stage::{PREFIX, SUFFIX};
use crate::tree::check_owner;
use crate::{Error, fault, quoted};

const PRIVATE: u32 = 0o700;

/// Whether a directory had been open to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tightened {
    /// It was as it should be, or is new.
    No,
    /// Others could read in it; now they cannot.
    Yes,
}

/// Creates a directory of mode 0700 that does not exist yet.
///
/// # Errors
/// [`Error::Exists`] when anything has that name.
pub fn create_dir(path: &Path) -> Result<(), Error> {
    fault::point().map_err(Error::io("create", path))?;
    match DirBuilder::new().mode(PRIVATE).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(Error::Exists(path.to_owned()));
        }
        done => done.map_err(Error::io("create", path))?,
    }
    // Against a umask that takes bits from the owner.
    set_private(path)?;
    sync_parent(path)
}

/// Makes sure that a directory is there and that no other user can read or write in it. Missing ones are created, with those
/// above. One that others could only read is closed; one that others could write in is refused, since anything could
/// have been put there.
///
/// # Errors
/// [`Error::NotADirectory`] for a symbolic link or anything else; [`Error::Writable`]; [`Error::Owner`] for a directory of
/// another user than this process's or root.
pub fn private_dir(path: &Path) -> Result<Tightened, Error> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let above = parent(path);
            if !above.is_dir() {
                private_dir(above)?;
            }
            match create_dir(path) {
                // Another process was first: it is judged like any other.
                Err(Error::Exists(_)) => fs::symlink_metadata(path).map_err(Error::io("open", path))?,
                done => return done.map(|()| Tightened::No),
            }
        }
        found => found.map_err(Error::io("open", path))?,
    };
    let mode = check_dir(path, &found, rustix::process::geteuid().as_raw())?;
    if mode & 0o077 == 0 {
        return Ok(Tightened::No);
    }
    set_private(path)?;
    Ok(Tightened::Yes)
}

/// Judges a directory as [`private_dir`] does, for the process of user `us`, and changes nothing.
///
/// # Errors
/// Those of [`private_dir`]; [`Error::Io`] where there is none.
pub fn check_dir_of(path: &Path, us: u32) -> Result<(), Error> {
    let found = fs::symlink_metadata(path).map_err(Error::io("open", path))?;
    check_dir(path, &found, us).map(drop)
}

/// Answers the mode.
fn check_dir(path: &Path, found: &Metadata, us: u32) -> Result<u32, Error> {
    if !found.is_dir() {
        return Err(Error::NotADirectory {
            path: path.to_owned(),
            kind: kind(found.file_type()),
            advice: match fs::canonicalize(path) {
                Ok(target) if target.is_dir() => format!("name {} itself", quoted(&target)),
                _ => "choose another name, or remove it".to_owned(),
            },
        });
    }
    check_owner(path, found, us)
}

fn set_private(path: &Path) -> Result<(), Error> {
    let failed = Error::io("set the mode of", path);
    let opened =
        File::open(path).and_then(|directory| directory.set_permissions(Permissions::from_mode(PRIVATE)));
    opened.map_err(failed)
}

/// Removes a file, for good: its folder is synced.
///
/// # Errors
/// [`Error::Io`], also where there is none.
pub fn remove(path: &Path) -> Result<(), Error> {
    fs::remove_file(path).map_err(Error::io("remove", path))?;
    sync_parent(path)
}

/// Changes a name and makes that durable. A file of the new name is replaced; a directory only while it is empty.
///
/// # Errors
/// [`Error::Io`]; both names are then as they were.
pub fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    fault::point().map_err(Error::io("create", to))?;
    fs::rename(from, to).map_err(Error::io("create", to))?;
    sync_parent(to)
}

/// Makes a new or changed name durable.
///
/// # Errors
/// [`Error::Io`].
pub fn sync_parent(path: &Path) -> Result<(), Error> {
    let directory = parent(path);
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(Error::io("sync", directory))
}

/// Removes what crashes of this user's processes left of unfinished writes. A file stays that another user has, or that cannot
/// be opened and locked: a living process may be about to name it, such as that of a person who has a key staged here while a
/// server starts.
///
/// # Errors
/// [`Error::Io`].
pub fn sweep(directory: &Path) -> Result<(), Error> {
    let failed = || Error::io("clean up", directory);
    for entry in fs::read_dir(directory).map_err(failed())? {
        let entry = entry.map_err(failed())?;
        if !is_staged(&entry.file_name()) {
            continue;
        }
        // The lock is held until the name is gone: who made the file a moment ago learns of it.
        if let Some(_locked) = abandoned(&entry.path()) {
            fs::remove_file(entry.path()).map_err(failed())?;
        }
    }
    Ok(())
}

fn is_staged(name: &OsStr) -> bool {
    name.to_str()
        .and_then(|name| name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX))
        .is_some_and(|middle| middle.len() == 16 && middle.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// The file, locked, if it is ours and no process has it staged.
fn abandoned(path: &Path) -> Option<File> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags(OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY))
        .open(path)
        .ok()?;
    let found = file.metadata().ok()?;
    let ours = found.is_file() && found.uid() == rustix::process::geteuid().as_raw();
    (ours && file.try_lock().is_ok()).then_some(file)
}

pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    }
}
