//! Files that are there whole or not at all, and on disk before anyone is told.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::error::Error;

/// Longest file that is read: requests, certificates, CRLs of an offline root.
const MAX_LEN: u64 = 16 * 1024 * 1024;

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let failed = |source| failed("read", path, source);
    let length = fs::metadata(path).map_err(failed)?.len();
    if length > MAX_LEN {
        return Err(Error::Content {
            path: path.into(),
            problem: "longer than 16 MiB".into(),
        });
    }
    fs::read(path).map_err(failed)
}

/// Reads text, or nothing if there is no such file.
pub(crate) fn read_if_there(path: &Path) -> Result<Option<String>, Error> {
    match read(path) {
        Ok(content) => String::from_utf8(content).map(Some).map_err(|_| Error::Content {
            path: path.into(),
            problem: "not text".into(),
        }),
        Err(Error::File { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes a file that must not exist yet. A name is reserved first, so that two writers cannot both win.
pub(crate) fn create(path: &Path, content: &[u8]) -> Result<(), Error> {
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(Error::Exists(path.into())),
        Err(error) => return Err(failed("create", path, error)),
    }
    replace(path, content).inspect_err(|_| drop(fs::remove_file(path)))
}

/// Writes a file over an older version of itself: a temporary file, synced, renamed.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<(), Error> {
    let temporary = beside(path, ".new");
    let write = || {
        let mut file = File::create(&temporary)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    write().map_err(|source| {
        drop(fs::remove_file(&temporary));
        failed("write", path, source)
    })?;
    sync_parent(path)
}

/// Puts the name of a new or renamed file on disk.
pub(crate) fn sync_parent(path: &Path) -> Result<(), Error> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(parent)
        .and_then(|directory| directory.sync_all())
        .map_err(|source| failed("sync", parent, source))
}

/// A hidden name in the same folder.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}{suffix}"))
}

pub(crate) fn failed(action: &'static str, path: &Path, source: std::io::Error) -> Error {
    Error::File {
        action,
        path: path.into(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_created_once_and_leaves_nothing_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        create(&path, b"one").unwrap();
        assert!(matches!(create(&path, b"two"), Err(Error::Exists(_))));
        assert_eq!(fs::read(&path).unwrap(), b"one");
        replace(&path, b"three").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"three");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_cannot_be_written_is_not_left_behind() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        // The temporary name is taken by a folder.
        fs::create_dir(beside(&path, ".new")).unwrap();
        assert!(create(&path, b"one").is_err());
        assert!(!path.exists());
    }
}
