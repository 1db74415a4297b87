//! How much is read of each certificate of a list.

use sqlx::FromRow;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;
use x509::serial::Serial;

use super::super::certificates::{COLUMNS, Revoked, Row, damaged};
use crate::domain::{Brief, Issued};
use crate::error::Error;

/// A row of a list: the columns of a certificate, `c`, that are read.
pub(super) trait Read:
    for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> + Send + Sync + Unpin
{
    /// What it is turned into.
    type Item;

    /// The columns; `names` says whether its names and subject are compared.
    fn columns(names: bool) -> &'static str;
    fn keys(&self) -> Keys<'_>;
    /// About as many bytes as it takes.
    fn bytes(&self) -> usize;
    fn item(self) -> Result<Self::Item, Error>;
}

/// What a row is placed and passed over by.
pub(super) struct Keys<'a> {
    pub(super) id: Uuid,
    pub(super) serial: &'a [u8],
    pub(super) fingerprint_sha256: &'a [u8],
    pub(super) not_after: i64,
    pub(super) revoked_at: Option<i64>,
    /// Empty, as are the names, where they are not compared.
    pub(super) subject: &'a str,
    sans: &'a str,
}

impl Keys<'_> {
    pub(super) fn sans(&self) -> Result<Vec<String>, Error> {
        serde_json::from_str(self.sans).map_err(|_| damaged(self.id, "names"))
    }
}

#[derive(FromRow)]
pub(super) struct Found<T> {
    #[sqlx(flatten)]
    pub(super) row: T,
    pub(super) name: Option<Vec<u8>>,
}

impl Read for Row {
    type Item = Issued;

    fn columns(_names: bool) -> &'static str {
        COLUMNS
    }

    fn keys(&self) -> Keys<'_> {
        Keys {
            id: self.id,
            serial: &self.serial,
            fingerprint_sha256: &self.fingerprint_sha256,
            not_after: self.not_after,
            revoked_at: self.revoked.revoked_at,
            subject: &self.subject,
            sans: &self.sans,
        }
    }

    /// In an answer: twice its names, itself in base64, its chain.
    fn bytes(&self) -> usize {
        const REST: usize = 1024;
        self.der.len() * 3 / 2 + self.sans.len() + self.subject.len() + REST
    }

    fn item(self) -> Result<Issued, Error> {
        Issued::try_from(self)
    }
}

/// A certificate without what it holds.
#[derive(FromRow)]
pub(super) struct BriefRow {
    id: Uuid,
    serial: Vec<u8>,
    fingerprint_sha256: Vec<u8>,
    not_before: i64,
    not_after: i64,
    requester: String,
    spki_sha256: Vec<u8>,
    #[sqlx(flatten)]
    revoked: Revoked,
    subject: String,
    sans: String,
}

impl Read for BriefRow {
    type Item = Brief;

    fn columns(names: bool) -> &'static str {
        const BRIEF: &str = "c.id, c.serial, c.fingerprint_sha256, c.not_before, c.not_after, c.requester, c.spki_sha256, \
             c.revoked_at, c.reason, c.invalidity_at, c.decided_at, c.decided_as, '' AS subject, '[]' AS sans";
        const NAMED: &str = "c.id, c.serial, c.fingerprint_sha256, c.not_before, c.not_after, c.requester, c.spki_sha256, \
             c.revoked_at, c.reason, c.invalidity_at, c.decided_at, c.decided_as, c.subject, c.sans";
        if names { NAMED } else { BRIEF }
    }

    fn keys(&self) -> Keys<'_> {
        Keys {
            id: self.id,
            serial: &self.serial,
            fingerprint_sha256: &self.fingerprint_sha256,
            not_after: self.not_after,
            revoked_at: self.revoked.revoked_at,
            subject: &self.subject,
            sans: &self.sans,
        }
    }

    fn bytes(&self) -> usize {
        size_of::<Self>() + self.requester.len() + self.sans.len() + self.subject.len()
    }

    fn item(self) -> Result<Brief, Error> {
        let damaged = |what: &str| damaged(self.id, what);
        let time = |micros: i64| store::time::from_micros(micros).map_err(|_| damaged("time"));
        Ok(Brief {
            serial: Serial::from_bytes(&self.serial).map_err(|_| damaged("serial number"))?,
            not_before: time(self.not_before)?,
            not_after: time(self.not_after)?,
            spki_sha256: <[u8; 32]>::try_from(self.spki_sha256).map_err(|_| damaged("fingerprint"))?,
            revocation: self.revoked.read(self.id)?,
            requester: self.requester,
        })
    }
}
