//! Whether a ledger line can be right that can be read: whether what it tells happened when it could have, and whether it is what
//! its certificate says. One changed digit would have a CRL say that a certificate is revoked in 800 years.

use std::collections::HashMap;

use time::{Duration, OffsetDateTime};
use x509::{Serial, rfc3339};

use super::copies::read_one;
use super::records::{self, Ledger, Problem};
use super::{Folder, ISSUED, Issued, REVOKED, Revoked};
use crate::built;
use crate::error::Error;

/// Clocks differ, and are put right.
const TOLERANCE: Duration = Duration::HOUR;
/// A clock that was set to local time as if that were UTC was ahead by hours.
const AHEAD: Duration = Duration::DAY;
/// A certificate is valid a little before it is signed, so its own first second says about when that was.
const BACKDATED: Duration = Duration::days(3);

/// When the things happened that ledgers tell, at the earliest and at the latest.
pub(super) struct Times {
    /// The root is valid from then on.
    root: OffsetDateTime,
    /// When certificates were signed, at the earliest.
    signed: HashMap<Serial, OffsetDateTime>,
    /// The first second of those that the ledger holds: the root signed it, and no octet of it changes unnoticed.
    valid: HashMap<Serial, OffsetDateTime>,
    /// None where the clock is certainly wrong: then nothing is too late.
    latest: Option<OffsetDateTime>,
}

impl Times {
    /// Why that certificate cannot have been signed then.
    pub(super) fn wrong_of_issued(&self, serial: Serial, time: OffsetDateTime) -> Option<Problem> {
        self.wrong(serial, time, self.root, "before this root was made")
    }

    /// Why a certificate cannot have been revoked then.
    pub(super) fn wrong_of_revoked(&self, serial: Serial, time: OffsetDateTime) -> Option<Problem> {
        let signed = self.signed.get(&serial).copied().unwrap_or(self.root);
        self.wrong(
            serial,
            time,
            signed.max(self.root),
            "before the certificate was signed",
        )
    }

    fn wrong(
        &self,
        serial: Serial,
        time: OffsetDateTime,
        earliest: OffsetDateTime,
        too_early: &str,
    ) -> Option<Problem> {
        let said = format!("has the time {}, which cannot be right: it is", rfc3339(time));
        if time < earliest - TOLERANCE {
            return Some(Problem::of_time(format!("{said} {too_early}")));
        }
        // Where the certificate says about the same, the clock is what is wrong: this one, or the one that it was signed by.
        let is_certified = self
            .valid
            .get(&serial)
            .is_some_and(|valid| (time - *valid).abs() <= BACKDATED);
        let late = !is_certified && self.latest.is_some_and(|latest| time > latest);
        late.then(|| {
            Problem::of_time(format!(
                "{said} in the future, unless the clock of this machine is behind"
            ))
        })
    }
}

impl Folder {
    pub(super) fn times(&self, now: OffsetDateTime) -> Result<Times, Error> {
        let latest = built::check_clock(now).is_ok().then(|| now + AHEAD);
        let (mut signed, mut valid) = (HashMap::new(), HashMap::new());
        for entry in self.listed()? {
            let held = entry.certificate().map(|held| held.not_before());
            if let Some(held) = held {
                valid.insert(entry.serial, held);
            }
            // A line that was rebuilt may have the time of that. A certificate is valid no later than it is signed.
            let earliest = held.map_or(entry.time, |held| entry.time.min(held));
            // One that cannot be right itself shows nothing to be wrong.
            if latest.is_none_or(|latest| earliest <= latest) {
                signed.insert(entry.serial, earliest);
            }
        }
        Ok(Times {
            root: self.certificate.not_before(),
            signed,
            valid,
            latest,
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

    /// Refuses what a CRL must not say: a revocation at a time that cannot be right, and the number of a certificate whose copy
    /// says other things. When certificates were signed is not on it.
    pub(super) fn check_listed(&self, now: OffsetDateTime) -> Result<(), Error> {
        let issued = self.dir.join(ISSUED);
        records::read_judged(&issued, |entry| self.contradicts_copy(entry))?.whole(&issued)?;
        self.revoked_ledger(now)?.whole(&self.dir.join(REVOKED))?;
        Ok(())
    }

    /// When a certificate was signed, for the date of its revocation: as its line says, else, where that cannot be right, as the
    /// certificate does. None if neither says it.
    pub(super) fn signed_at(
        &self,
        entry: &Issued,
        now: OffsetDateTime,
    ) -> Result<Option<OffsetDateTime>, Error> {
        let times = self.times(now)?;
        let said = Some(entry.time).filter(|time| times.wrong_of_issued(entry.serial, *time).is_none());
        Ok(said.or_else(|| times.valid.get(&entry.serial).copied()))
    }

    /// Why a line that can be read, and agrees with the certificate in it, cannot be right.
    pub(super) fn wrong_of_issued(&self, entry: &Issued, times: &Times) -> Option<Problem> {
        let contradiction = self.contradicts_copy(entry);
        contradiction.or_else(|| times.wrong_of_issued(entry.serial, entry.time))
    }

    /// A line of an earlier version holds no certificate: the copy of its number is compared.
    fn contradicts_copy(&self, entry: &Issued) -> Option<Problem> {
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
        copy.filter(contradicts).map(|_| {
            Problem::of_line(format!(
                "says other things than the copy of its certificate, issued/{}.crt",
                entry.serial
            ))
        })
    }
}
