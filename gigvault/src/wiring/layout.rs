//! What lies where in the data directory.

use std::io;
use std::path::{Path, PathBuf};

/// The data directory of `up`, and of a fleet's bootstrap.
#[derive(Clone, Debug)]
pub(crate) struct DataDir {
    root: PathBuf,
}

impl DataDir {
    /// Makes the directory and its folders, closed to other users, where they are missing.
    pub(crate) fn create(root: &Path) -> io::Result<Self> {
        let dir = Self {
            root: root.to_owned(),
        };
        for folder in [
            dir.root.clone(),
            dir.root.join("db"),
            dir.root.join("keys"),
            dir.root.join("identities"),
        ] {
            create_private(&folder)?;
        }
        Ok(dir)
    }

    /// Certificate of the root CA, PEM.
    pub(crate) fn root_certificate(&self) -> PathBuf {
        self.root.join("root.crt")
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

    /// The development root's ceremony folder: its key, sealed.
    pub(crate) fn root_ceremony(&self) -> PathBuf {
        self.root.join("keys").join("root")
    }

    /// Identity of a service: `tls.crt`, `tls.key`, `roots.pem`.
    pub(crate) fn identity(&self, name: &str) -> PathBuf {
        self.root.join("identities").join(name)
    }

    /// SQLite file of a service, as a URL.
    pub(crate) fn database_url(&self, service: &str) -> String {
        format!(
            "sqlite:{}",
            self.root.join("db").join(format!("{service}.db")).display()
        )
    }

    /// The directory itself.
    pub(crate) fn path(&self) -> &Path {
        &self.root
    }
}

/// A folder that only its owner may enter.
pub(crate) fn create_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
}
