//! What a list is read along.
//!
//! A list of one requester is read along their own rows, by the index of requesters, whatever else is asked for. Only a
//! fingerprint, a serial number, and a key or a name that few certificates have, whoever they belong to, lead to a row
//! sooner. So a list costs no rows of others, but for [`FEW`] of them.
//!
//! Which index serves is not left to the databases, whose guesses depend on statistics: any other than the one that
//! leads is kept from applying.

use kit::page::Sort;
use sqlx::QueryBuilder;
use store::{Db, StoreError};
use x509::san::MAX_SANS;

use super::super::names;
use super::filter::{self, Cut, Holds};
use super::order::Order;
use super::read::Keys;
use crate::domain::{Query, Typed};
use crate::error::Error;

/// Certificates that are gone through for one requester, whoever they belong to, and sorted for one page.
const FEW: i64 = 1000;

/// The ids of what leads, where that are few.
pub(super) const IDS: Cut = Cut::ids(FEW);

/// Rows of indexes that are counted to learn whether that many certificates are few. One with many names has a row for each
/// of them, and one for its subject, serial number and fingerprint each; so it is counted further only where few
/// certificates had many rows.
const STEPS: [i64; 3] = [FEW + 1, 10 * FEW, (MAX_SANS as i64 + 3) * FEW + 1];

/// What a list is read along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lead {
    /// What the database finds best: everybody's rows are asked for.
    Any,
    /// The index of fingerprints, of serial numbers or of keys.
    Pinned,
    /// The index of names.
    Names,
    /// What was typed, by several indexes.
    Typed,
    /// The index of requesters.
    Requester,
}

impl Lead {
    pub(super) async fn of(db: &Db, query: &Query, sort: Option<Sort>) -> Result<Self, Error> {
        match query.requester.len() {
            1 => Self::of_requester(db, query).await,
            _ => Self::of_everybody(db, query, sort).await,
        }
    }

    async fn of_requester(db: &Db, query: &Query) -> Result<Self, Error> {
        if query.fingerprint_sha256.is_some() || !query.serial.is_empty() {
            return Ok(Self::Pinned);
        }
        if let Some(key) = &query.spki_sha256
            && few(db, Common::Key(key)).await?
        {
            return Ok(Self::Pinned);
        }
        if has_name(query) && few(db, Common::Name(query)).await? {
            return Ok(Self::Names);
        }
        if let Some(typed) = &query.q
            && few(db, Common::Typed(typed)).await?
        {
            return Ok(Self::Typed);
        }
        Ok(Self::Requester)
    }

    /// In an order that the index of a filter does not have, only a few rows are sorted.
    async fn of_everybody(db: &Db, query: &Query, sort: Option<Sort>) -> Result<Self, Error> {
        if let Some(typed) = &query.q {
            return match few(db, Common::Typed(typed)).await? {
                true => Ok(Self::Typed),
                false => Err(Error::invalid(
                    "q",
                    format!("finds more than {FEW} certificates; type more of the name, or use san_suffix"),
                )),
            };
        }
        let (order, _) = Order::of(query, sort);
        let another = order != Order::natural(query).0;
        if !another || query.fingerprint_sha256.is_some() || !query.serial.is_empty() {
            return Ok(Self::Any);
        }
        if let Some(key) = &query.spki_sha256
            && few(db, Common::Key(key)).await?
        {
            return Ok(Self::Pinned);
        }
        if has_name(query) && few(db, Common::Name(query)).await? {
            return Ok(Self::Names);
        }
        if has_name(query) || query.spki_sha256.is_some() {
            let detail = format!(
                "more than {FEW} certificates have that name or key, and are listed in one order only; leave sort out, or \
                 narrow the name"
            );
            return Err(Error::invalid("sort", detail));
        }
        Ok(Self::Any)
    }

    /// What a list is counted along: that of one requester along their own rows, so that how far the number can be relied on
    /// says nothing about what others have.
    pub(super) fn of_count(self, query: &Query) -> Self {
        let pinned = query.fingerprint_sha256.is_some() || !query.serial.is_empty();
        match query.requester.len() {
            1 if !pinned => Self::Requester,
            _ => self,
        }
    }

    /// Whether the rows of the one requester lead, who is then part of the place in the list.
    pub(super) fn is_of_requester(self, query: &Query) -> bool {
        self == Self::Requester && query.requester.len() == 1
    }

    /// Whether names are compared with [`has_names`], and not by the database.
    pub(super) fn leaves_names(self) -> bool {
        matches!(self, Self::Pinned | Self::Requester)
    }

    /// Whether rows are passed over after they were read.
    pub(super) fn passes_over(self, query: &Query) -> bool {
        self.leaves_names() && (has_name(query) || query.q.is_some())
    }

    /// How many rows to ask for at least: most may be passed over where names are compared one by one.
    pub(super) fn least(self, query: &Query) -> usize {
        if self.passes_over(query) { 64 } else { 1 }
    }

    /// The column in a condition; as an expression, which no index has, if another is to lead.
    pub(super) fn column(self, column: &str) -> String {
        let leads = match self {
            Self::Any => true,
            Self::Pinned => matches!(column, "spki_sha256" | "fingerprint_sha256" | "serial"),
            Self::Names | Self::Requester | Self::Typed => false,
        };
        if leads {
            format!("c.{column}")
        } else {
            Self::kept_from(column)
        }
    }

    /// The column as an expression, which no index has.
    pub(super) fn kept_from(column: &str) -> String {
        format!("COALESCE(c.{column}, c.{column})")
    }
}

/// Whether a name is asked for that the index of names has.
pub(super) fn has_name(query: &Query) -> bool {
    query.san.is_some() || query.san_suffix.is_some()
}

/// What certificates have in common.
#[derive(Clone, Copy)]
enum Common<'a> {
    Key(&'a [u8; 32]),
    Name(&'a Query),
    Typed(&'a Typed),
}

impl<'a> Common<'a> {
    /// Their ids, as often as an index has them.
    fn rows<D: Holds<'a>>(self, sql: &mut QueryBuilder<D>, most: i64) {
        match self {
            Self::Key(key) => filter::of_key(sql, key, most),
            Self::Name(query) => filter::named(sql, query, Cut::rows(most)),
            Self::Typed(typed) => filter::typed(sql, typed, Cut::rows(most)),
        }
    }
}

/// Whether few certificates have that in common: certificates are counted, not what an index holds of them.
async fn few(db: &Db, common: Common<'_>) -> Result<bool, StoreError> {
    for most in STEPS {
        let (rows, certificates): (i64, i64) = store::read!(db, |connection| {
            let mut sql = QueryBuilder::new("SELECT COUNT(*), COUNT(DISTINCT id) FROM (");
            common.rows(&mut sql, most);
            sql.push(") AS counted");
            sql.build_query_as().fetch_one(connection).await
        })?;
        if certificates > FEW {
            return Ok(false);
        }
        // No index was cut off.
        if rows < most {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a certificate has the names that are asked for. `None` if its names or its subject cannot be read.
pub(super) fn has_names(row: &Keys<'_>, query: &Query) -> Option<bool> {
    if !has_name(query) && query.q.is_none() {
        return Some(true);
    }
    if query.q.is_some() && !row.has("subject") {
        return None;
    }
    let keys: Vec<Vec<u8>> = row.sans()?.iter().map(|san| names::exact(san)).collect();
    let ends_so = |key: &Vec<u8>, suffix| {
        let (start, end) = names::range(suffix);
        start <= *key && *key < end
    };
    let exact = query.san.as_ref().map(|san| names::exact(&san.to_string()));
    // One name that is both, as in the index.
    let named = |key| {
        let suffix = query.san_suffix.as_ref();
        exact.as_ref().is_none_or(|exact| exact == key) && suffix.is_none_or(|suffix| ends_so(key, suffix))
    };
    let typed = query.q.as_ref().is_none_or(|typed| {
        let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
        let begins_so = |bytes: &[u8]| {
            typed
                .hex
                .as_ref()
                .is_some_and(|start| hex(bytes).starts_with(start))
        };
        row.subject == typed.subject
            || typed
                .names
                .iter()
                .any(|suffix| keys.iter().any(|key| ends_so(key, suffix)))
            || begins_so(row.serial)
            || begins_so(row.fingerprint_sha256)
    });
    Some((!has_name(query) || keys.iter().any(named)) && typed)
}
