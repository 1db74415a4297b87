//! Everything below a private directory: of its owner, and writable by no other user.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::Error;
use crate::error::kind;

/// Bounds of a look, far above what GigVault puts in a directory.
const MOST: usize = 100_000;
const DEEPEST: usize = 16;

/// Checks everything below a directory that [`private_dir`](crate::private_dir) has closed: only regular files and
/// directories, of this process's user or root, that no other user may write. While the directory was open, or through a
/// backup of another user, files could have been added; closing the top does not undo that. Nothing is changed.
///
/// # Errors
/// [`Error::Foreign`] for symbolic links and the like, [`Error::Owner`], [`Error::Writable`]; [`Error::TooMany`].
pub fn check_tree(top: &Path) -> Result<(), Error> {
    check_tree_of(top, rustix::process::geteuid().as_raw())
}

/// As [`check_tree`], for a directory that the process of user `us` is to use.
///
/// # Errors
/// Those of [`check_tree`].
pub fn check_tree_of(top: &Path, us: u32) -> Result<(), Error> {
    let mut seen = 0;
    let mut folders = vec![(top.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        for (path, found) in entries(&folder)? {
            seen += 1;
            check(&path, &found, us)?;
            if seen > MOST || depth == DEEPEST {
                return Err(Error::TooMany {
                    path: top.to_owned(),
                    limit: MOST,
                    depth: DEEPEST,
                });
            }
            if found.is_dir() {
                folders.push((path, depth + 1));
            }
        }
    }
    Ok(())
}

/// What a process is to do with the files of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read them.
    Read,
    /// Read and write them.
    Write,
}

/// A file or folder that a user has no right to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// Which.
    pub path: PathBuf,
    /// Its owner.
    pub owner: u32,
    /// The user who has no right to it.
    pub us: u32,
    /// `read`, `write` or `enter`.
    pub action: &'static str,
}

/// The first file or folder of another user, at `top` or below, that user `us` of the group may not use as that is needed. By
/// mode alone: for a user other than the one of this process. Nothing where there is nothing.
///
/// # Errors
/// What cannot be looked at.
pub fn closed_to(top: &Path, (us, group): (u32, u32), access: Access) -> Result<Option<Closed>, Error> {
    let found = match fs::symlink_metadata(top) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        found => found.map_err(Error::io("open", top))?,
    };
    // Root needs no right.
    let mut below = match us {
        0 => Vec::new(),
        _ => vec![(top.to_owned(), found)],
    };
    while let Some((path, found)) = below.pop() {
        let rights = match found.gid() == group {
            true => found.mode() >> 3,
            false => found.mode(),
        };
        let lacks = |right| rights & right == 0;
        let action = match (found.is_dir(), access) {
            _ if found.uid() == us => None,
            (true, _) if lacks(1) => Some("enter"),
            _ if lacks(4) => Some("read"),
            (_, Access::Write) if lacks(2) => Some("write"),
            _ => None,
        };
        if let Some(action) = action {
            let owner = found.uid();
            return Ok(Some(Closed {
                path,
                owner,
                us,
                action,
            }));
        }
        if found.is_dir() {
            below.extend(entries(&path)?);
        }
    }
    Ok(None)
}

/// What is in a folder. One of root that this user may not enter, such as the lost+found of a file system, is passed over:
/// nothing of it is ever used.
fn entries(folder: &Path) -> Result<Vec<(PathBuf, Metadata)>, Error> {
    let read = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let found = fs::symlink_metadata(folder).map_err(Error::io("open", folder))?;
            match found.uid() {
                0 => return Ok(Vec::new()),
                _ => return Err(Error::io("read", folder)(error)),
            }
        }
        read => read.map_err(Error::io("read", folder))?,
    };
    let mut all = Vec::new();
    for entry in read {
        let path = entry.map_err(Error::io("read", folder))?.path();
        match fs::symlink_metadata(&path) {
            // Removed since it was listed: the journal of a database that another process reads.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            found => {
                let found = found.map_err(Error::io("open", &path))?;
                all.push((path, found));
            }
        }
    }
    Ok(all)
}

fn check(path: &Path, found: &Metadata, us: u32) -> Result<(), Error> {
    if !found.is_dir() && !found.is_file() {
        return Err(Error::Foreign {
            path: path.to_owned(),
            kind: kind(found.file_type()),
            advice: match found.is_symlink() {
                true => "put what it points to in its place",
                false => "remove it",
            },
        });
    }
    check_owner(path, found, us).map(drop)
}

/// Refuses what belongs to another user than `us` and root, or what another user may write; answers the mode.
pub(crate) fn check_owner(path: &Path, found: &Metadata, us: u32) -> Result<u32, Error> {
    if found.uid() != us && found.uid() != 0 {
        return Err(Error::Owner {
            path: path.to_owned(),
            owner: found.uid(),
            us,
        });
    }
    let mode = found.permissions().mode() & 0o7777;
    if mode & 0o022 != 0 {
        return Err(Error::Writable {
            path: path.to_owned(),
            mode,
        });
    }
    Ok(mode)
}
