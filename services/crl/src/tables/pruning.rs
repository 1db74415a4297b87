//! What is not needed any more, removed some rows at a time.

use store::lease::Lease;
use store::time::to_micros;
use store::{Db, StoreError};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{snapshots, stored};
use crate::domain::{Publication, Scope};

/// Rows per transaction: on SQLite, other writers wait while one runs.
const AT_ONCE: u64 = 1000;

/// Entries of a scope that no list has from now on: expired ones that a list had past their end, and released holds that the base
/// of deltas does not have either. The time by which they had expired is noted with it: it may have been a clock that was ahead.
pub(crate) async fn entries(
    db: &Db,
    lease: &Lease,
    scope: &Scope,
    base: &Publication,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    let ended = base.made.min(now);
    const EXPIRED: &str = "DELETE FROM entries WHERE issuer = $1 AND shard = $2 AND serial IN \
        (SELECT serial FROM entries WHERE issuer = $1 AND shard = $2 AND not_after_us < $3 LIMIT $4)";
    const RELEASED: &str = "DELETE FROM entries WHERE issuer = $1 AND shard = $2 AND serial IN \
        (SELECT serial FROM entries WHERE issuer = $1 AND shard = $2 AND reason = 8 AND change <= $3 LIMIT $4)";
    let all = [
        (EXPIRED, to_micros(ended), Some(ended)),
        (RELEASED, base.change, None),
    ];
    for (sql, bound, until) in all {
        loop {
            let mut tx = db.begin().await?;
            lease.hold(&mut tx).await?;
            let removed = store::tx!(&mut tx, |c| sqlx::query(sql)
                .bind(scope.issuer.as_str())
                .bind(i64::from(scope.shard))
                .bind(bound)
                .bind(stored(AT_ONCE))
                .execute(c)
                .await?
                .rows_affected());
            if let (Some(until), true) = (until, removed > 0) {
                snapshots::removed_until(&mut tx, until).await?;
            }
            tx.commit().await?;
            if removed < AT_ONCE {
                break;
            }
        }
    }
    Ok(())
}

/// Lists that a process which does not hold the lease any more did not finish. Called by who holds it, before it writes any.
pub(crate) async fn unfinished(db: &Db, lease: &Lease) -> Result<u64, StoreError> {
    let mut tx = db.begin().await?;
    lease.hold(&mut tx).await?;
    let sql = "DELETE FROM publications WHERE published_us IS NULL";
    let removed = store::tx!(&mut tx, |c| sqlx::query(sql).execute(c).await?.rows_affected());
    tx.commit().await?;
    Ok(removed)
}

/// A list that could not be finished.
pub(crate) async fn unpublished(db: &Db, lease: &Lease, list: Uuid) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    lease.hold(&mut tx).await?;
    let sql = "DELETE FROM publications WHERE id = $1 AND published_us IS NULL";
    store::tx!(&mut tx, |c| sqlx::query(sql)
        .bind(list)
        .execute(c)
        .await?
        .rows_affected());
    tx.commit().await
}

/// Octets of lists that were replaced before that time, and all of those that no delta can be based on.
pub(crate) async fn lists(
    db: &Db,
    lease: &Lease,
    base: &Publication,
    replaced_before: OffsetDateTime,
) -> Result<(), StoreError> {
    const PIECES: &str = "DELETE FROM pieces WHERE publication IN (SELECT id FROM publications \
        WHERE issuer = $1 AND shard = $2 AND replaced_us < $3)";
    const LISTS: &str =
        "DELETE FROM publications WHERE issuer = $1 AND shard = $2 AND replaced_us < $3 AND number < $4";
    let scope = &base.scope;
    let mut tx = db.begin().await?;
    lease.hold(&mut tx).await?;
    store::tx!(&mut tx, |c| sqlx::query(PIECES)
        .bind(scope.issuer.as_str())
        .bind(i64::from(scope.shard))
        .bind(to_micros(replaced_before))
        .execute(c)
        .await?
        .rows_affected());
    store::tx!(&mut tx, |c| sqlx::query(LISTS)
        .bind(scope.issuer.as_str())
        .bind(i64::from(scope.shard))
        .bind(to_micros(replaced_before))
        .bind(stored(base.number))
        .execute(c)
        .await?
        .rows_affected());
    tx.commit().await
}
