//! The list of revocations, and that nothing on a published CRL is ever missing in it: a CRL of a shorter list would take
//! back what all the world was told.

use std::collections::HashSet;

use x509::crl::{CertificateList, Reason};
use x509::serial::Serial;

use super::{CRL, Folder, ISSUED, ISSUED_FILES, Issued, Loss, REVOKED, Revoked, files, records};
use crate::error::Error;

pub(super) const MISSING: &str = "is missing, and what was revoked since the latest CRL would be forgotten; restore the file \
     from a copy of the folder, or, if nothing was, let `verify --repair --accept-loss` rebuild it from what that CRL lists";

/// The way out where what [`not_in_ledger`] is about cannot be found.
pub(super) const LISTED_ALL_THE_SAME: &str =
    "; if it is lost, make a CRL with `crl --accept-loss` that lists it";

/// A revocation of a certificate that the ledger does not know.
pub(super) fn not_in_ledger(serial: Serial) -> String {
    format!(
        "{serial} is not in {ISSUED}: its line there was lost, the number here is damaged, or it was never issued here; restore the \
         files from a copy of the folder; if its certificate is at hand, put the file into {ISSUED_FILES}/ and let \
         `verify --repair` take it in"
    )
}

impl Folder {
    /// Refuses a revocation of what the ledger does not know, unless the latest CRL lists it or its loss is accepted: with one
    /// digit changed, another certificate than the revoked one would be listed.
    pub(super) fn check_known(
        &self,
        issued: &[Issued],
        revoked: &[Revoked],
        loss: Loss,
    ) -> Result<(), Error> {
        if loss == Loss::Accept {
            return Ok(());
        }
        let own = self.certificate.serial().proper().ok();
        let known: HashSet<_> = issued.iter().map(|entry| entry.serial).collect();
        let published: HashSet<_> = self.published()?.into_iter().map(|entry| entry.serial).collect();
        let mut serials = revoked.iter().map(|entry| entry.serial);
        match serials
            .find(|serial| !known.contains(serial) && !published.contains(serial) && Some(*serial) != own)
        {
            Some(serial) => Err(Error::Content {
                path: self.dir.join(REVOKED),
                problem: format!("{}{LISTED_ALL_THE_SAME}", not_in_ledger(serial)),
            }),
            None => Ok(()),
        }
    }

    /// What was revoked, oldest first.
    ///
    /// # Errors
    /// [`Error::Content`] names the line that is damaged, a file that is missing, or what the latest CRL lists and
    /// the file does not.
    pub fn revoked(&self) -> Result<Vec<Revoked>, Error> {
        let path = self.dir.join(REVOKED);
        let ledger = records::read::<Revoked>(&path)?.whole(&path)?;
        // A folder is made with one: that it is not there is a loss, whatever was in it.
        let or_missing = |ledger: records::Ledger<Revoked>| match ledger.missing {
            true => Err(Error::Content {
                path: path.clone(),
                problem: MISSING.to_owned(),
            }),
            false => Ok(ledger.records),
        };
        let Some(latest) = self.latest_crl()? else {
            return or_missing(ledger);
        };
        let Some(forgotten) = self.forgotten(&latest, &ledger.records).into_iter().next() else {
            return or_missing(ledger);
        };
        if let Err(error) = latest.verify_signed_by(self.certificate()) {
            return Err(Error::Content {
                path: self.dir.join(CRL),
                problem: format!(
                    "{error}, and it lists {}, which {REVOKED} does not; put the CRL of this root back, or move this file out \
                     of the folder if it is of another root",
                    forgotten.serial
                ),
            });
        }
        if ledger.missing {
            return or_missing(ledger);
        }
        Err(Error::Content {
            path: path.clone(),
            problem: format!(
                "has lost a line: {CRL} lists {} as revoked; restore the file from a copy of the folder, or let `verify --repair` take \
                 in what {CRL} lists",
                forgotten.serial
            ),
        })
    }

    /// Takes what the latest CRL lists into the ledger. Whether the CRL lists all that was in a ledger that is
    /// missing, only the operator knows.
    pub(super) fn take_in_revocations(&self, loss: Loss, done: &mut Vec<String>) -> Result<(), Error> {
        let path = self.dir.join(REVOKED);
        let ledger = records::read::<Revoked>(&path)?;
        if ledger.missing && loss == Loss::Refuse {
            return Ok(());
        }
        if ledger.missing {
            ::files::create(&path, b"", files::PRIVATE)?;
            done.push(format!("{REVOKED} was missing and was rebuilt"));
        }
        let mut listed = self.published()?;
        listed.retain(|entry| !ledger.records.iter().any(|known| known.serial == entry.serial));
        for entry in listed {
            done.push(format!("{} was taken into {REVOKED} from {CRL}", entry.serial));
            records::append(&path, &entry)?;
        }
        Ok(())
    }

    /// What the latest CRL of this root lists. What another key signed, and what is not a CRL, revokes nothing here; the audit
    /// names it.
    pub(super) fn published(&self) -> Result<Vec<Revoked>, Error> {
        let latest = match self.latest_crl() {
            Err(Error::Content { .. }) => None,
            latest => latest?,
        };
        let signed = latest.filter(|list| list.verify_signed_by(self.certificate()).is_ok());
        Ok(signed.map_or_else(Vec::new, |list| self.forgotten(&list, &[])))
    }

    /// What the list has and the ledger does not. The root itself is not lost: it cannot be revoked here.
    pub(super) fn forgotten(&self, list: &CertificateList, ledger: &[Revoked]) -> Vec<Revoked> {
        let own = self.certificate.serial().proper().ok();
        let entries = list.entries().iter();
        entries
            .filter_map(|entry| Some((entry.serial.proper().ok()?, entry)))
            .filter(|(serial, _)| Some(*serial) != own && !ledger.iter().any(|known| known.serial == *serial))
            .map(|(serial, entry)| Revoked {
                serial,
                reason: entry.reason.unwrap_or(Reason::Unspecified),
                time: entry.time,
            })
            .collect()
    }
}
