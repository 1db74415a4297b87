//! Where repair puts what is damaged or out of place: it is kept, apart from what belongs to the root.

use std::fs;
use std::path::{Path, PathBuf};

use super::{ASIDE, CRL, Folder};
use crate::error::Error;
use crate::files;

impl Folder {
    /// Moves a file of this folder into `aside/` and answers where it is, from the folder on.
    pub(super) fn put_aside(&self, path: &Path) -> Result<String, Error> {
        let (place, name) = self.place_aside(path)?;
        ::files::rename(path, &place)?;
        // The name that it had is gone for good as well.
        ::files::sync_parent(path)?;
        Ok(name)
    }

    /// Keeps a copy of a file of this folder in `aside/` and answers where, from the folder on.
    pub(super) fn copy_aside(&self, path: &Path, content: &[u8]) -> Result<String, Error> {
        let (place, name) = self.place_aside(path)?;
        ::files::create(&place, content, files::PRIVATE)?;
        Ok(name)
    }

    /// Moves a latest CRL away that is none. Numbers go on from `crl-number`.
    pub(super) fn put_unreadable_crl_aside(&self, done: &mut Vec<String>) -> Result<(), Error> {
        if let Err(Error::Content { path, .. }) = self.latest_crl() {
            let kept = self.put_aside(&path)?;
            done.push(format!(
                "{CRL} could not be read and was moved to {kept}; make a new one with `crl` and publish it"
            ));
        }
        Ok(())
    }

    /// How many files repair has put aside.
    pub(super) fn count_aside(&self) -> usize {
        fs::read_dir(self.dir.join(ASIDE)).map_or(0, Iterator::count)
    }

    /// A free name in `aside/`, which is made.
    fn place_aside(&self, path: &Path) -> Result<(PathBuf, String), Error> {
        let dir = self.dir.join(ASIDE);
        match ::files::create_dir(&dir) {
            Err(::files::Error::Exists(_)) => {}
            made => made?,
        }
        let name = path.file_name().unwrap_or_default();
        let numbered = (2u32..).map(|number| {
            let mut name = name.to_owned();
            name.push(format!(".{number}"));
            name
        });
        let free = std::iter::once(name.to_owned())
            .chain(numbered)
            .find(|name| fs::symlink_metadata(dir.join(name)).is_err())
            .unwrap_or_default();
        let shown = format!("{ASIDE}/{}", free.to_string_lossy());
        Ok((dir.join(free), shown))
    }
}
