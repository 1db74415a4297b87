//! Keys that are known to be compromised: an entry in the transaction that revokes, looked for in the one that issues.

use std::collections::HashSet;

use sqlx::QueryBuilder;
use store::{Db, KeyList, StoreError, Tx};
use time::OffsetDateTime;
use uuid::Uuid;

use super::certificates::{COLUMNS, Row};
use crate::domain::Issued;
use crate::domain::standing::MaterialId;
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

/// Certificates behind `after` that were revoked for compromise without a record of their key, by an earlier version: the
/// id of each, and the certificate, or what of it cannot be read.
pub(crate) async fn unrecorded(
    db: &Db,
    after: Uuid,
    limit: u32,
) -> Result<Vec<(Uuid, Result<Issued, Error>)>, Error> {
    let rows: Vec<Row> = store::read!(db, |connection| {
        sqlx::query_as(sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM certificates c WHERE c.reason IN (1, 2) AND NOT c.key_recorded
             AND c.id > $1 ORDER BY c.id LIMIT $2"
        )))
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(connection)
        .await
    })?;
    let read = |row: Row| (row.id, Issued::try_from(row));
    Ok(rows.into_iter().map(read).collect())
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
