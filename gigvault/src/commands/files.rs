//! Keys and certificates on disk: written whole, keys closed to others, nothing overwritten unasked.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// The files of one certificate in a folder.
pub(crate) struct Bundle {
    pub(crate) key: PathBuf,
    pub(crate) csr: PathBuf,
    pub(crate) certificate: PathBuf,
    pub(crate) chain: PathBuf,
}

impl Bundle {
    /// Named after a common name: what can't stand in a file name becomes `_`.
    pub(crate) fn new(folder: &Path, name: &str) -> anyhow::Result<Self> {
        let safe = |c: char| {
            if c.is_alphanumeric() || "-_.@*".contains(c) {
                c
            } else {
                '_'
            }
        };
        let stem: String = name.chars().map(safe).collect();
        let stem = stem.trim_start_matches('.');
        if stem.is_empty() || stem.len() > 200 {
            bail!("{name:?} does not make a file name");
        }
        std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
        let file = |suffix: &str| folder.join(format!("{stem}.{suffix}"));
        Ok(Self {
            key: file("key"),
            csr: file("csr"),
            certificate: file("crt"),
            chain: file("chain.pem"),
        })
    }
}

/// Refuses before anything is done if one of these is there.
pub(crate) fn check_free(paths: &[&Path], force: bool) -> anyhow::Result<()> {
    match paths.iter().find(|path| path.exists()) {
        Some(path) if !force => {
            bail!(
                "{} is there already; nothing was done. --force overwrites, --out writes elsewhere",
                path.display()
            )
        }
        _ => Ok(()),
    }
}

/// A file that is complete under a temporary name. Dropped, it is gone, and what stood at its place stays.
pub(crate) struct Staged {
    temporary: PathBuf,
    path: PathBuf,
}

impl Staged {
    /// Puts the file in its place.
    pub(crate) fn keep(self) -> anyhow::Result<()> {
        std::fs::rename(&self.temporary, &self.path)
            .with_context(|| format!("writing {}", self.path.display()))
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // After `keep` there is nothing to remove.
        let _kept = std::fs::remove_file(&self.temporary);
    }
}

/// Writes a file beside its place, with this mode from its first moment.
pub(crate) fn stage(path: &Path, contents: &[u8], mode: u32) -> anyhow::Result<Staged> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".tmp");
    let staged = Staged {
        temporary: PathBuf::from(temporary),
        path: path.to_owned(),
    };
    let attempt = || -> std::io::Result<()> {
        match std::fs::remove_file(&staged.temporary) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&staged.temporary)?;
        file.write_all(contents)?;
        file.sync_all()
    };
    attempt().with_context(|| format!("writing {}", path.display()))?;
    Ok(staged)
}

/// Writes a whole file or nothing, with this mode from its first moment.
pub(crate) fn write(path: &Path, contents: &[u8], mode: u32) -> anyhow::Result<()> {
    stage(path, contents, mode)?.keep()
}

/// Reads a file that a person named; bounded.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    const MAX: u64 = 16 * 1024 * 1024;
    let size = std::fs::metadata(path)
        .with_context(|| format!("reading {}", path.display()))?
        .len();
    if size > MAX {
        bail!("{} has {size} bytes; at most {MAX} are read", path.display());
    }
    std::fs::read(path).with_context(|| format!("reading {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_not_leave_its_folder() {
        let dir = tempfile::tempdir().unwrap();
        let bundle = Bundle::new(dir.path(), "../../etc/passwd").unwrap();
        assert_eq!(bundle.key.parent(), Some(dir.path()));
        assert!(Bundle::new(dir.path(), "...").is_err());
        assert_eq!(
            Bundle::new(dir.path(), "*.a.test").unwrap().key,
            dir.path().join("*.a.test.key")
        );
    }

    #[test]
    fn a_staged_file_that_is_not_kept_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.key");
        write(&path, b"old", 0o600).unwrap();
        drop(stage(&path, b"new", 0o600).unwrap());
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        stage(&path, b"new", 0o600).unwrap().keep().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_key_is_closed_to_others_and_not_overwritten() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.key");
        check_free(&[&path], false).unwrap();
        write(&path, b"x", 0o600).unwrap();
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert!(check_free(&[&path], false).is_err());
        assert!(check_free(&[&path], true).is_ok());
    }
}
