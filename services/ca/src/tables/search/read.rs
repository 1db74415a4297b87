//! How much is read of each certificate of a list.

use sqlx::FromRow;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use store::{Columns, Damage, StoreError, TableRow};
use uuid::Uuid;
use x509::serial::Serial;

use super::super::certificates::{COLUMNS, Revoked, Row, keeps_from_a_job, object};
use crate::domain::{Brief, Damaged, Issued};

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
    /// [`StoreError::Damaged`] for a row that cannot be read where the list has no other way to say so.
    fn item(self) -> Result<Self::Item, StoreError>;
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
    damage: &'a Damage,
}

impl Keys<'_> {
    /// Its names; `None` if they cannot be read.
    pub(super) fn sans(&self) -> Option<Vec<String>> {
        serde_json::from_str(self.sans).ok().filter(|_| self.has("sans"))
    }

    /// Whether that column can be read.
    pub(super) fn has(&self, column: &str) -> bool {
        !self.damage.includes(column)
    }
}

#[derive(FromRow)]
pub(super) struct NamedRow<T> {
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
            damage: &self.damage,
        }
    }

    /// In an answer: twice its names, itself in base64, its chain.
    fn bytes(&self) -> usize {
        const REST: usize = 1024;
        self.der.len() * 3 / 2 + self.sans.len() + self.subject.len() + REST
    }

    fn item(self) -> Result<Issued, StoreError> {
        self.whole()
    }
}

/// A certificate without what it holds.
pub(super) struct BriefRow {
    id: Uuid,
    serial: Vec<u8>,
    fingerprint_sha256: Vec<u8>,
    not_before: i64,
    not_after: i64,
    requester: String,
    spki_sha256: Vec<u8>,
    revoked: Revoked,
    /// Empty, as are the names, where they are not compared.
    subject: String,
    sans: String,
    damage: Damage,
}

impl<'r, R: TableRow> FromRow<'r, R> for BriefRow {
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let mut columns = Columns::of(row);
        let _needed: String = columns.value("ca")?;
        for needed in ["generation", "crl_shard"] {
            let _needed: u32 = columns.number(needed)?;
        }
        Ok(Self {
            id: columns.value("id")?,
            serial: columns.value("serial")?,
            fingerprint_sha256: columns.value("fingerprint_sha256")?,
            not_before: columns.value("not_before")?,
            not_after: columns.value("not_after")?,
            requester: columns.value("requester")?,
            spki_sha256: columns.value("spki_sha256")?,
            revoked: Revoked::of(&mut columns)?,
            subject: columns.value("subject")?,
            sans: columns.value("sans")?,
            damage: columns.damage(),
        })
    }
}

impl BriefRow {
    /// What a job decides on the same columns of the whole row ([`Row::legible`]). Names that cannot be read are compared with none:
    /// it is not known whether it is one of those that were asked for.
    fn read(self) -> Result<Brief, StoreError> {
        let object = object(&self.serial, self.id);
        let names = self.keys().sans();
        let mut damage = self.damage;
        let time = |micros: i64| store::time::from_micros(micros).ok();
        let serial = damage.note("serial", Serial::from_bytes(&self.serial).ok());
        let not_before = damage.note("not_before", time(self.not_before));
        let not_after = damage.note("not_after", time(self.not_after));
        let spki_sha256 = damage.note("spki_sha256", self.spki_sha256.try_into().ok());
        damage.note("sans", names);
        let (Some(serial), Some(not_before), Some(not_after), Some(spki_sha256), false) = (
            serial,
            not_before,
            not_after,
            spki_sha256,
            keeps_from_a_job(&damage),
        ) else {
            return Err(StoreError::damaged(damage, &object));
        };
        Ok(Brief {
            serial,
            not_before,
            not_after,
            spki_sha256,
            revocation: self.revoked.read(&object)?,
            requester: self.requester,
        })
    }
}

/// A row that cannot be read is an item too: a job has to say that it did nothing to it.
impl Read for BriefRow {
    type Item = Result<Brief, Damaged>;

    fn columns(names: bool) -> &'static str {
        const BRIEF: &str = "c.id, c.serial, c.fingerprint_sha256, c.not_before, c.not_after, c.requester, c.spki_sha256, \
             c.ca, c.generation, c.crl_shard, c.revoked_at, c.reason, c.invalidity_at, c.decided_at, c.decided_as, '' AS subject, '[]' AS sans";
        const NAMED: &str = "c.id, c.serial, c.fingerprint_sha256, c.not_before, c.not_after, c.requester, c.spki_sha256, \
             c.ca, c.generation, c.crl_shard, c.revoked_at, c.reason, c.invalidity_at, c.decided_at, c.decided_as, c.subject, c.sans";
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
            damage: &self.damage,
        }
    }

    fn bytes(&self) -> usize {
        size_of::<Self>() + self.requester.len() + self.sans.len() + self.subject.len()
    }

    fn item(self) -> Result<Self::Item, StoreError> {
        let object = match Serial::from_bytes(&self.serial) {
            Ok(serial) => serial.to_string(),
            Err(_) => self.id.to_string(),
        };
        match self.read() {
            Ok(brief) => Ok(Ok(brief)),
            Err(StoreError::Damaged(why)) => Ok(Err(Damaged { object, why })),
            Err(error) => Err(error),
        }
    }
}
