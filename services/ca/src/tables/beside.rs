//! The other certificates of a compromised key.

use std::collections::HashMap;

use sqlx::QueryBuilder;
use store::{Db, KeyList, Tx};
use time::OffsetDateTime;
use x509::serial::Serial;

use super::certificates::{COLUMNS, Row};
use super::compromised;
use crate::domain::Issued;
use crate::error::Error;

/// The certificates of a compromised key beside the one that is revoked.
pub(crate) struct Beside<'a> {
    pub(crate) certificate: &'a Issued,
    /// The fingerprint of the other key that the private key opens.
    pub(crate) twin: Option<[u8; 32]>,
    /// Whose; `None` stands for everybody.
    pub(crate) requester: Option<&'a str>,
    pub(crate) now: OffsetDateTime,
}

/// Those that are unexpired.
const BESIDE: &str = "c.spki_sha256 IN ($1, $2) AND c.id <> $3 AND c.not_after >= $4";
/// And valid or on hold.
const UNREVOKED: &str = "(c.reason IS NULL OR c.reason = 6)";

macro_rules! bind_beside {
    ($query:expr, $beside:expr) => {
        $query
            .bind($beside.certificate.spki_sha256.to_vec())
            .bind($beside.twin.unwrap_or($beside.certificate.spki_sha256).to_vec())
            .bind($beside.certificate.id)
            .bind(store::time::to_micros($beside.now))
            .bind($beside.requester)
    };
}

impl Beside<'_> {
    /// Those of the requester that are valid or on hold, without rows that cannot be read. They stay as they are until the transaction ends.
    pub(crate) async fn own_for_update(&self, tx: &mut Tx, limit: usize) -> Result<Vec<Issued>, Error> {
        let locking = store::lock::update(tx);
        let rows: Vec<Row> = store::tx!(tx, |connection| {
            let sql = format!(
                "SELECT {COLUMNS} FROM certificates c WHERE {BESIDE} AND ($5 IS NULL OR c.requester = $5) AND {UNREVOKED}
                 ORDER BY c.serial LIMIT $6{locking}"
            );
            bind_beside!(sqlx::query_as(sqlx::AssertSqlSafe(sql)), self)
                .bind(i64::try_from(limit).unwrap_or(i64::MAX))
                .fetch_all(connection)
                .await
        })?;
        let issued = rows.into_iter().map(Issued::try_from);
        issued
            .filter_map(|read| read.map(Some).or_else(Error::left_out).transpose())
            .collect()
    }

    /// Those of others. None is added while the lock of the key is held.
    pub(crate) async fn of_others(&self, tx: &mut Tx, limit: usize) -> Result<OfOthers, Error> {
        let (unrevoked, sound): (i64, i64) = store::tx!(tx, |connection| {
            let sql = format!(
                "SELECT CAST(COALESCE(SUM(CASE WHEN {UNREVOKED} THEN 1 ELSE 0 END), 0) AS BIGINT), COUNT(*)
                 FROM certificates c WHERE {BESIDE} AND c.requester <> $5 AND (c.reason IS NULL OR c.reason NOT IN (1, 2))"
            );
            bind_beside!(sqlx::query_as(sqlx::AssertSqlSafe(sql)), self)
                .fetch_one(connection)
                .await
        })?;
        let found: Vec<Vec<u8>> = store::tx!(tx, |connection| {
            let sql = format!(
                "SELECT c.serial FROM certificates c WHERE {BESIDE} AND c.requester <> $5 AND {UNREVOKED}
                 ORDER BY c.serial LIMIT $6"
            );
            bind_beside!(sqlx::query_scalar(sqlx::AssertSqlSafe(sql)), self)
                .bind(i64::try_from(limit).unwrap_or(i64::MAX))
                .fetch_all(connection)
                .await
        })?;
        let serial = |bytes: Vec<u8>| {
            Serial::from_bytes(&bytes).map_err(|_| Error::internal("a stored serial number cannot be read"))
        };
        Ok(OfOthers {
            serials: found.into_iter().map(serial).collect::<Result<_, _>>()?,
            unrevoked: usize::try_from(unrevoked).unwrap_or(usize::MAX),
            vouch: sound > 0,
        })
    }
}

/// Unexpired certificates over one key, for who may revoke some of them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OverKey {
    /// Valid or on hold, and theirs to revoke.
    pub(crate) own: u64,
    /// Valid or on hold, of others.
    pub(crate) of_others: u64,
    /// Whether one of others is not revoked for compromise.
    pub(crate) others_vouch: bool,
}

/// Those over each of these keys, which are named by the SHA-256 of their SubjectPublicKeyInfo. `requester` as in
/// [`Beside::requester`].
pub(crate) async fn over(
    db: &Db,
    keys: &[[u8; 32]],
    requester: Option<&str>,
    now: OffsetDateTime,
) -> Result<HashMap<[u8; 32], OverKey>, Error> {
    let rows: Vec<(Vec<u8>, bool, i64, i64)> = store::read!(db, |connection| {
        let mut sql = QueryBuilder::new("SELECT spki_sha256, own, COUNT(CASE WHEN ");
        sql.push(UNREVOKED).push(
            " THEN 1 END), COUNT(CASE WHEN c.reason IS NULL OR c.reason NOT IN (1, 2) THEN 1 END) FROM (
              SELECT spki_sha256, reason, ",
        );
        match requester {
            Some(requester) => sql.push("requester = ").push_bind(requester),
            None => sql.push("TRUE"),
        };
        sql.push(" AS own FROM certificates WHERE not_after >= ")
            .push_bind(store::time::to_micros(now))
            .push(" AND spki_sha256");
        among(&mut sql, keys);
        sql.push(") AS c GROUP BY spki_sha256, own");
        sql.build_query_as().fetch_all(connection).await
    })?;
    let count = |rows: i64| u64::try_from(rows).unwrap_or_default();
    let mut found: HashMap<_, OverKey> = HashMap::new();
    for (key, own, unrevoked, sound) in rows {
        let over = found.entry(compromised::id(key)?).or_default();
        if own {
            over.own = count(unrevoked);
        } else {
            over.of_others = count(unrevoked);
            over.others_vouch = sound > 0;
        }
    }
    Ok(found)
}

fn among<D: KeyList>(sql: &mut QueryBuilder<D>, keys: &[[u8; 32]]) {
    D::push_among(sql, keys.iter().map(<[u8; 32]>::as_slice));
}

/// Unexpired certificates of others over a key.
#[derive(Default)]
pub(crate) struct OfOthers {
    /// The first of those that are valid or on hold.
    pub(crate) serials: Vec<Serial>,
    /// How many are valid or on hold.
    pub(crate) unrevoked: usize,
    /// Whether one of them is not revoked for compromise.
    pub(crate) vouch: bool,
}
