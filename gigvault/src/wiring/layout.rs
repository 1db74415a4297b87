//! The paths in the data directory.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

/// The data directory of `up`, and of a fleet's bootstrap.
#[derive(Clone, Debug)]
pub(crate) struct DataDir {
    root: PathBuf,
}

impl DataDir {
    /// Makes the directory and its folders where they are missing, and closes them to other users. What those could have
    /// written in is refused, and so is a symbolic link, in these folders and wherever below them.
    pub(crate) fn create(root: &Path) -> Result<Self, files::Error> {
        let dir = Self::at(root);
        for folder in dir.folders() {
            private(&folder)?;
        }
        // What is below was made by this user, or another user was there.
        files::check_tree(&dir.root)?;
        Ok(dir)
    }

    /// Refuses what [`create`](Self::create) would refuse for a process of user `us`, and changes nothing. A folder that is
    /// missing is not refused: a start makes it.
    pub(crate) fn check(&self, us: u32) -> Result<(), files::Error> {
        for folder in self.folders() {
            match files::check_dir_of(&folder, us) {
                Err(error) if error.is_not_found() => {}
                checked => checked?,
            }
        }
        files::check_tree_of(&self.root, us)?;
        files::check_lock(&self.lock())
    }

    fn folders(&self) -> [PathBuf; 4] {
        let below = |name| self.root.join(name);
        [self.root.clone(), below("db"), below("keys"), below("identities")]
    }

    /// Removes what a crash left of unfinished writes. Only for the process that holds the lock.
    pub(crate) fn sweep(&self) -> Result<(), files::Error> {
        let identities = std::fs::read_dir(self.identities());
        let identities = identities
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path());
        let ours = ["", "db", "keys", "keys/root", "keys/root/issued"].map(|name| self.root.join(name));
        for folder in ours
            .into_iter()
            .chain(identities)
            .filter(|folder| folder.is_dir())
        {
            files::sweep(&folder)?;
        }
        Ok(())
    }

    /// Certificate of the root CA, PEM.
    pub(crate) fn root_certificate(&self) -> PathBuf {
        self.root.join("root.crt")
    }

    /// The latest CRL of the root CA, DER.
    pub(crate) fn root_crl(&self) -> PathBuf {
        self.root.join("root.crl")
    }

    /// Certificate of the issuing CA, PEM.
    pub(crate) fn ca_certificate(&self) -> PathBuf {
        self.root.join("ca.crt")
    }

    /// Issuing CA, then root, PEM.
    pub(crate) fn chain(&self) -> PathBuf {
        self.root.join("chain.pem")
    }

    /// API key of the first admin.
    pub(crate) fn admin_token(&self) -> PathBuf {
        self.root.join("admin.token")
    }

    /// Where the CLI finds the running server.
    pub(crate) fn server(&self) -> PathBuf {
        self.root.join("server.json")
    }

    /// Held while a process works on this directory.
    pub(crate) fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    /// Key-encryption key.
    pub(crate) fn kek(&self) -> PathBuf {
        self.root.join("keys").join("kek")
    }

    /// Which installation the keys belong to.
    pub(crate) fn installation(&self) -> PathBuf {
        self.root.join("keys").join("installation")
    }

    /// How far the databases were seen. Not in `keys`, which a backup holds.
    pub(crate) fn high_water(&self) -> PathBuf {
        self.root.join("high-water")
    }

    /// Whether a first start came as far as a root.
    pub(crate) fn has_root(&self) -> bool {
        self.root_ceremony().join("root.crt").exists()
    }

    /// The development root's ceremony folder: its key, sealed.
    pub(crate) fn root_ceremony(&self) -> PathBuf {
        self.root.join("keys").join("root")
    }

    /// The files of root and CAs.
    pub(crate) fn hierarchy(&self) -> setup::Files {
        setup::Files {
            root_ceremony: self.root_ceremony(),
            root_certificate: self.root_certificate(),
            root_crl: self.root_crl(),
            ca_certificate: self.ca_certificate(),
            chain: self.chain(),
        }
    }

    /// Where the identities are.
    pub(crate) fn identities(&self) -> PathBuf {
        self.root.join("identities")
    }

    /// Identity of a service: `tls.crt`, `tls.key`, `roots.pem`.
    pub(crate) fn identity(&self, name: &str) -> PathBuf {
        self.identities().join(name)
    }

    /// SQLite file of a service, as a URL.
    pub(crate) fn database_url(&self, service: &str) -> String {
        format!("sqlite:{}", self.database(service).display())
    }

    /// SQLite file of a service.
    pub(crate) fn database(&self, service: &str) -> PathBuf {
        self.root.join("db").join(format!("{service}.db"))
    }

    /// The directory as it is, without making anything.
    pub(crate) fn at(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// The directory itself.
    pub(crate) fn path(&self) -> &Path {
        &self.root
    }
}

/// Refuses what a start by the owner of a data directory would refuse of its files, and changes nothing.
pub(crate) fn check(root: &Path) -> Result<(), files::Error> {
    // A server that runs as another user is looked at by root too.
    let owner = std::fs::symlink_metadata(root).map_or_else(|_| geteuid().as_raw(), |found| found.uid());
    DataDir::at(root).check(owner)
}

/// What a start by the owner of a data directory could not read, though no other user may write it: a backup that root put back.
/// What an installation does not use is not looked at.
pub(crate) fn closed_to_owner(root: &Path) -> Result<Option<files::Closed>, files::Error> {
    let Ok(found) = std::fs::symlink_metadata(root) else {
        return Ok(None);
    };
    let data = DataDir::at(root);
    let used = [
        data.root.join("keys"),
        data.identities(),
        data.high_water(),
        data.admin_token(),
        data.root_certificate(),
        data.root_crl(),
        data.ca_certificate(),
        data.chain(),
    ];
    let written = [data.root.join("db"), data.lock()];
    let all = used.map(|path| (path, files::Access::Read)).into_iter();
    for (path, access) in all.chain(written.map(|path| (path, files::Access::Write))) {
        if let Some(closed) = files::closed_to(&path, (found.uid(), found.gid()), access)? {
            return Ok(Some(closed));
        }
    }
    Ok(None)
}

/// A folder that only its owner may enter.
pub(crate) fn private(path: &Path) -> Result<(), files::Error> {
    if files::private_dir(path)? == files::Tightened::Yes {
        tracing::warn!(path = %path.display(), "directory was open to other users; mode set to 0700");
    }
    Ok(())
}
