//! New files and new versions of files: first the bytes under an unpredictable name, then the name.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::dir::{parent, sync_parent};
use crate::error::kind;
use crate::{Error, fault};

/// How names of staged files begin and end; between the two are 16 hexadecimal digits.
pub(crate) const PREFIX: &str = ".gigvault-";
pub(crate) const SUFFIX: &str = ".tmp";

/// Creates a file that does not exist yet, on disk with its name when this returns.
///
/// # Errors
/// [`Error::Exists`] when anything has that name, a dangling symbolic link too.
pub fn create(path: &Path, contents: &[u8], mode: u32) -> Result<(), Error> {
    // The rename decides; this spares the work, and the space on a full disk.
    check_free(path)?;
    stage(path, contents, mode)?.create()
}

/// Creates a file, or puts it in the place of an older version, on disk when this returns.
///
/// # Errors
/// [`Error::NotAFile`] when something else than a regular file has that name. What was there stays there.
pub fn replace(path: &Path, contents: &[u8], mode: u32) -> Result<(), Error> {
    refuse_special(path)?;
    stage(path, contents, mode)?.replace()
}

/// Whether a file can be created there, as far as can be said before it is.
///
/// # Errors
/// [`Error::Exists`], or [`Error::Io`] when there is no such directory.
pub fn check_free(path: &Path) -> Result<(), Error> {
    if fs::symlink_metadata(path).is_ok() {
        return Err(Error::Exists(path.to_owned()));
    }
    let directory = parent(path);
    match fs::metadata(directory) {
        Ok(found) if found.is_dir() && path.file_name().is_some() => Ok(()),
        Ok(_) => Err(Error::io("create", path)(io::ErrorKind::NotADirectory.into())),
        Err(error) => Err(Error::io("open", directory)(error)),
    }
}

/// A file that is complete and synced under a temporary name. Dropped, it is removed.
#[derive(Debug)]
pub struct Staged {
    temporary: PathBuf,
    pub(crate) path: PathBuf,
    /// Locked while this lives: it tells the sweep of another process that no crash left this, and whoever writes what belongs
    /// together that it is not complete yet.
    held: File,
}

/// Writes a file beside its place.
///
/// # Errors
/// When it cannot be written; nothing is left then.
pub fn stage(path: &Path, contents: &[u8], mode: u32) -> Result<Staged, Error> {
    let failed = |action| Error::io(action, path);
    fault::point().map_err(failed("create"))?;
    let (temporary, file) = open_held(parent(path), mode).map_err(failed("create"))?;
    let staged = Staged {
        temporary,
        path: path.to_owned(),
        held: file,
    };
    let mut file = &staged.held;
    set_mode(file, mode).map_err(failed("set the mode of"))?;
    file.write_all(contents)
        .and_then(|()| file.sync_all())
        .map_err(failed("write"))?;
    Ok(staged)
}

impl Staged {
    /// Gives it its name, which must be free.
    ///
    /// # Errors
    /// [`Error::Exists`].
    pub fn create(self) -> Result<(), Error> {
        self.try_create()
    }

    /// As [`Self::create`], for contents that may not be lost: after a failure they are still staged, and can be kept.
    ///
    /// # Errors
    /// As [`Self::create`].
    pub fn try_create(&self) -> Result<(), Error> {
        fault::point().map_err(Error::io("create", &self.path))?;
        match rename_exclusively(&self.temporary, &self.path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(Error::Exists(self.path.clone()));
            }
            done => done.map_err(Error::io("create", &self.path))?,
        }
        sync_parent(&self.path)
    }

    /// Takes its name from it again, so that it is staged as before. Where another file has that name by now, nothing changes.
    ///
    /// # Errors
    /// [`Error::Io`]; it then has its name.
    pub fn take_back(&self) -> Result<(), Error> {
        if !is_at(&self.held, &self.path) {
            return Ok(());
        }
        rename_exclusively(&self.path, &self.temporary).map_err(Error::io("remove", &self.path))?;
        sync_parent(&self.path)
    }

    /// Gives it its name, in the place of an older version.
    ///
    /// # Errors
    /// [`Error::NotAFile`]; what has that name is then still there.
    pub fn replace(self) -> Result<(), Error> {
        self.try_replace()
    }

    /// As [`Self::replace`], for contents that may not be lost: after a failure they are still staged, and can be kept.
    ///
    /// # Errors
    /// As [`Self::replace`].
    pub fn try_replace(&self) -> Result<(), Error> {
        refuse_special(&self.path)?;
        fault::point().map_err(Error::io("write", &self.path))?;
        fs::rename(&self.temporary, &self.path).map_err(Error::io("write", &self.path))?;
        sync_parent(&self.path)
    }

    /// Leaves the file in its folder for its owner to find, and says where: under its own name if it has it, else as
    /// `<its name>.kept-<16 hex>`, which no [`sweep`](crate::sweep) takes for what a crash left. Should even this name be
    /// refused, it stays under the temporary one. Where another process took every name from it, its bytes are written again.
    ///
    /// # Errors
    /// It has no name, and could not be written again: it is lost.
    pub fn keep(mut self) -> Result<PathBuf, Error> {
        if is_at(&self.held, &self.path) {
            return Ok(self.path.clone());
        }
        if !is_at(&self.held, &self.temporary) {
            self = self.again()?;
        }
        // Without a name there is nothing for the drop to remove.
        let temporary = std::mem::take(&mut self.temporary);
        Ok(keep_as(&temporary, &self.path).unwrap_or(temporary))
    }

    fn again(&self) -> Result<Self, Error> {
        let failed = || Error::io("read", &self.path);
        let mode = self.held.metadata().map_err(failed())?.permissions().mode();
        let (mut file, mut contents) = (&self.held, Vec::new());
        file.seek(SeekFrom::Start(0))
            .and_then(|_| file.read_to_end(&mut contents))
            .map_err(failed())?;
        stage(&self.path, &contents, mode)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // After the rename there is nothing to remove.
        let _renamed = fs::remove_file(&self.temporary);
    }
}

/// Gives a staged file a name that is seen, beside the one that it was for.
fn keep_as(temporary: &Path, path: &Path) -> io::Result<PathBuf> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".kept-{}", random_name()?));
    let kept = path.with_file_name(name);
    fault::point()?;
    rename_exclusively(temporary, &kept)?;
    // It has the name, and whoever asks is told of it: a failure here could only hide that.
    let _synced = sync_parent(&kept);
    Ok(kept)
}

/// Whether [`replace`] can put a file there: the name is free, or that of a regular file.
///
/// # Errors
/// [`Error::NotAFile`]; [`Error::Io`] when that cannot be seen.
pub fn check_replaceable(path: &Path) -> Result<(), Error> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("look at", path)(error)),
        _ => refuse_special(path),
    }
}

pub(crate) fn refuse_special(path: &Path) -> Result<(), Error> {
    match fs::symlink_metadata(path) {
        Ok(found) if !found.is_file() => Err(Error::NotAFile {
            path: path.to_owned(),
            kind: kind(found.file_type()),
        }),
        _ => Ok(()),
    }
}

/// A new file under a temporary name, locked. It is tried again where a sweep opened it before that.
fn open_held(directory: &Path, mode: u32) -> io::Result<(PathBuf, File)> {
    const TRIES: u32 = 16;
    for _ in 0..TRIES {
        let temporary = directory.join(temporary_name()?);
        let file = open_new(&temporary, mode)?;
        match file.try_lock() {
            // Some file systems know no locks. There nothing is swept.
            Err(TryLockError::Error(_)) => return Ok((temporary, file)),
            Ok(()) if is_at(&file, &temporary) => return Ok((temporary, file)),
            Ok(()) | Err(TryLockError::WouldBlock) => {}
        }
    }
    Err(io::ErrorKind::ResourceBusy.into())
}

/// Whether an open file is the one of that name.
pub(crate) fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(file), Ok(there)) => (file.dev(), file.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

/// `create_new` is O_EXCL, which does not follow a symbolic link either.
fn open_new(path: &Path, mode: u32) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
}

/// Against the umask. FAT has no modes and refuses to set one: then what others may do decides.
pub(crate) fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    match file.set_permissions(Permissions::from_mode(mode)) {
        Err(error) if file.metadata()?.permissions().mode() & 0o077 & !mode != 0 => Err(error),
        _ => Ok(()),
    }
}

/// Not every file system knows the flag: there a second name does the same, since a link is never made over a name.
fn rename_exclusively(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            fs::hard_link(from, to).and_then(|()| fs::remove_file(from))
        }
        done => Ok(done?),
    }
}

fn temporary_name() -> io::Result<String> {
    Ok(format!("{PREFIX}{}{SUFFIX}", random_name()?))
}

/// 16 hexadecimal digits.
fn random_name() -> io::Result<String> {
    let mut random = [0; 8];
    rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty())?;
    Ok(format!("{:016x}", u64::from_ne_bytes(random)))
}
