//! Reading the files of a ceremony, bounded. They are written by the crate of the same name.

use std::path::Path;

use x509::Certificate;

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

/// Whether there is no such file, or nothing in it.
pub(crate) fn is_missing(path: &Path) -> bool {
    match std::fs::symlink_metadata(path) {
        Ok(found) => found.is_file() && found.len() == 0,
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}

/// Whether it is DER, and not text that begins with the character that is a SEQUENCE there.
pub(crate) fn is_der(content: &[u8]) -> bool {
    content.first() == Some(&0x30) && !x509::pem::is_pem(content)
}

/// The one certificate that a file holds, PEM or DER. Of several, which is meant cannot be known.
pub(crate) fn certificate(path: &Path, content: &[u8]) -> Result<Certificate, Error> {
    let refused = |problem: String| Error::Content {
        path: path.into(),
        problem,
    };
    if is_der(content) {
        return Certificate::from_der(content).map_err(|error| refused(error.to_string()));
    }
    let certificate = Certificate::from_pem(content).map_err(|error| refused(error.to_string()))?;
    match held(content, &["CERTIFICATE"]) {
        0 | 1 => Ok(certificate),
        several => Err(refused(format!("the file holds {several} certificates"))),
    }
}

/// How many blocks have a label that ends like one of these.
pub(crate) fn held(content: &[u8], ends: &[&str]) -> usize {
    let labels = x509::pem::labels(content).unwrap_or_default();
    let held = labels
        .iter()
        .filter(|label| ends.iter().any(|end| label.ends_with(end)));
    held.count()
}

pub(crate) fn failed(action: &'static str, path: &Path, source: std::io::Error) -> Error {
    Error::File(::files::Error::Io {
        action,
        path: path.into(),
        source,
    })
}
