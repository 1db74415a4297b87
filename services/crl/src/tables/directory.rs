//! What was written to another directory.

use std::collections::HashMap;

use sqlx::FromRow;
use store::lease::Lease;
use store::time::{from_micros, to_micros};
use store::{Columns, Damage, Db, StoreError, TableRow};
use time::OffsetDateTime;

/// One entry of one directory, by digests: names can be longer than the key of an index.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) target: &'a [u8],
    pub(crate) entry: &'a [u8],
    pub(crate) name: &'a str,
}

/// Digests of the values that an attribute of an entry was given, by entry and attribute.
pub(crate) type Written = HashMap<(Vec<u8>, String), Vec<u8>>;

/// A row, in which a column that cannot be read is empty and named.
struct WrittenRow {
    place: Vec<u8>,
    attribute: String,
    digest: Vec<u8>,
    damage: Damage,
}

impl<'r, R: TableRow> FromRow<'r, R> for WrittenRow {
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let mut columns = Columns::of(row);
        Ok(Self {
            place: columns.value("place")?,
            attribute: columns.value("attribute")?,
            digest: columns.value("digest")?,
            damage: columns.damage(),
        })
    }
}

/// What was written to a directory. A row that cannot be read is left out: what it is about is written again.
pub(crate) async fn written(db: &Db, target: &[u8]) -> Result<Written, StoreError> {
    let sql = "SELECT place, attribute, digest FROM directory WHERE target = $1";
    let rows: Vec<WrittenRow> = store::read!(db, |c| sqlx::query_as(sql).bind(target).fetch_all(c).await)?;
    let by_key = rows
        .into_iter()
        .filter(|row| row.damage.is_none())
        .map(|row| ((row.place, row.attribute), row.digest));
    Ok(by_key.collect())
}

/// Notes what was written; each an attribute and the digest of its values.
pub(crate) async fn note(
    db: &Db,
    lease: &Lease,
    place: Place<'_>,
    attributes: &[(String, Vec<u8>)],
) -> Result<(), StoreError> {
    let sql = "INSERT INTO directory (target, place, attribute, name, digest) VALUES ($1, $2, $3, $4, $5) \
        ON CONFLICT (target, place, attribute) DO UPDATE SET digest = excluded.digest, behind_us = NULL";
    let mut tx = db.begin().await?;
    lease.hold(&mut tx).await?;
    for (attribute, digest) in attributes {
        store::tx!(&mut tx, |c| sqlx::query(sql)
            .bind(place.target)
            .bind(place.entry)
            .bind(attribute.as_str())
            .bind(place.name)
            .bind(digest.as_slice())
            .execute(c)
            .await?
            .rows_affected());
    }
    tx.commit().await
}

/// Notes that attributes could not be written, from `now` on if they could before.
pub(crate) async fn note_behind(
    db: &Db,
    lease: &Lease,
    (place, attributes): (Place<'_>, &[(String, Vec<u8>)]),
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO directory (target, place, attribute, name, digest, behind_us) VALUES ($1, $2, $3, $4, $5, $6) \
        ON CONFLICT (target, place, attribute) DO UPDATE SET behind_us = COALESCE(directory.behind_us, excluded.behind_us)";
    let mut tx = db.begin().await?;
    lease.hold(&mut tx).await?;
    for (attribute, _) in attributes {
        store::tx!(&mut tx, |c| sqlx::query(sql)
            .bind(place.target)
            .bind(place.entry)
            .bind(attribute.as_str())
            .bind(place.name)
            .bind(Vec::<u8>::new())
            .bind(to_micros(now))
            .execute(c)
            .await?
            .rows_affected());
    }
    tx.commit().await
}

/// The entry that is behind the longest, and since when.
pub(crate) async fn behind(db: &Db, target: &[u8]) -> Result<Option<(String, OffsetDateTime)>, StoreError> {
    let sql = "SELECT name, behind_us FROM directory WHERE target = $1 AND behind_us IS NOT NULL \
        ORDER BY behind_us, name LIMIT 1";
    let row: Option<(String, i64)> =
        store::read!(db, |c| sqlx::query_as(sql).bind(target).fetch_optional(c).await)?;
    row.map(|(name, since)| Ok((name, from_micros(since)?)))
        .transpose()
}

/// Forgets other directories: what was written to one that is not configured any more.
pub(crate) async fn forget_others(db: &Db, lease: &Lease, target: &[u8]) -> Result<(), StoreError> {
    let sql = "DELETE FROM directory WHERE target <> $1";
    let mut tx = db.begin().await?;
    lease.hold(&mut tx).await?;
    store::tx!(&mut tx, |c| sqlx::query(sql)
        .bind(target)
        .execute(c)
        .await?
        .rows_affected());
    tx.commit().await
}
