//! Why a file could not be created, replaced, appended to or read. Every variant names the path.

use std::fs::{self, FileType};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::quoted;

/// Why a file operation failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The name is taken.
    #[error("{} exists and is never overwritten: choose another name, or move it away", .0.display())]
    Exists(PathBuf),
    /// The name is taken by something that is not a regular file.
    #[error("{} is {kind}, not a regular file: choose another name, or remove it", path.display())]
    NotAFile {
        /// The name.
        path: PathBuf,
        /// `a symbolic link`, `a FIFO`, …
        kind: &'static str,
    },
    /// A directory is expected there.
    #[error("{} is {kind}, not a directory: {advice}", path.display())]
    NotADirectory {
        /// The name.
        path: PathBuf,
        /// `a symbolic link`, `a regular file`, …
        kind: &'static str,
        /// What to do next.
        advice: String,
    },
    /// Other users could have put anything there.
    #[error(
        "{} can be written by other users (mode {mode:04o}): check that nothing in it was replaced, then run `chmod {} {}`",
        path.display(), chmod(path), quoted(path)
    )]
    Writable {
        /// The directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Something below a private directory that is neither a regular file nor a directory.
    #[error("{} is {kind}, and only files and directories of its own are taken here: {advice}", path.display())]
    Foreign {
        /// The name.
        path: PathBuf,
        /// `a symbolic link`, `a FIFO`, …
        kind: &'static str,
        /// What to do next.
        advice: &'static str,
    },
    /// A directory that holds more than a private directory may.
    #[error(
        "{} holds more than {limit} files and directories, or is nested deeper than {depth}: it cannot be checked; move out \
         what does not belong there",
        path.display()
    )]
    TooMany {
        /// The directory.
        path: PathBuf,
        /// The bound.
        limit: usize,
        /// The bound of its depth.
        depth: usize,
    },
    /// A file or directory of another user.
    #[error(
        "{} belongs to user {owner}, but this process runs as user {us}: run it as that user, or run `chown -R {us} {}`",
        path.display(), quoted(path)
    )]
    Owner {
        /// The directory.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// The effective user of this process.
        us: u32,
    },
    /// Longer than the reader takes.
    #[error("{} is longer than {limit} bytes", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The bound, in bytes.
        limit: u64,
    },
    /// The operating system refused.
    #[error("cannot {action} {}: {source}{}", path.display(), advice(path, source))]
    Io {
        /// `create`, `write`, `read`, …
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl Error {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    /// Whether the file or directory does not exist.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::Exists(_) => io::ErrorKind::AlreadyExists,
            Error::NotAFile { .. }
            | Error::NotADirectory { .. }
            | Error::Foreign { .. }
            | Error::TooMany { .. } => io::ErrorKind::InvalidInput,
            Error::Writable { .. } | Error::Owner { .. } => io::ErrorKind::PermissionDenied,
            Error::TooLong { .. } => io::ErrorKind::FileTooLarge,
            Error::Io { source, .. } => source.kind(),
        };
        Self::new(kind, error)
    }
}

fn chmod(path: &Path) -> &'static str {
    match path.is_dir() {
        true => "700",
        false => "go-w",
    }
}

/// Whose right is missing: what the operating system keeps to itself.
fn advice(path: &Path, source: &io::Error) -> String {
    if source.kind() != io::ErrorKind::PermissionDenied {
        return String::new();
    }
    let us = rustix::process::geteuid().as_raw();
    // The nearest that can be looked at: below a closed directory nothing can.
    let nearest = path.ancestors().find_map(|place| {
        let place = if place.as_os_str().is_empty() {
            Path::new(".")
        } else {
            place
        };
        fs::symlink_metadata(place).ok().map(|found| (place, found))
    });
    match nearest {
        // No command: it may be a directory of the system.
        Some((place, found)) if found.uid() != us => format!(
            "; {} belongs to user {}, and this process runs as user {us}: run it as that user, change the owner, or name another place",
            place.display(),
            found.uid()
        ),
        Some((place, found)) if lacks(&found) => format!(
            "; its owner has no right to it (mode {:04o}): run `chmod u+{} {}`",
            found.mode() & 0o7777,
            if found.is_dir() { "rwx" } else { "rw" },
            quoted(place)
        ),
        _ => String::new(),
    }
}

/// Whether a file or directory is closed to its own owner.
fn lacks(found: &fs::Metadata) -> bool {
    let needed = if found.is_dir() { 0o700 } else { 0o600 };
    found.mode() & needed != needed
}

/// What something is, in words.
pub(crate) fn kind(of: FileType) -> &'static str {
    match of {
        of if of.is_symlink() => "a symbolic link",
        of if of.is_dir() => "a directory",
        of if of.is_fifo() => "a FIFO",
        of if of.is_socket() => "a socket",
        of if of.is_char_device() || of.is_block_device() => "a device",
        _ => "a regular file",
    }
}
