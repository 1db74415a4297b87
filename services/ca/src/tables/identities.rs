//! Which identity asked for which: `identity_requests`.

use std::collections::BTreeMap;

use store::bulk::{Insert, insert};
use store::lease::Lease;
use store::{Db, StoreError, Tx};
use time::OffsetDateTime;
use x509::serial::Serial;

use super::beside::{OwnCertificates, UNREVOKED, damaged_or};
use super::certificates::{COLUMNS, Row};
use super::issuance_facts::lock;
use crate::domain::SERVICE_IDENTITY;
use crate::domain::identities::{Asker, IdentityCounts};
use crate::domain::signed::Signed;
use crate::error::Error;

/// Takes the turn of who asks for identities and of who revokes one with what was asked for: neither misses what the other does.
pub(crate) async fn take_turn(tx: &mut Tx) -> Result<(), StoreError> {
    // No CA has a name with blanks.
    store::lock::exclusive(tx, vec![lock("identities of services")]).await
}

const COUNTS: &str = "SELECT (SELECT COUNT(*) FROM identity_requests WHERE asked_by = $1),
     (SELECT COUNT(*) FROM identity_requests i JOIN certificates c ON c.serial = i.serial
      WHERE i.identity = $2 AND i.not_after >= $3 AND COALESCE(c.reason, c.revoked_at) IS NULL)";

macro_rules! counts {
    ($connection:expr, $asker:expr, $now:expr) => {
        sqlx::query_as(COUNTS)
            .bind($asker.serial.as_bytes())
            .bind(&$asker.identity)
            .bind(store::time::to_micros($now))
            .fetch_one($connection)
            .await
    };
}

/// What was asked for so far, as it is now.
pub(crate) async fn asked(db: &Db, askers: &[&Asker], now: OffsetDateTime) -> Result<IdentityCounts, Error> {
    let mut asked = IdentityCounts::default();
    for asker in distinct(askers) {
        let counts: (i64, i64) = store::read!(db, |connection| counts!(connection, asker, now))?;
        note(&mut asked, asker, counts);
    }
    Ok(asked)
}

/// The same in the turn of this transaction ([`take_turn`]): it stays so until that ends.
pub(crate) async fn asked_in(
    tx: &mut Tx,
    askers: &[&Asker],
    now: OffsetDateTime,
) -> Result<IdentityCounts, Error> {
    let mut asked = IdentityCounts::default();
    for asker in distinct(askers) {
        let counts: (i64, i64) = store::tx!(tx, |connection| counts!(connection, asker, now))?;
        note(&mut asked, asker, counts);
    }
    Ok(asked)
}

fn distinct<'a>(askers: &[&'a Asker]) -> impl Iterator<Item = &'a Asker> {
    let askers: BTreeMap<Serial, &Asker> = askers.iter().map(|asker| (asker.serial, *asker)).collect();
    askers.into_values()
}

fn note(asked: &mut IdentityCounts, asker: &Asker, (by_serial, by_identity): (i64, i64)) {
    let number = |count: i64| u64::try_from(count).unwrap_or(u64::MAX);
    asked.by_serial.insert(asker.serial, number(by_serial));
    asked
        .by_identity
        .insert(asker.identity.clone(), number(by_identity));
}

const REQUESTS: Insert = Insert::into(
    "identity_requests",
    &["serial", "asked_by", "identity", "not_after"],
);

/// Notes who asked, for those of a group that are identities of services.
pub(crate) async fn record(tx: &mut Tx, group: &[&Signed]) -> Result<(), Error> {
    let asked = group
        .iter()
        .filter_map(|signed| Some((signed.record.asked_by.as_ref()?, &signed.issued)));
    let rows: Vec<_> = asked
        .map(|(asker, issued)| {
            (
                issued.serial.as_bytes(),
                asker.serial.as_bytes(),
                asker.identity.as_str(),
                store::time::to_micros(issued.not_after),
            )
        })
        .collect();
    if !rows.is_empty() {
        insert(tx, &REQUESTS, rows).await?;
    }
    Ok(())
}

/// The identities of services over one of these keys, of that requester or of all, whatever has become of them.
pub(crate) async fn over_key(
    tx: &mut Tx,
    (key, twin): (&[u8; 32], Option<[u8; 32]>),
    requester: Option<&str>,
) -> Result<Vec<Serial>, Error> {
    let sql = "SELECT serial FROM certificates WHERE spki_sha256 IN ($1, $2) AND profile = $3 AND ($4 IS NULL OR requester = $4)";
    let rows: Vec<Vec<u8>> = store::tx!(tx, |connection| sqlx::query_scalar(sql)
        .bind(key.to_vec())
        .bind(twin.as_ref().unwrap_or(key).to_vec())
        .bind(SERVICE_IDENTITY)
        .bind(requester)
        .fetch_all(connection)
        .await)?;
    // One that cannot be read is named as a certificate of the key.
    Ok(rows
        .iter()
        .filter_map(|serial| Serial::from_bytes(serial).ok())
        .collect())
}

/// What was issued to who showed that certificate, or one of those, is unexpired, and is valid or on hold. They stay as they are until
/// the transaction, which has the turn, ends. The walk leads through those that are revoked or expired.
pub(crate) async fn descendants(
    tx: &mut Tx,
    serial: &Serial,
    now: OffsetDateTime,
    limit: usize,
) -> Result<OwnCertificates, Error> {
    let locking = store::lock::update(tx);
    let rows: Vec<Row> = store::tx!(tx, |connection| {
        let sql = format!(
            "WITH RECURSIVE descendants (serial) AS (
                SELECT i.serial FROM identity_requests i WHERE i.asked_by = $1
                UNION SELECT i.serial FROM identity_requests i JOIN descendants d ON i.asked_by = d.serial)
             SELECT {COLUMNS} FROM certificates c
             WHERE c.serial IN (SELECT d.serial FROM descendants d) AND c.serial <> $1 AND c.not_after >= $2 AND {UNREVOKED}
             ORDER BY c.serial LIMIT $3{locking}"
        );
        sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(serial.as_bytes())
            .bind(store::time::to_micros(now))
            .bind(i64::try_from(limit + 1).unwrap_or(i64::MAX))
            .fetch_all(connection)
            .await
    })?;
    let mut found = OwnCertificates {
        more: rows.len() > limit,
        ..OwnCertificates::default()
    };
    for row in rows.into_iter().take(limit) {
        match damaged_or(row)? {
            Ok(issued) => found.certificates.push(issued),
            Err(damaged) => found.damaged.push(damaged),
        }
    }
    Ok(found)
}

/// Removes requests, `limit` at most, for certificates that expired before that time and by which no other is found: no certificate was
/// issued to who showed them, or those are removed. One by which a certificate that is valid is found from those before it stays, however
/// old it is: there is one for each renewal since the CA began. So does one that still counts for who shows a valid certificate. Returns
/// how many were removed; then there may be others of that kind.
pub(crate) async fn prune(
    db: &Db,
    lease: &Lease,
    expired_before: OffsetDateTime,
    limit: u32,
) -> Result<u64, Error> {
    let mut tx = db.begin().await?;
    lease.hold(&mut tx).await?;
    let gone = store::tx!(&mut tx, |connection| {
        sqlx::query(
            "DELETE FROM identity_requests WHERE serial IN
             (SELECT i.serial FROM identity_requests i WHERE i.not_after < $1
              AND NOT EXISTS (SELECT 1 FROM identity_requests s WHERE s.asked_by = i.serial)
              AND NOT EXISTS (SELECT 1 FROM certificates c WHERE c.serial = i.asked_by AND c.not_after >= $1)
              ORDER BY i.not_after LIMIT $2)",
        )
        .bind(store::time::to_micros(expired_before))
        .bind(i64::from(limit))
        .execute(connection)
        .await
        .map(|done| done.rows_affected())
    })?;
    tx.commit().await?;
    Ok(gone)
}
