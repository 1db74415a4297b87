//! The ceremony folder: everything that belongs to one root, as files that people can read.
//!
//! | file | holds |
//! |---|---|
//! | `root.crt` | the root certificate, PEM |
//! | `root.key` | its private key, encrypted, mode 0600 |
//! | `issued.jsonl` | one JSON line for each certificate that was ever signed |
//! | `issued/<serial>.crt` | those certificates |
//! | `revoked.jsonl` | one JSON line for each revoked certificate |
//! | `crl-number` | the highest CRL number that was ever used |
//! | `root.crl` | the latest CRL, DER |
//!
//! A certificate is in the ledger before it leaves the folder; a CRL number is used up before the CRL is signed. So
//! after a crash at any moment nothing signed is unknown and no number comes twice.

mod audit;
mod records;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use keys::secret_file;
use time::OffsetDateTime;
use x509::crl::{CertificateList, CrlEntry, Reason};
use x509::{Certificate, Serial};

pub use audit::Audit;
pub use records::{Issued, Revoked};

use crate::error::Error;
use crate::files;
use crate::protection::Protection;
use crate::root::Root;

const CERTIFICATE: &str = "root.crt";
const KEY: &str = "root.key";
const CRL: &str = "root.crl";
const CRL_NUMBER: &str = "crl-number";
const ISSUED: &str = "issued.jsonl";
const ISSUED_FILES: &str = "issued";
const REVOKED: &str = "revoked.jsonl";
const LOCK: &str = ".lock";

/// The folder of one root.
#[derive(Debug, Clone)]
pub struct Folder {
    dir: PathBuf,
    certificate: Certificate,
}

impl Folder {
    /// Makes the folder for a new root. It is filled under another name and renamed, so it appears whole or not at
    /// all. An empty folder of that name may be there.
    ///
    /// # Errors
    /// [`Error::Exists`] if there is something in it; [`Error::Usage`] for `.` and `/`, which cannot be renamed to.
    pub fn create(dir: &Path, root: &Root, protection: Protection<'_>) -> Result<Self, Error> {
        Self::check_free(dir)?;
        let building = files::beside(dir, ".new");
        if building.exists() {
            fs::remove_dir_all(&building).map_err(|source| files::failed("remove", &building, source))?;
        }
        let fill = || {
            create_private_dir(&building)?;
            create_private_dir(&building.join(ISSUED_FILES))?;
            let key = protection.close(root.key(), root.certificate())?;
            secret_file::create(&building.join(KEY), key.as_bytes())?;
            for (name, content) in [
                (CERTIFICATE, root.certificate().pem()),
                (ISSUED, String::new()),
                (REVOKED, String::new()),
                (CRL_NUMBER, "0\n".to_owned()),
            ] {
                files::create(&building.join(name), content.as_bytes())?;
            }
            fs::rename(&building, dir).map_err(|source| files::failed("create", dir, source))?;
            files::sync_parent(dir)
        };
        fill().inspect_err(|_| drop(fs::remove_dir_all(&building)))?;
        Self::open(dir)
    }

    /// Whether a root may be made here.
    ///
    /// # Errors
    /// [`Error::Exists`] if there is anything of that name but an empty folder; [`Error::Usage`] for `.` and `/`.
    pub fn check_free(dir: &Path) -> Result<(), Error> {
        if dir.file_name().is_none() {
            return Err(Error::Usage(format!(
                "{} cannot hold a root: name a folder of its own",
                dir.display()
            )));
        }
        match fs::read_dir(dir).map(Iterator::count) {
            Ok(0) => Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            _ => Err(Error::Exists(dir.into())),
        }
    }

    /// Opens a folder. Reads the certificate only.
    ///
    /// # Errors
    /// [`Error::NoRoot`]; [`Error::Content`] if `root.crt` is no certificate.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let path = dir.join(CERTIFICATE);
        let content = match files::read(&path) {
            Err(Error::File { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                return Err(Error::NoRoot(dir.into()));
            }
            other => other?,
        };
        let certificate = Certificate::from_pem(&content).map_err(|error| Error::Content {
            path,
            problem: error.to_string(),
        })?;
        Ok(Self {
            dir: dir.into(),
            certificate,
        })
    }

    /// The root's certificate.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Where the folder is.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Opens the private key.
    ///
    /// # Errors
    /// [`Error::Key`] for a wrong passphrase, a damaged file, or one that others may read; [`Error::KeyMismatch`] if
    /// the key belongs to another certificate.
    pub fn unlock(&self, protection: Protection<'_>) -> Result<Root, Error> {
        let path = self.dir.join(KEY);
        let content = secret_file::read(&path)?;
        let key = protection.open(&content, &self.certificate)?;
        Root::from_parts(self.certificate.clone(), key).ok_or_else(|| Error::KeyMismatch {
            key: path,
            certificate: self.dir.join(CERTIFICATE),
        })
    }

    /// What was ever issued, oldest first.
    ///
    /// # Errors
    /// [`Error::Content`] names the line that is damaged.
    pub fn issued(&self) -> Result<Vec<Issued>, Error> {
        records::read(&self.dir.join(ISSUED))
    }

    /// What was revoked, oldest first.
    ///
    /// # Errors
    /// [`Error::Content`] names the line that is damaged.
    pub fn revoked(&self) -> Result<Vec<Revoked>, Error> {
        records::read(&self.dir.join(REVOKED))
    }

    /// Where the copy of an issued certificate is.
    #[must_use]
    pub fn path_of(&self, serial: Serial) -> PathBuf {
        self.dir.join(ISSUED_FILES).join(format!("{serial}.crt"))
    }

    /// Keeps a certificate and enters it into the ledger, both on disk when this returns. Only then may it leave the
    /// folder.
    ///
    /// # Errors
    /// [`Error::Exists`] if it is there already.
    pub fn record(&self, certificate: &Certificate, now: OffsetDateTime) -> Result<(), Error> {
        let _lock = self.lock()?;
        files::create(&self.path_of(certificate.serial()), certificate.pem().as_bytes())?;
        records::append(&self.dir.join(ISSUED), Issued::of(certificate, now))
    }

    /// Notes that a certificate is revoked. It is for all the world with the next CRL.
    ///
    /// # Errors
    /// [`Error::NotIssued`], [`Error::AlreadyRevoked`]; [`Error::Usage`] for reasons that this root
    /// could not take back or that are not for CAs.
    pub fn revoke(&self, serial: Serial, reason: Reason, now: OffsetDateTime) -> Result<Revoked, Error> {
        if matches!(
            reason,
            Reason::CertificateHold | Reason::RemoveFromCrl | Reason::AaCompromise
        ) {
            return Err(Error::Usage(format!(
                "{reason} is no reason to revoke a CA for good"
            )));
        }
        let _lock = self.lock()?;
        if !self.issued()?.iter().any(|issued| issued.serial == serial) {
            return Err(Error::NotIssued(serial));
        }
        if self.revoked()?.iter().any(|revoked| revoked.serial == serial) {
            return Err(Error::AlreadyRevoked(serial));
        }
        let revoked = Revoked {
            serial,
            reason,
            time: now,
        };
        records::append(&self.dir.join(REVOKED), revoked.clone())?;
        Ok(revoked)
    }

    /// Signs a CRL of everything revoked, with the next number, and keeps it as `root.crl`. Expired certificates stay
    /// on it: an offline root's list is short.
    ///
    /// # Errors
    /// Those of [`Root::crl`].
    pub fn publish_crl(
        &self,
        root: &Root,
        validity: Duration,
        now: OffsetDateTime,
    ) -> Result<CertificateList, Error> {
        let _lock = self.lock()?;
        let entry = |revoked: Revoked| CrlEntry {
            serial: revoked.serial,
            time: revoked.time,
            reason: Some(revoked.reason),
            invalidity: None,
        };
        let entries = self.revoked()?.into_iter().map(entry).collect();
        let latest = self
            .latest_crl()?
            .and_then(|list| list.number())
            .unwrap_or_default();
        let number = self.crl_number()?.max(latest).saturating_add(1);
        files::replace(&self.dir.join(CRL_NUMBER), format!("{number}\n").as_bytes())?;
        let list = root.crl(number, entries, validity, now)?;
        files::replace(&self.dir.join(CRL), list.der())?;
        Ok(list)
    }

    /// The latest CRL, if there ever was one.
    ///
    /// # Errors
    /// [`Error::Content`] if the file is no CRL.
    pub fn latest_crl(&self) -> Result<Option<CertificateList>, Error> {
        let path = self.dir.join(CRL);
        if !path.exists() {
            return Ok(None);
        }
        CertificateList::from_der(&files::read(&path)?)
            .map(Some)
            .map_err(|error| Error::Content {
                path,
                problem: error.to_string(),
            })
    }

    /// The highest CRL number ever used.
    ///
    /// # Errors
    /// [`Error::Content`] if the file holds no number: guessing one could repeat it.
    pub fn crl_number(&self) -> Result<u64, Error> {
        let path = self.dir.join(CRL_NUMBER);
        let text = files::read_if_there(&path)?.unwrap_or_default();
        text.trim().parse().map_err(|_| Error::Content {
            path,
            problem: "does not hold the number of the last CRL; write the highest that was ever published"
                .into(),
        })
    }

    /// Waits until nobody else writes in the folder, and keeps others waiting until the file is dropped. Nobody is
    /// asked anything meanwhile, so the wait is short.
    fn lock(&self) -> Result<File, Error> {
        let path = self.dir.join(LOCK);
        let lock = || {
            let file = File::create(&path)?;
            file.lock()?;
            Ok(file)
        };
        lock().map_err(|source| files::failed("lock", &path, source))
    }
}

fn create_private_dir(path: &Path) -> Result<(), Error> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(path)
        .map_err(|source| files::failed("create", path, source))
}
