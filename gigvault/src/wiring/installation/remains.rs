//! What an installation leaves in its data directory beside keys and databases. A first start writes the record of the
//! installation before any of it: without a record it says that keys were lost, not that nothing was there.

use std::io::ErrorKind;
use std::path::Path;

use crate::wiring::layout::DataDir;

/// What is left of an installation, or there of one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Remains {
    /// A root, which an installation of an earlier version has without a record.
    pub(crate) root: bool,
    /// The rest, as paths in the data directory.
    pub(crate) others: Vec<String>,
    /// Whether something of it is what `up` and `bootstrap` alone make. A process of some services has identities, and the
    /// API key of an admin where one was made there.
    pub(crate) of_whole: bool,
    /// Whether a start came as far as a root certificate, or the key of an admin, for others to use.
    pub(crate) ended: bool,
}

impl Remains {
    /// What there is, whatever it holds. Folders that are empty were made by a start that did not come further.
    pub(crate) fn of(data: &DataDir) -> Result<Self, files::Error> {
        let mut remains = Self {
            root: data.has_root(),
            ended: data.root_certificate().exists() || data.admin_token().exists(),
            ..Self::default()
        };
        let whole = [
            data.root_certificate(),
            data.ca_certificate(),
            data.chain(),
            data.root_ceremony(),
        ];
        let identities = entries(&data.identities())?;
        let parts = std::iter::once(data.admin_token()).chain(identities);
        let all = whole.into_iter().map(|path| (path, true));
        for (path, of_whole) in all.chain(parts.map(|path| (path, false))) {
            if holds_something(&path)? {
                let name = path.strip_prefix(data.path()).unwrap_or(&path);
                remains.others.push(name.display().to_string());
                remains.of_whole |= of_whole;
            }
        }
        Ok(remains)
    }
}

fn holds_something(path: &Path) -> Result<bool, files::Error> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => Ok(!entries(path)?.is_empty()),
        Ok(_) => Ok(true),
        Err(error) if absent(&error) => Ok(false),
        Err(source) => Err(unreadable(path, source)),
    }
}

/// By name. None where there is no such folder.
fn entries(folder: &Path) -> Result<Vec<std::path::PathBuf>, files::Error> {
    let listed = match std::fs::read_dir(folder) {
        Err(error) if absent(&error) => return Ok(Vec::new()),
        listed => listed.and_then(|found| found.map(|entry| Ok(entry?.path())).collect()),
    };
    let mut listed: Vec<_> = listed.map_err(|source| unreadable(folder, source))?;
    listed.sort();
    Ok(listed)
}

fn absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn unreadable(path: &Path, source: std::io::Error) -> files::Error {
    files::Error::Io {
        action: "look at",
        path: path.to_owned(),
        source,
    }
}
