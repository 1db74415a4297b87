//! Lock files: held while the returned handle lives.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

use crate::Error;
use crate::read::flags;
use crate::stage::refuse_special;

/// Waits for the lock.
///
/// # Errors
/// [`Error::NotAFile`], [`Error::Io`].
pub fn lock(path: &Path) -> Result<File, Error> {
    let file = lock_file(path)?;
    file.lock().map_err(Error::io("lock", path))?;
    Ok(file)
}

/// Takes the lock, or answers none where another process holds it.
///
/// # Errors
/// [`Error::NotAFile`], [`Error::Io`].
pub fn try_lock(path: &Path) -> Result<Option<File>, Error> {
    let file = lock_file(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(Error::io("lock", path)(error)),
    }
}

/// Judges a lock file as [`lock`] does, and changes nothing. That there is none is fine.
///
/// # Errors
/// [`Error::NotAFile`].
pub fn check_lock(path: &Path) -> Result<(), Error> {
    refuse_special(path)
}

/// Only people read its content, so there is nothing to stage.
fn lock_file(path: &Path) -> Result<File, Error> {
    refuse_special(path)?;
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(flags(OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY))
        .open(path)
        .map_err(Error::io("open", path))
}
