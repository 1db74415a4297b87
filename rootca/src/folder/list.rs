//! The CRL of a root and its number, which only grows.

use std::time::Duration;

use time::OffsetDateTime;
use x509::crl::{CertificateList, CrlEntry};
use x509::rfc3339;

use super::{CRL, CRL_NUMBER, Folder, Loss, RESTORE, REVOKED, Revoked, records};
use crate::error::Error;
use crate::files;
use crate::root::Root;

impl Folder {
    /// Signs a CRL of everything revoked, with the next number, and keeps it as `root.crl`. Expired certificates stay
    /// on it: an offline root's list is short.
    ///
    /// # Errors
    /// Those of [`Root::crl`], of [`Folder::issued`] and of [`Folder::revoked`]: from a folder that lost a ledger no list is
    /// signed, nor one with a time that cannot be right, nor, unless the loss is accepted, one that lists what the ledger does
    /// not know.
    pub fn publish_crl(
        &self,
        root: &Root,
        validity: Duration,
        now: OffsetDateTime,
        loss: Loss,
    ) -> Result<CertificateList, Error> {
        let _lock = self.lock()?;
        let (issued, revoked) = (self.issued()?, self.revoked()?);
        self.check_known(&issued, &revoked, loss)?;
        self.check_listed(now)?;
        let latest = self.latest_crl()?;
        let number = self.next_crl_number(latest.as_ref())?;
        let this_update = not_before(latest.as_ref(), now)?;
        let entry = |revoked: Revoked| CrlEntry {
            serial: revoked.serial,
            // It was noted by a clock that was ahead. What is on the list is revoked, and not from some hour of today on.
            time: revoked.time.min(this_update),
            reason: Some(revoked.reason),
            invalidity: None,
        };
        let entries = revoked.into_iter().map(entry).collect();
        ::files::replace(
            &self.dir.join(CRL_NUMBER),
            format!("{number}\n").as_bytes(),
            files::PRIVATE,
        )?;
        let list = root.crl(number, entries, validity, this_update)?;
        ::files::replace(&self.dir.join(CRL), list.der(), files::PUBLIC)?;
        Ok(list)
    }

    /// Takes a list of this root that was kept outside of the folder, if it is newer than the latest one here: the folder was restored
    /// from an older copy. What it lists is revoked here as well, and numbers go on above its own. Answers whether it was taken.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Content`].
    pub fn take_newer_crl(&self, list: &CertificateList) -> Result<bool, Error> {
        let _lock = self.lock()?;
        if list.number().is_none() || list.verify_signed_by(&self.certificate).is_err() {
            return Ok(false);
        }
        let latest = self.latest_crl()?;
        if latest.is_some_and(|latest| latest.number() >= list.number()) {
            return Ok(false);
        }
        let path = self.dir.join(REVOKED);
        let known = records::read::<Revoked>(&path)?.whole(&path)?.records;
        // Before the list is here: what is cut off is done again.
        for entry in self.forgotten(list, &known) {
            records::append(&path, &entry)?;
        }
        ::files::replace(&self.dir.join(CRL), list.der(), files::PUBLIC)?;
        Ok(true)
    }

    /// Uses up all CRL numbers to that one: they may have been used by a folder of which this is an older copy.
    ///
    /// # Errors
    /// Those of [`crl_number`](Self::crl_number); [`Error::File`].
    pub fn use_up_crl_numbers(&self, to: u64) -> Result<(), Error> {
        let _lock = self.lock()?;
        if self.crl_number()? >= to {
            return Ok(());
        }
        let content = format!("{to}\n");
        Ok(::files::replace(
            &self.dir.join(CRL_NUMBER),
            content.as_bytes(),
            files::PRIVATE,
        )?)
    }

    /// Above every number that was ever used, by the counter and by the latest CRL.
    fn next_crl_number(&self, latest: Option<&CertificateList>) -> Result<u64, Error> {
        let used = self.crl_number()?;
        let Some(latest) = latest else {
            return following(used);
        };
        let number = latest.number().ok_or_else(|| Error::Content {
            path: self.dir.join(CRL),
            problem: "its CRL number is missing or beyond 2^64; move it out of the folder, then sign again"
                .into(),
        })?;
        following(used.max(number))
    }

    /// The latest CRL, if there ever was one.
    ///
    /// # Errors
    /// [`Error::Content`] if the file is not a CRL.
    pub fn latest_crl(&self) -> Result<Option<CertificateList>, Error> {
        let path = self.dir.join(CRL);
        let Some(content) = files::read_if_there(&path)? else {
            return Ok(None);
        };
        CertificateList::from_der(&content)
            .map(Some)
            .map_err(|error| Error::Content {
                path,
                problem: format!(
                    "{error}; {RESTORE}, or let `verify --repair` put it aside, then make a new one with `crl`"
                ),
            })
    }

    /// The highest CRL number ever used.
    ///
    /// # Errors
    /// [`Error::Content`] if the file holds no number: guessing one could repeat it.
    pub fn crl_number(&self) -> Result<u64, Error> {
        let path = self.dir.join(CRL_NUMBER);
        let content = files::read_if_there(&path)?.unwrap_or_default();
        let number = std::str::from_utf8(&content)
            .ok()
            .and_then(|text| text.trim().parse().ok());
        number.ok_or_else(|| Error::Content {
            path,
            problem: format!(
                "does not hold the number of the last CRL; let `verify --repair` take it from {CRL}, or, without that, write the \
                 highest number that was ever published into it"
            ),
        })
    }
}

/// The moment of the next CRL, never before that of the latest one: clients that have it would keep it. Two commands at once,
/// and a clock that was put right by less than an hour, are not a reason to refuse.
fn not_before(latest: Option<&CertificateList>, now: OffsetDateTime) -> Result<OffsetDateTime, Error> {
    let latest = latest.map_or(now, CertificateList::this_update);
    if latest - now > time::Duration::HOUR {
        return Err(Error::Crl(format!(
            "the clock says {}, but the last CRL is of {}; set the clock. If it was wrong then, move root.crl out of \
             the folder and sign again",
            rfc3339(now),
            rfc3339(latest)
        )));
    }
    Ok(now.max(latest))
}

fn following(number: u64) -> Result<u64, Error> {
    number.checked_add(1).ok_or_else(|| {
        Error::Crl(
            "all CRL numbers are used up: no list with a higher number can follow; make a new root".into(),
        )
    })
}
