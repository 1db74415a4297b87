//! One certificate at a time: find it, change its revocation.

mod row;

use sqlx::{FromRow, QueryBuilder};
use store::lease::Lease;
use store::{Columns, Db, KeyList, StoreError, TableRow, Tx};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;
use x509::Certificate;
use x509::extension::{Extension, ExtensionValue};
use x509::serial::Serial;

use crate::domain::{Capacity, Issued, OCSP_SIGNER, Revocation};
use crate::error::Error;
pub(super) use row::{COLUMNS, Revoked, Row, keeps_from_a_job, object};
use row::{Der, key_type};

/// A row that was found.
pub(crate) struct ReadCertificate {
    /// Whose it is; none where that cannot be read.
    pub(crate) requester: Option<String>,
    /// As far as it can be read; an error where nothing can be decided on it.
    pub(crate) certificate: Result<Issued, Error>,
}

impl From<Row> for ReadCertificate {
    fn from(row: Row) -> Self {
        Self {
            requester: row.requester().map(str::to_owned),
            certificate: row.legible().map_err(Error::from),
        }
    }
}

/// The certificate of that serial number.
pub(crate) async fn by_serial(db: &Db, serial: &Serial) -> Result<Option<ReadCertificate>, Error> {
    let row: Option<Row> = store::read!(db, |connection| {
        sqlx::query_as(sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM certificates c WHERE c.serial = $1"
        )))
        .bind(serial.as_bytes())
        .fetch_optional(connection)
        .await
    })?;
    Ok(row.map(ReadCertificate::from))
}

/// The addresses of CRLs in the certificate with that id; none where they cannot be read.
pub(super) async fn crl_urls(db: &Db, id: Uuid) -> Result<Option<Vec<String>>, StoreError> {
    let sql = "SELECT c.id, c.serial, c.der FROM certificates c WHERE c.id = $1";
    let row: Option<Der> = store::read!(db, |connection| {
        sqlx::query_as(sql).bind(id).fetch_optional(connection).await
    })?;
    let certificate = row.and_then(|row| Certificate::from_der(&row.der).ok());
    let Some(certificate) = certificate else {
        return Ok(None);
    };
    let values = certificate.extensions().iter().map(Extension::value);
    let mut urls = values.filter_map(|value| match value {
        Ok(ExtensionValue::CrlDistributionPoints(points)) => {
            Some(points.into_iter().flat_map(|point| point.names.uris).collect())
        }
        _ => None,
    });
    Ok(Some(urls.next().unwrap_or_default()))
}

/// The newest certificates, or those that are older than that one: the id of each, unless that cannot be read, and the
/// certificate, or what of it cannot be read.
pub(crate) async fn newest(
    db: &Db,
    before: Option<Uuid>,
    limit: u32,
) -> Result<Vec<(Option<Uuid>, Result<Issued, Error>)>, Error> {
    let rows: Vec<Row> = store::read!(db, |connection| {
        sqlx::query_as(sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM certificates c WHERE c.id < $1 ORDER BY c.id DESC LIMIT $2"
        )))
        .bind(before.unwrap_or(Uuid::max()))
        .bind(i64::from(limit))
        .fetch_all(connection)
        .await
    })?;
    let read = |row: Row| (Some(row.id).filter(|id| !id.is_nil()), Issued::try_from(row));
    Ok(rows.into_iter().map(read).collect())
}

/// The newest certificates over a key, by the SHA-256 of its SubjectPublicKeyInfo, without those that cannot be read.
pub(crate) async fn newest_of_key(db: &Db, spki_sha256: &[u8; 32]) -> Result<Vec<Issued>, Error> {
    const MOST: i64 = 20;
    let rows: Vec<Row> = store::read!(db, |connection| {
        sqlx::query_as(sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM certificates c WHERE c.spki_sha256 = $1 ORDER BY c.key_use DESC LIMIT $2"
        )))
        .bind(spki_sha256.to_vec())
        .bind(MOST)
        .fetch_all(connection)
        .await
    })?;
    let read = |row: Row| row.whole().map(Some).or_else(StoreError::left_out);
    let found: Result<Vec<_>, StoreError> = rows.into_iter().map(read).collect();
    Ok(found?.into_iter().flatten().collect())
}

/// The same in a transaction; the certificate is not held.
pub(crate) async fn by_serial_in(tx: &mut Tx, serial: &Serial) -> Result<Option<ReadCertificate>, Error> {
    Ok(select_in(tx, serial, "").await?.map(ReadCertificate::from))
}

/// The same by its id: what a certificate is called whose serial number cannot be read.
pub(crate) async fn by_id_in(tx: &mut Tx, id: Uuid) -> Result<Option<ReadCertificate>, Error> {
    let row: Option<Row> = store::tx!(tx, |connection| {
        sqlx::query_as(sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM certificates c WHERE c.id = $1"
        )))
        .bind(id)
        .fetch_optional(connection)
        .await
    })?;
    Ok(row.map(ReadCertificate::from))
}

/// The DER of the certificates of these serial numbers; empty where it cannot be read.
pub(crate) async fn of_serials(db: &Db, serials: &[Serial]) -> Result<Vec<(Serial, Vec<u8>)>, Error> {
    let rows: Vec<Der> = store::read!(db, |connection| {
        let mut sql = QueryBuilder::new("SELECT id, serial, der FROM certificates WHERE serial");
        among(&mut sql, serials);
        sql.build_query_as().fetch_all(connection).await
    })?;
    let read = |row: Der| Some((Serial::from_bytes(&row.serial).ok()?, row.der));
    Ok(rows.into_iter().filter_map(read).collect())
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

/// The same within a transaction that is about to change it, as far as it can be read: it stays as it is until the
/// transaction ends.
pub(crate) async fn for_update(tx: &mut Tx, serial: &Serial) -> Result<Option<Issued>, Error> {
    let locking = store::lock::update(tx);
    let row = select_in(tx, serial, locking).await?;
    Ok(row.map(Row::legible).transpose()?)
}

async fn select_in(tx: &mut Tx, serial: &Serial, locking: &str) -> Result<Option<Row>, Error> {
    Ok(store::tx!(tx, |connection| {
        sqlx::query_as(sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM certificates c WHERE c.serial = $1{locking}"
        )))
        .bind(serial.as_bytes())
        .fetch_optional(connection)
        .await
    })?)
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
    let rows: Vec<Der> = store::read!(db, |connection| {
        sqlx::query_as("SELECT id, serial, der FROM certificates WHERE key_type IS NULL ORDER BY id LIMIT $1")
            .bind(i64::from(limit))
            .fetch_all(connection)
            .await
    })?;
    // A key that cannot be read is of no type, and is not looked at again.
    let types = rows.iter().map(|row| {
        let certificate = Certificate::from_der(&row.der).ok();
        let text = certificate
            .as_ref()
            .and_then(key_type)
            .map(|found| found.to_string());
        (row.id, text.unwrap_or_default())
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
pub(crate) struct Expiring {
    /// Empty where it cannot be read.
    pub(crate) ca: String,
    pub(crate) within_1: i64,
    pub(crate) within_7: i64,
    pub(crate) within_30: i64,
}

impl<'r, R: TableRow> FromRow<'r, R> for Expiring {
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let mut columns = Columns::of(row);
        Ok(Self {
            ca: columns.value("ca")?,
            within_1: columns.value("within_1")?,
            within_7: columns.value("within_7")?,
            within_30: columns.value("within_30")?,
        })
    }
}

/// How many certificates run out within 1, 7 and 30 days, by CA; CAs without any are left out. Certificates of OCSP responders are not
/// counted: they live for 30 days, and are replaced long before their end without being renewed.
pub(crate) async fn expiring(db: &Db, now: OffsetDateTime) -> Result<Vec<Expiring>, Error> {
    let after = |days| store::time::to_micros(now + Duration::days(days));
    let counted = store::read!(db, |connection| {
        sqlx::query_as(
            "SELECT ca, SUM(CASE WHEN not_after < $2 THEN 1 ELSE 0 END) AS within_1,
                 SUM(CASE WHEN not_after < $3 THEN 1 ELSE 0 END) AS within_7, COUNT(*) AS within_30
             FROM certificates WHERE reason IS NULL AND not_after >= $1 AND not_after < $4 AND profile <> $5 GROUP BY ca",
        )
        .bind(after(0))
        .bind(after(1))
        .bind(after(7))
        .bind(after(30))
        .bind(OCSP_SIGNER)
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
