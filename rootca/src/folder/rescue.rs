//! What a damaged ledger line still says. One bad octet must not take a revocation back, or make a certificate unknown that
//! was signed: the line is rebuilt from what can be read of it, and stays where nothing can.

use std::collections::HashSet;

use data_encoding::BASE64;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use x509::crl::Reason;
use x509::{Certificate, Serial};

use super::records::{self, Record};
use super::{Folder, ISSUED, Issued, REVOKED, Revoked};
use crate::error::Error;
use crate::files;

/// What repair does about a ledger line that does not say any more which certificate it is about, and about a ledger of
/// revocations that is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// Leaves it: the folder is not in order, and no CRL is signed.
    Refuse,
    /// Goes on without what it held.
    Accept,
}

impl Folder {
    /// Rebuilds the lines of `issued.jsonl` that cannot be read.
    pub(super) fn mend_issued(
        &self,
        now: OffsetDateTime,
        loss: Loss,
        done: &mut Vec<String>,
    ) -> Result<(), Error> {
        let copies: Vec<_> = self.copies()?.into_iter().map(|(_, copy)| copy).collect();
        let still_says = |line: &[u8]| self.issued_in_line(line, &copies, now);
        self.mend(ISSUED, still_says, loss, done)
    }

    /// Rebuilds the lines of `revoked.jsonl` that cannot be read.
    pub(super) fn mend_revoked(
        &self,
        now: OffsetDateTime,
        loss: Loss,
        done: &mut Vec<String>,
    ) -> Result<(), Error> {
        let published = self.published()?;
        let mut known = self.known()?;
        known.extend(published.iter().map(|entry| entry.serial));
        known.extend(
            self.copies()?
                .iter()
                .filter_map(|(_, copy)| copy.serial().proper().ok()),
        );
        let still_says = |line: &[u8]| revoked_in_line(line, &known, &published, now);
        self.mend(REVOKED, still_says, loss, done)
    }

    /// Writes what damaged lines still say in their place, and keeps a copy of the file as it was in `aside/`.
    fn mend<T: Record>(
        &self,
        name: &str,
        still_says: impl Fn(&[u8]) -> Vec<T>,
        loss: Loss,
        done: &mut Vec<String>,
    ) -> Result<(), Error> {
        let path = self.dir.join(name);
        let content = files::read_if_there(&path)?.unwrap_or_default();
        let ledger = records::read::<T>(&path)?;
        let damaged: HashSet<_> = ledger.damaged.iter().map(|(number, _)| *number).collect();
        let mut known: HashSet<_> = ledger.records.iter().map(T::serial).collect();
        let (mut mended, mut rebuilt, mut lost) = (Vec::new(), Vec::new(), Vec::new());
        for (number, line) in (1..).zip(content.split_inclusive(|byte| *byte == b'\n')) {
            let found = match damaged.contains(&number) {
                true => still_says(line),
                false => Vec::new(),
            };
            let again = found
                .iter()
                .map(|record| Ok(format!("{}\n", records::line_of(&path, record)?)))
                .collect::<Result<Vec<_>, Error>>()?;
            let whole = says_all(line, &again);
            if !damaged.contains(&number) || (!whole && loss == Loss::Refuse) {
                mended.extend_from_slice(line);
                continue;
            }
            for (record, again) in found.iter().zip(&again) {
                if known.insert(record.serial()) {
                    mended.extend_from_slice(again.as_bytes());
                }
            }
            match whole {
                true => rebuilt.push(number.to_string()),
                false => lost.push(number.to_string()),
            }
        }
        if mended == content {
            return Ok(());
        }
        let kept = self.copy_aside(&path, &content)?;
        ::files::replace(&path, &mended, files::PRIVATE)?;
        if !rebuilt.is_empty() {
            done.push(format!(
                "{name}: what could not be read was rebuilt from what it still says (line {}); the file as it was is {kept}",
                rebuilt.join(", ")
            ));
        }
        if !lost.is_empty() {
            done.push(format!(
                "{name}: what could not be read was taken out (line {}): {}; the file as it was is {kept}, where people may still \
                 see what it said",
                lost.join(", "),
                T::loss()
            ));
        }
        Ok(())
    }

    /// The certificates that a line holds, or names by the number of a copy.
    fn issued_in_line(&self, line: &[u8], copies: &[Certificate], now: OffsetDateTime) -> Vec<Issued> {
        let held = line
            .split(|byte| *byte == b'"')
            .filter_map(|text| BASE64.decode(text).ok())
            .filter_map(|der| Certificate::from_der(&der).ok())
            .filter(|held| self.check_signed(held, &self.dir.join(ISSUED)).is_ok());
        let named = copies
            .iter()
            .filter(|copy| copy.serial().proper().is_ok_and(|serial| names(line, serial)));
        let time = Fields::of(line).time().unwrap_or(now);
        let mut found: Vec<_> = held
            .chain(named.cloned())
            .filter_map(|certificate| Issued::of(&certificate, time).ok())
            .collect();
        let mut seen = HashSet::new();
        found.retain(|entry| seen.insert(entry.serial));
        found
    }
}

/// The revocations that a line holds. What it does not say any more is taken from the latest CRL.
fn revoked_in_line(
    line: &[u8],
    known: &HashSet<Serial>,
    published: &[Revoked],
    now: OffsetDateTime,
) -> Vec<Revoked> {
    let fields = Fields::of(line);
    let mut serials: HashSet<Serial> = fields.get("serial").into_iter().collect();
    serials.extend(known.iter().filter(|serial| names(line, **serial)));
    let revoked = serials.into_iter().map(|serial| {
        let listed = published.iter().find(|entry| entry.serial == serial);
        Revoked {
            serial,
            reason: fields
                .get("reason")
                .or(listed.map(|entry| entry.reason))
                .unwrap_or(Reason::Unspecified),
            time: fields.time().or(listed.map(|entry| entry.time)).unwrap_or(now),
        }
    });
    revoked.collect()
}

/// The fields of a line that is JSON still.
struct Fields(serde_json::Value);

impl Fields {
    fn of(line: &[u8]) -> Self {
        Self(serde_json::from_slice(line).unwrap_or_default())
    }

    fn get<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.0.get(name)?.as_str()?.parse().ok()
    }

    fn time(&self) -> Option<OffsetDateTime> {
        OffsetDateTime::parse(self.0.get("time")?.as_str()?, &Rfc3339).ok()
    }
}

/// Whether a line has this serial number anywhere. A short one could be there by chance, as part of a date.
fn names(line: &[u8], serial: Serial) -> bool {
    const SHORTEST: usize = 16;
    let digits = serial.to_string();
    let there = || {
        line.windows(digits.len())
            .any(|part| part.eq_ignore_ascii_case(digits.as_bytes()))
    };
    digits.len() >= SHORTEST && there()
}

/// Whether a line held nothing but these records. One that is longer lost a line break, and another record with it: the
/// shortest record is longer than the difference between two reasons.
fn says_all(line: &[u8], records: &[String]) -> bool {
    const SLACK: usize = 32;
    // A blank line never held anything.
    let blank = matches!(line, b"\n" | b"\r\n");
    let length: usize = records.iter().map(String::len).sum();
    blank || (!records.is_empty() && line.len() <= length + SLACK)
}
