//! Keys and certificates on disk: where they lie, and nothing overwritten unasked.

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
#[expect(clippy::disallowed_methods, reason = "tests")]
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
    fn what_is_there_is_not_overwritten_unasked() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.key");
        check_free(&[&path], false).unwrap();
        std::fs::write(&path, b"x").unwrap();
        assert!(check_free(&[&path], false).is_err());
        assert!(check_free(&[&path], true).is_ok());
    }
}
