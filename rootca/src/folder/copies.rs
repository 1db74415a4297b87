//! The copies in `issued/`: what of them is what it should be, and how they are written again. The ledger holds every
//! certificate, so a damaged copy stops no command.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use time::OffsetDateTime;
use x509::bundle::Bundle;
use x509::{Certificate, Serial};

use super::{ASIDE, Folder, ISSUED, ISSUED_FILES, Issued, RESTORE, records};
use crate::error::Error;
use crate::files;

/// A file in `issued/` that is not the copy of a certificate in the ledger.
pub(super) enum Stray {
    /// The root's own certificate.
    Itself,
    /// It holds a certificate that the ledger does not know.
    Unknown(Serial),
    /// It holds one that the ledger knows, which has a copy of its own.
    Known(Serial),
    /// It holds nothing that this root could have issued.
    Foreign,
}

impl Folder {
    /// The certificate that the ledger does not know, in the file of its number.
    ///
    /// # Errors
    /// [`Error::NotIssued`] if there is no such file.
    pub(super) fn orphan(&self, serial: Serial) -> Result<Certificate, Error> {
        let path = self.path_of(serial);
        let content = files::read_if_there(&path)?.ok_or(Error::NotIssued(serial))?;
        let unknown = format!(
            "{ISSUED} does not know {serial} either; {RESTORE}, or name another file of the certificate"
        );
        let certificate = files::certificate(&path, &content).map_err(|error| error.with_advice(&unknown))?;
        self.check_signed(&certificate, &path)?;
        if certificate.serial().proper().ok() != Some(serial) {
            return Err(Error::Content {
                path,
                problem: format!(
                    "holds certificate {} instead; `verify --repair` takes that in. {unknown}",
                    certificate.serial()
                ),
            });
        }
        Ok(certificate)
    }

    /// Writes the copy of a certificate that is in the ledger. What else has that name is put aside; answers where it is now.
    pub(super) fn keep_copy(&self, certificate: &Certificate) -> Result<Option<String>, Error> {
        let path = self.path_of(certificate.serial().proper()?);
        let there = fs::symlink_metadata(&path).is_ok();
        if there && read_one(&path).as_ref() == Some(certificate) {
            return Ok(None);
        }
        let kept = there.then(|| self.put_aside(&path)).transpose()?;
        ::files::create(&path, certificate.pem().as_bytes(), files::PUBLIC)?;
        Ok(kept)
    }

    /// The files in `issued/`, by name.
    pub(super) fn copy_files(&self) -> Result<Vec<PathBuf>, Error> {
        self.check_copies()?;
        entries(&self.dir.join(ISSUED_FILES))
    }

    /// What is in `issued/`, under whatever name and beside whatever else, and was issued by this root.
    pub(super) fn copies(&self) -> Result<Vec<(PathBuf, Certificate)>, Error> {
        let files = self.copy_files()?.into_iter();
        Ok(files
            .flat_map(|path| {
                self.issued_in(&path)
                    .into_iter()
                    .map(move |found| (path.clone(), found))
            })
            .collect())
    }

    /// The certificates of a file that this root issued.
    fn issued_in(&self, path: &Path) -> Vec<Certificate> {
        let content = files::read(path).unwrap_or_default();
        let mut found = Bundle::read(&content).unwrap_or_default().certificates;
        found.retain(|found| self.check_signed(found, path).is_ok() && found.serial().proper().is_ok());
        found
    }

    /// What a file is that has not the name of a certificate in the ledger.
    pub(super) fn stray(&self, path: &Path, known: &HashSet<Serial>) -> Stray {
        if read_one(path).as_ref() == Some(&self.certificate) {
            return Stray::Itself;
        }
        let held: Vec<_> = self
            .issued_in(path)
            .iter()
            .filter_map(|found| found.serial().proper().ok())
            .collect();
        let unknown = held.iter().find(|serial| !known.contains(serial));
        match (unknown, held.first()) {
            (Some(unknown), _) => Stray::Unknown(*unknown),
            (None, Some(first)) => Stray::Known(*first),
            (None, None) => Stray::Foreign,
        }
    }

    /// Takes in every certificate of `issued/` that this root issued and the ledger does not know, whatever its file is
    /// called. Only the lines: the copies follow from them. One that a damaged line is about is known: a second line would make
    /// up when it was signed.
    pub(super) fn take_in_orphans(&self, now: OffsetDateTime, done: &mut Vec<String>) -> Result<(), Error> {
        let mut known = self.known()?;
        known.extend(self.named_by_damage(now)?);
        for (path, certificate) in self.copies()? {
            let entry = Issued::of(&certificate, now)?;
            if known.insert(entry.serial) {
                records::append(&self.dir.join(ISSUED), &entry)?;
                done.push(format!(
                    "{} was taken into {ISSUED}",
                    self.shown(&path, entry.serial)
                ));
            }
        }
        Ok(())
    }

    /// Writes the copies that are missing, damaged, or of another certificate. Lines of earlier versions hold no
    /// certificate: theirs may be in another file.
    pub(super) fn restore_copies(&self, done: &mut Vec<String>) -> Result<(), Error> {
        let mut elsewhere = HashMap::new();
        for path in [self.copy_files()?, entries(&self.dir.join(ASIDE))?].concat() {
            let found = self.issued_in(&path).into_iter();
            elsewhere.extend(found.map(|found| (HEXLOWER.encode(&found.fingerprint()), found)));
        }
        for entry in self.listed()? {
            let certificate = entry.certificate();
            let Some(certificate) = certificate
                .as_ref()
                .filter(|found| found.serial().proper().ok() == Some(entry.serial))
                .or_else(|| elsewhere.get(&entry.fingerprint_sha256))
            else {
                continue;
            };
            let path = self.path_of(entry.serial);
            if read_one(&path).as_ref() == Some(certificate) {
                continue;
            }
            let kept = self.keep_copy(certificate)?;
            let moved = kept.map_or(String::new(), |kept| {
                format!("; what was there is no copy of it and was moved to {kept}")
            });
            done.push(format!(
                "{ISSUED_FILES}/{}.crt was written from {ISSUED}{moved}",
                entry.serial
            ));
        }
        Ok(())
    }

    /// Puts aside what is in `issued/` and is not the copy of a certificate in the ledger; the root's own certificate, which
    /// is in `root.crt`, is removed.
    pub(super) fn clear_out_strays(&self, now: OffsetDateTime, done: &mut Vec<String>) -> Result<(), Error> {
        let mut known = self.known()?;
        known.extend(self.named_by_damage(now)?);
        for path in self.strays(&known)? {
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let name = format!("{ISSUED_FILES}/{name}");
            let what = match self.stray(&path, &known) {
                Stray::Itself => {
                    fs::remove_file(&path).map_err(|source| files::failed("remove", &path, source))?;
                    done.push(format!("{name}, the root itself, was removed"));
                    continue;
                }
                Stray::Known(serial) | Stray::Unknown(serial) => {
                    format!("{name}, which is not the name of certificate {serial} in it,")
                }
                Stray::Foreign => format!("{name}, in which there is no certificate that this root issued,"),
            };
            let kept = self.put_aside(&path)?;
            done.push(format!("{what} was moved to {kept}"));
        }
        Ok(())
    }

    /// The files in `issued/` that have not the name of a certificate in the ledger.
    pub(super) fn strays(&self, known: &HashSet<Serial>) -> Result<Vec<PathBuf>, Error> {
        let named: HashSet<_> = known.iter().map(|serial| self.path_of(*serial)).collect();
        let mut files = self.copy_files()?;
        files.retain(|path| !named.contains(path));
        Ok(files)
    }

    /// The serial numbers in the ledger, as far as it can be read.
    pub(super) fn known(&self) -> Result<HashSet<Serial>, Error> {
        Ok(self.listed()?.into_iter().map(|entry| entry.serial).collect())
    }

    /// A file in `issued/`, with the number of a certificate in it where the name does not say it.
    fn shown(&self, path: &Path, serial: Serial) -> String {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        match path == self.path_of(serial) {
            true => format!("{ISSUED_FILES}/{name}"),
            false => format!("{serial} of {ISSUED_FILES}/{name}"),
        }
    }
}

/// The certificate of a file that holds just one.
pub(super) fn read_one(path: &Path) -> Option<Certificate> {
    let content = files::read(path).ok()?;
    files::certificate(path, &content).ok()
}

/// What is in a directory, by name; nothing where there is none.
fn entries(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let found = match fs::read_dir(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        found => found.map_err(|source| files::failed("read", dir, source))?,
    };
    let mut paths = found
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|source| files::failed("read", dir, source))?;
    paths.sort();
    Ok(paths)
}
