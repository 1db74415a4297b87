//! What a damaged ledger line still says. One bad octet must not take a revocation back, or make a certificate unknown that
//! was signed: the line is rebuilt from what can be read of it. It stays where that is nothing, and where a reason or a date would
//! have to be made up: people may know it from the minutes.

use std::collections::HashSet;

use data_encoding::BASE64;
use time::OffsetDateTime;
use x509::crl::Reason;
use x509::{Certificate, Serial, rfc3339};

use super::records::{self, Ledger, Record};
use super::times::Times;
use super::{Folder, ISSUED, Issued, REVOKED, Revoked, damaged_line};
use crate::error::Error;
use crate::files;

/// What repair does about a ledger line that does not say any more which certificate it is about, why, or when, and about a ledger
/// of revocations that is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// Leaves it: the folder is not in order, and no CRL is signed.
    Refuse,
    /// Goes on without what it held.
    Accept,
}

/// A record that a damaged line still holds.
struct Rescued<T> {
    record: T,
    /// What of it had to be made up, each with what it is then.
    made_up: Vec<String>,
}

impl<T> Rescued<T> {
    fn whole(record: T) -> Self {
        Self {
            record,
            made_up: Vec::new(),
        }
    }
}

/// A ledger in the making, and what became of its damaged lines.
#[derive(Default)]
struct Mended {
    content: Vec<u8>,
    /// Numbers of lines of which nothing was lost.
    rebuilt: Vec<String>,
    /// Numbers of lines that held more than was found.
    lost: Vec<String>,
    /// What was made up.
    made_up: Vec<String>,
}

impl Mended {
    /// What was done, one sentence each.
    fn sentences<T: Record>(&self, name: &str, kept: &str) -> Vec<String> {
        let mut done = Vec::new();
        if !self.rebuilt.is_empty() {
            done.push(format!(
                "{name}: what was damaged was rebuilt from what it still says (line {}); the file as it was is {kept}",
                self.rebuilt.join(", ")
            ));
        }
        if !self.lost.is_empty() {
            done.push(format!(
                "{name}: what was damaged was taken out (line {}): {}; the file as it was is {kept}, where people may still \
                 see what it said",
                self.lost.join(", "),
                T::loss()
            ));
        }
        done.extend(self.made_up.iter().map(|made_up| {
            format!(
                "{name}: {made_up}; the file as it was is {kept}, where people may still see what it said"
            )
        }));
        done
    }
}

impl Folder {
    /// Rebuilds the lines of `issued.jsonl` that are damaged.
    pub(super) fn mend_issued(
        &self,
        now: OffsetDateTime,
        loss: Loss,
        done: &mut Vec<String>,
    ) -> Result<(), Error> {
        let ledger = self.issued_ledger(now)?;
        done.extend(self.mend(ISSUED, &ledger, self.issued_rescuer(now)?, loss)?);
        Ok(())
    }

    /// Rebuilds the lines of `revoked.jsonl` that are damaged.
    pub(super) fn mend_revoked(
        &self,
        now: OffsetDateTime,
        loss: Loss,
        done: &mut Vec<String>,
    ) -> Result<(), Error> {
        let ledger = self.revoked_ledger(now)?;
        done.extend(self.mend(REVOKED, &ledger, self.revoked_rescuer(now)?, loss)?);
        Ok(())
    }

    /// What repair would have to make up of damaged lines, one problem each.
    pub(super) fn unread(&self, now: OffsetDateTime) -> Result<Vec<String>, Error> {
        let mut unread = Vec::new();
        let (issued, revoked) = (self.issued_ledger(now)?, self.revoked_ledger(now)?);
        if !issued.damaged.is_empty() {
            unread.extend(self.unread_in(ISSUED, &issued, self.issued_rescuer(now)?)?);
        }
        if !revoked.damaged.is_empty() {
            unread.extend(self.unread_in(REVOKED, &revoked, self.revoked_rescuer(now)?)?);
        }
        Ok(unread)
    }

    /// The certificates that damaged lines of `issued.jsonl` are about.
    pub(super) fn named_by_damage(&self, now: OffsetDateTime) -> Result<Vec<Serial>, Error> {
        let ledger = self.issued_ledger(now)?;
        if ledger.damaged.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.held_by_damage(ISSUED, &ledger, self.issued_rescuer(now)?)?;
        Ok(found.into_iter().map(|(_, found)| found.record.serial).collect())
    }

    fn unread_in<T: Record>(
        &self,
        name: &str,
        ledger: &Ledger<T>,
        still_says: impl Fn(&[u8]) -> Vec<Rescued<T>>,
    ) -> Result<Vec<String>, Error> {
        let found = self.held_by_damage(name, ledger, still_says)?.into_iter();
        let problems = found.flat_map(|(number, found)| {
            let made_up = found.made_up.into_iter();
            made_up.map(move |made_up| {
                format!(
                    "{name}: line {number}: {made_up} with `verify --repair --accept-loss`; if the minutes say it, correct the line"
                )
            })
        });
        Ok(problems.collect())
    }

    /// What damaged lines still say, with their numbers, and no other line says.
    fn held_by_damage<T: Record>(
        &self,
        name: &str,
        ledger: &Ledger<T>,
        still_says: impl Fn(&[u8]) -> Vec<Rescued<T>>,
    ) -> Result<Vec<(usize, Rescued<T>)>, Error> {
        let content = files::read_if_there(&self.dir.join(name))?.unwrap_or_default();
        let known: HashSet<_> = ledger.records.iter().map(T::serial).collect();
        let damaged: HashSet<_> = ledger.damaged.iter().map(|(number, _)| *number).collect();
        let lines = (1..).zip(content.split_inclusive(|byte| *byte == b'\n'));
        let found = lines
            .filter(|(number, _)| damaged.contains(number))
            .flat_map(|(number, line)| still_says(line).into_iter().map(move |found| (number, found)));
        Ok(found
            .filter(|(_, found)| !known.contains(&found.record.serial()))
            .collect())
    }

    fn issued_rescuer(&self, now: OffsetDateTime) -> Result<impl Fn(&[u8]) -> Vec<Rescued<Issued>>, Error> {
        let copies: Vec<_> = self.copies()?.into_iter().map(|(_, copy)| copy).collect();
        let times = self.times(now)?;
        Ok(move |line: &[u8]| in_pieces(line, |piece| self.issued_in_piece(piece, &copies, &times, now)))
    }

    fn revoked_rescuer(&self, now: OffsetDateTime) -> Result<impl Fn(&[u8]) -> Vec<Rescued<Revoked>>, Error> {
        let published = self.published()?;
        let mut known = self.known()?;
        known.extend(published.iter().map(|entry| entry.serial));
        known.extend(
            self.copies()?
                .iter()
                .filter_map(|(_, copy)| copy.serial().proper().ok()),
        );
        let times = self.times(now)?;
        Ok(move |line: &[u8]| {
            in_pieces(line, |piece| {
                revoked_in_piece(piece, &known, &published, &times, now)
            })
        })
    }

    /// Writes what damaged lines still say in their place, and keeps a copy of the file as it was in `aside/`. Answers what was
    /// done.
    fn mend<T: Record>(
        &self,
        name: &str,
        ledger: &Ledger<T>,
        still_says: impl Fn(&[u8]) -> Vec<Rescued<T>>,
        loss: Loss,
    ) -> Result<Vec<String>, Error> {
        let path = self.dir.join(name);
        let content = files::read_if_there(&path)?.unwrap_or_default();
        let damaged: HashSet<_> = ledger.damaged.iter().map(|(number, _)| *number).collect();
        let mut known: HashSet<_> = ledger.records.iter().map(T::serial).collect();
        let mut mended = Mended::default();
        for (number, line) in (1..).zip(content.split_inclusive(|byte| *byte == b'\n')) {
            if !damaged.contains(&number) {
                mended.content.extend_from_slice(line);
                continue;
            }
            let mut found = Vec::new();
            for rescued in still_says(line) {
                let again = format!("{}\n", records::line_of(&path, &rescued.record)?);
                found.push((rescued, again));
            }
            let whole = says_all(line, found.iter().map(|(_, again)| again.len()));
            // What another line says is not lost with this one.
            found.retain(|(rescued, _)| !known.contains(&rescued.record.serial()));
            let is_made_up = found.iter().any(|(rescued, _)| !rescued.made_up.is_empty());
            if loss == Loss::Refuse && (!whole || is_made_up) {
                mended.content.extend_from_slice(line);
                continue;
            }
            for (rescued, again) in found {
                known.insert(rescued.record.serial());
                mended.content.extend_from_slice(again.as_bytes());
                let made_up = rescued.made_up.into_iter();
                mended
                    .made_up
                    .extend(made_up.map(|made_up| format!("line {number}: {made_up}")));
            }
            match (whole, is_made_up) {
                (false, _) => mended.lost.push(number.to_string()),
                (true, false) => mended.rebuilt.push(number.to_string()),
                // That is said of it.
                (true, true) => {}
            }
        }
        if mended.content == content {
            return Ok(Vec::new());
        }
        let kept = self.copy_aside(&path, &content)?;
        ::files::replace(&path, &mended.content, files::PRIVATE)?;
        Ok(mended.sentences::<T>(name, &kept))
    }

    /// The certificates that a piece of a line holds, or names by the number of a copy.
    fn issued_in_piece(
        &self,
        piece: &[u8],
        copies: &[Certificate],
        times: &Times,
        now: OffsetDateTime,
    ) -> Vec<Rescued<Issued>> {
        let is_signed =
            |certificate: &Certificate| self.check_signed(certificate, &self.dir.join(ISSUED)).is_ok();
        let entry = serde_json::from_slice::<Issued>(damaged_line::record(piece)).ok();
        if let Some(entry) = &entry
            && entry.contradiction().is_none()
            && entry.certificate().is_none_or(|held| is_signed(&held))
            && self.wrong_of_issued(entry, times).is_none()
        {
            return vec![Rescued::whole(entry.clone())];
        }
        let held = piece
            .split(|byte| *byte == b'"')
            .filter_map(|text| BASE64.decode(text).ok())
            .filter_map(|der| Certificate::from_der(&der).ok())
            .filter(is_signed);
        let is_named = |copy: &&Certificate| {
            let serial = copy.serial().proper();
            serial.is_ok_and(|serial| damaged_line::names(piece, serial))
        };
        let mut certificates: Vec<Certificate> = held.collect();
        for copy in copies.iter().filter(is_named) {
            if !certificates.contains(copy) {
                certificates.push(copy.clone());
            }
        }
        let alone = certificates.len() == 1;
        let rescued = certificates.iter().filter_map(|certificate| {
            let time = match &entry {
                Some(entry) => Some(entry.time),
                None => damaged_line::time(piece, Some(certificate.not_after())),
            };
            let serial = certificate.serial().proper().ok()?;
            let can_be = |time: &OffsetDateTime| times.wrong_of_issued(serial, *time).is_none();
            // A certificate is valid about when it is signed.
            let time = time
                .filter(|time| alone && can_be(time))
                .or_else(|| Some(certificate.not_before()).filter(can_be));
            // A clock that is behind does not date it before it is valid.
            let made_up = now.max(certificate.not_before());
            let record = Issued::of(certificate, time.unwrap_or(made_up)).ok()?;
            let made_up = match time {
                Some(_) => Vec::new(),
                None => vec![format!(
                    "when {} was signed {}, and becomes {}",
                    record.serial,
                    unknown(entry.as_ref()),
                    rfc3339(made_up)
                )],
            };
            Some(Rescued { record, made_up })
        });
        rescued.collect()
    }
}

/// What the pieces of a line hold, each certificate once.
fn in_pieces<T: Record>(line: &[u8], still_says: impl Fn(&[u8]) -> Vec<Rescued<T>>) -> Vec<Rescued<T>> {
    let pieces = damaged_line::pieces(line).into_iter();
    let mut found: Vec<_> = pieces.flat_map(still_says).collect();
    let mut seen = HashSet::new();
    found.retain(|rescued| seen.insert(rescued.record.serial()));
    found
}

/// What is wrong with a time that has to be made up.
fn unknown<T>(read: Option<&T>) -> &'static str {
    match read {
        Some(_) => "is said, but cannot be right",
        None => "cannot be read",
    }
}

/// The revocations that a piece of a line holds. What it does not say any more is taken from the latest CRL.
fn revoked_in_piece(
    piece: &[u8],
    known: &HashSet<Serial>,
    published: &[Revoked],
    times: &Times,
    now: OffsetDateTime,
) -> Vec<Rescued<Revoked>> {
    let entry = serde_json::from_slice::<Revoked>(damaged_line::record(piece)).ok();
    if let Some(entry) = &entry
        && times.wrong_of_revoked(entry.serial, entry.time).is_none()
    {
        return vec![Rescued::whole(entry.clone())];
    }
    let mut serials: HashSet<Serial> = damaged_line::serial(piece).into_iter().collect();
    serials.extend(known.iter().filter(|serial| damaged_line::names(piece, **serial)));
    // Of several it is not known whose reason and time these are.
    let alone = serials.len() == 1;
    let revoked = serials.into_iter().map(|serial| {
        let listed = published.iter().find(|entry| entry.serial == serial);
        let reason = damaged_line::reason(piece)
            .filter(|_| alone)
            .or(listed.map(|entry| entry.reason));
        let time = damaged_line::time(piece, None)
            .filter(|_| alone)
            .into_iter()
            .chain(listed.map(|entry| entry.time))
            .find(|time| times.wrong_of_revoked(serial, *time).is_none());
        let mut made_up = Vec::new();
        if reason.is_none() {
            let is_then = Reason::Unspecified;
            made_up.push(format!(
                "why {serial} was revoked cannot be read, and becomes {is_then}"
            ));
        }
        if time.is_none() {
            let is_then = rfc3339(now);
            made_up.push(format!(
                "when {serial} was revoked {}, and becomes {is_then}",
                unknown(entry.as_ref())
            ));
        }
        let record = Revoked {
            serial,
            reason: reason.unwrap_or(Reason::Unspecified),
            time: time.unwrap_or(now),
        };
        Rescued { record, made_up }
    });
    revoked.collect()
}

/// Whether a line held nothing but records of these lengths. One that is longer lost a line break, and another record with it:
/// the shortest record is longer than the difference between two reasons.
fn says_all(line: &[u8], records: impl Iterator<Item = usize>) -> bool {
    const SLACK: usize = 32;
    // A blank line never held anything.
    let blank = matches!(line, b"\n" | b"\r\n");
    let length: usize = records.sum();
    blank || (length > 0 && line.len() <= length + SLACK)
}
