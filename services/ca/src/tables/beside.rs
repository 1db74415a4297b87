//! The other certificates of a compromised key.

use store::{StoreError, Tx};
use time::OffsetDateTime;
use x509::serial::Serial;

use super::certificates::{COLUMNS, Row};
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
    /// Those of the requester that are valid or on hold. They stay as they are until the transaction ends.
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
        })
        .map_err(StoreError::from)?;
        rows.into_iter().map(Issued::try_from).collect()
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
        })
        .map_err(StoreError::from)?;
        let found: Vec<Vec<u8>> = store::tx!(tx, |connection| {
            let sql = format!(
                "SELECT c.serial FROM certificates c WHERE {BESIDE} AND c.requester <> $5 AND {UNREVOKED}
                 ORDER BY c.serial LIMIT $6"
            );
            bind_beside!(sqlx::query_scalar(sqlx::AssertSqlSafe(sql)), self)
                .bind(i64::try_from(limit).unwrap_or(i64::MAX))
                .fetch_all(connection)
                .await
        })
        .map_err(StoreError::from)?;
        let serial = |bytes: Vec<u8>| {
            Serial::from_bytes(&bytes)
                .map_err(|_| Error::Internal("a stored serial number cannot be read".to_owned()))
        };
        Ok(OfOthers {
            serials: found.into_iter().map(serial).collect::<Result<_, _>>()?,
            unrevoked: usize::try_from(unrevoked).unwrap_or(usize::MAX),
            vouch: sound > 0,
        })
    }
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
