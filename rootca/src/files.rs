//! Reading the files of a ceremony, bounded. They are written by the crate of the same name.

use std::path::Path;

use crate::error::Error;

/// Longest file that is read: requests, certificates, CRLs and ledgers of an offline root.
const MAX_LEN: u64 = 16 * 1024 * 1024;

/// Mode of what everybody may read: certificates and CRLs.
pub(crate) const PUBLIC: u32 = 0o644;
/// Mode of ledgers and counters.
pub(crate) const PRIVATE: u32 = 0o600;

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    Ok(::files::read(path, MAX_LEN)?)
}

/// Reads a file, or nothing if there is no such file.
pub(crate) fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match ::files::read(path, MAX_LEN) {
        Err(error) if error.is_not_found() => Ok(None),
        content => Ok(Some(content?)),
    }
}

pub(crate) fn failed(action: &'static str, path: &Path, source: std::io::Error) -> Error {
    Error::File(::files::Error::Io {
        action,
        path: path.into(),
        source,
    })
}
