//! Keys that are known to be compromised: an entry in the transaction that revokes, looked for in the one that issues.

use std::collections::HashSet;

use sqlx::{FromRow, QueryBuilder};
use store::{Columns, Db, KeyList, StoreError, TableRow, Tx};
use time::OffsetDateTime;
use uuid::Uuid;
use x509::crl::Reason;

use super::certificates::object;
use crate::domain::issuance_facts::MaterialId;
use crate::error::Error;

/// Locks that all keys share: a group needs few of them, and a revocation waits for few groups.
const LOCKS: u8 = 64;

/// The lock under which this key is looked for (shared) and recorded (exclusive).
pub(crate) fn lock(key: &MaterialId) -> i32 {
    let [first, ..] = key;
    i32::from(first % LOCKS)
}

/// Records a key, and that this was done for the certificate. The caller holds [`lock`] exclusively.
pub(crate) async fn record(
    tx: &mut Tx,
    key: &MaterialId,
    certificate: Uuid,
    now: OffsetDateTime,
) -> Result<(), Error> {
    store::tx!(tx, |connection| {
        sqlx::query(
            "INSERT INTO compromised_keys (material_sha256, certificate, recorded_at) VALUES ($1, $2, $3)
             ON CONFLICT (material_sha256) DO NOTHING",
        )
        .bind(key.as_slice())
        .bind(certificate)
        .bind(store::time::to_micros(now))
        .execute(connection)
        .await
        .map(drop)
    })?;
    set_recorded(tx, certificate).await
}

/// Marks a certificate as looked at.
pub(crate) async fn set_recorded(tx: &mut Tx, certificate: Uuid) -> Result<(), Error> {
    store::tx!(tx, |connection| {
        sqlx::query("UPDATE certificates SET key_recorded = TRUE WHERE id = $1")
            .bind(certificate)
            .execute(connection)
            .await
            .map(drop)
    })?;
    Ok(())
}

/// A certificate that was revoked for compromise without a record of its key, by an earlier version.
pub(crate) struct Unrecorded {
    /// Nil where it cannot be read.
    pub(crate) id: Uuid,
    /// Why it was revoked, and the certificate. Nothing else of the row is read: what else is damaged keeps no key from being
    /// recorded.
    pub(crate) read: Result<(Reason, x509::Certificate), StoreError>,
}

impl<'r, R: TableRow> FromRow<'r, R> for Unrecorded {
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let mut name = Columns::of(row);
        let (id, serial): (Uuid, Vec<u8>) = (name.value("id")?, name.value("serial")?);
        let mut columns = Columns::of(row);
        let (reason, der): (i64, Vec<u8>) = (columns.value("reason")?, columns.value("der")?);
        let reason = u8::try_from(reason).ok().and_then(Reason::from_code);
        let reason = columns.note("reason", reason);
        let certificate = columns.note("der", x509::Certificate::from_der(&der).ok());
        let damage = columns.damage();
        let sound = reason.zip(certificate).filter(|_| damage.is_none());
        let read = sound.ok_or_else(|| StoreError::damaged(damage, &object(&serial, id)));
        Ok(Self { id, read })
    }
}

/// Where such certificates are: a reason of no known code may be a compromise. Each is looked for along an index: a list of all
/// codes that are known would be held against every revocation there is. In SQLite a text is more than every number.
const UNRECORDED: [&str; 4] = [
    "c.reason IN (1, 2)",
    "c.reason > 10",
    "c.reason < 0",
    "c.reason = 7",
];

/// A walk over all of them.
#[derive(Default)]
pub(crate) struct AllUnrecorded {
    /// How many of [`UNRECORDED`] it has walked.
    walked: usize,
    after: Uuid,
}

impl AllUnrecorded {
    /// At most `limit` more of them; none at the end.
    ///
    /// # Errors
    /// `Common::Store`.
    pub(crate) async fn next(&mut self, db: &Db, limit: u32) -> Result<Vec<Unrecorded>, Error> {
        while let Some(reasons) = UNRECORDED.get(self.walked) {
            let found: Vec<Unrecorded> = store::read!(db, |connection| {
                let sql = format!(
                    "SELECT c.id, c.serial, c.reason, c.der FROM certificates c
                     WHERE {reasons} AND NOT c.key_recorded AND c.id > $1 ORDER BY c.id LIMIT $2"
                );
                sqlx::query_as(sqlx::AssertSqlSafe(sql))
                    .bind(self.after)
                    .bind(i64::from(limit))
                    .fetch_all(connection)
                    .await
            })?;
            match found.iter().map(|one| one.id).max() {
                Some(last) if last > self.after => self.after = last,
                // Without an id that can be read there is no place to go on from.
                _ => {
                    self.walked += 1;
                    self.after = Uuid::nil();
                }
            }
            if !found.is_empty() {
                return Ok(found);
            }
        }
        Ok(Vec::new())
    }
}

/// Which of these keys are known to be compromised.
pub(crate) async fn among(db: &Db, keys: &[MaterialId]) -> Result<HashSet<MaterialId>, Error> {
    let found: Vec<Vec<u8>> = store::read!(db, |connection| {
        let mut sql = QueryBuilder::new("");
        select(&mut sql, keys);
        sql.build_query_scalar().fetch_all(connection).await
    })?;
    found.into_iter().map(id).collect()
}

/// The same within a transaction that holds their [`lock`]s.
pub(crate) async fn among_locked(tx: &mut Tx, keys: &[MaterialId]) -> Result<HashSet<MaterialId>, Error> {
    let found: Vec<Vec<u8>> = store::tx!(tx, |connection| {
        let mut sql = QueryBuilder::new("");
        select(&mut sql, keys);
        sql.build_query_scalar().fetch_all(connection).await
    })?;
    found.into_iter().map(id).collect()
}

fn select<D: KeyList>(sql: &mut QueryBuilder<D>, keys: &[MaterialId]) {
    sql.push("SELECT material_sha256 FROM compromised_keys WHERE material_sha256");
    D::push_among(sql, keys.iter().map(MaterialId::as_slice));
}

/// A SHA-256 as it is stored.
pub(super) fn id(found: Vec<u8>) -> Result<MaterialId, Error> {
    let corrupt = |found: Vec<u8>| StoreError::Corrupt(format!("a hash of a key, of {} octets", found.len()));
    Ok(found.try_into().map_err(corrupt)?)
}

#[cfg(test)]
mod tests {
    use kit::error::Common;

    use super::*;

    #[test]
    fn a_hash_of_another_length_is_an_error() {
        assert!(matches!(
            id(vec![0; 31]),
            Err(Error::Common(Common::Store(StoreError::Corrupt(_))))
        ));
        assert_eq!(id(vec![7; 32]).unwrap(), [7; 32]);
    }
}
