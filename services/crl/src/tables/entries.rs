//! Revoked and held certificates.

mod sample;

use data_encoding::HEXLOWER;
use sqlx::FromRow;
use store::bulk::{self, Insert};
use store::time::to_micros;
use store::{Columns, Damage, Db, Rows, StoreError, TableRow, Tx};
use time::OffsetDateTime;
use x509::Serial;
use x509::crl::{CrlEntry, Reason};

use super::{read_number, stored};
use crate::domain::Scope;
use crate::domain::change::Revoked;
pub(crate) use sample::{sample, unknown_to_ca};

/// Entries that are read at a time.
const PAGE: i64 = 2000;
/// Most entries of a delta: they are in memory at once. With more, a complete list is made and the delta begins with that.
pub(crate) const MOST_CHANGED: usize = 100_000;

const COLUMNS: &[&str] = &[
    "issuer",
    "shard",
    "serial",
    "revoked_us",
    "reason",
    "invalidity_us",
    "not_after_us",
    "change",
    "seen",
];

/// What an event says. A hold changes nothing about what is revoked for good: the event is one from before. What is said again
/// changes nothing, so that no delta has it again.
const OF_EVENT: Insert = Insert::into("entries", COLUMNS).on_conflict(
    "ON CONFLICT (issuer, shard, serial) DO UPDATE SET revoked_us = excluded.revoked_us, reason = excluded.reason, \
     invalidity_us = excluded.invalidity_us, not_after_us = excluded.not_after_us, change = excluded.change, \
     seen = excluded.seen WHERE (excluded.reason <> 6 OR entries.reason IN (6, 8)) AND (entries.revoked_us <> excluded.revoked_us \
     OR entries.reason <> excluded.reason OR entries.invalidity_us IS DISTINCT FROM excluded.invalidity_us \
     OR entries.not_after_us <> excluded.not_after_us)",
);

/// What a snapshot says: the same, and it was seen in any case, but where it calls a hold what is revoked for good.
const OF_SNAPSHOT: Insert = Insert::into("entries", COLUMNS).on_conflict(
    "ON CONFLICT (issuer, shard, serial) DO UPDATE SET \
     change = CASE WHEN entries.revoked_us <> excluded.revoked_us OR entries.reason <> excluded.reason \
       OR entries.invalidity_us IS DISTINCT FROM excluded.invalidity_us \
       OR entries.not_after_us <> excluded.not_after_us THEN excluded.change ELSE entries.change END, \
     revoked_us = excluded.revoked_us, reason = excluded.reason, invalidity_us = excluded.invalidity_us, \
     not_after_us = excluded.not_after_us, seen = excluded.seen \
     WHERE excluded.reason <> 6 OR entries.reason IN (6, 8)",
);

/// Where entries come from.
#[derive(Clone, Copy)]
pub(crate) enum Source {
    /// Events of the feed.
    Events,
    /// The snapshot of this number.
    Snapshot(i64),
}

/// Adds or changes entries of a scope, each of another certificate, under the number of a change; answers how many are not as they
/// were (of a snapshot: how many there are).
pub(crate) async fn put(
    tx: &mut Tx,
    scope: &Scope,
    (change, source): (i64, Source),
    entries: &[Revoked],
) -> Result<u64, StoreError> {
    let (into, seen) = match source {
        Source::Events => (&OF_EVENT, 0),
        Source::Snapshot(number) => (&OF_SNAPSHOT, number),
    };
    let rows = entries.iter().map(|Revoked { entry, not_after }| {
        let reason = entry.reason.unwrap_or(Reason::Unspecified);
        (
            scope.issuer.as_str(),
            i64::from(scope.shard),
            entry.serial.as_bytes().to_vec(),
            to_micros(entry.time),
            i64::from(reason.code()),
            entry.invalidity.map(to_micros),
            to_micros(*not_after),
            change,
            seen,
        )
    });
    bulk::insert(tx, into, rows).await
}

/// Releases a certificate that is on hold.
pub(crate) async fn release(
    tx: &mut Tx,
    scope: &Scope,
    serial: &Serial,
    change: i64,
) -> Result<u64, StoreError> {
    let sql = "UPDATE entries SET reason = 8, change = $4 WHERE issuer = $1 AND shard = $2 AND serial = $3 AND reason = 6";
    Ok(store::tx!(tx, |c| sqlx::query(sql)
        .bind(scope.issuer.as_str())
        .bind(i64::from(scope.shard))
        .bind(serial.as_bytes())
        .bind(change)
        .execute(c)
        .await?
        .rows_affected()))
}

/// What a snapshot did not have, of certificates that end from that time on.
pub(crate) struct Unseen {
    pub(crate) scope: Scope,
    /// On hold before, and not known to be lost.
    pub(crate) held: i64,
    /// Revoked for good before.
    pub(crate) revoked: i64,
}

/// A row, in which a column that cannot be read is empty and named.
struct UnseenRow {
    unseen: Unseen,
    damage: Damage,
}

impl<'r, R: TableRow> FromRow<'r, R> for UnseenRow {
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let mut columns = Columns::of(row);
        let scope = Scope {
            issuer: columns.value("issuer")?,
            shard: columns.number("shard")?,
        };
        let unseen = Unseen {
            scope,
            held: columns.value("held")?,
            revoked: columns.value("revoked")?,
        };
        Ok(Self {
            unseen,
            damage: columns.damage(),
        })
    }
}

/// By scope, what that snapshot did not have. Entries of a scope that cannot be read are in no list, whatever is decided on them.
pub(crate) async fn unseen(
    tx: &mut Tx,
    snapshot: i64,
    from: OffsetDateTime,
) -> Result<Rows<Unseen>, StoreError> {
    let sql = "SELECT issuer, shard, SUM(CASE WHEN reason = 6 AND seen >= 0 THEN 1 ELSE 0 END) AS held, \
        SUM(CASE WHEN reason NOT IN (6, 8) THEN 1 ELSE 0 END) AS revoked FROM entries \
        WHERE seen <> $1 AND not_after_us >= $2 GROUP BY issuer, shard ORDER BY issuer, shard";
    let rows: Vec<UnseenRow> = store::tx!(tx, |c| sqlx::query_as(sql)
        .bind(snapshot)
        .bind(to_micros(from))
        .fetch_all(c)
        .await?);
    Rows::of(rows, |UnseenRow { unseen, damage }| {
        damage.check(|| format!("entries of CRL {}", unseen.scope))?;
        Ok(unseen)
    })
}

/// Marks what is revoked for good and the snapshot did not have, or called a hold, and `holds` too if that is said: ca does not know it.
/// `seen` is the number of the snapshot, negative, until ca says it again.
pub(crate) async fn mark_unknown(
    tx: &mut Tx,
    (scope, holds): (&Scope, bool),
    (snapshot, from): (i64, OffsetDateTime),
) -> Result<(), StoreError> {
    const REVOKED: &str = "UPDATE entries SET seen = -$3 \
        WHERE issuer = $1 AND shard = $2 AND seen <> $3 AND not_after_us >= $4 AND reason NOT IN (6, 8)";
    const HELD_TOO: &str = "UPDATE entries SET seen = -$3 \
        WHERE issuer = $1 AND shard = $2 AND seen <> $3 AND not_after_us >= $4 AND reason <> 8";
    let sql = if holds { HELD_TOO } else { REVOKED };
    store::tx!(tx, |c| sqlx::query(sql)
        .bind(scope.issuer.as_str())
        .bind(i64::from(scope.shard))
        .bind(snapshot)
        .bind(to_micros(from))
        .execute(c)
        .await?
        .rows_affected());
    Ok(())
}

/// Releases the holds of a scope that the snapshot did not have, but for those that ca is known to have lost.
pub(crate) async fn release_unseen(
    tx: &mut Tx,
    scope: &Scope,
    (snapshot, from): (i64, OffsetDateTime),
    change: i64,
) -> Result<(), StoreError> {
    let sql = "UPDATE entries SET reason = 8, change = $5 \
        WHERE issuer = $1 AND shard = $2 AND seen <> $3 AND seen >= 0 AND not_after_us >= $4 AND reason = 6";
    store::tx!(tx, |c| sqlx::query(sql)
        .bind(scope.issuer.as_str())
        .bind(i64::from(scope.shard))
        .bind(snapshot)
        .bind(to_micros(from))
        .bind(change)
        .execute(c)
        .await?
        .rows_affected());
    Ok(())
}

/// A row, in which a column that cannot be read is empty and named.
struct EntryRow {
    serial: Vec<u8>,
    time: Option<OffsetDateTime>,
    reason: u8,
    invalidity: Option<OffsetDateTime>,
    damage: Damage,
}

impl<'r, R: TableRow> FromRow<'r, R> for EntryRow {
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let mut columns = Columns::of(row);
        Ok(Self {
            serial: columns.value("serial")?,
            time: columns.time("revoked_us")?,
            reason: columns.number("reason")?,
            invalidity: columns.time("invalidity_us")?,
            damage: columns.damage(),
        })
    }
}

impl TryFrom<EntryRow> for CrlEntry {
    type Error = StoreError;

    /// What cannot be read of a revocation is taken for the worst: it is for good, for no reason, since 1970. Where the serial number
    /// cannot be read no list of the scope is made: one without it would say that the certificate is good.
    fn try_from(row: EntryRow) -> Result<Self, StoreError> {
        let serial = Serial::from_bytes(&row.serial);
        let serial = serial.map_err(|_| {
            StoreError::damaged(
                "serial",
                &format!("the entry of {}", HEXLOWER.encode(&row.serial)),
            )
        })?;
        let mut damage = row.damage;
        let reason = damage.note("reason", Reason::from_code(row.reason));
        let reason = reason.filter(|_| damage.is_none());
        if let Err(problem) = damage.check(|| format!("the entry of {serial}")) {
            tracing::error!(%problem, "a revocation that cannot be read is listed as one for good");
        }
        Ok(Self {
            serial,
            time: row.time.unwrap_or(OffsetDateTime::UNIX_EPOCH),
            reason: reason.or(Some(Reason::Unspecified)),
            invalidity: row.invalidity,
        })
    }
}

/// The next page of a complete list, in its order: what is revoked or on hold, and ends from that time on. `after` is the last entry
/// of the page before. Empty at the end.
pub(crate) async fn page(
    snapshot: &mut Tx,
    scope: &Scope,
    from: OffsetDateTime,
    after: Option<&Serial>,
) -> Result<Vec<CrlEntry>, StoreError> {
    // Every serial number is behind the empty one.
    let sql = "SELECT serial, revoked_us, reason, invalidity_us FROM entries \
        WHERE issuer = $1 AND shard = $2 AND serial > $3 AND not_after_us >= $4 AND reason <> 8 \
        ORDER BY issuer, shard, serial LIMIT $5";
    let rows: Vec<EntryRow> = store::tx!(snapshot, |c| sqlx::query_as(sql)
        .bind(scope.issuer.as_str())
        .bind(i64::from(scope.shard))
        .bind(after.map(Serial::as_bytes).unwrap_or_default())
        .bind(to_micros(from))
        .bind(PAGE)
        .fetch_all(c)
        .await?);
    rows.into_iter().map(CrlEntry::try_from).collect()
}

/// What has changed in a scope since that change, released holds too, in the order of a list; `None` if it is too much for a delta.
pub(crate) async fn changed(
    snapshot: &mut Tx,
    scope: &Scope,
    since: i64,
) -> Result<Option<Vec<CrlEntry>>, StoreError> {
    let sql = "SELECT serial, revoked_us, reason, invalidity_us FROM entries \
        WHERE issuer = $1 AND shard = $2 AND change > $3 LIMIT $4";
    let rows: Vec<EntryRow> = store::tx!(snapshot, |c| sqlx::query_as(sql)
        .bind(scope.issuer.as_str())
        .bind(i64::from(scope.shard))
        .bind(since)
        .bind(stored(MOST_CHANGED as u64 + 1))
        .fetch_all(c)
        .await?);
    if rows.len() > MOST_CHANGED {
        return Ok(None);
    }
    let mut entries: Vec<CrlEntry> = rows
        .into_iter()
        .map(CrlEntry::try_from)
        .collect::<Result<_, _>>()?;
    entries.sort_unstable_by(|a, b| a.serial.as_bytes().cmp(b.serial.as_bytes()));
    Ok(Some(entries))
}

/// How many entries a complete list of that scope has.
pub(crate) async fn count(db: &Db, scope: &Scope, from: OffsetDateTime) -> Result<u64, StoreError> {
    let sql = "SELECT COUNT(*) FROM entries WHERE issuer = $1 AND shard = $2 AND not_after_us >= $3 AND reason <> 8";
    let count: i64 = store::read!(db, |c| sqlx::query_scalar(sql)
        .bind(scope.issuer.as_str())
        .bind(i64::from(scope.shard))
        .bind(to_micros(from))
        .fetch_one(c)
        .await)?;
    read_number(count, "a number of entries")
}
