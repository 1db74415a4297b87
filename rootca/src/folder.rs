//! The ceremony folder: everything that belongs to one root, as files that people can read.
//!
//! | file | holds |
//! |---|---|
//! | `root.crt` | the root certificate, PEM |
//! | `root.key` | its private key, encrypted, mode 0600 |
//! | `issued.jsonl` | one JSON line for each certificate that was ever signed |
//! | `issued/<serial>.crt` | those certificates |
//! | `revoked.jsonl` | one JSON line for each revoked certificate |
//! | `publication.json` | where its CRL and its certificate will be, for intermediates; not there if `init` was not told |
//! | `crl-number` | the highest CRL number that was ever used |
//! | `root.crl` | the latest CRL, DER |
//! | `aside/` | what [`Folder::repair`] found damaged or out of place |
//!
//! A certificate is in the ledger, whole, before it leaves the program; a CRL number is used up before the CRL is signed.
//! So after a crash at any moment nothing signed is unknown and no number comes twice. What a crash left unfinished is
//! finished by [`Folder::repair`].

mod aside;
mod audit;
mod copies;
mod damaged_line;
mod issued;
mod list;
mod publication;
mod records;
mod repair;
mod rescue;
mod revocations;
mod times;

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use keys::secret_file;
use lint::Linted;
use rules::{Approved, PublicationUrls};
use time::OffsetDateTime;
use x509::crl::Reason;
use x509::{Certificate, Serial};

pub use audit::Audit;
pub use records::{Issued, Revoked};
pub use rescue::Loss;

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
const PUBLICATION: &str = "publication.json";
const REVOKED: &str = "revoked.jsonl";
const ASIDE: &str = "aside";
const LOCK: &str = ".lock";

/// What helps where nothing in the folder does.
const RESTORE: &str = "restore the file from a copy of the folder";

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
        Self::create_publishing(dir, root, protection, &PublicationUrls::default())
    }

    /// The same for a root whose intermediates say where its CRL and certificate are.
    ///
    /// # Errors
    /// Those of [`create`](Self::create); [`Error::Denied`] for an address that no certificate may have.
    pub fn create_publishing(
        dir: &Path,
        root: &Root,
        protection: Protection<'_>,
        urls: &PublicationUrls,
    ) -> Result<Self, Error> {
        root.check_publication(urls)?;
        Self::check_free(dir)?;
        let building = beside(dir);
        if fs::symlink_metadata(&building).is_ok_and(|found| found.is_dir()) {
            fs::remove_dir_all(&building).map_err(|source| files::failed("remove", &building, source))?;
        }
        let fill = || {
            ::files::create_dir(&building)?;
            ::files::create_dir(&building.join(ISSUED_FILES))?;
            let key = protection.close(root.key(), root.certificate())?;
            secret_file::create(&building.join(KEY), key.as_bytes())?;
            for (name, content, mode) in [
                (CERTIFICATE, root.certificate().pem(), files::PUBLIC),
                (ISSUED, String::new(), files::PRIVATE),
                (REVOKED, String::new(), files::PRIVATE),
                (CRL_NUMBER, "0\n".to_owned(), files::PRIVATE),
            ] {
                ::files::create(&building.join(name), content.as_bytes(), mode)?;
            }
            if *urls != PublicationUrls::default() {
                let content = publication::encoded(urls)?;
                ::files::create(&building.join(PUBLICATION), content.as_bytes(), files::PUBLIC)?;
            }
            Ok::<_, Error>(::files::rename(&building, dir)?)
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
        let Ok(found) = fs::symlink_metadata(dir) else {
            return Ok(());
        };
        let empty = || fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_none());
        match found.is_dir() && empty() {
            true => Ok(()),
            false => Err(Error::Exists(dir.into())),
        }
    }

    /// Opens a folder. Reads the certificate only.
    ///
    /// # Errors
    /// [`Error::NoRoot`]; [`Error::Content`] if `root.crt` is not a certificate.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let path = dir.join(CERTIFICATE);
        let content = files::read_if_there(&path)?.ok_or_else(|| Error::NoRoot(dir.into()))?;
        let certificate = files::certificate(&path, &content).map_err(|error| error.with_advice(RESTORE))?;
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

    /// Whether the private key is where it belongs, before anybody is asked for what opens it.
    ///
    /// # Errors
    /// [`Error::NoKey`] if the file is missing or empty.
    pub fn check_key(&self) -> Result<(), Error> {
        let key = self.dir.join(KEY);
        match files::is_missing(&key) {
            true => Err(Error::NoKey(key)),
            false => Ok(()),
        }
    }

    /// Whether a certificate could be signed here but for the key: what [`issue`](Self::issue) refuses is refused, and
    /// nothing is changed.
    ///
    /// # Errors
    /// Those of [`issue`](Self::issue) that come before anything is signed.
    pub fn check_ledgers(&self) -> Result<(), Error> {
        ::files::check_tree(&self.dir)?;
        self.check_copies()?;
        self.issued().map(drop)
    }

    /// Opens the private key.
    ///
    /// # Errors
    /// [`Error::NoKey`]; [`Error::KeyFile`] and [`Error::Content`] for a wrong passphrase and a damaged file; [`Error::Key`] for
    /// one that others may read; [`Error::KeyMismatch`] if the key belongs to another certificate.
    pub fn unlock(&self, protection: Protection<'_>) -> Result<Root, Error> {
        ::files::check_tree(&self.dir)?;
        self.open_key(protection)
    }

    /// Whether [`unlock`](Self::unlock) would open the private key for the owner of the folder.
    ///
    /// # Errors
    /// Those of [`unlock`](Self::unlock).
    pub fn check_opens(&self, protection: Protection<'_>) -> Result<(), Error> {
        self.open_key(protection).map(drop)
    }

    fn open_key(&self, protection: Protection<'_>) -> Result<Root, Error> {
        self.check_key()?;
        let path = self.dir.join(KEY);
        let content = secret_file::read(&path)?;
        let key = protection.open(&path, &content, &self.certificate)?;
        Root::from_parts(self.certificate.clone(), key).ok_or_else(|| Error::KeyMismatch {
            key: path,
            certificate: self.dir.join(CERTIFICATE),
        })
    }

    /// Where the copy of an issued certificate is.
    #[must_use]
    pub fn path_of(&self, serial: Serial) -> PathBuf {
        self.dir.join(ISSUED_FILES).join(format!("{serial}.crt"))
    }

    /// Signs what [`draft`](crate::draft) made. The certificate is in the ledger, whole, before this returns it.
    ///
    /// # Errors
    /// Those of [`Root::sign`]; [`Error::File`] when the ledger cannot be written: then nothing was released.
    pub fn issue(
        &self,
        root: &Root,
        draft: Linted<Approved>,
        now: OffsetDateTime,
    ) -> Result<Certificate, Error> {
        let _lock = self.lock()?;
        // Before anything is signed: a ledger that was lost would hold this certificate alone.
        self.issued()?;
        let certificate = root.sign(draft)?;
        self.enter(&certificate, now)?;
        Ok(certificate)
    }

    /// Takes a certificate into the ledger that this root signed and the ledger does not know. What is in the place of its copy
    /// and is not one is put aside.
    ///
    /// # Errors
    /// [`Error::NotSigned`]; [`Error::Itself`]; [`Error::Exists`] if it is there already.
    pub fn record(&self, certificate: &Certificate, now: OffsetDateTime) -> Result<(), Error> {
        let _lock = self.lock()?;
        let serial = certificate.serial().proper()?;
        let path = self.path_of(serial);
        self.check_signed(certificate, &path)?;
        if self.entry(serial)?.is_some() {
            return Err(Error::Exists(path));
        }
        self.enter(certificate, now)
    }

    /// The line first: it holds the certificate, so the copy can be written again from it.
    fn enter(&self, certificate: &Certificate, now: OffsetDateTime) -> Result<(), Error> {
        records::append(&self.dir.join(ISSUED), &Issued::of(certificate, now)?)?;
        self.keep_copy(certificate).map(drop)
    }

    /// That this root issued it to another holder: its own certificate, which it signed too, is none of these.
    pub(crate) fn check_signed(&self, certificate: &Certificate, path: &Path) -> Result<(), Error> {
        let own = &self.certificate;
        if certificate.subject() == own.subject() && certificate.spki() == own.spki() {
            return Err(Error::Itself(path.display().to_string()));
        }
        certificate
            .verify_signed_by(&self.certificate)
            .map_err(|error| Error::NotSigned {
                path: path.into(),
                reason: error.to_string(),
            })
    }

    /// As [`check_signed`](Self::check_signed), where only the number is known.
    fn check_not_own(&self, serial: Serial) -> Result<(), Error> {
        match self.certificate.serial().proper() {
            Ok(own) if own == serial => Err(Error::Itself(serial.to_string())),
            _ => Ok(()),
        }
    }

    fn entry(&self, serial: Serial) -> Result<Option<Issued>, Error> {
        Ok(self.issued()?.into_iter().find(|issued| issued.serial == serial))
    }

    /// The subject of a certificate that this root signed: from the ledger, or from a copy that the ledger does not know.
    ///
    /// # Errors
    /// [`Error::NotIssued`], [`Error::Itself`].
    pub fn subject_of(&self, serial: Serial) -> Result<String, Error> {
        self.check_not_own(serial)?;
        match self.entry(serial)? {
            Some(entry) => Ok(entry.subject),
            None => Ok(self.orphan(serial)?.subject().to_string()),
        }
    }

    /// Notes that a certificate is revoked. It is for all the world with the next CRL. A copy in the folder that the ledger
    /// does not know is taken in first.
    ///
    /// # Errors
    /// [`Error::NotIssued`], [`Error::Itself`], [`Error::AlreadyRevoked`]; [`Error::Usage`] for reasons that this root
    /// could not take back or that are not for CAs.
    pub fn revoke(&self, serial: Serial, reason: Reason, now: OffsetDateTime) -> Result<Revoked, Error> {
        if matches!(
            reason,
            Reason::CertificateHold | Reason::RemoveFromCrl | Reason::AaCompromise
        ) {
            return Err(Error::Usage(format!(
                "{reason} is not a reason to revoke a CA for good"
            )));
        }
        self.check_not_own(serial)?;
        let _lock = self.lock()?;
        // What is wrong with the times of other lines keeps no certificate from being revoked.
        let issued = match self.entry(serial)? {
            Some(entry) => self.signed_at(&entry, now)?.unwrap_or(now),
            None => {
                self.enter(&self.orphan(serial)?, now)?;
                now
            }
        };
        if self.revoked()?.iter().any(|revoked| revoked.serial == serial) {
            return Err(Error::AlreadyRevoked(serial));
        }
        let revoked = Revoked {
            serial,
            reason,
            // A clock that is behind must not date it before the certificate.
            time: now.max(issued),
        };
        records::append(&self.dir.join(REVOKED), &revoked)?;
        Ok(revoked)
    }

    /// Waits until no other process writes in the folder, and keeps others waiting until the file is dropped. No prompt
    /// is shown in the meantime, so the wait is short. Files that other users could have written are refused.
    fn lock(&self) -> Result<File, Error> {
        let lock = self.lock_alone()?;
        self.check_copies()?;
        ::files::sweep(&self.dir.join(ISSUED_FILES))?;
        Ok(lock)
    }

    /// The same, where the folder of the copies may be missing.
    fn lock_alone(&self) -> Result<File, Error> {
        ::files::private_dir(&self.dir)?;
        ::files::check_tree(&self.dir)?;
        let lock = ::files::lock(&self.dir.join(LOCK))?;
        ::files::sweep(&self.dir)?;
        Ok(lock)
    }
}

/// A hidden name beside the folder.
fn beside(dir: &Path) -> PathBuf {
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    dir.with_file_name(format!(".{name}.new"))
}
