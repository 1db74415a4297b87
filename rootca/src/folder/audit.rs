//! Whether a folder is in order: every file is what the others say it is.
//!
//! What this cannot see: a certificate whose ledger line and copy were both taken away. Keep a copy of the folder
//! elsewhere.

use std::collections::HashSet;
use std::fs;

use data_encoding::HEXLOWER;
use time::OffsetDateTime;

use super::repair::LOST_COPIES;
use super::revocations::MISSING;
use super::{Folder, ISSUED, ISSUED_FILES, Issued, REVOKED, Revoked, records};
use crate::error::Error;
use crate::files;

const ITSELF: &str = "is the certificate of the root itself, which an earlier version noted when it was asked to revoke it; \
     `verify --repair` takes it out";

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audit {
    /// What is in order, one sentence each.
    pub fine: Vec<String>,
    /// What needs attention but contradicts nothing: a CRL that is due.
    pub notices: Vec<String>,
    /// What is not in order.
    pub problems: Vec<String>,
}

impl Audit {
    fn put(&mut self, fine: String, problems: Vec<String>) {
        if problems.is_empty() {
            self.fine.push(fine);
        } else {
            self.problems.extend(problems);
        }
    }

    /// Adds what came of opening the private key.
    ///
    /// # Errors
    /// What says nothing about the key: that it was not asked for, or cannot be read.
    pub fn key(&mut self, opened: Result<(), Error>) -> Result<(), Error> {
        match opened {
            Ok(()) => self.fine.push("root.key opens and is the key of root.crt".into()),
            Err(
                error @ (Error::Key(_)
                | Error::KeyFile { .. }
                | Error::Content { .. }
                | Error::KeyMismatch { .. }
                | Error::NoKey(_)),
            ) => self.problems.push(error.to_string()),
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

impl Folder {
    /// Checks certificate, ledgers, copies and CRL against each other. The private key is checked by
    /// [`unlock`](Folder::unlock).
    ///
    /// # Errors
    /// Only if files cannot be read at all; what is wrong in them is in the answer.
    pub fn audit(&self, now: OffsetDateTime) -> Result<Audit, Error> {
        let mut audit = Audit::default();
        let root = self.certificate();
        let own = root
            .verify_signed_by(root)
            .err()
            .map(|error| format!("root.crt: {error}"));
        audit.put(
            format!("root.crt is self-signed: {}", root.subject()),
            own.into_iter().collect(),
        );
        if !root.validity().contains(now) {
            audit.notices.push(format!(
                "the root is valid from {} to {}",
                root.not_before(),
                root.not_after()
            ));
        }
        self.audit_issued(&mut audit)?;
        self.audit_revoked(&mut audit)?;
        self.audit_crl(&mut audit, now)?;
        Ok(audit)
    }

    fn audit_issued(&self, audit: &mut Audit) -> Result<(), Error> {
        let ledger = records::read::<Issued>(&self.dir.join(ISSUED))?;
        if ledger.cut_off {
            audit.notices.push(cut_off(ISSUED));
        }
        if ledger.missing {
            audit.problems.push(format!(
                "{ISSUED} is missing; restore it from a copy of the folder, or let `verify --repair` rebuild it from what is \
                 in {ISSUED_FILES}/"
            ));
            // That nothing else is in it follows.
            return Ok(());
        }
        let issued = ledger.records;
        if self.lost_copies() {
            audit.problems.push(format!("{ISSUED_FILES}/ {LOST_COPIES}"));
            // That none of them is there follows.
            return Ok(());
        }
        let mut problems: Vec<_> = issued
            .iter()
            .filter_map(|entry| self.audit_entry(entry).err())
            .collect();
        let serials: HashSet<_> = issued.iter().map(|entry| entry.serial).collect();
        if serials.len() < issued.len() {
            problems.push("issued.jsonl has a serial number twice".into());
        }
        let own = self.certificate.serial().proper().ok();
        let path = self.dir.join(ISSUED_FILES);
        let entries = fs::read_dir(&path).map_err(|source| files::failed("read", &path, source))?;
        for entry in entries {
            let name = entry
                .map_err(|source| files::failed("read", &path, source))?
                .file_name();
            if own.is_some_and(|own| !serials.contains(&own) && *name == *format!("{own}.crt")) {
                problems.push(format!("{ISSUED_FILES}/{} {ITSELF}", name.to_string_lossy()));
            } else if !serials.iter().any(|serial| *name == *format!("{serial}.crt")) {
                problems.push(format!(
                    "issued/{} is not in issued.jsonl; `verify --repair` takes it in if this root signed it",
                    name.to_string_lossy()
                ));
            }
        }
        audit.put(
            format!("{} issued, all signed by this root", issued.len()),
            problems,
        );
        Ok(())
    }

    fn audit_entry(&self, entry: &Issued) -> Result<(), String> {
        if self.is_itself(entry) {
            return Err(format!("{ISSUED}: {} {ITSELF}", entry.serial));
        }
        let path = self.path_of(entry.serial);
        let at = |problem: String| format!("issued/{}.crt: {problem}", entry.serial);
        let content = match files::read_if_there(&path) {
            Ok(Some(content)) => content,
            Ok(None) if entry.certificate().is_some() => {
                return Err(at(
                    "is missing; `verify --repair` writes it from issued.jsonl".into()
                ));
            }
            Ok(None) => return Err(at("is missing".into())),
            Err(error) => return Err(error.to_string()),
        };
        let certificate = files::certificate(&path, &content).map_err(|error| error.to_string())?;
        certificate
            .verify_signed_by(&self.certificate)
            .map_err(|error| at(error.to_string()))?;
        if HEXLOWER.encode(&certificate.fingerprint()) != entry.fingerprint_sha256 {
            return Err(at("is another certificate than issued.jsonl says".into()));
        }
        self.check_signed(&certificate, &path)
            .map_err(|error| error.to_string())?;
        if !entry.describes(&certificate) {
            return Err(at("issued.jsonl says other things about it".into()));
        }
        Ok(())
    }

    fn audit_revoked(&self, audit: &mut Audit) -> Result<(), Error> {
        // Not `issued()`, which refuses: here everything that is wrong is named.
        let known = records::read::<Issued>(&self.dir.join(ISSUED))?;
        let issued: HashSet<_> = known.records.into_iter().map(|entry| entry.serial).collect();
        let ledger = records::read::<Revoked>(&self.dir.join(REVOKED))?;
        if ledger.cut_off {
            audit.notices.push(cut_off(REVOKED));
        }
        if ledger.missing {
            audit.problems.push(format!("{REVOKED} {MISSING}"));
            return Ok(());
        }
        let revoked = ledger.records;
        let own = self.certificate.serial().proper().ok();
        let mut seen = HashSet::new();
        let mut problems = Vec::new();
        for entry in &revoked {
            if Some(entry.serial) == own {
                problems.push(format!("{REVOKED}: {} {ITSELF}", entry.serial));
            } else if !known.missing && !issued.contains(&entry.serial) {
                problems.push(format!("revoked.jsonl: {} was never issued", entry.serial));
            }
            if !seen.insert(entry.serial) {
                problems.push(format!("revoked.jsonl: {} appears more than once", entry.serial));
            }
        }
        match known.missing {
            true => audit.problems.extend(problems),
            false => audit.put(format!("{} revoked, all issued here", revoked.len()), problems),
        }
        Ok(())
    }

    fn audit_crl(&self, audit: &mut Audit, now: OffsetDateTime) -> Result<(), Error> {
        let number = self.crl_number()?;
        let Some(list) = self.latest_crl()? else {
            audit
                .notices
                .push("there is no CRL yet; make one with `crl`".into());
            return Ok(());
        };
        let mut problems = Vec::new();
        if let Err(error) = list.verify_signed_by(self.certificate()) {
            problems.push(format!("root.crl: {error}"));
        }
        match list.number() {
            Some(of_list) if of_list == number => {}
            // A crash before the CRL was signed.
            Some(of_list) if of_list < number => audit.notices.push(format!(
                "root.crl has number {of_list}, and numbers up to {number} are used up; make a new one with `crl`"
            )),
            _ => problems.push(format!(
                "root.crl has another number than crl-number, {number}; `verify --repair` sets the higher one"
            )),
        }
        // Not `revoked()`, which refuses: here everything that is wrong is named.
        let revoked = records::read::<Revoked>(&self.dir.join(REVOKED))?.records;
        for entry in self.forgotten(&list, &revoked) {
            problems.push(format!(
                "root.crl lists {}, which revoked.jsonl does not; restore {REVOKED} from a copy, or let `verify --repair` take \
                 in what root.crl lists",
                entry.serial
            ));
        }
        let own = self.certificate.serial().proper().ok();
        if list
            .entries()
            .iter()
            .any(|entry| own.is_some() && entry.serial.proper().ok() == own)
        {
            audit.notices.push(
                "root.crl lists the root itself, which no CRL of its own can revoke; make a new one with `crl` and publish it"
                    .into(),
            );
        }
        let odd = list
            .entries()
            .iter()
            .filter(|entry| entry.serial.proper().is_err());
        problems.extend(odd.map(|entry| {
            format!(
                "root.crl lists {}, and no certificate issued here has such a serial number; make a new one with `crl`",
                entry.serial
            )
        }));
        audit.put(
            format!("root.crl is number {number}, signed by this root"),
            problems,
        );
        if list.entries().len() < revoked.len() {
            audit.notices.push(
                "root.crl does not list every revoked certificate yet; make a new one with `crl`".into(),
            );
        }
        if list.next_update().is_some_and(|next| next < now) {
            audit
                .notices
                .push("root.crl is out of date; make a new one with `crl`".into());
        }
        Ok(())
    }
}

fn cut_off(ledger: &str) -> String {
    format!(
        "{ledger}: the last line was cut off before it was acknowledged; the next command that writes removes it"
    )
}
