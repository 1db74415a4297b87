//! Reading regular files. Nothing is waited for: a FIFO without a writer would hang the reader.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::Error;
use crate::error::kind;

/// O_NONBLOCK changes nothing for a regular file.
const FLAGS: rustix::fs::OFlags = rustix::fs::OFlags::NONBLOCK.union(rustix::fs::OFlags::NOCTTY);

/// Opens a regular file for reading. A symbolic link to one is followed: mounted secrets are such links.
///
/// # Errors
/// [`Error::NotAFile`], [`Error::Io`].
pub fn open(path: &Path) -> Result<File, Error> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags(FLAGS))
        .open(path)
        .map_err(Error::io("read", path))?;
    let found = file.metadata().map_err(Error::io("read", path))?;
    if found.is_file() {
        return Ok(file);
    }
    Err(Error::NotAFile {
        path: path.to_owned(),
        kind: kind(found.file_type()),
    })
}

/// Reads a regular file of at most `limit` bytes.
///
/// # Errors
/// [`Error::TooLong`], [`Error::NotAFile`], [`Error::Io`].
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    let file = open(path)?;
    let mut content = Vec::new();
    file.take(limit.saturating_add(1))
        .read_to_end(&mut content)
        .map_err(Error::io("read", path))?;
    if u64::try_from(content.len()).unwrap_or(u64::MAX) > limit {
        return Err(Error::TooLong {
            path: path.to_owned(),
            limit,
        });
    }
    Ok(content)
}

/// The bits as the standard library takes them.
pub(crate) fn flags(flags: rustix::fs::OFlags) -> i32 {
    i32::try_from(flags.bits()).unwrap_or_default()
}
