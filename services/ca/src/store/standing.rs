//! What a certificate rests on, and whether it still stands: the CA issues, the keys are sound, the predecessor is valid.
//!
//! Looked at twice: [`read`] before a group is signed, so that no signature is made for what is refused anyway, and
//! [`hold`] in the transaction that stores the group, where the answer stays true until the commit.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use aws_lc_rs::digest;
use sqlx::{Database, Encode, QueryBuilder, Type};
use store::{Db, StoreError, Tx};
use time::OffsetDateTime;
use x509::serial::Serial;

use super::compromised::{self, MaterialId, padded};
use crate::domain::{Authority, Status};
use crate::error::Error;

/// What one certificate rests on.
#[derive(Clone, Debug)]
pub(crate) struct Basis {
    pub(crate) authority: Arc<Authority>,
    /// The subject's key.
    pub(crate) key: MaterialId,
    /// The certificate that it renews.
    pub(crate) replaces: Option<Serial>,
}

/// What is against the certificates of a group.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    compromised: HashSet<MaterialId>,
    suspended: BTreeSet<String>,
    predecessors: BTreeMap<Serial, Status>,
}

impl Standing {
    /// Why a certificate on this basis is not issued, if it is not.
    pub(crate) fn refusal(&self, basis: &Basis) -> Option<Error> {
        let name = &basis.authority.name;
        if self.suspended.contains(name) {
            return Some(Error::Suspended(name.clone()));
        }
        if basis
            .authority
            .material_id()
            .is_some_and(|key| self.compromised.contains(&key))
        {
            return Some(Error::Conflict(format!(
                "the key of CA {name} is known to be compromised; it issues nothing: request from another CA"
            )));
        }
        if self.compromised.contains(&basis.key) {
            return Some(Error::CompromisedKey);
        }
        let serial = basis.replaces.as_ref()?;
        match self.predecessors.get(serial) {
            Some(Status::Valid) => None,
            Some(status) => Some(not_renewable(serial, *status)),
            None => Some(Error::not_found("certificate", serial.to_string())),
        }
    }

    /// The CAs that issue nothing.
    pub(crate) fn suspended(&self) -> &BTreeSet<String> {
        &self.suspended
    }
}

/// Why a certificate of this status is not renewed.
pub(crate) fn not_renewable(serial: &Serial, status: Status) -> Error {
    Error::Conflict(format!(
        "certificate {serial} is {}; only a valid one is renewed: request a new one",
        status.as_str()
    ))
}

/// The lock under which a CA issues (shared), is suspended and resumed (exclusive). Negative: apart from those of keys.
pub(crate) fn lock(ca: &str) -> i32 {
    let hash = digest::digest(&digest::SHA256, ca.as_bytes());
    hash.as_ref()
        .iter()
        .take(3)
        .fold(-1, |number, byte| number * 256 - i32::from(*byte))
}

/// As things are now; they may change before the group is stored.
pub(crate) async fn read(db: &Db, group: &[Basis], now: OffsetDateTime) -> Result<Standing, Error> {
    let serials = serials(group);
    let predecessors = match serials.is_empty() {
        true => Vec::new(),
        false => store::read!(db, |connection| {
            let mut sql = QueryBuilder::new("");
            select_predecessors(&mut sql, &serials);
            sql.build_query_as().fetch_all(connection).await
        })
        .map_err(StoreError::from)?,
    };
    let keys = keys(group);
    let facts = store::read!(db, |connection| {
        let mut sql = QueryBuilder::new("");
        select_facts(&mut sql, &keys, &[]);
        sql.build_query_as().fetch_all(connection).await
    })
    .map_err(StoreError::from)?;
    Ok(sorted(statuses(predecessors, now), facts).standing)
}

/// What the transaction that stores a group has to know. It stays so until that transaction ends.
pub(crate) struct Held {
    pub(crate) standing: Standing,
    /// Of the keys that have certificates, by SHA-256 of their SubjectPublicKeyInfo: the last `key_use`.
    pub(crate) uses: HashMap<[u8; 32], i64>,
}

/// As things are, and stay until the transaction ends. `spkis` are the SHA-256 of the group's keys.
pub(crate) async fn hold(
    tx: &mut Tx,
    group: &[Basis],
    spkis: &[[u8; 32]],
    now: OffsetDateTime,
) -> Result<Held, Error> {
    let keys = keys(group);
    let cas = group.iter().map(|basis| lock(&basis.authority.name));
    let locks = keys.iter().map(compromised::lock).chain(cas).collect();
    store::lock::shared(tx, locks).await?;
    let serials = serials(group);
    let predecessors = match serials.is_empty() {
        true => Vec::new(),
        false => {
            let locking = store::lock::share(tx);
            store::tx!(tx, |connection| {
                let mut sql = QueryBuilder::new("");
                select_predecessors(&mut sql, &serials);
                sql.push(locking);
                sql.build_query_as().fetch_all(connection).await
            })
            .map_err(StoreError::from)?
        }
    };
    let facts = store::tx!(tx, |connection| {
        let mut sql = QueryBuilder::new("");
        select_facts(&mut sql, &keys, spkis);
        sql.build_query_as().fetch_all(connection).await
    })
    .map_err(StoreError::from)?;
    Ok(sorted(statuses(predecessors, now), facts))
}

/// A row of [`select_facts`]: what it says, about which key, about which CA, a number.
type Fact = (i64, Option<Vec<u8>>, Option<String>, i64);

const COMPROMISED: i64 = 0;
const SUSPENDED: i64 = 1;
const USED: i64 = 2;

/// One statement for all that a group asks, because each costs a way to the database and back.
fn select_facts<'a, D>(sql: &mut QueryBuilder<D>, keys: &'a [MaterialId], spkis: &'a [[u8; 32]])
where
    D: Database,
    &'a [u8]: Encode<'a, D> + Type<D>,
{
    if !spkis.is_empty() {
        sql.push("WITH k(spki) AS (VALUES ");
        let mut list = sql.separated(", ");
        for spki in padded(spkis) {
            list.push("(");
            list.push_bind_unseparated(spki.as_slice());
            list.push_unseparated(")");
        }
        sql.push(") ");
    }
    sql.push(
        "SELECT CAST(0 AS BIGINT), material_sha256, CAST(NULL AS TEXT), CAST(0 AS BIGINT) FROM compromised_keys
         WHERE material_sha256 IN (",
    );
    let mut list = sql.separated(", ");
    for key in padded(keys) {
        list.push_bind(key.as_slice());
    }
    sql.push(") UNION ALL SELECT 1, NULL, name, 0 FROM authorities WHERE suspended_at IS NOT NULL");
    if !spkis.is_empty() {
        // One look at the end of the index for each key, however often it was used; rows only for those that were.
        sql.push(
            " UNION ALL SELECT 2, spki, NULL, last FROM (SELECT k.spki,
             (SELECT MAX(c.key_use) FROM certificates c WHERE c.spki_sha256 = k.spki) AS last FROM k) u
             WHERE last IS NOT NULL",
        );
    }
}

fn sorted(predecessors: BTreeMap<Serial, Status>, facts: Vec<Fact>) -> Held {
    let mut standing = Standing {
        predecessors,
        ..Standing::default()
    };
    let mut uses = HashMap::new();
    for (fact, key, ca, number) in facts {
        let key = key.and_then(|key| key.try_into().ok());
        match (fact, key, ca) {
            (COMPROMISED, Some(key), _) => {
                standing.compromised.insert(key);
            }
            (SUSPENDED, _, Some(ca)) => {
                standing.suspended.insert(ca);
            }
            (USED, Some(key), _) => {
                uses.insert(key, number);
            }
            _ => {}
        }
    }
    Held { standing, uses }
}

/// The keys of a group and those of its CAs, each once.
fn keys(group: &[Basis]) -> Vec<MaterialId> {
    let cas = group.iter().filter_map(|basis| basis.authority.material_id());
    let keys: BTreeSet<MaterialId> = group.iter().map(|basis| basis.key).chain(cas).collect();
    keys.into_iter().collect()
}

fn serials(group: &[Basis]) -> Vec<Serial> {
    let serials: BTreeSet<Serial> = group.iter().filter_map(|basis| basis.replaces).collect();
    serials.into_iter().collect()
}

fn select_predecessors<'a, D>(sql: &mut QueryBuilder<D>, serials: &'a [Serial])
where
    D: Database,
    &'a [u8]: Encode<'a, D> + Type<D>,
{
    sql.push("SELECT serial, reason, not_after FROM certificates WHERE serial IN (");
    let mut list = sql.separated(", ");
    for serial in padded(serials) {
        list.push_bind(serial.as_bytes());
    }
    // Rows are locked in this order by everyone.
    sql.push(") ORDER BY serial");
}

fn statuses(rows: Vec<(Vec<u8>, Option<i64>, i64)>, now: OffsetDateTime) -> BTreeMap<Serial, Status> {
    let now = store::time::to_micros(now);
    rows.into_iter()
        .filter_map(|(serial, reason, not_after)| {
            let status = match reason {
                Some(6) => Status::OnHold,
                Some(_) => Status::Revoked,
                None if not_after < now => Status::Expired,
                None => Status::Valid,
            };
            Some((Serial::from_bytes(&serial).ok()?, status))
        })
        .collect()
}

/// The CAs that issue nothing.
pub(crate) async fn suspended(db: &Db) -> Result<BTreeSet<String>, Error> {
    let names: Vec<String> = store::read!(db, |connection| {
        let sql = "SELECT name FROM authorities WHERE suspended_at IS NOT NULL";
        sqlx::query_scalar(sql).fetch_all(connection).await
    })
    .map_err(StoreError::from)?;
    Ok(names.into_iter().collect())
}
