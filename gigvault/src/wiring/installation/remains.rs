//! What an installation leaves in its data directory beside keys and databases. A first start writes the record of the
//! installation before any of it: without a record it says that keys were lost, not that nothing was there.

use std::io::ErrorKind;
use std::path::Path;

use super::Acceptable;
use crate::wiring::layout::DataDir;
use crate::wiring::services::Service;

/// What is left of an installation, or there of one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Remains {
    /// A root, which an installation of an earlier version has without a record.
    pub(crate) root: bool,
    /// The rest, as paths in the data directory.
    pub(crate) others: Vec<String>,
    /// Whether something of it is what `up` and `bootstrap` alone make. A process of some services has identities, and what
    /// clients need was put there by whoever works beside it: the root, and the API key of an admin.
    pub(crate) of_whole: bool,
    /// Whether a start came as far as a root certificate, or the key of an admin, for others to use.
    pub(crate) ended: bool,
    /// The number of the CRL that the development root published, and the highest that `keys/root` knows, where that is lower.
    pub(crate) list_ahead: Option<(u64, u64)>,
}

impl Remains {
    /// What there is, whatever it holds. Folders that are empty were made by a start that did not come further.
    pub(crate) fn of(data: &DataDir) -> Result<Self, files::Error> {
        let mut remains = Self {
            root: data.has_root(),
            ended: data.root_certificate().exists() || data.admin_token().exists(),
            list_ahead: setup::RootCrl::of(&data.hierarchy()).ahead_of_folder(),
            ..Self::default()
        };
        let part = Part::of(data);
        let alone = part.is_some();
        // Keys are kept where keymgr runs, and `bootstrap` ran there.
        let without_keys = part.is_some_and(|part| part.of.is_some_and(|service| service != Service::Keymgr));
        let whole = [
            (data.root_certificate(), !alone),
            (data.root_crl(), !alone),
            (data.ca_certificate(), !without_keys),
            (data.chain(), !without_keys),
            (data.root_ceremony(), true),
            (data.admin_token(), false),
        ];
        let identities = entries(&data.identities())?;
        let identities = identities.into_iter().map(|path| (path, false));
        for (path, of_whole) in whole.into_iter().chain(identities) {
            if holds_something(&path)? {
                let name = path.strip_prefix(data.path()).unwrap_or(&path);
                remains.others.push(name.display().to_string());
                remains.of_whole |= of_whole;
            }
        }
        Ok(remains)
    }

    /// Refuses a root that is older than the CRL beside it: its next list would have a number that was used, without what was revoked
    /// since.
    pub(super) fn root_not_older(&self) -> anyhow::Result<()> {
        let Some((published, known)) = self.list_ahead else {
            return Ok(());
        };
        let older = format!(
            "keys/root is older than it was: root.crl beside keys/ has CRL number {published}, and keys/root knows none above \
             {known}. What the root revoked since then and root.crl does not list is lost. Put the newest copy of keys/ back if \
             there is one"
        );
        Err(Acceptable(older).into())
    }
}

/// A process of some services, whose data directory this is, by what it leaves there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// The service whose identity it has. None where that is kept elsewhere, or where several are.
    pub(crate) of: Option<Service>,
}

impl Part {
    /// None where `up` was started, which has an identity of its own, where keys are of no such process, and where nothing was.
    pub(crate) fn of(data: &DataDir) -> Option<Self> {
        let has = |name: &str| data.identity(name).join("tls.crt").exists();
        if has("gigvault") {
            return None;
        }
        let mut services = Service::ALL.into_iter().filter(|service| has(service.name()));
        match (services.next(), services.next()) {
            (Some(service), None) => Some(Self { of: Some(service) }),
            (Some(_), Some(_)) => Some(Self { of: None }),
            (None, _) => {
                let served = data.server().exists() && !data.installation().exists() && !data.has_root();
                served.then_some(Self { of: None })
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clients_need_makes_no_whole_installation_of_a_process_of_some_services() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::create(dir.path()).unwrap();
        let put = |path: &Path| {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            files::create(path, b"", 0o600).unwrap();
        };
        put(&data.root_certificate());
        put(&data.admin_token());
        assert_eq!(Part::of(&data), None);
        assert!(Remains::of(&data).unwrap().of_whole);
        // Its identity may be kept elsewhere.
        put(&data.server());
        assert_eq!(Part::of(&data), Some(Part { of: None }));
        assert!(!Remains::of(&data).unwrap().of_whole);
        put(&data.identity("https").join("tls.crt"));
        put(&data.identity("ca").join("tls.crt"));
        put(&data.ca_certificate());
        put(&data.chain());
        assert_eq!(Part::of(&data).unwrap().of, Some(Service::Ca));
        assert!(!Remains::of(&data).unwrap().of_whole);
        // Where keymgr runs there were keys.
        put(&data.identity("keymgr").join("tls.crt"));
        assert_eq!(Part::of(&data), Some(Part { of: None }));
        std::fs::remove_dir_all(data.identity("ca")).unwrap();
        assert_eq!(Part::of(&data).unwrap().of, Some(Service::Keymgr));
        assert!(Remains::of(&data).unwrap().of_whole);
        // `up` has an identity of its own.
        put(&data.identity("gigvault").join("tls.crt"));
        assert_eq!(Part::of(&data), None);
    }
}
