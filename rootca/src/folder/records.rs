//! The ledgers: JSON lines, each synced before anything that follows from it. A line that a crash cut off at the end of a
//! file was never acknowledged: readers pass over it, and the next writer removes it.

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

use super::RESTORE;
use crate::error::Error;
use crate::files;

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

/// What a ledger holds.
pub(super) struct Ledger<T> {
    pub(super) records: Vec<T>,
    /// Whether its last line was cut off.
    pub(super) cut_off: bool,
    /// Whether there is no such file.
    pub(super) missing: bool,
    /// The numbers of the lines that cannot be read, counted from 1, and why not.
    pub(super) damaged: Vec<(usize, String)>,
}

impl<T> Ledger<T> {
    /// The damaged lines in words, with what helps; none if there are none.
    pub(super) fn damage(&self) -> Option<String> {
        let (first, problem) = self.damaged.first()?;
        let further = match self.damaged.len() - 1 {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        Some(format!(
            "line {first} cannot be read{further}: {problem}; {RESTORE}, or let `verify --repair` put it aside and keep what \
             can be read or rebuilt"
        ))
    }

    /// The ledger, where every line of it can be read.
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

/// The records of a ledger that can be read, and what is wrong with the others.
///
/// # Errors
/// Only if the file cannot be read at all.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<Ledger<T>, Error> {
    let found = files::read_if_there(path)?;
    let mut ledger = Ledger {
        records: Vec::new(),
        cut_off: false,
        missing: found.is_none(),
        damaged: Vec::new(),
    };
    let content = found.unwrap_or_default();
    for (number, line) in (1..).zip(content.split_inclusive(|byte| *byte == b'\n')) {
        match serde_json::from_slice(line) {
            Ok(record) => ledger.records.push(record),
            Err(_) if !line.ends_with(b"\n") => ledger.cut_off = true,
            Err(error) => ledger.damaged.push((number, error.to_string())),
        }
    }
    Ok(ledger)
}

pub(super) fn append<T: Serialize + DeserializeOwned>(path: &Path, record: &T) -> Result<(), Error> {
    let line = serde_json::to_string(record).map_err(|error| Error::Content {
        path: path.into(),
        problem: error.to_string(),
    })?;
    Ok(::files::append(path, &line, files::PRIVATE, is_whole::<T>)?)
}

/// Removes a last line that was cut off, and says whether there was one.
pub(super) fn repair<T: DeserializeOwned>(path: &Path) -> Result<bool, Error> {
    Ok(::files::repair_last_line(path, files::PRIVATE, is_whole::<T>)?)
}

/// Takes lines out, and says whether there were any. The others stay as they are, to the octet.
pub(super) fn take_out<T: DeserializeOwned>(
    path: &Path,
    is_wrong: impl Fn(&T) -> bool,
) -> Result<bool, Error> {
    let Some(content) = files::read_if_there(path)? else {
        return Ok(false);
    };
    let stays = |line: &[u8]| !serde_json::from_slice(line).is_ok_and(|record| is_wrong(&record));
    let kept = lines(&content, stays);
    if kept.len() == content.len() {
        return Ok(false);
    }
    ::files::replace(path, &kept, files::PRIVATE)?;
    Ok(true)
}

/// The lines that can be read, as they are, to the octet.
pub(super) fn readable<T: DeserializeOwned>(content: &[u8]) -> Vec<u8> {
    lines(content, is_whole::<T>)
}

fn lines(content: &[u8], stays: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let all = content.split_inclusive(|byte| *byte == b'\n');
    all.filter(|line| stays(line)).collect::<Vec<_>>().concat()
}

fn is_whole<T: DeserializeOwned>(line: &[u8]) -> bool {
    serde_json::from_slice::<T>(line).is_ok()
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
