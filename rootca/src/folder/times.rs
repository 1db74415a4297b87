//! Whether a ledger line can be right that can be read: whether what it tells happened when it could have, and whether it is what
//! its certificate says. One changed digit would have a CRL say that a certificate is revoked in 800 years.

use std::collections::HashMap;

use time::{Duration, OffsetDateTime};
use x509::Serial;

use super::copies::read_one;
use super::records::{self, Ledger, rfc3339};
use super::{Folder, ISSUED, Issued, REVOKED, Revoked};
use crate::built;
use crate::error::Error;

/// Clocks differ, and are put right.
const TOLERANCE: Duration = Duration::HOUR;

/// When the things happened that ledgers tell, at the earliest and at the latest.
pub(super) struct Times {
    /// The root is valid from then on.
    root: OffsetDateTime,
    /// When certificates were signed, at the earliest.
    signed: HashMap<Serial, OffsetDateTime>,
    /// None where the clock is certainly wrong: then nothing is too late.
    latest: Option<OffsetDateTime>,
}

impl Times {
    /// Why a certificate cannot have been signed then.
    pub(super) fn wrong_of_issued(&self, time: OffsetDateTime) -> Option<String> {
        self.wrong(time, self.root, "before this root was made")
    }

    /// Why a certificate cannot have been revoked then.
    pub(super) fn wrong_of_revoked(&self, serial: Serial, time: OffsetDateTime) -> Option<String> {
        let signed = self.signed.get(&serial).copied().unwrap_or(self.root);
        self.wrong(time, signed.max(self.root), "before the certificate was signed")
    }

    fn wrong(&self, time: OffsetDateTime, earliest: OffsetDateTime, too_early: &str) -> Option<String> {
        let said = format!("has the time {}, which cannot be right: it is", rfc3339(time));
        if time < earliest - TOLERANCE {
            return Some(format!("{said} {too_early}"));
        }
        let late = self.latest.is_some_and(|latest| time > latest);
        late.then(|| format!("{said} in the future, unless the clock of this machine is behind"))
    }
}

impl Folder {
    pub(super) fn times(&self, now: OffsetDateTime) -> Result<Times, Error> {
        let signed = self.listed()?.into_iter().map(|entry| {
            // A line that was rebuilt may have the time of that. A certificate is valid no later than it is signed.
            let valid = entry.certificate().map_or(entry.time, |held| held.not_before());
            (entry.serial, entry.time.min(valid))
        });
        Ok(Times {
            root: self.certificate.not_before(),
            signed: signed.collect(),
            latest: built::check_clock(now).is_ok().then(|| now + TOLERANCE),
        })
    }

    /// `issued.jsonl`, where lines that cannot be right are damaged ones.
    pub(super) fn issued_ledger(&self, now: OffsetDateTime) -> Result<Ledger<Issued>, Error> {
        let times = self.times(now)?;
        records::read_judged(&self.dir.join(ISSUED), |entry| {
            self.wrong_of_issued(entry, &times)
        })
    }

    /// `revoked.jsonl`, where lines that cannot be right are damaged ones.
    pub(super) fn revoked_ledger(&self, now: OffsetDateTime) -> Result<Ledger<Revoked>, Error> {
        let times = self.times(now)?;
        records::read_judged(&self.dir.join(REVOKED), |entry: &Revoked| {
            times.wrong_of_revoked(entry.serial, entry.time)
        })
    }

    /// Refuses ledgers with lines that cannot be right.
    pub(super) fn check_times(&self, now: OffsetDateTime) -> Result<(), Error> {
        self.issued_ledger(now)?.whole(&self.dir.join(ISSUED))?;
        self.revoked_ledger(now)?.whole(&self.dir.join(REVOKED))?;
        Ok(())
    }

    /// Why a line that can be read, and agrees with the certificate in it, cannot be right. A line of an earlier version holds no
    /// certificate: the copy of its number is compared.
    pub(super) fn wrong_of_issued(&self, entry: &Issued, times: &Times) -> Option<String> {
        let path = self.path_of(entry.serial);
        let copy = match entry.certificate {
            Some(_) => None,
            None => read_one(&path),
        };
        let contradicts = |copy: &x509::Certificate| {
            self.check_signed(copy, &path).is_ok()
                && copy.serial().proper().ok() == Some(entry.serial)
                && !entry.describes(copy)
        };
        match copy.filter(contradicts) {
            Some(_) => Some(format!(
                "says other things than the copy of its certificate, issued/{}.crt",
                entry.serial
            )),
            None => times.wrong_of_issued(entry.time),
        }
    }
}
