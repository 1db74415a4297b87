//! Whether a folder is in order: every file is what the others say it is.
//!
//! What this cannot see: a certificate whose ledger line and copy were both taken away. Keep a copy of the folder
//! elsewhere.

use std::collections::HashSet;

use data_encoding::HEXLOWER;
use time::OffsetDateTime;
use x509::rfc3339;

use super::copies::Stray;
use super::repair::LOST_COPIES;
use super::revocations::{LISTED_ALL_THE_SAME, MISSING, not_in_ledger};
use super::{ASIDE, CRL, Folder, ISSUED, ISSUED_FILES, Issued, LOCK, RESTORE, REVOKED, Revoked, records};
use crate::error::Error;
use crate::files;

const ITSELF: &str = "is the certificate of the root itself, which an earlier version noted when it was asked to revoke it; \
     `verify --repair` takes it out";

const KEPT_ASIDE: &str =
    "that `verify --repair` put aside; when nothing in it is missed, move it out of the folder";

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
                rfc3339(root.not_before()),
                rfc3339(root.not_after())
            ));
        }
        // Every command that writes takes it first.
        if let Err(error) = ::files::check_lock(&self.dir.join(LOCK)) {
            audit.problems.push(format!("{error}; move it away"));
        }
        self.audit_issued(&mut audit, now)?;
        self.audit_revoked(&mut audit, now)?;
        audit.problems.extend(self.unread(now)?);
        self.audit_crl(&mut audit, now)?;
        let publication = self.publication().map(drop);
        audit
            .problems
            .extend(publication.err().map(|error| error.to_string()));
        match self.count_aside() {
            0 => {}
            1 => audit.notices.push(format!("{ASIDE}/ has a file {KEPT_ASIDE}")),
            several => audit
                .notices
                .push(format!("{ASIDE}/ has {several} files {KEPT_ASIDE}")),
        }
        Ok(audit)
    }

    fn audit_issued(&self, audit: &mut Audit, now: OffsetDateTime) -> Result<(), Error> {
        let ledger = self.issued_ledger(now)?;
        if ledger.missing {
            audit.problems.push(format!(
                "{ISSUED} is missing; restore it from a copy of the folder, or let `verify --repair` rebuild it from what is \
                 in {ISSUED_FILES}/"
            ));
            // That nothing else is in it follows.
            return Ok(());
        }
        let damage = ledger.damage();
        let issued = ledger.records;
        if self.lost_copies() {
            audit.problems.push(format!("{ISSUED_FILES}/ {LOST_COPIES}"));
            // That none of them is there follows.
            return Ok(());
        }
        let mut problems: Vec<_> = damage
            .map(|damage| format!("{ISSUED}: {damage}"))
            .into_iter()
            .collect();
        problems.extend(issued.iter().filter_map(|entry| self.audit_entry(entry).err()));
        let mut known: HashSet<_> = issued.iter().map(|entry| entry.serial).collect();
        if known.len() < issued.len() {
            problems.push(format!("{ISSUED} has a serial number twice; {RESTORE}"));
        }
        known.extend(self.named_by_damage(now)?);
        for path in self.strays(&known)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            problems.push(format!(
                "{ISSUED_FILES}/{name} {}",
                match self.stray(&path, &known) {
                    Stray::Itself =>
                        "is the certificate of the root itself, which it did not issue to another; `verify --repair` takes it out"
                            .to_owned(),
                    Stray::Unknown(serial) =>
                        format!("holds certificate {serial}, which is not in {ISSUED}; `verify --repair` takes it in"),
                    Stray::Known(serial) => format!(
                        "is not the name of certificate {serial} in it; `verify --repair` puts it aside"
                    ),
                    Stray::Foreign => format!(
                        "is not in {ISSUED}, and no certificate that this root issued is in it; {RESTORE} if it is damaged, or let \
                         `verify --repair` put it aside"
                    ),
                }
            ));
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
            Ok(None) => return Err(at(format!("is missing; {RESTORE}"))),
            Err(error) => return Err(error.to_string()),
        };
        let advice = match entry.certificate() {
            Some(_) => "`verify --repair` puts it aside and writes it from issued.jsonl",
            None => RESTORE,
        };
        let certificate =
            files::certificate(&path, &content).map_err(|error| error.with_advice(advice).to_string())?;
        certificate
            .verify_signed_by(&self.certificate)
            .map_err(|error| at(format!("{error}; {advice}")))?;
        if HEXLOWER.encode(&certificate.fingerprint()) != entry.fingerprint_sha256 {
            return Err(at(format!(
                "is another certificate than issued.jsonl says; {advice}"
            )));
        }
        self.check_signed(&certificate, &path)
            .map_err(|error| error.to_string())?;
        if !entry.describes(&certificate) {
            return Err(at(
                "issued.jsonl says other things about it; restore that file from a copy of the folder".into(),
            ));
        }
        Ok(())
    }

    fn audit_revoked(&self, audit: &mut Audit, now: OffsetDateTime) -> Result<(), Error> {
        // Not `issued()`, which refuses: here everything that is wrong is named.
        let known = records::read::<Issued>(&self.dir.join(ISSUED))?;
        let mut issued: HashSet<_> = known.records.into_iter().map(|entry| entry.serial).collect();
        if !self.lost_copies() {
            issued.extend(self.named_by_damage(now)?);
        }
        // Of a line with a wrong time all else is looked at too.
        let ledger = records::read::<Revoked>(&self.dir.join(REVOKED))?;
        if ledger.missing {
            audit.problems.push(format!("{REVOKED} {MISSING}"));
            return Ok(());
        }
        let damage = self.revoked_ledger(now)?.damage();
        let revoked = ledger.records;
        let own = self.certificate.serial().proper().ok();
        let published: HashSet<_> = self.published()?.into_iter().map(|entry| entry.serial).collect();
        let (mut seen, mut unknown) = (HashSet::new(), 0u32);
        let mut problems: Vec<_> = damage
            .map(|damage| format!("{REVOKED}: {damage}"))
            .into_iter()
            .collect();
        for entry in &revoked {
            if Some(entry.serial) == own {
                problems.push(format!("{REVOKED}: {} {ITSELF}", entry.serial));
            } else if !known.missing && !issued.contains(&entry.serial) {
                unknown += 1;
                // What this root has signed as revoked stays so, and revoking too much does no harm.
                match published.contains(&entry.serial) {
                    true => audit
                        .notices
                        .push(format!("{REVOKED}: {}", not_in_ledger(entry.serial))),
                    false => problems.push(format!(
                        "{REVOKED}: {}{LISTED_ALL_THE_SAME}",
                        not_in_ledger(entry.serial)
                    )),
                }
            }
            if !seen.insert(entry.serial) {
                problems.push(format!(
                    "{REVOKED}: {} appears more than once; {RESTORE}",
                    entry.serial
                ));
            }
        }
        match (known.missing, unknown) {
            (true, _) => audit.problems.extend(problems),
            (false, 0) => audit.put(format!("{} revoked, all issued here", revoked.len()), problems),
            (false, _) => audit.put(format!("{} revoked", revoked.len()), problems),
        }
        Ok(())
    }

    fn audit_crl(&self, audit: &mut Audit, now: OffsetDateTime) -> Result<(), Error> {
        let number = damage_of(self.crl_number(), audit)?;
        let Some(latest) = damage_of(self.latest_crl(), audit)? else {
            return Ok(());
        };
        let Some(list) = latest else {
            audit
                .notices
                .push("there is no CRL yet; make one with `crl`".into());
            return Ok(());
        };
        // Where it cannot be read, that is said, and the list is not to blame.
        let number = number.or(list.number()).unwrap_or_default();
        let mut problems = Vec::new();
        if let Err(error) = list.verify_signed_by(self.certificate()) {
            problems.push(format!(
                "{CRL}: {error}; put the CRL of this root back, or move this file out of the folder and make a new one with `crl`"
            ));
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
        let ledger = records::read::<Revoked>(&self.dir.join(REVOKED))?;
        let revoked = ledger.records;
        let forgotten = match ledger.missing {
            // It follows, and that was said.
            true => Vec::new(),
            false => self.forgotten(&list, &revoked),
        };
        for entry in forgotten {
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

/// What can be read; damage is a problem among the others.
fn damage_of<T>(read: Result<T, Error>, audit: &mut Audit) -> Result<Option<T>, Error> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error @ Error::Content { .. }) => {
            audit.problems.push(error.to_string());
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
