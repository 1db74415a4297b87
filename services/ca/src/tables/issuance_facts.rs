//! The facts that certificates rest on, and the locks under which they stay as they are. What follows from them is decided
//! in [`crate::domain::issuance_facts`].

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sqlx::QueryBuilder;
use store::{Db, KeyList, StoreError, Tx};
use time::OffsetDateTime;
use x509::crl::Reason;
use x509::digest::sha256;
use x509::serial::Serial;

use super::{compromised, identities};
use crate::domain::identities::Asker;
use crate::domain::issuance_facts::{Basis, IssuanceFacts, MaterialId, PredecessorState};
use crate::error::Error;

/// The lock under which a CA issues (shared), is suspended and resumed (exclusive). Negative: apart from those of keys.
pub(crate) fn lock(ca: &str) -> i32 {
    sha256(ca.as_bytes())
        .iter()
        .take(3)
        .fold(-1, |number, byte| number * 256 - i32::from(*byte))
}

/// As things are now; they may change before the group is stored.
pub(crate) async fn read(db: &Db, group: &[Basis], now: OffsetDateTime) -> Result<IssuanceFacts, Error> {
    let serials = serials(group);
    let predecessors = match serials.is_empty() {
        true => Vec::new(),
        false => store::read!(db, |connection| {
            let mut sql = QueryBuilder::new("");
            select_predecessors(&mut sql, &serials);
            sql.build_query_as().fetch_all(connection).await
        })?,
    };
    let keys = keys(group);
    let facts = store::read!(db, |connection| {
        let mut sql = QueryBuilder::new("");
        select_facts(&mut sql, &keys, &[]);
        sql.build_query_as().fetch_all(connection).await
    })?;
    let mut facts = sorted(states(predecessors)?, facts)?.facts;
    facts.asked = identities::asked(db, &askers(group), now).await?;
    Ok(facts)
}

/// What the transaction that stores a group has to know. It stays so until that transaction ends.
pub(crate) struct LockedFacts {
    pub(crate) facts: IssuanceFacts,
    /// Of the keys that have certificates, by SHA-256 of their SubjectPublicKeyInfo: the last `key_use`.
    pub(crate) uses: HashMap<[u8; 32], i64>,
}

/// As things are, and stay until the transaction ends. `spkis` are the SHA-256 of the group's keys.
pub(crate) async fn hold(
    tx: &mut Tx,
    group: &[Basis],
    spkis: &[[u8; 32]],
    now: OffsetDateTime,
) -> Result<LockedFacts, Error> {
    let askers = askers(group);
    if !askers.is_empty() {
        identities::take_turn(tx).await?;
    }
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
            })?
        }
    };
    let facts = store::tx!(tx, |connection| {
        let mut sql = QueryBuilder::new("");
        select_facts(&mut sql, &keys, spkis);
        sql.build_query_as().fetch_all(connection).await
    })?;
    let mut locked = sorted(states(predecessors)?, facts)?;
    locked.facts.asked = identities::asked_in(tx, &askers, now).await?;
    Ok(locked)
}

/// A row of [`select_facts`]: what it says, about which key, about which CA, a number.
type Fact = (i64, Option<Vec<u8>>, Option<String>, i64);

const COMPROMISED: i64 = 0;
const SUSPENDED: i64 = 1;
const USED: i64 = 2;

/// One statement for all that a group asks, because each costs a way to the database and back.
fn select_facts<D: KeyList>(sql: &mut QueryBuilder<D>, keys: &[MaterialId], spkis: &[[u8; 32]]) {
    if !spkis.is_empty() {
        sql.push("WITH k(spki) AS (");
        D::push_rows(sql, spkis.iter().map(<[u8; 32]>::as_slice));
        sql.push(") ");
    }
    sql.push("SELECT CAST(").push(COMPROMISED).push(
        " AS BIGINT), material_sha256, CAST(NULL AS TEXT), CAST(0 AS BIGINT) FROM compromised_keys
         WHERE material_sha256",
    );
    D::push_among(sql, keys.iter().map(MaterialId::as_slice));
    sql.push(" UNION ALL SELECT ")
        .push(SUSPENDED)
        .push(", NULL, name, 0 FROM authorities WHERE suspended_at IS NOT NULL");
    if !spkis.is_empty() {
        // One look at the end of the index for each key, however often it was used; rows only for those that were.
        sql.push(" UNION ALL SELECT ").push(USED).push(
            ", spki, NULL, last FROM (SELECT k.spki,
             (SELECT MAX(c.key_use) FROM certificates c WHERE c.spki_sha256 = k.spki) AS last FROM k) u
             WHERE last IS NOT NULL",
        );
    }
}

/// What cannot be read is an error: passed over, it would say that a key is sound.
fn sorted(predecessors: BTreeMap<Serial, PredecessorState>, rows: Vec<Fact>) -> Result<LockedFacts, Error> {
    let mut facts = IssuanceFacts {
        predecessors,
        ..IssuanceFacts::default()
    };
    let mut uses = HashMap::new();
    for row in rows {
        match row {
            (COMPROMISED, Some(key), _, _) => {
                facts.compromised.insert(compromised::id(key)?);
            }
            (SUSPENDED, _, Some(ca), _) => {
                facts.suspended.insert(ca);
            }
            (USED, Some(key), _, number) => {
                uses.insert(compromised::id(key)?, number);
            }
            (fact, ..) => {
                let text = format!("fact {fact} that certificates rest on");
                return Err(StoreError::Corrupt(text).into());
            }
        }
    }
    Ok(LockedFacts { facts, uses })
}

/// All keys of a group, each once.
fn keys(group: &[Basis]) -> Vec<MaterialId> {
    let keys: BTreeSet<MaterialId> = group.iter().flat_map(Basis::keys).collect();
    keys.into_iter().collect()
}

/// Those who ask for their own identity.
fn askers(group: &[Basis]) -> Vec<&Asker> {
    group.iter().filter_map(|basis| basis.asked_by.as_ref()).collect()
}

fn serials(group: &[Basis]) -> Vec<Serial> {
    let replaced = group.iter().filter_map(|basis| basis.replaces);
    let replaced = replaced.map(|predecessor| predecessor.serial);
    let shown = askers(group).into_iter().map(|asker| asker.serial);
    let serials: BTreeSet<Serial> = replaced.chain(shown).collect();
    serials.into_iter().collect()
}

fn select_predecessors<D: KeyList>(sql: &mut QueryBuilder<D>, serials: &[Serial]) {
    sql.push("SELECT serial, reason, not_after FROM certificates WHERE serial");
    D::push_among(sql, serials.iter().map(Serial::as_bytes));
    // Rows are locked in this order by everyone.
    sql.push(" ORDER BY serial");
}

/// A serial number that cannot be read is left out: its successor is refused.
fn states(rows: Vec<(Vec<u8>, Option<i64>, i64)>) -> Result<BTreeMap<Serial, PredecessorState>, Error> {
    let mut states = BTreeMap::new();
    for (serial, reason, not_after) in rows {
        // A reason that this version does not know is one all the same.
        let reason = reason.map(|code| {
            let known = u8::try_from(code).ok().and_then(Reason::from_code);
            known.unwrap_or(Reason::Unspecified)
        });
        let not_after = store::time::from_micros(not_after)?;
        if let Ok(serial) = Serial::from_bytes(&serial) {
            states.insert(serial, (reason, not_after));
        }
    }
    Ok(states)
}

/// The CAs that issue nothing.
pub(crate) async fn suspended(db: &Db) -> Result<BTreeSet<String>, Error> {
    let names: Vec<String> = store::read!(db, |connection| {
        let sql = "SELECT name FROM authorities WHERE suspended_at IS NOT NULL";
        sqlx::query_scalar(sql).fetch_all(connection).await
    })?;
    Ok(names.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use kit::error::Common;

    use super::*;

    #[test]
    fn a_fact_that_cannot_be_read_is_an_error_and_not_passed_over() {
        let damaged: [Fact; 6] = [
            (COMPROMISED, Some(vec![1; 31]), None, 0),
            (COMPROMISED, None, None, 0),
            (SUSPENDED, None, None, 0),
            (USED, Some(vec![1; 33]), None, 0),
            (USED, None, None, 0),
            (3, Some(vec![1; 32]), None, 0),
        ];
        for fact in damaged {
            let found = sorted(BTreeMap::new(), vec![fact.clone()]);
            assert!(
                matches!(found, Err(Error::Common(Common::Store(StoreError::Corrupt(_))))),
                "{fact:?}"
            );
        }
        let held = sorted(BTreeMap::new(), vec![(COMPROMISED, Some(vec![1; 32]), None, 0)]).unwrap();
        assert!(held.facts.compromised.contains(&[1; 32]));
    }
}
