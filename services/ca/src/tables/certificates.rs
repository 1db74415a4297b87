//! One certificate at a time: find it, change its revocation.

use std::sync::Arc;

use sqlx::QueryBuilder;
use store::lease::Lease;
use store::{Db, KeyList, Tx};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;
use x509::crl::Reason;
use x509::serial::Serial;

use crate::domain::{Capacity, Issued, Protocol, Revocation};
use crate::error::Error;

/// What a [`Row`] is read from; `c` is the table of certificates.
pub(super) const COLUMNS: &str = "c.id, c.serial, c.ca, c.profile, c.subject, c.sans, c.requester, c.protocol, \
     c.issued_at, c.not_before, c.not_after, c.spki_sha256, c.fingerprint_sha256, c.der, c.replaces, \
     c.revoked_at, c.reason, c.invalidity_at, c.decided_at, c.issued_by, c.decided_as, c.key_type, c.lint_warnings, \
     (SELECT s.serial FROM certificates s WHERE s.replaces = c.serial ORDER BY s.id DESC LIMIT 1) AS replaced_by";

#[derive(sqlx::FromRow)]
pub(super) struct Row {
    pub(super) id: Uuid,
    pub(super) serial: Vec<u8>,
    ca: String,
    profile: String,
    pub(super) subject: String,
    pub(super) sans: String,
    requester: String,
    protocol: String,
    issued_at: i64,
    not_before: i64,
    pub(super) not_after: i64,
    spki_sha256: Vec<u8>,
    pub(super) fingerprint_sha256: Vec<u8>,
    pub(super) der: Vec<u8>,
    replaces: Option<Vec<u8>>,
    #[sqlx(flatten)]
    pub(super) revoked: Revoked,
    issued_by: Option<String>,
    /// NULL in a row of a version before.
    key_type: Option<String>,
    lint_warnings: Option<String>,
    replaced_by: Option<Vec<u8>>,
}

/// When and why, in a row that may not be revoked.
#[derive(sqlx::FromRow)]
pub(super) struct Revoked {
    pub(super) revoked_at: Option<i64>,
    reason: Option<i64>,
    invalidity_at: Option<i64>,
    decided_at: Option<i64>,
    decided_as: Option<String>,
}

impl Revoked {
    /// What it says; `id` names the certificate where it cannot be read.
    pub(super) fn read(&self, id: Uuid) -> Result<Option<Revocation>, Error> {
        let (Some(at), Some(code)) = (self.revoked_at, self.reason) else {
            return Ok(None);
        };
        let time = |micros: i64| store::time::from_micros(micros).map_err(|_| damaged(id, "time"));
        Ok(Some(Revocation {
            time: time(at)?,
            reason: u8::try_from(code)
                .ok()
                .and_then(Reason::from_code)
                .ok_or_else(|| damaged(id, "reason"))?,
            invalidity: self.invalidity_at.map(time).transpose()?,
            decided: time(self.decided_at.unwrap_or(at))?,
            decided_as: self.decided_as.as_deref().and_then(Capacity::parse),
        }))
    }
}

pub(super) fn damaged(id: Uuid, what: &str) -> Error {
    Error::internal(format!("the stored {what} of certificate {id} cannot be read"))
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
pub(super) fn key_type(der: &[u8]) -> Option<x509::KeyAlgorithm> {
    let certificate = x509::Certificate::from_der(der).ok()?;
    certificate.public_key().ok().map(x509::PublicKey::algorithm)
}

impl TryFrom<Row> for Issued {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let id = row.id;
        let damaged = |what: &str| damaged(id, what);
        let time = |micros: i64| store::time::from_micros(micros).map_err(|_| damaged("time"));
        let hash = |bytes: Vec<u8>| <[u8; 32]>::try_from(bytes).map_err(|_| damaged("fingerprint"));
        let serial = |bytes: &[u8]| Serial::from_bytes(bytes).map_err(|_| damaged("serial number"));
        Ok(Self {
            revocation: row.revoked.read(id)?,
            key_type: row.key_type().ok_or_else(|| damaged("key type"))?,
            lint: row
                .lint_warnings
                .as_deref()
                .map(serde_json::from_str)
                .transpose()
                .map_err(|_| damaged("findings of the lints"))?,
            replaced_by: row.replaced_by.as_deref().map(serial).transpose()?,
            id,
            serial: serial(&row.serial)?,
            ca: Arc::from(row.ca),
            profile: Arc::from(row.profile),
            subject: row.subject,
            sans: serde_json::from_str(&row.sans).map_err(|_| damaged("names"))?,
            requester: row.requester,
            issued_by: row.issued_by,
            protocol: Protocol::parse(&row.protocol).ok_or_else(|| damaged("protocol"))?,
            issued_at: time(row.issued_at)?,
            not_before: time(row.not_before)?,
            not_after: time(row.not_after)?,
            spki_sha256: hash(row.spki_sha256)?,
            fingerprint_sha256: hash(row.fingerprint_sha256)?,
            der: row.der,
            replaces: row.replaces.as_deref().map(serial).transpose()?,
        })
    }
}

/// The certificate of that serial number.
pub(crate) async fn by_serial(db: &Db, serial: &Serial) -> Result<Option<Issued>, Error> {
    let row: Option<Row> = store::read!(db, |connection| {
        sqlx::query_as(sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM certificates c WHERE c.serial = $1"
        )))
        .bind(serial.as_bytes())
        .fetch_optional(connection)
        .await
    })?;
    row.map(Issued::try_from).transpose()
}

/// The same in a transaction; the certificate is not held.
pub(crate) async fn by_serial_in(tx: &mut Tx, serial: &Serial) -> Result<Option<Issued>, Error> {
    select_in(tx, serial, "").await
}

/// The SHA-256 of the SubjectPublicKeyInfo and the DER of the certificates of these serial numbers.
pub(crate) async fn of_serials(db: &Db, serials: &[Serial]) -> Result<Vec<([u8; 32], Vec<u8>)>, Error> {
    let rows: Vec<(Uuid, Vec<u8>, Vec<u8>)> = store::read!(db, |connection| {
        let mut sql = QueryBuilder::new("SELECT id, spki_sha256, der FROM certificates WHERE serial");
        among(&mut sql, serials);
        sql.build_query_as().fetch_all(connection).await
    })?;
    let hash = |id, bytes: Vec<u8>| bytes.try_into().map_err(|_| damaged(id, "fingerprint"));
    rows.into_iter()
        .map(|(id, spki, der)| Ok((hash(id, spki)?, der)))
        .collect()
}

fn among<D: KeyList>(sql: &mut QueryBuilder<D>, serials: &[Serial]) {
    D::push_among(sql, serials.iter().map(Serial::as_bytes));
}

/// The certificate that an idempotency key stands for, with the hash of the request that made it.
pub(crate) async fn by_idempotency_key(db: &Db, key: &[u8; 32]) -> Result<Option<(Vec<u8>, Issued)>, Error> {
    #[derive(sqlx::FromRow)]
    struct Claimed {
        #[sqlx(flatten)]
        row: Row,
        request_sha256: Vec<u8>,
    }
    let found: Option<Claimed> = store::read!(db, |connection| {
        sqlx::query_as(sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS}, k.request_sha256 FROM idempotency_keys k JOIN certificates c ON c.id = k.certificate
             WHERE k.key_sha256 = $1"
        )))
        .bind(key.to_vec())
        .fetch_optional(connection)
        .await
    })?;
    found
        .map(|found| Ok((found.request_sha256, Issued::try_from(found.row)?)))
        .transpose()
}

/// The same within a transaction that is about to change it: it stays as it is until the transaction ends.
pub(crate) async fn for_update(tx: &mut Tx, serial: &Serial) -> Result<Option<Issued>, Error> {
    let locking = store::lock::update(tx);
    select_in(tx, serial, locking).await
}

async fn select_in(tx: &mut Tx, serial: &Serial, locking: &str) -> Result<Option<Issued>, Error> {
    let row: Option<Row> = store::tx!(tx, |connection| {
        sqlx::query_as(sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM certificates c WHERE c.serial = $1{locking}"
        )))
        .bind(serial.as_bytes())
        .fetch_optional(connection)
        .await
    })?;
    row.map(Issued::try_from).transpose()
}

/// Sets or clears the revocation of a certificate that [`for_update`] gave.
pub(crate) async fn set_revocation(
    tx: &mut Tx,
    certificate: Uuid,
    next: Option<&Revocation>,
) -> Result<(), Error> {
    let micros = |time: OffsetDateTime| store::time::to_micros(time);
    store::tx!(tx, |connection| {
        sqlx::query(
            "UPDATE certificates SET revoked_at = $1, reason = $2, invalidity_at = $3, decided_at = $4,
             decided_as = $5 WHERE id = $6",
        )
        .bind(next.map(|revocation| micros(revocation.time)))
        .bind(next.map(|revocation| i64::from(revocation.reason.code())))
        .bind(next.and_then(|revocation| revocation.invalidity).map(micros))
        .bind(
            next.filter(|revocation| revocation.decided != revocation.time)
                .map(|revocation| micros(revocation.decided)),
        )
        .bind(
            next.and_then(|revocation| revocation.decided_as)
                .map(Capacity::as_str),
        )
        .bind(certificate)
        .execute(connection)
        .await
        .map(drop)
    })?;
    Ok(())
}

/// Stores type and size of the keys of certificates that an earlier version stored without; at most `limit` at a time. Returns
/// how many.
pub(crate) async fn fill_in_key_types(db: &Db, lease: &Lease, limit: u32) -> Result<usize, Error> {
    let rows: Vec<(Uuid, Vec<u8>)> = store::read!(db, |connection| {
        sqlx::query_as("SELECT id, der FROM certificates WHERE key_type IS NULL ORDER BY id LIMIT $1")
            .bind(i64::from(limit))
            .fetch_all(connection)
            .await
    })?;
    // A key that cannot be read is of no type, and is not looked at again.
    let types = rows.iter().map(|(id, der)| {
        let text = key_type(der).map(|found| found.to_string());
        (*id, text.unwrap_or_default())
    });
    let types: Vec<(Uuid, String)> = types.collect();
    if types.is_empty() {
        return Ok(0);
    }
    let mut tx = db.begin().await?;
    lease.hold(&mut tx).await?;
    for (id, text) in &types {
        store::tx!(&mut tx, |connection| {
            sqlx::query("UPDATE certificates SET key_type = $1 WHERE id = $2 AND key_type IS NULL")
                .bind(text)
                .bind(*id)
                .execute(connection)
                .await
                .map(drop)
        })?;
    }
    tx.commit().await?;
    Ok(types.len())
}

/// Certificates of a CA that are neither revoked nor on hold and run out soon.
#[derive(sqlx::FromRow)]
pub(crate) struct Expiring {
    pub(crate) ca: String,
    pub(crate) within_1: i64,
    pub(crate) within_7: i64,
    pub(crate) within_30: i64,
}

/// How many certificates run out within 1, 7 and 30 days, by CA; CAs without any are left out.
pub(crate) async fn expiring(db: &Db, now: OffsetDateTime) -> Result<Vec<Expiring>, Error> {
    let after = |days| store::time::to_micros(now + Duration::days(days));
    let counted = store::read!(db, |connection| {
        sqlx::query_as(
            "SELECT ca, SUM(CASE WHEN not_after < $2 THEN 1 ELSE 0 END) AS within_1,
                 SUM(CASE WHEN not_after < $3 THEN 1 ELSE 0 END) AS within_7, COUNT(*) AS within_30
             FROM certificates WHERE reason IS NULL AND not_after >= $1 AND not_after < $4 GROUP BY ca",
        )
        .bind(after(0))
        .bind(after(1))
        .bind(after(7))
        .bind(after(30))
        .fetch_all(connection)
        .await
    })?;
    Ok(counted)
}

/// Forgets idempotency keys older than `before`; at most `limit` at a time. Returns how many.
pub(crate) async fn prune_idempotency_keys(
    db: &Db,
    lease: &Lease,
    before: OffsetDateTime,
    limit: u32,
) -> Result<u64, Error> {
    let mut tx = db.begin().await?;
    lease.hold(&mut tx).await?;
    let gone = store::tx!(&mut tx, |connection| {
        sqlx::query(
            "DELETE FROM idempotency_keys WHERE key_sha256 IN
             (SELECT key_sha256 FROM idempotency_keys WHERE created_at < $1 ORDER BY created_at LIMIT $2)",
        )
        .bind(store::time::to_micros(before))
        .bind(i64::from(limit))
        .execute(connection)
        .await
        .map(|done| done.rows_affected())
    })?;
    tx.commit().await?;
    Ok(gone)
}
