//! Every query of authentication. Rows become domain types here, and nowhere else are they seen.

// A new variant is decided on here, rather than falling under what was right for the others.
#![warn(clippy::wildcard_enum_match_arm)]

mod admins;
mod row;

use std::collections::HashMap;

use kit::page::{Count, Counting, Page, Place};
use store::time::to_micros;
use store::{Db, IdempotencyClaim, Rows, StoreError, Tx};
use time::{Duration, OffsetDateTime};

use self::row::{ApiKeyRow, COLUMNS, HashedRow};
use crate::domain::{ApiKey, Prefix, Revocation, StoredKey, permissions};
pub(crate) use admins::{latest_admin, latest_admins, line_end, line_end_in};

/// The schema of this service.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// The table that a first start writes to: empty, it says that this service was never used.
pub const FIRST_TABLE: &str = "api_keys";

/// What can be read of the key of that prefix, and the SHA-256 of its text: empty if that cannot be read.
pub(crate) async fn find_with_hash(
    db: &Db,
    prefix: &Prefix,
) -> Result<Option<(StoredKey, Vec<u8>)>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM api_keys WHERE prefix = $1");
    let row: Option<HashedRow> = store::read!(db, |c| sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(prefix.as_str())
        .fetch_optional(c)
        .await)?;
    Ok(row.map(|row| (row.key, row.token_sha256)))
}

/// The key of that prefix.
pub(crate) async fn by_prefix(db: &Db, prefix: &Prefix) -> Result<Option<ApiKey>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM api_keys WHERE prefix = $1");
    let row: Option<ApiKeyRow> = store::read!(db, |c| sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(prefix.as_str())
        .fetch_optional(c)
        .await)?;
    row.map(ApiKey::try_from).transpose()
}

/// The key of that prefix, inside a transaction.
pub(crate) async fn find(tx: &mut Tx, prefix: &Prefix) -> Result<Option<ApiKey>, StoreError> {
    find_as_stored(tx, prefix)
        .await?
        .map(StoredKey::whole)
        .transpose()
}

/// What can be read of the key of that prefix, inside a transaction.
pub(crate) async fn find_as_stored(tx: &mut Tx, prefix: &Prefix) -> Result<Option<StoredKey>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM api_keys WHERE prefix = $1");
    let row: Option<ApiKeyRow> = store::tx!(tx, |c| sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(prefix.as_str())
        .fetch_optional(c)
        .await)?;
    Ok(row.map(|row| row.key))
}

/// The digest of what was asked for under an Idempotency-Key, and which key that made.
pub(crate) async fn find_by_request(db: &Db, key: [u8; 32]) -> Result<Option<(Vec<u8>, Prefix)>, StoreError> {
    let sql = "SELECT prefix, request_sha256 FROM api_keys WHERE request_key = $1";
    let row: Option<(String, Option<Vec<u8>>)> = store::read!(db, |c| sqlx::query_as(sql)
        .bind(key.to_vec())
        .fetch_optional(c)
        .await)?;
    row.map(|(prefix, hash)| {
        let prefix = prefix
            .parse()
            .map_err(|_| StoreError::Corrupt("the prefix of an API key".to_owned()))?;
        Ok((hash.unwrap_or_default(), prefix))
    })
    .transpose()
}

/// The page of keys by creation at that place, without rows that cannot be read.
pub(crate) async fn list(db: &Db, place: Place<(i64, String)>) -> Result<Page<ApiKey>, StoreError> {
    let (compare, order) = (place.compare(), place.order());
    let rows = |from: Option<(i64, String)>, most: i64| {
        let behind = match from {
            Some(_) => format!("WHERE (created_us, prefix) {compare} ($2, $3) "),
            None => String::new(),
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM api_keys {behind}ORDER BY created_us {order}, prefix {order} LIMIT $1"
        );
        async move {
            Ok(store::read!(db, |c| {
                let query = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(most);
                match from {
                    Some((created_us, prefix)) => query.bind(created_us).bind(prefix).fetch_all(c).await,
                    None => query.fetch_all(c).await,
                }
            })?)
        }
    };
    place.read(rows, |row: &ApiKeyRow| row.place.clone()).await
}

/// Rows that a check reads, so that it has an end.
const MOST_CHECKED: i64 = 1000;

/// What cannot be read of the newest keys that are not revoked, and how many keys were looked at.
pub(crate) async fn damaged(db: &Db) -> Result<(Vec<String>, usize), StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM api_keys ORDER BY created_us DESC, prefix LIMIT $1");
    let rows: Vec<ApiKeyRow> = store::read!(db, |c| sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(MOST_CHECKED)
        .fetch_all(c)
        .await)?;
    let looked_at = rows.len();
    // A key that is revoked stays so, whatever becomes of the rest of its row.
    let good = rows.into_iter().filter(|row| row.key.revocation().is_none());
    Ok((Rows::of(good, ApiKey::try_from)?.damaged, looked_at))
}

/// How many keys there are, if that is asked for.
pub(crate) async fn count(db: &Db, counting: Counting) -> Result<Option<Count>, StoreError> {
    counting
        .count(async |most| db.count_rows("api_keys", most).await)
        .await
}

/// Adds a key. A taken prefix or a request that came before is a [`StoreError::Conflict`].
pub(crate) async fn insert(
    tx: &mut Tx,
    key: &ApiKey,
    token_sha256: &[u8],
    claim: Option<IdempotencyClaim>,
) -> Result<(), StoreError> {
    let roles = serde_json::Value::from(key.roles.as_slice()).to_string();
    let allowed_names = serde_json::Value::from(key.allowed_names.as_slice()).to_string();
    let administers = permissions(&key.roles)
        .iter()
        .any(|name| name == kit::auth::permission::API_KEYS_WRITE);
    store::tx!(tx, |c| {
        sqlx::query(
            "INSERT INTO api_keys (prefix, token_sha256, name, roles, administers, created_us, created_by, expires_us,
             request_key, request_sha256, allowed_names) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .bind(key.prefix.as_str())
        .bind(token_sha256)
        .bind(key.name.as_str())
        .bind(roles)
        .bind(administers)
        .bind(to_micros(key.created))
        .bind(&key.created_by)
        .bind(key.expires.map(to_micros))
        .bind(claim.map(|claim| claim.key.to_vec()))
        .bind(claim.map(|claim| claim.request.to_vec()))
        .bind(allowed_names)
        .execute(c)
        .await
        .map(drop)
    })?;
    Ok(())
}

/// Keeps a key's row as it is until the transaction ends.
pub(crate) async fn hold(tx: &mut Tx, prefix: &Prefix) -> Result<(), StoreError> {
    let sql = "UPDATE api_keys SET administers = administers WHERE prefix = $1";
    store::tx!(tx, |c| sqlx::query(sql)
        .bind(prefix.as_str())
        .execute(c)
        .await
        .map(drop))?;
    Ok(())
}

/// The keys that a key made, oldest first, as far as their rows can be read.
pub(crate) async fn made_by(tx: &mut Tx, maker: &Prefix) -> Result<Vec<StoredKey>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM api_keys WHERE created_by = $1 ORDER BY created_us, prefix");
    let rows: Vec<ApiKeyRow> = store::tx!(tx, |c| sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(maker.subject())
        .fetch_all(c)
        .await)?;
    Ok(rows.into_iter().map(|row| row.key).collect())
}

/// Waits until no other transaction that called this runs. It locks the rows that may make keys; there are few.
pub(crate) async fn lock_admin_keys(tx: &mut Tx) -> Result<(), StoreError> {
    let sql = "UPDATE api_keys SET administers = administers WHERE administers AND revoked_us IS NULL";
    store::tx!(tx, |c| sqlx::query(sql).execute(c).await.map(drop))?;
    Ok(())
}

/// How many keys that principal made.
pub(crate) async fn count_made_by(db: &Db, subject: &str) -> Result<i64, StoreError> {
    let sql = "SELECT COUNT(*) FROM api_keys WHERE created_by = $1";
    Ok(store::read!(db, |c| sqlx::query_scalar(sql)
        .bind(subject)
        .fetch_one(c)
        .await)?)
}

/// Marks a key as revoked that was not, as far as that can be read: a time of revocation that cannot be is written over.
pub(crate) async fn revoke(tx: &mut Tx, prefix: &Prefix, revocation: &Revocation) -> Result<(), StoreError> {
    let sql = "UPDATE api_keys SET revoked_us = $1, revoked_by = $2 WHERE prefix = $3";
    store::tx!(tx, |c| {
        sqlx::query(sql)
            .bind(to_micros(revocation.time))
            .bind(&revocation.by)
            .bind(prefix.as_str())
            .execute(c)
            .await
            .map(drop)
    })?;
    Ok(())
}

/// Marks the keys that a key made and that are not marked yet: those whose prefix cannot be read, once the others are.
pub(crate) async fn revoke_unnamed(
    tx: &mut Tx,
    maker: &Prefix,
    revocation: &Revocation,
) -> Result<(), StoreError> {
    let sql = "UPDATE api_keys SET revoked_us = $1, revoked_by = $2
               WHERE created_by = $3 AND revoked_us IS NULL AND (expires_us IS NULL OR expires_us > $1)";
    store::tx!(tx, |c| {
        sqlx::query(sql)
            .bind(to_micros(revocation.time))
            .bind(&revocation.by)
            .bind(maker.subject())
            .execute(c)
            .await
            .map(drop)
    })?;
    Ok(())
}

/// Writes when keys were last used, where what is stored is older than that by `grain` or more.
pub(crate) async fn set_last_used(
    db: &Db,
    uses: &HashMap<Prefix, OffsetDateTime>,
    grain: Duration,
) -> Result<(), StoreError> {
    let sql = "UPDATE api_keys SET last_used_us = $1
               WHERE prefix = $2 AND (last_used_us IS NULL OR last_used_us <= $3)";
    let mut uses: Vec<_> = uses.iter().collect();
    // Replicas lock the rows in the same order.
    uses.sort();
    let mut tx = db.begin().await?;
    for (prefix, at) in uses {
        store::tx!(&mut tx, |c| {
            sqlx::query(sql)
                .bind(to_micros(*at))
                .bind(prefix.as_str())
                .bind(to_micros(*at - grain))
                .execute(c)
                .await
                .map(drop)
        })?;
    }
    tx.commit().await
}
