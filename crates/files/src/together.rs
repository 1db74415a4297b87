//! Files that belong together, as a key and its certificate do: never one of one writer beside one of another, however many
//! write there at once. Each writer has its staged files locked, also after they got their names, until it drops them.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rustix::fs::OFlags;

use crate::read::flags;
use crate::stage::{Staged, check_replaceable, is_at};
use crate::{Error, check_free};

/// How often it is looked whether another writer is done, and for how long. No writer needs that long; but a person may run a
/// command under a lock of their own on the file that it writes, and it would wait for itself.
const PAUSE: Duration = Duration::from_millis(5);
const LOOKS: u32 = 1000;

/// Gives staged files their names, which must be free, in this order.
///
/// # Errors
/// [`Error::Exists`] and the others of [`Staged::create`]; all are then staged as before.
pub fn create_together(files: &[&Staged]) -> Result<(), Error> {
    for staged in files {
        check_free(&staged.path)?;
    }
    for (index, staged) in files.iter().enumerate() {
        if let Err(error) = staged.try_create() {
            take_back(files.iter().take(index));
            return Err(error);
        }
    }
    Ok(())
}

/// Gives staged files their names, in the place of older versions, whose first goes last: until then what it was for may be
/// lacking, but it is there.
///
/// # Errors
/// Those of [`Staged::replace`]; what had no older version is then staged as before.
pub fn replace_together(files: &[&Staged]) -> Result<(), Error> {
    for staged in files {
        check_replaceable(&staged.path)?;
    }
    let (mut new, mut older) = (Vec::new(), Vec::new());
    let mut name_all = || {
        for staged in files {
            match claim(staged)? {
                None => new.push(staged),
                Some(there) => older.push((staged, there)),
            }
        }
        older
            .iter()
            .rev()
            .try_for_each(|(staged, _)| staged.try_replace())
    };
    let named = name_all();
    if named.is_err() {
        take_back(new.iter().copied());
    }
    named
}

/// What is taken back was given by this call: if that fails, it stays where it is, whole.
fn take_back<'s>(named: impl DoubleEndedIterator<Item = &'s &'s Staged>) {
    for staged in named.rev() {
        let _stays = staged.take_back();
    }
}

/// Gives it its name if that is free; else what has that name, once its writer is done.
fn claim(staged: &Staged) -> Result<Option<Older>, Error> {
    for _ in 0..LOOKS {
        match staged.try_create() {
            Err(Error::Exists(_)) => {}
            done => return done.map(|()| None),
        }
        if let Some(older) = hold(&staged.path) {
            return Ok(Some(older));
        }
        std::thread::sleep(PAUSE);
    }
    Ok(Some(Older(None)))
}

/// An older version, which no other writer replaces while this lives.
struct Older(#[expect(dead_code, reason = "it is locked while it is open")] Option<File>);

/// `None` while another writer has it.
fn hold(path: &Path) -> Option<Older> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags(OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY))
        .open(path);
    // A file of others, or a file system that knows no locks: there is no writer to wait for.
    let Ok(file) = file else {
        return Some(Older(None));
    };
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => None,
        Err(TryLockError::Error(_)) => Some(Older(None)),
        Ok(()) if is_at(&file, path) => Some(Older(Some(file))),
        Ok(()) => None,
    }
}
