//! Finishes what a crash, or an earlier version, left unfinished. Nothing is removed but what an earlier version noted of the
//! root itself when it was asked to revoke it, and what people said they can do without.

use std::fs;

use data_encoding::HEXLOWER;
use time::OffsetDateTime;

use super::{CRL_NUMBER, Folder, ISSUED, ISSUED_FILES, Issued, Loss, REVOKED, Revoked, records};
use crate::error::Error;
use crate::files;

pub(super) const LOST_COPIES: &str = "is missing; `verify --repair` makes it again and writes the copies of the certificates \
     in it from issued.jsonl";

impl Folder {
    /// Takes certificates of `issued/` into the ledger that this root signed and the ledger does not know, writes copies from
    /// the ledger that are missing or damaged, makes a ledger or the folder of the copies that is missing, removes ledger
    /// lines that are about the root itself, rebuilds those that are damaged from what they still say, takes revocations into their ledger that only the latest CRL lists, and raises a CRL number that is below the one of
    /// that CRL. What is damaged or out of place is kept in `aside/`. A line that cannot be rebuilt stays as it is, and the
    /// folder is not in order, unless the loss is accepted. Answers what was done, one sentence each.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Content`].
    pub fn repair(&self, now: OffsetDateTime, loss: Loss) -> Result<Vec<String>, Error> {
        let _lock = self.lock_alone()?;
        let mut done = Vec::new();
        self.restore_copies_folder(&mut done)?;
        ::files::sweep(&self.dir.join(ISSUED_FILES))?;
        self.mend_issued(now, loss, &mut done)?;
        self.mend_revoked(now, loss, &mut done)?;
        self.take_out_itself(&mut done)?;
        self.put_unreadable_crl_aside(&mut done)?;
        self.restore_ledger(&mut done)?;
        self.take_in_revocations(loss, &mut done)?;
        // The lines before the copies: what is put aside after that is in the ledger, whole.
        self.take_in_orphans(now, &mut done)?;
        self.restore_copies(&mut done)?;
        self.clear_out_strays(now, &mut done)?;
        self.raise_crl_number(&mut done)?;
        Ok(done)
    }

    /// A root does not issue or revoke itself: the lines that say so go.
    fn take_out_itself(&self, done: &mut Vec<String>) -> Result<(), Error> {
        let Ok(own) = self.certificate.serial().proper() else {
            return Ok(());
        };
        let revoked = |line: &Revoked| line.serial == own;
        if records::take_out(&self.dir.join(REVOKED), revoked)? {
            done.push(format!(
                "{REVOKED}: the line of the root itself, {own}, was taken out; make a new CRL with `crl` and publish it"
            ));
        }
        if records::take_out(&self.dir.join(ISSUED), |line| self.is_itself(line))? {
            done.push(format!(
                "{ISSUED}: the line of the root itself, {own}, was taken out"
            ));
        }
        Ok(())
    }

    /// Whether a line is about the root's own certificate.
    pub(super) fn is_itself(&self, entry: &Issued) -> bool {
        entry.fingerprint_sha256 == HEXLOWER.encode(&self.certificate.fingerprint())
    }

    fn restore_copies_folder(&self, done: &mut Vec<String>) -> Result<(), Error> {
        let path = self.dir.join(ISSUED_FILES);
        if self.lost_copies() {
            ::files::create_dir(&path)?;
            done.push(format!("{ISSUED_FILES}/ was missing and was made"));
        }
        Ok(())
    }

    /// Whether the folder of the copies is missing.
    pub(super) fn lost_copies(&self) -> bool {
        let found = fs::symlink_metadata(self.dir.join(ISSUED_FILES));
        found.is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
    }

    /// Refuses to go on without the folder of the copies.
    pub(super) fn check_copies(&self) -> Result<(), Error> {
        match self.lost_copies() {
            true => Err(Error::Content {
                path: self.dir.join(ISSUED_FILES),
                problem: LOST_COPIES.to_owned(),
            }),
            false => Ok(()),
        }
    }

    fn raise_crl_number(&self, done: &mut Vec<String>) -> Result<(), Error> {
        let Some(latest) = self.latest_crl()?.and_then(|list| list.number()) else {
            return Ok(());
        };
        // Unreadable is lower: the latest CRL is the best that is left.
        if self.crl_number().is_ok_and(|used| used >= latest) {
            return Ok(());
        }
        ::files::replace(
            &self.dir.join(CRL_NUMBER),
            format!("{latest}\n").as_bytes(),
            files::PRIVATE,
        )?;
        done.push(format!("crl-number was set to {latest}, the number of root.crl"));
        Ok(())
    }
}
