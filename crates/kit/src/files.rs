//! Files that are written whole or not at all, with their mode from the first moment.
//!
//! Every error names the path.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A file that is complete under a temporary name. Dropped, it is gone, and what stood at its place stays.
#[derive(Debug)]
pub struct Staged {
    temporary: PathBuf,
    path: PathBuf,
}

impl Staged {
    /// Puts the file in its place, durably.
    ///
    /// # Errors
    /// When it can't be renamed; what stood at its place is then still there.
    pub fn keep(self) -> io::Result<()> {
        fs::rename(&self.temporary, &self.path)
            .and_then(|()| sync_directory(&self.path))
            .map_err(|error| naming(&self.path, &error))
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // After `keep` there is nothing to remove.
        let _kept = fs::remove_file(&self.temporary);
    }
}

/// Writes a file beside its place, with this mode.
///
/// # Errors
/// When it can't be written; nothing is left then.
pub fn stage(path: &Path, contents: &[u8], mode: u32) -> io::Result<Staged> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}.tmp", std::process::id()));
    let staged = Staged {
        temporary: PathBuf::from(temporary),
        path: path.to_owned(),
    };
    create_new(&staged.temporary, contents, mode).map_err(|error| naming(path, &error))?;
    Ok(staged)
}

/// Writes a whole file, with this mode.
///
/// # Errors
/// When it can't be written; what stood at its place is then still there.
pub fn write(path: &Path, contents: &[u8], mode: u32) -> io::Result<()> {
    stage(path, contents, mode)?.keep()
}

/// Writes a new file, in the place of one that an earlier attempt left.
pub(crate) fn create_new(path: &Path, contents: &[u8], mode: u32) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(contents)?;
    file.sync_all()
}

/// Makes a change of names in the folder of `path` durable.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => File::open(directory)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

fn naming(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("writing {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_staged_file_that_is_not_kept_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.key");
        write(&path, b"old", 0o600).unwrap();
        drop(stage(&path, b"new", 0o600).unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        stage(&path, b"new", 0o600).unwrap().keep().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_mode_is_the_one_asked_for_and_an_error_names_the_path() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.key");
        write(&path, b"x", 0o600).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let error = write(&dir.path().join("none").join("b"), b"x", 0o600).unwrap_err();
        assert!(error.to_string().contains("none/b"), "{error}");
    }
}
