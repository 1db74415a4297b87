//! Published lists.

use std::collections::BTreeMap;

use sqlx::FromRow;
use store::lease::Lease;
use store::time::to_micros;
use store::{Columns, Damage, Db, Rows, StoreError, TableRow, Tx};
use time::OffsetDateTime;

use super::{read_number, stored};
use crate::domain::{Kind, Publication, Scope};

macro_rules! columns {
    () => {
        "SELECT id, issuer, shard, kind, number, base, change, from_us, made_us, this_update_us, next_update_us, \
         modified_us, entries, length, digest FROM publications "
    };
}

/// A row, in which a column that cannot be read is empty and named.
struct PublicationRow {
    list: Publication,
    damage: Damage,
}

impl<'r, R: TableRow> FromRow<'r, R> for PublicationRow {
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let mut columns = Columns::of(row);
        let kinds = [Kind::Complete, Kind::Delta];
        let kind = columns.parsed("kind", |kind| {
            kinds.into_iter().find(|known| known.as_str() == kind)
        })?;
        let base: Option<i64> = columns.value("base")?;
        let list = Publication {
            id: columns.value("id")?,
            scope: Scope {
                issuer: columns.value("issuer")?,
                shard: columns.number("shard")?,
            },
            kind: kind.unwrap_or(Kind::Complete),
            number: columns.number("number")?,
            base: base.map(|base| u64::try_from(base).unwrap_or_else(|_| columns.damaged("base"))),
            change: columns.value("change")?,
            from: time(&mut columns, "from_us")?,
            made: time(&mut columns, "made_us")?,
            this_update: time(&mut columns, "this_update_us")?,
            next_update: time(&mut columns, "next_update_us")?,
            modified: time(&mut columns, "modified_us")?,
            entries: columns.number("entries")?,
            length: columns.number("length")?,
            digest: columns.value("digest")?,
        };
        Ok(Self {
            list,
            damage: columns.damage(),
        })
    }
}

/// One that every row has.
fn time<R: TableRow>(
    columns: &mut Columns<'_, R>,
    column: &'static str,
) -> Result<OffsetDateTime, sqlx::Error> {
    Ok(columns.time(column)?.unwrap_or(OffsetDateTime::UNIX_EPOCH))
}

impl TryFrom<PublicationRow> for Publication {
    type Error = StoreError;

    fn try_from(PublicationRow { list, damage }: PublicationRow) -> Result<Self, StoreError> {
        damage.check(|| format!("{} CRL {} of {}", list.kind.as_str(), list.number, list.scope))?;
        Ok(list)
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
    "WHERE issuer = $1 AND shard = $2 AND kind = $3 AND published_us IS NOT NULL AND replaced_us IS NULL \
     ORDER BY number DESC LIMIT 1"
);

/// The same in a transaction, if it can be read: one that cannot be is replaced like any other.
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
    read(row).or_else(StoreError::left_out)
}

/// Lists that are looked at for a base: the first of them that can be read is one.
const BASES: i64 = 10;

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
         ORDER BY number DESC LIMIT $4"
    );
    const OLDEST: &str = concat!(
        columns!(),
        "WHERE issuer = $1 AND shard = $2 AND kind = 'complete' AND published_us IS NOT NULL AND made_us > $3 \
         ORDER BY number LIMIT $4"
    );
    for sql in [OLD, OLDEST] {
        let rows: Vec<PublicationRow> = store::tx!(tx, |c| sqlx::query_as(sql)
            .bind(scope.issuer.as_str())
            .bind(i64::from(scope.shard))
            .bind(to_micros(made_until))
            .bind(BASES)
            .fetch_all(c)
            .await?);
        if let Some(found) = Rows::of(rows, Publication::try_from)?.read.into_iter().next() {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// The current lists of issuers whose keys are elsewhere, by name.
pub(crate) async fn imported(db: &Db) -> Result<Rows<Publication>, StoreError> {
    const SQL: &str = concat!(
        columns!(),
        "WHERE published_us IS NOT NULL AND replaced_us IS NULL \
         AND issuer IN (SELECT issuer FROM issuers WHERE key_name = '') ORDER BY issuer, number"
    );
    let rows: Vec<PublicationRow> = store::read!(db, |c| sqlx::query_as(SQL).fetch_all(c).await)?;
    Rows::of(rows, Publication::try_from)
}

/// All current lists, and what is wrong with rows that cannot be read.
pub(crate) async fn all_current(
    db: &Db,
) -> Result<(BTreeMap<(Scope, Kind), Publication>, Vec<String>), StoreError> {
    // Where two of one scope and kind are, the last is the current one.
    const SQL: &str = concat!(
        columns!(),
        "WHERE published_us IS NOT NULL AND replaced_us IS NULL ORDER BY number"
    );
    let rows: Vec<PublicationRow> = store::read!(db, |c| sqlx::query_as(SQL).fetch_all(c).await)?;
    let Rows { read, damaged } = Rows::of(rows, Publication::try_from)?;
    let current = read
        .into_iter()
        .map(|list| ((list.scope.clone(), list.kind), list));
    Ok((current.collect(), damaged))
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
    let mut tx = db.begin().await?;
    lease.hold(&mut tx).await?;
    insert(&mut tx, list).await?;
    tx.commit().await
}

/// The same in a transaction that goes on. How long it is and what is in it is stored when it is published.
pub(crate) async fn insert(tx: &mut Tx, list: &Publication) -> Result<(), StoreError> {
    let sql = "INSERT INTO publications (id, issuer, shard, kind, number, base, change, from_us, made_us, this_update_us, \
        next_update_us, modified_us, entries, length, digest) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, 0, $13)";
    store::tx!(tx, |c| sqlx::query(sql)
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
    Ok(())
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
    if list.kind == Kind::Complete {
        super::scopes::answer_request(tx, &list.scope, list.number).await?;
    }
    Ok(published == 1)
}
