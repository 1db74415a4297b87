//! The ledgers: JSON lines, each synced before anything that follows from it. A line that is not whole, or not right, held
//! something: it stays until it is rebuilt, or until people say that they can do without it. That is so of the last line too. A
//! crash may have cut it off before it was acknowledged, but so may a copy of the folder that broke off, and nothing in the file
//! tells one from the other.

use std::fmt::Display;
use std::path::Path;
use std::str::FromStr;

use data_encoding::{BASE64, HEXLOWER};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::OffsetDateTime;
use x509::crl::Reason;
use x509::digest::sha256;
use x509::serial::SerialError;
use x509::{Certificate, Serial};

use super::{CRL, ISSUED_FILES, RESTORE};
use crate::error::Error;
use crate::files;

const CUT_OFF: &str = "cannot be read: it is the last one and is not whole, as after a copy that broke off, or after a crash; only \
     if the command that wrote it never said that it was done is nothing lost with it";

/// A line of a ledger.
pub(super) trait Record: Serialize + DeserializeOwned {
    /// Which certificate it is about.
    fn serial(&self) -> Serial;

    /// What is lost with a line that is damaged and does not say which certificate it is about.
    fn loss() -> String;

    /// Why a line that can be read is damaged all the same.
    fn contradiction(&self) -> Option<String> {
        None
    }
}

/// A certificate that was signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issued {
    /// Its serial number.
    #[serde(serialize_with = "as_text", deserialize_with = "from_text")]
    pub serial: Serial,
    /// Its subject, by RFC 4514.
    pub subject: String,
    /// SHA-256 of its DER, lower-case hex.
    pub fingerprint_sha256: String,
    /// SHA-256 of its to-be-signed part, lower-case hex. Earlier versions did not write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tbs_sha256: Option<String>,
    /// Its last second.
    #[serde(with = "time::serde::rfc3339")]
    pub not_after: OffsetDateTime,
    /// When it was signed.
    #[serde(with = "time::serde::rfc3339")]
    pub time: OffsetDateTime,
    /// Its DER in base64: the line is written before the certificate leaves the program, so nothing signed is ever lost.
    /// Earlier versions did not write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
}

impl Record for Issued {
    fn serial(&self) -> Serial {
        self.serial
    }

    fn loss() -> String {
        format!(
            "a certificate that it held and that is not in {ISSUED_FILES}/ is not known here any more, and can only be revoked by \
             its file"
        )
    }

    fn contradiction(&self) -> Option<String> {
        self.certificate.as_ref()?;
        match self.certificate() {
            Some(held) if self.describes(&held) => None,
            Some(_) => Some("says other things than the certificate in it".to_owned()),
            None => Some("holds no whole certificate".to_owned()),
        }
    }
}

impl Issued {
    /// The certificate, where the line holds it.
    #[must_use]
    pub fn certificate(&self) -> Option<Certificate> {
        let der = BASE64.decode(self.certificate.as_ref()?.as_bytes()).ok()?;
        Certificate::from_der(&der).ok()
    }

    /// Whether the line describes this certificate.
    pub(super) fn describes(&self, certificate: &Certificate) -> bool {
        let Ok(mut expected) = Self::of(certificate, self.time) else {
            return false;
        };
        // What earlier versions did not write.
        if self.tbs_sha256.is_none() {
            expected.tbs_sha256 = None;
        }
        if self.certificate.is_none() {
            expected.certificate = None;
        }
        expected == *self
    }

    pub(super) fn of(certificate: &Certificate, time: OffsetDateTime) -> Result<Self, SerialError> {
        Ok(Self {
            serial: certificate.serial().proper()?,
            subject: certificate.subject().to_string(),
            fingerprint_sha256: HEXLOWER.encode(&certificate.fingerprint()),
            tbs_sha256: Some(HEXLOWER.encode(&sha256(certificate.tbs_der()))),
            not_after: certificate.not_after(),
            time,
            certificate: Some(BASE64.encode(certificate.der())),
        })
    }
}

/// A certificate that was revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revoked {
    /// Its serial number.
    #[serde(serialize_with = "as_text", deserialize_with = "from_text")]
    pub serial: Serial,
    /// Why.
    #[serde(serialize_with = "as_text", deserialize_with = "from_text")]
    pub reason: Reason,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub time: OffsetDateTime,
}

impl Record for Revoked {
    fn serial(&self) -> Serial {
        self.serial
    }

    fn loss() -> String {
        format!("a certificate that it revoked and that {CRL} does not list counts as valid again")
    }
}

/// What a ledger holds.
pub(super) struct Ledger<T> {
    pub(super) records: Vec<T>,
    /// Whether there is no such file.
    pub(super) missing: bool,
    /// The numbers of the lines that are damaged, counted from 1, and what is wrong with each.
    pub(super) damaged: Vec<(usize, Problem)>,
}

/// What is wrong with a line.
pub(super) struct Problem {
    text: String,
    /// Whether it can be read, and only the time that it says cannot be right.
    of_time: bool,
}

impl Problem {
    pub(super) fn of_line(text: String) -> Self {
        Self { text, of_time: false }
    }

    pub(super) fn of_time(text: String) -> Self {
        Self { text, of_time: true }
    }
}

impl<T: Record> Ledger<T> {
    /// The damaged lines in words, with what helps; none if there are none.
    pub(super) fn damage(&self) -> Option<String> {
        let (first, problem) = self.damaged.first()?;
        let further = match self.damaged.len() - 1 {
            0 => String::new(),
            1 => " (and 1 more line is damaged)".to_owned(),
            more => format!(" (and {more} more lines are damaged)"),
        };
        if problem.of_time {
            return Some(format!(
                "line {first} {}{further}; set the clock of this machine if it is behind. Otherwise correct the line as the minutes \
                 say, {RESTORE}, or let `verify --repair` take the time from the certificate or from {CRL}; where neither says \
                 it, only `verify --repair --accept-loss` makes it now",
                problem.text
            ));
        }
        Some(format!(
            "line {first} {}{further}; {RESTORE}, or let `verify --repair` rebuild it. Where it does not \
             say any more which certificate it is about, only `verify --repair --accept-loss` takes it out: {}; \
             and only that fills in a reason or a time that it does not say",
            problem.text,
            T::loss()
        ))
    }

    /// The ledger, where no line of it is damaged.
    pub(super) fn whole(self, path: &Path) -> Result<Self, Error> {
        match self.damage() {
            Some(problem) => Err(Error::Content {
                path: path.into(),
                problem,
            }),
            None => Ok(self),
        }
    }
}

/// The records of a ledger that are whole, and what is wrong with the others.
///
/// # Errors
/// Only if the file cannot be read at all.
pub(super) fn read<T: Record>(path: &Path) -> Result<Ledger<T>, Error> {
    read_judged(path, |_| None)
}

/// The same, where `wrong` says why a record that is whole cannot be right.
pub(super) fn read_judged<T: Record>(
    path: &Path,
    wrong: impl Fn(&T) -> Option<Problem>,
) -> Result<Ledger<T>, Error> {
    let found = files::read_if_there(path)?;
    let mut ledger = Ledger {
        records: Vec::new(),
        missing: found.is_none(),
        damaged: Vec::new(),
    };
    let content = found.unwrap_or_default();
    for (number, line) in (1..).zip(content.split_inclusive(|byte| *byte == b'\n')) {
        match serde_json::from_slice::<T>(line) {
            Ok(record) => match record
                .contradiction()
                .map(Problem::of_line)
                .or_else(|| wrong(&record))
            {
                Some(problem) => ledger.damaged.push((number, problem)),
                None => ledger.records.push(record),
            },
            Err(error) if error.is_eof() && !line.ends_with(b"\n") => {
                ledger
                    .damaged
                    .push((number, Problem::of_line(CUT_OFF.to_owned())));
            }
            Err(error) => {
                let problem = Problem::of_line(format!("cannot be read: {error}"));
                ledger.damaged.push((number, problem));
            }
        }
    }
    Ok(ledger)
}

pub(super) fn append<T: Record>(path: &Path, record: &T) -> Result<(), Error> {
    let line = line_of(path, record)?;
    Ok(::files::append(path, &line, files::PRIVATE)?)
}

/// The line of a record, without its line break. `path` is where it belongs.
pub(super) fn line_of<T: Record>(path: &Path, record: &T) -> Result<String, Error> {
    serde_json::to_string(record).map_err(|error| Error::Content {
        path: path.into(),
        problem: error.to_string(),
    })
}

/// Takes lines out, and says whether there were any. The others stay as they are, to the octet.
pub(super) fn take_out<T: Record>(path: &Path, is_wrong: impl Fn(&T) -> bool) -> Result<bool, Error> {
    let Some(content) = files::read_if_there(path)? else {
        return Ok(false);
    };
    let stays = |line: &[u8]| !serde_json::from_slice(line).is_ok_and(|record| is_wrong(&record));
    let all = content.split_inclusive(|byte| *byte == b'\n');
    let kept = all.filter(|line| stays(line)).collect::<Vec<_>>().concat();
    if kept.len() == content.len() {
        return Ok(false);
    }
    ::files::replace(path, &kept, files::PRIVATE)?;
    Ok(true)
}

fn as_text<S: Serializer>(value: &impl Display, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

fn from_text<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    String::deserialize(from)?.parse().map_err(D::Error::custom)
}
