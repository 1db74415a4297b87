//! Entries that are compared with what ca, OCSP, and lists say.

use data_encoding::HEXLOWER;
use sqlx::FromRow;
use store::time::to_micros;
use store::{Columns, Damage, Db, Rows, StoreError, TableRow};
use time::OffsetDateTime;
use uuid::Uuid;
use x509::Serial;
use x509::crl::Reason;

use super::EntryRow;
use crate::domain::{LostRevocation, SampledEntry, Scope};

/// An entry, the change by which it is so, and whether ca knows it.
struct SampledRow {
    entry: EntryRow,
    change: i64,
    seen: i64,
    /// Of the last two.
    damage: Damage,
}

impl<'r, R: TableRow> FromRow<'r, R> for SampledRow {
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let mut columns = Columns::of(row);
        Ok(Self {
            entry: EntryRow::from_row(row)?,
            change: columns.value("change")?,
            seen: columns.value("seen")?,
            damage: columns.damage(),
        })
    }
}

impl TryFrom<SampledRow> for SampledEntry {
    type Error = StoreError;

    fn try_from(row: SampledRow) -> Result<Self, StoreError> {
        let entry: x509::crl::CrlEntry = row.entry.try_into()?;
        row.damage.check(|| format!("the entry of {}", entry.serial))?;
        Ok(Self {
            entry,
            change: row.change,
            lost_by_ca: row.seen < 0,
        })
    }
}

/// `count` of the last that changed, and `count` behind the serial number that was drawn, of certificates that end from that time on.
pub(crate) async fn sample(
    db: &Db,
    scope: &Scope,
    from: OffsetDateTime,
    (drawn, count): (Uuid, u32),
) -> Result<Rows<SampledEntry>, StoreError> {
    const LAST: &str = "SELECT serial, revoked_us, reason, invalidity_us, change, seen FROM entries \
        WHERE issuer = $1 AND shard = $2 AND not_after_us >= $3 AND serial > $4 ORDER BY change DESC LIMIT $5";
    const ANY: &str = "SELECT serial, revoked_us, reason, invalidity_us, change, seen FROM entries \
        WHERE issuer = $1 AND shard = $2 AND not_after_us >= $3 AND serial > $4 ORDER BY issuer, shard, serial LIMIT $5";
    let mut sample: Vec<SampledRow> = Vec::new();
    // Every serial number is behind the empty one.
    for (sql, after) in [(LAST, &[][..]), (ANY, drawn.as_bytes())] {
        let rows: Vec<SampledRow> = store::read!(db, |c| sqlx::query_as(sql)
            .bind(scope.issuer.as_str())
            .bind(i64::from(scope.shard))
            .bind(to_micros(from))
            .bind(after)
            .bind(i64::from(count))
            .fetch_all(c)
            .await)?;
        sample.extend(rows);
    }
    Rows::of(sample, SampledEntry::try_from)
}

/// A row, in which a column that cannot be read is empty and named.
struct LostRow {
    issuer: String,
    serial: Vec<u8>,
    reason: i64,
    damage: Damage,
}

impl<'r, R: TableRow> FromRow<'r, R> for LostRow {
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let mut columns = Columns::of(row);
        Ok(Self {
            issuer: columns.value("issuer")?,
            serial: columns.value("serial")?,
            reason: columns.value("reason")?,
            damage: columns.damage(),
        })
    }
}

impl TryFrom<LostRow> for LostRevocation {
    type Error = StoreError;

    fn try_from(row: LostRow) -> Result<Self, StoreError> {
        let entry = format!("the entry of {} of {}", HEXLOWER.encode(&row.serial), row.issuer);
        row.damage.check(|| entry.clone())?;
        let serial = Serial::from_bytes(&row.serial).map_err(|_| StoreError::damaged("serial", &entry))?;
        Ok(Self {
            issuer: row.issuer,
            serial,
            is_hold: row.reason == i64::from(Reason::CertificateHold.code()),
        })
    }
}

/// What is revoked or on hold and has not ended, and ca does not know, by issuer and serial number; at most `most`.
pub(crate) async fn unknown_to_ca(
    db: &Db,
    now: OffsetDateTime,
    most: usize,
) -> Result<Rows<LostRevocation>, StoreError> {
    let sql = "SELECT issuer, serial, reason FROM entries WHERE seen < 0 AND not_after_us >= $1 AND reason <> 8 \
        ORDER BY issuer, serial LIMIT $2";
    let rows: Vec<LostRow> = store::read!(db, |c| sqlx::query_as(sql)
        .bind(to_micros(now))
        .bind(super::stored(most as u64))
        .fetch_all(c)
        .await)?;
    Rows::of(rows, LostRevocation::try_from)
}
