//! The other certificates of a compromised key.

use std::collections::HashMap;

use sqlx::{FromRow, QueryBuilder};
use store::{Columns, Db, KeyList, StoreError, TableRow, Tx};
use time::OffsetDateTime;
use uuid::Uuid;
use x509::serial::Serial;

use super::certificates::{COLUMNS, Row, object};
use super::compromised;
use crate::domain::{Damaged, Issued};
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
/// And valid or on hold, or revoked for a reason of no known code: it cannot be read whether that is so.
pub(super) const UNREVOKED: &str = "(c.reason IS NULL OR c.reason NOT IN (0, 1, 2, 3, 4, 5, 8, 9, 10))";
/// Statements that read past damaged rows. Those would otherwise fill each of them, and keep the others from being revoked.
const MOST_READS: usize = 5;

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
    /// Those of the requester that are valid or on hold. They stay as they are until the transaction ends.
    pub(crate) async fn own_for_update(&self, tx: &mut Tx, limit: usize) -> Result<OwnCertificates, Error> {
        let mut own = OwnCertificates::default();
        let mut read = 0;
        for _ in 0..MOST_READS {
            let rows = self.own_rows(tx, limit + 1, read).await?;
            // Fewer than were asked for do not say that there are no more: PostgreSQL leaves out those that another transaction
            // has revoked since the statement began.
            own.more = !rows.is_empty();
            read += rows.len();
            for row in rows {
                match damaged_or(row)? {
                    Ok(issued) => own.certificates.push(issued),
                    Err(damaged) => own.damaged.push(damaged),
                }
            }
            if !own.more || own.certificates.len() > limit {
                break;
            }
        }
        own.more |= own.damaged.len() > limit;
        own.certificates.truncate(limit);
        own.damaged.truncate(limit);
        Ok(own)
    }

    /// Behind the first `read` of them, which are locked: none of these leaves the list before the transaction ends. Not behind the
    /// last serial number, which may be one that cannot be read.
    async fn own_rows(&self, tx: &mut Tx, limit: usize, read: usize) -> Result<Vec<Row>, Error> {
        let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let locking = store::lock::update(tx);
        Ok(store::tx!(tx, |connection| {
            let sql = format!(
                "SELECT {COLUMNS} FROM certificates c WHERE {BESIDE} AND ($5 IS NULL OR c.requester = $5) AND {UNREVOKED}
                 ORDER BY c.serial LIMIT $6 OFFSET $7{locking}"
            );
            bind_beside!(sqlx::query_as(sqlx::AssertSqlSafe(sql)), self)
                .bind(number(limit))
                .bind(number(read))
                .fetch_all(connection)
                .await
        })?)
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
        let found: Vec<Named> = store::tx!(tx, |connection| {
            let sql = format!(
                "SELECT c.id, c.serial FROM certificates c WHERE {BESIDE} AND c.requester <> $5 AND {UNREVOKED}
                 ORDER BY c.serial LIMIT $6"
            );
            bind_beside!(sqlx::query_as(sqlx::AssertSqlSafe(sql)), self)
                .bind(i64::try_from(limit).unwrap_or(i64::MAX))
                .fetch_all(connection)
                .await
        })?;
        Ok(OfOthers {
            serials: found.iter().filter_map(Named::serial).collect(),
            unrevoked: usize::try_from(unrevoked).unwrap_or(usize::MAX),
            vouch: sound > 0,
        })
    }
}

/// Those of the requester beside one.
#[derive(Default)]
pub(crate) struct OwnCertificates {
    pub(crate) certificates: Vec<Issued>,
    /// Those on which nothing can be decided.
    pub(crate) damaged: Vec<Damaged>,
    /// There are more than were read.
    pub(crate) more: bool,
}

/// A certificate as far as it can be read; else what is wrong with it.
pub(super) fn damaged_or(row: Row) -> Result<Result<Issued, Damaged>, Error> {
    let object = match Serial::from_bytes(&row.serial) {
        Ok(serial) => serial.to_string(),
        Err(_) => row.id.to_string(),
    };
    match row.legible() {
        Ok(issued) => Ok(Ok(issued)),
        Err(StoreError::Damaged(why)) => Ok(Err(Damaged { object, why })),
        Err(error) => Err(error.into()),
    }
}

/// What a certificate is called.
struct Named {
    id: Uuid,
    serial: Vec<u8>,
}

impl<'r, R: TableRow> FromRow<'r, R> for Named {
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let mut columns = Columns::of(row);
        Ok(Self {
            id: columns.value("id")?,
            serial: columns.value("serial")?,
        })
    }
}

impl Named {
    /// None, with a line in the log, where it cannot be read: such a certificate is counted, and not named.
    fn serial(&self) -> Option<Serial> {
        let serial = Serial::from_bytes(&self.serial).ok();
        if serial.is_none() {
            let object = object(&self.serial, self.id);
            let problem = StoreError::damaged("serial", &object);
            tracing::error!(%problem, "a certificate of a compromised key is counted and not named");
        }
        serial
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
