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
/// Nothing that is there is taken away: a last line without a line break is ended first. Nothing in it tells whether a crash cut it
/// off before it was acknowledged, or a copy of the file broke off. What a failed write left of the new line is removed again.
///
/// # Errors
/// [`Error::NotAFile`] for a symbolic link, a FIFO, a directory; [`Error::Io`].
pub fn append(path: &Path, line: &str, mode: u32) -> Result<(), Error> {
    let Some(mut file) = open(path, mode)? else {
        return create(path, format!("{line}\n").as_bytes(), mode);
    };
    write(&mut file, line).map_err(Error::io("append to", path))
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

fn write(file: &mut File, line: &str) -> std::io::Result<()> {
    let end = file.seek(SeekFrom::End(0))?;
    let mut last = [b'\n'];
    if end > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    let before = if last == [b'\n'] { "" } else { "\n" };
    fault::point()?;
    if let Err(error) = file.write_all(format!("{before}{line}\n").as_bytes()) {
        // A full disk takes the beginning of a line.
        let _undone = file.set_len(end).and_then(|()| file.sync_all());
        return Err(error);
    }
    file.sync_all()
}
