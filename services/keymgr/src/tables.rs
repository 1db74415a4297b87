//! Every query of the key manager. Rows become domain types here, and nowhere else are they seen.

// A new variant is decided on here, rather than falling under what was right for the others.
#![warn(clippy::wildcard_enum_match_arm)]

use kit::page::{Count, Counting, Page, Place};
use sqlx::FromRow;
use store::time::{from_micros, to_micros};
use store::{Columns, Damage, Db, IdempotencyClaim, Rows, StoreError, TableRow, Tx};
use x509::key::PublicKey;

use crate::domain::{Counts, Key, KeyName, Signatures};

/// The schema of this service.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// The table that a first start writes to: empty, it says that this service was never used.
pub const FIRST_TABLE: &str = "keys";

/// A key and the way to its private half.
pub(crate) struct Stored {
    pub(crate) key: Key,
    pub(crate) handle: Vec<u8>,
}

/// Which key-encryption key seals this database's keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kek {
    pub(crate) id: String,
    pub(crate) derivation: Derivation,
}

/// How the key-encryption key is made from its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Derivation {
    File,
    Passphrase { salt: Vec<u8>, cost: keys::Argon2Cost },
}

impl Derivation {
    pub(crate) fn source(&self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Passphrase { .. } => "passphrase",
        }
    }
}

/// The columns of [`KeyRow`].
const COLUMNS: &str = "name, purpose, backend, spki, created_us";

/// A row, in which a column that cannot be read is empty and named.
struct KeyRow {
    name: Option<String>,
    purpose: String,
    backend: String,
    spki: Vec<u8>,
    created_us: i64,
    damage: Damage,
}

impl<'r, R: TableRow> FromRow<'r, R> for KeyRow {
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let mut columns = Columns::of(row);
        Ok(Self {
            name: columns.value("name")?,
            purpose: columns.value("purpose")?,
            backend: columns.value("backend")?,
            spki: columns.value("spki")?,
            created_us: columns.value("created_us")?,
            damage: columns.damage(),
        })
    }
}

impl TryFrom<KeyRow> for Key {
    type Error = StoreError;

    fn try_from(row: KeyRow) -> Result<Self, StoreError> {
        let name = row.name.unwrap_or_default();
        let object = || format!("key {name}");
        row.damage.check(object)?;
        let damaged = |column: &'static str| StoreError::damaged(column, &object());
        Ok(Self {
            name: name.parse().map_err(|_| damaged("name"))?,
            purpose: row.purpose.parse().map_err(|_| damaged("purpose"))?,
            public_key: PublicKey::from_spki(&row.spki).map_err(|_| damaged("spki"))?,
            backend: row.backend,
            created: from_micros(row.created_us).map_err(|_| damaged("created_us"))?,
        })
    }
}

#[derive(FromRow)]
struct StoredRow {
    #[sqlx(flatten)]
    key: KeyRow,
    handle: Vec<u8>,
}

impl TryFrom<StoredRow> for Stored {
    type Error = StoreError;

    fn try_from(row: StoredRow) -> Result<Self, StoreError> {
        Ok(Self {
            key: row.key.try_into()?,
            handle: row.handle,
        })
    }
}

#[derive(FromRow)]
struct KekRow {
    kek_id: String,
    source: String,
    salt: Option<Vec<u8>>,
    memory_kib: Option<i64>,
    iterations: Option<i64>,
    lanes: Option<i64>,
}

impl TryFrom<KekRow> for Kek {
    type Error = StoreError;

    fn try_from(row: KekRow) -> Result<Self, StoreError> {
        let corrupt = || StoreError::Corrupt("the parameters of the key-encryption key".to_owned());
        let number = |value: Option<i64>| {
            value
                .and_then(|value| u32::try_from(value).ok())
                .ok_or_else(corrupt)
        };
        let derivation = match row.source.as_str() {
            "file" => Derivation::File,
            "passphrase" => Derivation::Passphrase {
                salt: row.salt.ok_or_else(corrupt)?,
                cost: keys::Argon2Cost {
                    memory_kib: number(row.memory_kib)?,
                    iterations: number(row.iterations)?,
                    lanes: number(row.lanes)?,
                },
            },
            _ => return Err(corrupt()),
        };
        Ok(Self {
            id: row.kek_id,
            derivation,
        })
    }
}

/// The key-encryption key that was set up, if any was.
pub(crate) async fn kek(db: &Db) -> Result<Option<Kek>, StoreError> {
    let row: Option<KekRow> = store::read!(db, |c| {
        sqlx::query_as("SELECT kek_id, source, salt, memory_kib, iterations, lanes FROM key_encryption_key")
            .fetch_optional(c)
            .await
    })?;
    row.map(Kek::try_from).transpose()
}

/// Records the key-encryption key unless another replica was first; what counts is what [`kek`] then reads.
pub(crate) async fn set_kek(db: &Db, kek: &Kek) -> Result<(), StoreError> {
    let (salt, cost) = match &kek.derivation {
        Derivation::File => (None, None),
        Derivation::Passphrase { salt, cost } => (Some(salt.as_slice()), Some(*cost)),
    };
    let mut tx = db.begin().await?;
    store::tx!(&mut tx, |c| {
        sqlx::query(
            "INSERT INTO key_encryption_key (only_row, kek_id, source, salt, memory_kib, iterations, lanes)
             VALUES (1, $1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
        )
        .bind(&kek.id)
        .bind(kek.derivation.source())
        .bind(salt)
        .bind(cost.map(|cost| i64::from(cost.memory_kib)))
        .bind(cost.map(|cost| i64::from(cost.iterations)))
        .bind(cost.map(|cost| i64::from(cost.lanes)))
        .execute(c)
        .await
        .map(drop)
    })?;
    tx.commit().await
}

/// Adds a key. A taken name or Idempotency-Key is a [`StoreError::Conflict`].
pub(crate) async fn insert(
    tx: &mut Tx,
    stored: &Stored,
    claim: Option<IdempotencyClaim>,
) -> Result<(), StoreError> {
    let Stored { key, handle } = stored;
    store::tx!(tx, |c| {
        sqlx::query(
            "INSERT INTO keys (name, purpose, backend, spki, handle, created_us, request_key)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(key.name.as_str())
        .bind(key.purpose.as_str())
        .bind(&key.backend)
        .bind(key.public_key.spki())
        .bind(handle)
        .bind(to_micros(key.created))
        .bind(claim.map(|claim| claim.key.to_vec()))
        .execute(c)
        .await
        .map(drop)
    })?;
    Ok(())
}

/// The public side of the key of that name.
pub(crate) async fn find(db: &Db, name: &KeyName) -> Result<Option<Key>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM keys WHERE name = $1");
    let row: Option<KeyRow> = store::read!(db, |c| sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(name.as_str())
        .fetch_optional(c)
        .await)?;
    row.map(Key::try_from).transpose()
}

/// The key of that name with the way to its private half.
pub(crate) async fn find_stored(db: &Db, name: &KeyName) -> Result<Option<Stored>, StoreError> {
    let sql = format!("SELECT {COLUMNS}, handle FROM keys WHERE name = $1");
    let row: Option<StoredRow> = store::read!(db, |c| sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(name.as_str())
        .fetch_optional(c)
        .await)?;
    row.map(Stored::try_from).transpose()
}

/// The key that a request with this Idempotency-Key made.
pub(crate) async fn find_by_request(db: &Db, request_key: [u8; 32]) -> Result<Option<Key>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM keys WHERE request_key = $1");
    let row: Option<KeyRow> = store::read!(db, |c| sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(request_key.to_vec())
        .fetch_optional(c)
        .await)?;
    row.map(Key::try_from).transpose()
}

/// The page of keys by name at that place, without rows that cannot be read.
pub(crate) async fn list(db: &Db, place: Place<String>) -> Result<Page<Key>, StoreError> {
    let (compare, order) = (place.compare(), place.order());
    let rows = |from: Option<String>, most: i64| {
        let behind = match from {
            Some(_) => format!("WHERE name {compare} $2 "),
            None => String::new(),
        };
        let sql = format!("SELECT {COLUMNS} FROM keys {behind}ORDER BY name {order} LIMIT $1");
        async move {
            Ok(store::read!(db, |c| {
                let query = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(most);
                match from {
                    Some(name) => query.bind(name).fetch_all(c).await,
                    None => query.fetch_all(c).await,
                }
            })?)
        }
    };
    place.read(rows, |row: &KeyRow| row.name.clone()).await
}

/// Rows that a check reads, so that it has an end.
const MOST_CHECKED: i64 = 1000;

/// What cannot be read of the newest keys, and how many were looked at.
pub(crate) async fn damaged(db: &Db) -> Result<(Vec<String>, usize), StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM keys ORDER BY created_us DESC, name LIMIT $1");
    let rows: Vec<KeyRow> = store::read!(db, |c| sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(MOST_CHECKED)
        .fetch_all(c)
        .await)?;
    let looked_at = rows.len();
    Ok((Rows::of(rows, Key::try_from)?.damaged, looked_at))
}

/// How many keys there are, if that is asked for.
pub(crate) async fn count(db: &Db, counting: Counting) -> Result<Option<Count>, StoreError> {
    counting
        .count(async |most| db.count_rows("keys", most).await)
        .await
}

/// Adds to the record of signatures.
pub(crate) async fn add_signatures(
    db: &Db,
    counts: &Counts,
    now: time::OffsetDateTime,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO key_signatures (name, structure, signatures, last_us) VALUES ($1, $2, $3, $4)
               ON CONFLICT (name, structure) DO UPDATE
               SET signatures = key_signatures.signatures + excluded.signatures, last_us = excluded.last_us";
    let mut counts: Vec<_> = counts.iter().collect();
    // Replicas lock the rows in the same order.
    counts.sort();
    let mut tx = db.begin().await?;
    for ((name, structure), count) in counts {
        store::tx!(&mut tx, |c| {
            sqlx::query(sql)
                .bind(name.as_str())
                .bind(*structure)
                .bind(*count)
                .bind(to_micros(now))
                .execute(c)
                .await
                .map(drop)
        })?;
    }
    tx.commit().await
}

/// What a key signed.
pub(crate) async fn signatures(db: &Db, name: &KeyName) -> Result<Vec<Signatures>, StoreError> {
    let sql = "SELECT structure, signatures, last_us FROM key_signatures WHERE name = $1 ORDER BY structure";
    let rows: Vec<(String, i64, i64)> =
        store::read!(db, |c| sqlx::query_as(sql).bind(name.as_str()).fetch_all(c).await)?;
    let signatures = rows.into_iter().map(|(structure, count, last_us)| {
        Ok(Signatures {
            structure,
            count,
            last: from_micros(last_us)?,
        })
    });
    signatures.collect()
}
