//! The ledger of what was issued, and that it is never taken for empty where it was lost.

use std::ffi::OsStr;
use std::fs;

use super::{CRL, Folder, ISSUED, ISSUED_FILES, Issued, REVOKED, records};
use crate::error::Error;
use crate::files;

impl Folder {
    /// What was ever issued, oldest first.
    ///
    /// # Errors
    /// [`Error::Content`] names the line that is damaged, or says that the file is missing, or empty although certificates
    /// were issued.
    pub fn issued(&self) -> Result<Vec<Issued>, Error> {
        let path = self.dir.join(ISSUED);
        let ledger = records::read::<Issued>(&path)?.whole(&path)?;
        let what = match (ledger.missing, ledger.records.is_empty()) {
            // A folder is made with one: that it is not there is a loss, whatever was in it.
            (true, _) => match self.trace_of_issuing()? {
                Some(trace) => format!("is missing, but {trace}"),
                None => "is missing".to_owned(),
            },
            (false, true) => match self.own_copy()? {
                Some(trace) => format!("is empty, but {trace}"),
                None => return Ok(ledger.records),
            },
            (false, false) => return Ok(ledger.records),
        };
        Err(Error::Content {
            path,
            problem: format!(
                "{what}; restore the file from a copy of the folder, or let `verify --repair` rebuild it from the \
                 certificates in {ISSUED_FILES}/, which knows nothing of those that are not there"
            ),
        })
    }

    /// What can be read of the ledger, also where that is nothing.
    pub(super) fn listed(&self) -> Result<Vec<Issued>, Error> {
        Ok(records::read(&self.dir.join(ISSUED))?.records)
    }

    /// Makes a ledger that is missing; what is in `issued/` is taken in behind it.
    pub(super) fn restore_ledger(&self, done: &mut Vec<String>) -> Result<(), Error> {
        let path = self.dir.join(ISSUED);
        if records::read::<Issued>(&path)?.missing {
            ::files::create(&path, b"", files::PRIVATE)?;
            done.push(format!(
                "{ISSUED} was missing and was rebuilt; what was issued and is not in {ISSUED_FILES}/ is not in it"
            ));
        }
        Ok(())
    }

    /// A certificate in `issued/` that this root signed.
    fn own_copy(&self) -> Result<Option<String>, Error> {
        let copy = self.copies()?.into_iter().next();
        Ok(copy.map(|(_, copy)| format!("{ISSUED_FILES}/ has certificate {} of this root", copy.serial())))
    }

    /// What shows that this root has issued: a certificate that it signed, a revocation, or an entry of its CRL.
    fn trace_of_issuing(&self) -> Result<Option<String>, Error> {
        let dir = self.dir.join(ISSUED_FILES);
        let entries = match fs::read_dir(&dir) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            entries => Some(entries.map_err(|source| files::failed("read", &dir, source))?),
        };
        for entry in entries.into_iter().flatten() {
            let path = entry
                .map_err(|source| files::failed("read", &dir, source))?
                .path();
            if path.extension() == Some(OsStr::new("crt")) {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                return Ok(Some(format!("{ISSUED_FILES}/{name} is there")));
            }
        }
        if self
            .dir
            .join(REVOKED)
            .metadata()
            .is_ok_and(|found| found.len() > 0)
        {
            return Ok(Some(format!("{REVOKED} lists what was revoked")));
        }
        let listed = self.latest_crl()?.is_some_and(|list| !list.entries().is_empty());
        Ok(listed.then(|| format!("{CRL} lists what was revoked")))
    }
}
