//! A row of the table of certificates, each column of which is read by itself.

use std::sync::Arc;

use sqlx::{ColumnIndex, Decode, FromRow, Type};
use store::{Columns, StoreError};
use uuid::Uuid;
use x509::crl::Reason;
use x509::serial::Serial;

use crate::domain::{Capacity, Issued, Protocol, Revocation};
use crate::error::Error;

/// What a [`Row`] is read from; `c` is the table of certificates.
pub(in super::super) const COLUMNS: &str = "c.id, c.serial, c.ca, c.profile, c.subject, c.sans, c.requester, c.protocol, \
     c.issued_at, c.not_before, c.not_after, c.spki_sha256, c.fingerprint_sha256, c.der, c.replaces, \
     c.revoked_at, c.reason, c.invalidity_at, c.decided_at, c.issued_by, c.decided_as, c.key_type, c.lint_warnings, \
     c.generation, c.crl_shard, \
     (SELECT s.serial FROM certificates s WHERE s.replaces = c.serial ORDER BY s.id DESC LIMIT 1) AS replaced_by";

/// A row, in which a column that cannot be read is empty and named.
pub(in super::super) struct Row {
    pub(in super::super) id: Uuid,
    pub(in super::super) serial: Vec<u8>,
    ca: String,
    generation: i64,
    crl_shard: i64,
    profile: String,
    pub(in super::super) subject: String,
    pub(in super::super) sans: String,
    requester: String,
    protocol: String,
    issued_at: i64,
    not_before: i64,
    pub(in super::super) not_after: i64,
    spki_sha256: Vec<u8>,
    pub(in super::super) fingerprint_sha256: Vec<u8>,
    pub(in super::super) der: Vec<u8>,
    replaces: Option<Vec<u8>>,
    pub(in super::super) revoked: Revoked,
    issued_by: Option<String>,
    /// NULL in a row of a version before.
    key_type: Option<String>,
    lint_warnings: Option<String>,
    replaced_by: Option<Vec<u8>>,
    pub(in super::super) damage: Option<String>,
}

impl<'r, R: sqlx::Row> FromRow<'r, R> for Row
where
    &'static str: ColumnIndex<R>,
    Uuid: Decode<'r, R::Database> + Type<R::Database>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    Vec<u8>: Decode<'r, R::Database> + Type<R::Database>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let mut columns = Columns::of(row);
        Ok(Self {
            id: columns.value("id")?,
            serial: columns.value("serial")?,
            ca: columns.value("ca")?,
            generation: columns.value("generation")?,
            crl_shard: columns.value("crl_shard")?,
            profile: columns.value("profile")?,
            subject: columns.value("subject")?,
            sans: columns.value("sans")?,
            requester: columns.value("requester")?,
            protocol: columns.value("protocol")?,
            issued_at: columns.value("issued_at")?,
            not_before: columns.value("not_before")?,
            not_after: columns.value("not_after")?,
            spki_sha256: columns.value("spki_sha256")?,
            fingerprint_sha256: columns.value("fingerprint_sha256")?,
            der: columns.value("der")?,
            replaces: columns.value("replaces")?,
            revoked: Revoked::of(&mut columns)?,
            issued_by: columns.value("issued_by")?,
            key_type: columns.value("key_type")?,
            lint_warnings: columns.value("lint_warnings")?,
            replaced_by: columns.value("replaced_by")?,
            damage: columns.damage(),
        })
    }
}

/// When and why, in a row that may not be revoked.
pub(in super::super) struct Revoked {
    pub(in super::super) revoked_at: Option<i64>,
    reason: Option<i64>,
    invalidity_at: Option<i64>,
    decided_at: Option<i64>,
    decided_as: Option<String>,
}

impl Revoked {
    pub(in super::super) fn of<'r, R: sqlx::Row>(columns: &mut Columns<'r, R>) -> Result<Self, sqlx::Error>
    where
        &'static str: ColumnIndex<R>,
        String: Decode<'r, R::Database> + Type<R::Database>,
        i64: Decode<'r, R::Database> + Type<R::Database>,
    {
        Ok(Self {
            revoked_at: columns.value("revoked_at")?,
            reason: columns.value("reason")?,
            invalidity_at: columns.value("invalidity_at")?,
            decided_at: columns.value("decided_at")?,
            decided_as: columns.value("decided_as")?,
        })
    }

    /// What it says. One of time and reason without the other is not taken for a certificate that is not revoked.
    pub(in super::super) fn read(&self, object: &str) -> Result<Option<Revocation>, StoreError> {
        let damaged = |column| StoreError::damaged(column, object);
        let (at, code) = match (self.revoked_at, self.reason) {
            (None, None) => return Ok(None),
            (Some(at), Some(code)) => (at, code),
            (None, Some(_)) => return Err(damaged("revoked_at")),
            (Some(_), None) => return Err(damaged("reason")),
        };
        let time = |column, micros: i64| store::time::from_micros(micros).map_err(|_| damaged(column));
        let invalidity = self.invalidity_at.map(|at| time("invalidity_at", at));
        Ok(Some(Revocation {
            time: time("revoked_at", at)?,
            reason: u8::try_from(code)
                .ok()
                .and_then(Reason::from_code)
                .ok_or_else(|| damaged("reason"))?,
            invalidity: invalidity.transpose()?,
            decided: time("decided_at", self.decided_at.unwrap_or(at))?,
            decided_as: self.decided_as.as_deref().and_then(Capacity::parse),
        }))
    }
}

/// What messages call the certificate of a row: by its serial number, else by its id.
pub(in super::super) fn object(serial: &[u8], id: Uuid) -> String {
    match Serial::from_bytes(serial) {
        Ok(serial) => format!("certificate {serial}"),
        Err(_) => format!("the certificate with id {id}"),
    }
}

impl Row {
    /// As it is stored; else as it is in the certificate, where an earlier version stored the row.
    fn key_type(&self) -> Option<x509::KeyAlgorithm> {
        match &self.key_type {
            Some(stored) => stored.parse().ok(),
            None => key_type(&self.der),
        }
    }
}

/// Type and size of the key of a certificate.
pub(in super::super) fn key_type(der: &[u8]) -> Option<x509::KeyAlgorithm> {
    let certificate = x509::Certificate::from_der(der).ok()?;
    certificate.public_key().ok().map(x509::PublicKey::algorithm)
}

impl TryFrom<Row> for Issued {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let id = row.id;
        let object = object(&row.serial, id);
        let damaged = |columns: &str| StoreError::damaged(columns, &object);
        if let Some(columns) = &row.damage {
            return Err(damaged(columns).into());
        }
        let time = |column, micros: i64| store::time::from_micros(micros).map_err(|_| damaged(column));
        let hash = |column, bytes: Vec<u8>| <[u8; 32]>::try_from(bytes).map_err(|_| damaged(column));
        let number = |column, number: i64| u32::try_from(number).map_err(|_| damaged(column));
        let serial = |column, bytes: &[u8]| Serial::from_bytes(bytes).map_err(|_| damaged(column));
        let replaced_by = row
            .replaced_by
            .as_deref()
            .map(|bytes| serial("replaced_by", bytes));
        let replaces = row.replaces.as_deref().map(|bytes| serial("replaces", bytes));
        Ok(Self {
            revocation: row.revoked.read(&object)?,
            key_type: row.key_type().ok_or_else(|| damaged("key_type"))?,
            lint: row
                .lint_warnings
                .as_deref()
                .map(serde_json::from_str)
                .transpose()
                .map_err(|_| damaged("lint_warnings"))?,
            replaced_by: replaced_by.transpose()?,
            id,
            serial: serial("serial", &row.serial)?,
            ca: Arc::from(row.ca),
            generation: number("generation", row.generation)?,
            crl_shard: number("crl_shard", row.crl_shard)?,
            profile: Arc::from(row.profile),
            subject: row.subject,
            sans: serde_json::from_str(&row.sans).map_err(|_| damaged("sans"))?,
            requester: row.requester,
            issued_by: row.issued_by,
            protocol: Protocol::parse(&row.protocol).ok_or_else(|| damaged("protocol"))?,
            issued_at: time("issued_at", row.issued_at)?,
            not_before: time("not_before", row.not_before)?,
            not_after: time("not_after", row.not_after)?,
            spki_sha256: hash("spki_sha256", row.spki_sha256)?,
            fingerprint_sha256: hash("fingerprint_sha256", row.fingerprint_sha256)?,
            der: row.der,
            replaces: replaces.transpose()?,
        })
    }
}
