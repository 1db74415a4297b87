//! The ledgers: JSON lines, appended to by writing the whole file anew, so that no line is ever half there.

use std::fmt::Display;
use std::path::Path;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::OffsetDateTime;
use x509::crl::Reason;
use x509::{Certificate, Serial};

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
    /// Its last second.
    #[serde(with = "time::serde::rfc3339")]
    pub not_after: OffsetDateTime,
    /// When it was signed.
    #[serde(with = "time::serde::rfc3339")]
    pub time: OffsetDateTime,
}

impl Issued {
    pub(super) fn of(certificate: &Certificate, time: OffsetDateTime) -> Self {
        Self {
            serial: certificate.serial(),
            subject: certificate.subject().to_string(),
            fingerprint_sha256: HEXLOWER.encode(&certificate.fingerprint()),
            not_after: certificate.not_after(),
            time,
        }
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

pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, Error> {
    let text = files::read_if_there(path)?.unwrap_or_default();
    let parse = |(number, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|error| Error::Content {
            path: path.into(),
            problem: format!("line {number}: {error}"),
        })
    };
    (1..).zip(text.lines()).map(parse).collect()
}

pub(super) fn append<T: Serialize + DeserializeOwned>(path: &Path, record: T) -> Result<(), Error> {
    let mut records: Vec<T> = read(path)?;
    records.push(record);
    let mut text = String::new();
    for record in &records {
        let line = serde_json::to_string(record).map_err(|error| Error::Content {
            path: path.into(),
            problem: error.to_string(),
        })?;
        text.push_str(&line);
        text.push('\n');
    }
    files::replace(path, text.as_bytes())
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
