//! One line more in a ledger.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

use crate::error::kind;
use crate::read::flags;
use crate::stage::set_mode;
use crate::{Error, create, fault};

/// Appends a line, which holds no line break, on disk when this returns. The file is created if it is not there. Its mode
/// becomes `mode`.
///
/// A last line without a line break was cut off by a crash, or written by an editor: it is kept if `whole` says that it
/// is complete, and else removed.
///
/// # Errors
/// [`Error::NotAFile`] for a symbolic link, a FIFO, a directory; [`Error::Io`].
pub fn append(path: &Path, line: &str, mode: u32, whole: impl Fn(&[u8]) -> bool) -> Result<(), Error> {
    let line = format!("{line}\n");
    let Some(mut file) = open(path, mode)? else {
        return create(path, line.as_bytes(), mode);
    };
    repair(&mut file, whole).map_err(Error::io("repair the last line of", path))?;
    fault::point()
        .and_then(|()| file.write_all(line.as_bytes()))
        .and_then(|()| file.sync_all())
        .map_err(Error::io("append to", path))
}

/// Does to the last line what [`append`] does before it appends, and says whether there was anything to do.
///
/// # Errors
/// As [`append`].
pub fn repair_last_line(path: &Path, mode: u32, whole: impl Fn(&[u8]) -> bool) -> Result<bool, Error> {
    let Some(mut file) = open(path, mode)? else {
        return Ok(false);
    };
    repair(&mut file, whole)
        .and_then(|repaired| file.sync_all().map(|()| repaired))
        .map_err(Error::io("repair the last line of", path))
}

/// None if there is no such file.
fn open(path: &Path, mode: u32) -> Result<Option<File>, Error> {
    let options = OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY;
    let opened = OpenOptions::new()
        .read(true)
        .append(true)
        .custom_flags(flags(options))
        .open(path);
    crate::stage::refuse_special(path)?;
    let file = match opened {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(Error::io("open", path))?,
    };
    let found = file.metadata().map_err(Error::io("open", path))?;
    if !found.is_file() {
        return Err(Error::NotAFile {
            path: path.to_owned(),
            kind: kind(found.file_type()),
        });
    }
    set_mode(&file, mode).map_err(Error::io("set the mode of", path))?;
    Ok(Some(file))
}

fn repair(file: &mut File, whole: impl Fn(&[u8]) -> bool) -> std::io::Result<bool> {
    let mut content = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_end(&mut content)?;
    let end = content
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    let last = content.split_off(end);
    if last.is_empty() {
        return Ok(false);
    }
    fault::point()?;
    if whole(&last) {
        file.write_all(b"\n")?;
    } else {
        file.set_len(u64::try_from(end).unwrap_or(u64::MAX))?;
    }
    Ok(true)
}
