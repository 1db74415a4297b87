//! What a damaged ledger line still says. One bad octet must not take a revocation back, or make a certificate unknown that
//! was signed: the line is rebuilt from what can be read of it. It stays where that is nothing, and where a reason or a date would
//! have to be made up: people may know it from the minutes.

use std::collections::HashSet;

use data_encoding::BASE64;
use time::OffsetDateTime;
use x509::crl::Reason;
use x509::{Certificate, Serial};

use super::records::{self, Record, rfc3339};
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
                "{name}: what could not be read was rebuilt from what it still says (line {}); the file as it was is {kept}",
                self.rebuilt.join(", ")
            ));
        }
        if !self.lost.is_empty() {
            done.push(format!(
                "{name}: what could not be read was taken out (line {}): {}; the file as it was is {kept}, where people may still \
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
    /// Rebuilds the lines of `issued.jsonl` that cannot be read.
    pub(super) fn mend_issued(
        &self,
        now: OffsetDateTime,
        loss: Loss,
        done: &mut Vec<String>,
    ) -> Result<(), Error> {
        self.mend(ISSUED, self.issued_rescuer(now)?, loss, done)
    }

    /// Rebuilds the lines of `revoked.jsonl` that cannot be read.
    pub(super) fn mend_revoked(
        &self,
        now: OffsetDateTime,
        loss: Loss,
        done: &mut Vec<String>,
    ) -> Result<(), Error> {
        self.mend(REVOKED, self.revoked_rescuer(now)?, loss, done)
    }

    /// What repair would have to make up of damaged lines, one problem each.
    pub(super) fn unread(&self, now: OffsetDateTime) -> Result<Vec<String>, Error> {
        let mut unread = Vec::new();
        if !records::read::<Issued>(&self.dir.join(ISSUED))?
            .damaged
            .is_empty()
        {
            unread.extend(self.unread_in(ISSUED, self.issued_rescuer(now)?)?);
        }
        if !records::read::<Revoked>(&self.dir.join(REVOKED))?
            .damaged
            .is_empty()
        {
            unread.extend(self.unread_in(REVOKED, self.revoked_rescuer(now)?)?);
        }
        Ok(unread)
    }

    /// The certificates that lines of `issued.jsonl` are about which cannot be read.
    pub(super) fn named_by_damage(&self, now: OffsetDateTime) -> Result<Vec<Serial>, Error> {
        if records::read::<Issued>(&self.dir.join(ISSUED))?
            .damaged
            .is_empty()
        {
            return Ok(Vec::new());
        }
        let found = self.held_by_damage(ISSUED, self.issued_rescuer(now)?)?;
        Ok(found.into_iter().map(|(_, found)| found.record.serial).collect())
    }

    fn unread_in<T: Record>(
        &self,
        name: &str,
        still_says: impl Fn(&[u8]) -> Vec<Rescued<T>>,
    ) -> Result<Vec<String>, Error> {
        let found = self.held_by_damage(name, still_says)?.into_iter();
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
        still_says: impl Fn(&[u8]) -> Vec<Rescued<T>>,
    ) -> Result<Vec<(usize, Rescued<T>)>, Error> {
        let path = self.dir.join(name);
        let content = files::read_if_there(&path)?.unwrap_or_default();
        let ledger = records::read::<T>(&path)?;
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
        Ok(move |line: &[u8]| self.issued_in_line(line, &copies, now))
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
        Ok(move |line: &[u8]| revoked_in_line(line, &known, &published, now))
    }

    /// Writes what damaged lines still say in their place, and keeps a copy of the file as it was in `aside/`.
    fn mend<T: Record>(
        &self,
        name: &str,
        still_says: impl Fn(&[u8]) -> Vec<Rescued<T>>,
        loss: Loss,
        done: &mut Vec<String>,
    ) -> Result<(), Error> {
        let path = self.dir.join(name);
        let content = files::read_if_there(&path)?.unwrap_or_default();
        let ledger = records::read::<T>(&path)?;
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
                mended.made_up.extend(rescued.made_up);
            }
            match whole {
                true => mended.rebuilt.push(number.to_string()),
                false => mended.lost.push(number.to_string()),
            }
        }
        if mended.content == content {
            return Ok(());
        }
        let kept = self.copy_aside(&path, &content)?;
        ::files::replace(&path, &mended.content, files::PRIVATE)?;
        done.extend(mended.sentences::<T>(name, &kept));
        Ok(())
    }

    /// The certificates that a line holds, or names by the number of a copy.
    fn issued_in_line(
        &self,
        line: &[u8],
        copies: &[Certificate],
        now: OffsetDateTime,
    ) -> Vec<Rescued<Issued>> {
        let pieces = damaged_line::pieces(line).into_iter();
        let mut found: Vec<_> = pieces
            .flat_map(|piece| self.issued_in_piece(piece, copies, now))
            .collect();
        let mut seen = HashSet::new();
        found.retain(|rescued| seen.insert(rescued.record.serial));
        found
    }

    fn issued_in_piece(
        &self,
        piece: &[u8],
        copies: &[Certificate],
        now: OffsetDateTime,
    ) -> Vec<Rescued<Issued>> {
        let is_signed =
            |certificate: &Certificate| self.check_signed(certificate, &self.dir.join(ISSUED)).is_ok();
        if let Ok(entry) = serde_json::from_slice::<Issued>(damaged_line::record(piece))
            && entry
                .certificate()
                .is_none_or(|held| is_signed(&held) && entry.describes(&held))
        {
            return vec![Rescued::whole(entry)];
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
            let time = damaged_line::time(piece, Some(certificate.not_after())).filter(|_| alone);
            let record = Issued::of(certificate, time.unwrap_or(now)).ok()?;
            let made_up = match time {
                Some(_) => Vec::new(),
                None => vec![format!(
                    "when {} was signed cannot be read, and becomes {}",
                    record.serial,
                    rfc3339(now)
                )],
            };
            Some(Rescued { record, made_up })
        });
        rescued.collect()
    }
}

/// The revocations that a line holds. What it does not say any more is taken from the latest CRL.
fn revoked_in_line(
    line: &[u8],
    known: &HashSet<Serial>,
    published: &[Revoked],
    now: OffsetDateTime,
) -> Vec<Rescued<Revoked>> {
    let pieces = damaged_line::pieces(line).into_iter();
    let mut found: Vec<_> = pieces
        .flat_map(|piece| revoked_in_piece(piece, known, published, now))
        .collect();
    let mut seen = HashSet::new();
    found.retain(|rescued| seen.insert(rescued.record.serial));
    found
}

fn revoked_in_piece(
    piece: &[u8],
    known: &HashSet<Serial>,
    published: &[Revoked],
    now: OffsetDateTime,
) -> Vec<Rescued<Revoked>> {
    if let Ok(record) = serde_json::from_slice(damaged_line::record(piece)) {
        return vec![Rescued::whole(record)];
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
            .or(listed.map(|entry| entry.time));
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
                "when {serial} was revoked cannot be read, and becomes {is_then}"
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
