//! Scopes: what has changed in them, and which numbers are taken.

use sqlx::FromRow;
use store::lease::Lease;
use store::{Columns, Damage, Db, Rows, StoreError, TableRow, Tx};

use super::{publications, read_number, stored};
use crate::domain::due::ScopeState;
use crate::domain::{Kind, Scope};

/// Makes it, if it is not there.
pub(super) async fn ensure(tx: &mut Tx, issuer: &str, shard: u32) -> Result<(), StoreError> {
    let sql = "INSERT INTO scopes (issuer, shard, changes, urgent, number) VALUES ($1, $2, 0, 0, 0) \
        ON CONFLICT (issuer, shard) DO NOTHING";
    store::tx!(tx, |c| sqlx::query(sql)
        .bind(issuer)
        .bind(i64::from(shard))
        .execute(c)
        .await?
        .rows_affected());
    Ok(())
}

/// Takes the number of the next change of a scope; an urgent one is to be told at once.
pub(crate) async fn next_change(tx: &mut Tx, scope: &Scope, urgent: bool) -> Result<i64, StoreError> {
    let sql = "UPDATE scopes SET changes = changes + 1, urgent = CASE WHEN $3 THEN changes + 1 ELSE urgent END \
        WHERE issuer = $1 AND shard = $2 RETURNING changes";
    ensure(tx, &scope.issuer, scope.shard).await?;
    Ok(store::tx!(tx, |c| sqlx::query_scalar(sql)
        .bind(scope.issuer.as_str())
        .bind(i64::from(scope.shard))
        .bind(urgent)
        .fetch_one(c)
        .await?))
}

/// The number of the last change in that transaction's sight; `None`: the scope does not exist.
pub(crate) async fn changes(tx: &mut Tx, scope: &Scope) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT changes FROM scopes WHERE issuer = $1 AND shard = $2";
    Ok(store::tx!(tx, |c| sqlx::query_scalar(sql)
        .bind(scope.issuer.as_str())
        .bind(i64::from(scope.shard))
        .fetch_optional(c)
        .await?))
}

/// CRL numbers between two restores that were accepted. More were never taken since the one before: this database may be behind what
/// it published, and clients refuse a list whose number is lower than one that they had (RFC 5280 section 5.2.3).
const PER_RESTORE: i64 = 1 << 32;

/// The highest number that may have been taken before the last restore.
async fn before_restore(db: &Db) -> Result<i64, StoreError> {
    Ok(db.restores().await?.saturating_mul(PER_RESTORE))
}

/// Takes the next CRL number: one more than the last that was taken, and than the last that was published, and above all that were
/// taken before a restore. It is durable before anything is signed with it, so none is used twice.
pub(crate) async fn next_number(db: &Db, lease: &Lease, scope: &Scope) -> Result<u64, StoreError> {
    let before = before_restore(db).await?;
    let mut tx = db.begin().await?;
    lease.hold(&mut tx).await?;
    let published = publications::highest_number(&mut tx, scope).await?;
    let sql = "UPDATE scopes SET number = CASE WHEN number < $3 THEN $3 ELSE number END + 1 \
        WHERE issuer = $1 AND shard = $2 RETURNING number";
    ensure(&mut tx, &scope.issuer, scope.shard).await?;
    let number: i64 = store::tx!(&mut tx, |c| sqlx::query_scalar(sql)
        .bind(scope.issuer.as_str())
        .bind(i64::from(scope.shard))
        .bind(stored(published).max(before))
        .fetch_one(c)
        .await?);
    tx.commit().await?;
    read_number(number, "a CRL number")
}

/// Asks for a list of a scope that is begun from now on; answers the number that it will be above.
pub(crate) async fn request(db: &Db, scope: &Scope) -> Result<i64, StoreError> {
    let sql = "UPDATE scopes SET requested = number WHERE issuer = $1 AND shard = $2 RETURNING number";
    let mut tx = db.begin().await?;
    let number: i64 = store::tx!(&mut tx, |c| sqlx::query_scalar(sql)
        .bind(scope.issuer.as_str())
        .bind(i64::from(scope.shard))
        .fetch_one(c)
        .await?);
    tx.commit().await?;
    Ok(number)
}

/// Whether a list was asked for that is not out yet.
pub(crate) async fn is_any_requested(db: &Db) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM scopes WHERE requested IS NOT NULL LIMIT 1";
    let found: Option<i32> = store::read!(db, |c| sqlx::query_scalar(sql).fetch_optional(c).await)?;
    Ok(found.is_some())
}

/// A complete list with that number is out: it is what was asked for before it was begun.
pub(super) async fn answer_request(tx: &mut Tx, scope: &Scope, number: u64) -> Result<(), StoreError> {
    let sql = "UPDATE scopes SET requested = NULL WHERE issuer = $1 AND shard = $2 AND requested < $3";
    store::tx!(tx, |c| sqlx::query(sql)
        .bind(scope.issuer.as_str())
        .bind(i64::from(scope.shard))
        .bind(stored(number))
        .execute(c)
        .await?
        .rows_affected());
    Ok(())
}

/// A row, in which a column that cannot be read is empty and named.
struct ScopeRow {
    scope: Scope,
    changes: i64,
    urgent: i64,
    requested: Option<i64>,
    damage: Damage,
}

impl<'r, R: TableRow> FromRow<'r, R> for ScopeRow {
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let mut columns = Columns::of(row);
        Ok(Self {
            scope: Scope {
                issuer: columns.value("issuer")?,
                shard: columns.number("shard")?,
            },
            changes: columns.value("changes")?,
            urgent: columns.value("urgent")?,
            requested: columns.value("requested")?,
            damage: columns.damage(),
        })
    }
}

/// All scopes of issuers whose lists are signed here, with what is out of them. A list that cannot be read is not out: another is made.
/// Nor are lists of before a restore: clients may have had newer ones.
pub(crate) async fn states(db: &Db) -> Result<Rows<ScopeState>, StoreError> {
    let sql = "SELECT scopes.issuer, shard, changes, urgent, requested FROM scopes \
        JOIN issuers ON issuers.issuer = scopes.issuer AND issuers.key_name <> '' ORDER BY scopes.issuer, shard";
    let rows: Vec<ScopeRow> = store::read!(db, |c| sqlx::query_as(sql).fetch_all(c).await)?;
    let before = before_restore(db).await?;
    let (mut current, mut damaged) = publications::all_current(db).await?;
    current.retain(|_, list| stored(list.number) >= before);
    let states = Rows::of(rows, |row: ScopeRow| {
        let scope = row.scope;
        row.damage.check(|| format!("scope {scope}"))?;
        Ok(ScopeState {
            changes: row.changes,
            urgent: row.urgent,
            requested: row.requested.is_some(),
            complete: current.remove(&(scope.clone(), Kind::Complete)),
            delta: current.remove(&(scope.clone(), Kind::Delta)),
            scope,
        })
    })?;
    damaged.extend(states.damaged);
    Ok(Rows {
        read: states.read,
        damaged,
    })
}
