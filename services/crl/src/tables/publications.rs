//! Published lists.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, FromRow};
use store::lease::Lease;
use store::time::{from_micros, to_micros};
use store::{Db, StoreError, Tx};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{read_number, read_shard, stored};
use crate::domain::{Kind, Publication, Scope};

macro_rules! columns {
    () => {
        "SELECT id, issuer, shard, kind, number, base, change, from_us, made_us, this_update_us, next_update_us, \
         modified_us, entries, length, digest FROM publications "
    };
}

#[derive(FromRow)]
struct PublicationRow {
    id: Uuid,
    issuer: String,
    shard: i64,
    kind: String,
    number: i64,
    base: Option<i64>,
    change: i64,
    from_us: i64,
    made_us: i64,
    this_update_us: i64,
    next_update_us: i64,
    modified_us: i64,
    entries: i64,
    length: i64,
    digest: Vec<u8>,
}

impl TryFrom<PublicationRow> for Publication {
    type Error = StoreError;

    fn try_from(row: PublicationRow) -> Result<Self, StoreError> {
        let kinds = [Kind::Complete, Kind::Delta];
        let kind = kinds.into_iter().find(|kind| kind.as_str() == row.kind);
        let kind = kind.ok_or_else(|| StoreError::Corrupt(format!("{:?} is not a kind of CRL", row.kind)))?;
        Ok(Self {
            id: row.id,
            scope: Scope {
                issuer: row.issuer,
                shard: read_shard(row.shard)?,
            },
            kind,
            number: read_number(row.number, "a CRL number")?,
            base: row
                .base
                .map(|base| read_number(base, "a CRL number"))
                .transpose()?,
            change: row.change,
            from: from_micros(row.from_us)?,
            made: from_micros(row.made_us)?,
            this_update: from_micros(row.this_update_us)?,
            next_update: from_micros(row.next_update_us)?,
            modified: from_micros(row.modified_us)?,
            entries: read_number(row.entries, "a number of entries")?,
            length: read_number(row.length, "a length")?,
            digest: row.digest,
        })
    }
}

fn read(row: Option<PublicationRow>) -> Result<Option<Publication>, StoreError> {
    row.map(Publication::try_from).transpose()
}

/// The current list of that kind.
pub(crate) async fn current(db: &Db, scope: &Scope, kind: Kind) -> Result<Option<Publication>, StoreError> {
    let row = store::read!(db, |c| sqlx::query_as(CURRENT)
        .bind(scope.issuer.as_str())
        .bind(i64::from(scope.shard))
        .bind(kind.as_str())
        .fetch_optional(c)
        .await)?;
    read(row)
}

const CURRENT: &str = concat!(
    columns!(),
    "WHERE issuer = $1 AND shard = $2 AND kind = $3 AND published_us IS NOT NULL ORDER BY number DESC LIMIT 1"
);

/// The same in a transaction.
pub(crate) async fn current_in(
    tx: &mut Tx,
    scope: &Scope,
    kind: Kind,
) -> Result<Option<Publication>, StoreError> {
    let row = store::tx!(tx, |c| sqlx::query_as(CURRENT)
        .bind(scope.issuer.as_str())
        .bind(i64::from(scope.shard))
        .bind(kind.as_str())
        .fetch_optional(c)
        .await?);
    read(row)
}

/// The complete list that a delta changes: the newest that was out for that long, so that whoever has a list that caches still had
/// can use the delta; or else the oldest.
pub(crate) async fn base(
    tx: &mut Tx,
    scope: &Scope,
    made_until: OffsetDateTime,
) -> Result<Option<Publication>, StoreError> {
    const OLD: &str = concat!(
        columns!(),
        "WHERE issuer = $1 AND shard = $2 AND kind = 'complete' AND published_us IS NOT NULL AND made_us <= $3 \
         ORDER BY number DESC LIMIT 1"
    );
    const OLDEST: &str = concat!(
        columns!(),
        "WHERE issuer = $1 AND shard = $2 AND kind = 'complete' AND published_us IS NOT NULL AND made_us > $3 \
         ORDER BY number LIMIT 1"
    );
    for sql in [OLD, OLDEST] {
        let row = store::tx!(tx, |c| sqlx::query_as(sql)
            .bind(scope.issuer.as_str())
            .bind(i64::from(scope.shard))
            .bind(to_micros(made_until))
            .fetch_optional(c)
            .await?);
        if let Some(found) = read(row)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// All current lists.
pub(crate) async fn all_current(db: &Db) -> Result<BTreeMap<(Scope, Kind), Publication>, StoreError> {
    const SQL: &str = concat!(
        columns!(),
        "WHERE published_us IS NOT NULL AND replaced_us IS NULL ORDER BY number"
    );
    let rows: Vec<PublicationRow> = store::read!(db, |c| sqlx::query_as(SQL).fetch_all(c).await)?;
    rows.into_iter()
        .map(|row| {
            let found = Publication::try_from(row)?;
            Ok(((found.scope.clone(), found.kind), found))
        })
        .collect()
}

/// The highest number of a scope, of lists that were published and others; 0: none.
pub(super) async fn highest_number(tx: &mut Tx, scope: &Scope) -> Result<u64, StoreError> {
    let sql = "SELECT COALESCE(MAX(number), 0) FROM publications WHERE issuer = $1 AND shard = $2";
    let number: i64 = store::tx!(tx, |c| sqlx::query_scalar(sql)
        .bind(scope.issuer.as_str())
        .bind(i64::from(scope.shard))
        .fetch_one(c)
        .await?);
    read_number(number, "a CRL number")
}

/// Begins a list: from now on its pieces can be stored. A number that another list of that scope and kind has is an error.
pub(crate) async fn begin(db: &Db, lease: &Lease, list: &Publication) -> Result<(), StoreError> {
    let sql = AssertSqlSafe(
        "INSERT INTO publications (id, issuer, shard, kind, number, base, change, from_us, made_us, this_update_us, \
         next_update_us, modified_us, entries, length, digest) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, 0, $13)",
    );
    let mut tx = db.begin().await?;
    lease.hold(&mut tx).await?;
    store::tx!(&mut tx, |c| sqlx::query(sql)
        .bind(list.id)
        .bind(list.scope.issuer.as_str())
        .bind(i64::from(list.scope.shard))
        .bind(list.kind.as_str())
        .bind(stored(list.number))
        .bind(list.base.map(stored))
        .bind(list.change)
        .bind(to_micros(list.from))
        .bind(to_micros(list.made))
        .bind(to_micros(list.this_update))
        .bind(to_micros(list.next_update))
        .bind(to_micros(list.modified))
        .bind(Vec::<u8>::new())
        .execute(c)
        .await?
        .rows_affected());
    tx.commit().await
}

/// Makes it the current one. False: it was removed, since another process holds the lease.
pub(crate) async fn publish(
    tx: &mut Tx,
    list: &Publication,
    now: OffsetDateTime,
) -> Result<bool, StoreError> {
    const REPLACE: &str = "UPDATE publications SET replaced_us = $4 \
        WHERE issuer = $1 AND shard = $2 AND kind = $3 AND published_us IS NOT NULL AND replaced_us IS NULL";
    const PUBLISH: &str = "UPDATE publications SET published_us = $2, entries = $3, length = $4, digest = $5 \
        WHERE id = $1 AND published_us IS NULL";
    store::tx!(tx, |c| sqlx::query(REPLACE)
        .bind(list.scope.issuer.as_str())
        .bind(i64::from(list.scope.shard))
        .bind(list.kind.as_str())
        .bind(to_micros(now))
        .execute(c)
        .await?
        .rows_affected());
    let published = store::tx!(tx, |c| sqlx::query(PUBLISH)
        .bind(list.id)
        .bind(to_micros(now))
        .bind(stored(list.entries))
        .bind(stored(list.length))
        .bind(list.digest.as_slice())
        .execute(c)
        .await?
        .rows_affected());
    Ok(published == 1)
}
