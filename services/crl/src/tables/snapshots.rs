//! Snapshots of ca: which is being taken, whether one ever ended, and how far its feed was read behind it.

use sqlx::FromRow;
use store::lease::Lease;
use store::time::to_micros;
use store::{Columns, Db, StoreError, TableRow, Tx};
use time::OffsetDateTime;

/// Begins one and answers its number.
pub(crate) async fn begin(tx: &mut Tx) -> Result<i64, StoreError> {
    let sql = "UPDATE snapshots SET begun = begun + 1 WHERE id = 1 RETURNING begun";
    Ok(store::tx!(tx, |c| sqlx::query_scalar(sql).fetch_one(c).await?))
}

/// Notes that the database of ca is an older one from now on: the next snapshot is of it.
pub(crate) async fn expect_older_ca(db: &Db) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    store::tx!(&mut tx, |c| sqlx::query(
        "UPDATE snapshots SET older_ca = 1 WHERE id = 1"
    )
    .execute(c)
    .await?
    .rows_affected());
    tx.commit().await
}

/// Whether it is; also where that cannot be read.
pub(crate) async fn is_of_older_ca(tx: &mut Tx) -> Result<bool, StoreError> {
    let sql = "SELECT COUNT(*) FROM snapshots WHERE id = 1 AND older_ca = 0";
    let as_before: i64 = store::tx!(tx, |c| sqlx::query_scalar(sql).fetch_one(c).await?);
    Ok(as_before == 0)
}

/// Notes that it ended.
pub(crate) async fn end(tx: &mut Tx, number: i64) -> Result<(), StoreError> {
    let sql = "UPDATE snapshots SET ended = $1, removed_until_us = NULL, older_ca = 0 WHERE id = 1";
    store::tx!(tx, |c| sqlx::query(sql)
        .bind(number)
        .execute(c)
        .await?
        .rows_affected());
    Ok(())
}

/// Notes that entries of certificates that ended before that time are removed.
pub(super) async fn removed_until(tx: &mut Tx, until: OffsetDateTime) -> Result<(), StoreError> {
    let sql = "UPDATE snapshots SET removed_until_us = CASE WHEN removed_until_us > $1 THEN removed_until_us ELSE $1 END WHERE id = 1";
    store::tx!(tx, |c| sqlx::query(sql)
        .bind(to_micros(until))
        .execute(c)
        .await?
        .rows_affected());
    Ok(())
}

/// What is known of ca.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SnapshotState {
    /// Whether a snapshot ever ended: before that, entries are missing.
    ended: bool,
    /// Whether ca has an older database now, of which a snapshot is to be taken.
    older_ca: bool,
    /// Until when, by some clock, certificates have expired whose entries were removed.
    removed_until: Option<OffsetDateTime>,
    /// Everything that ca had committed by then is in the entries.
    pub(crate) caught_up: Option<OffsetDateTime>,
}

impl SnapshotState {
    /// Whether no entry is missing: a snapshot ended, and what was removed since has expired by the clock of now. Where not, no list
    /// is made.
    pub(crate) fn is_complete(self, now: OffsetDateTime) -> bool {
        self.ended && !self.older_ca && self.removed_until.is_none_or(|until| until <= now)
    }
}

/// Where a column cannot be read another snapshot is taken, and the next heartbeat is noted: they write it again.
impl<'r, R: TableRow> FromRow<'r, R> for SnapshotState {
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let mut columns = Columns::of(row);
        Ok(Self {
            caught_up: columns.time("caught_up_us")?,
            removed_until: columns.time("removed_until_us")?,
            older_ca: columns.value::<i64>("older_ca")? != 0,
            ended: columns.value::<i64>("ended")? > 0 && columns.damage().is_none(),
        })
    }
}

/// What is known now.
pub(crate) async fn known(db: &Db) -> Result<SnapshotState, StoreError> {
    let sql = "SELECT ended, older_ca, removed_until_us, caught_up_us FROM snapshots WHERE id = 1";
    Ok(store::read!(db, |c| sqlx::query_as(sql).fetch_one(c).await)?)
}

/// Notes that everything is known that ca had committed by then.
pub(crate) async fn caught_up(db: &Db, lease: &Lease, at: OffsetDateTime) -> Result<(), StoreError> {
    let sql = "UPDATE snapshots SET caught_up_us = $1 WHERE id = 1";
    let mut tx = db.begin().await?;
    lease.hold(&mut tx).await?;
    store::tx!(&mut tx, |c| sqlx::query(sql)
        .bind(to_micros(at))
        .execute(c)
        .await?
        .rows_affected());
    tx.commit().await
}
