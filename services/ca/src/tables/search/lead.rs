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

use super::super::names;
use super::filter;
use super::order::Order;
use super::read::Keys;
use crate::domain::{Query, Typed};
use crate::error::Error;

/// Rows that are gone through for one requester, whoever they belong to, and sorted for one page.
const FEW: i64 = 1000;

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
        if few_of_key(db, query).await? {
            return Ok(Self::Pinned);
        }
        if few_of_name(db, query).await? {
            return Ok(Self::Names);
        }
        if let Some(typed) = &query.q
            && few_of_typed(db, typed).await?
        {
            return Ok(Self::Typed);
        }
        Ok(Self::Requester)
    }

    /// In an order that the index of a filter does not have, only a few rows are sorted.
    async fn of_everybody(db: &Db, query: &Query, sort: Option<Sort>) -> Result<Self, Error> {
        if let Some(typed) = &query.q {
            return match few_of_typed(db, typed).await? {
                true => Ok(Self::Typed),
                false => Err(Error::invalid(
                    "q",
                    format!("finds more than {FEW} certificates; type more of the name, or use san_suffix"),
                )),
            };
        }
        let (order, _) = Order::of(query, sort);
        let another = order != Order::natural(query).0;
        let by_name = query.san.is_some() || query.san_suffix.is_some();
        if !another || query.fingerprint_sha256.is_some() || !query.serial.is_empty() {
            return Ok(Self::Any);
        }
        if query.spki_sha256.is_some() && few_of_key(db, query).await? {
            return Ok(Self::Pinned);
        }
        if by_name && few_of_name(db, query).await? {
            return Ok(Self::Names);
        }
        if by_name || query.spki_sha256.is_some() {
            let detail = format!(
                "more than {FEW} certificates have that name or key, and are listed in one order only; leave sort out, or \
                 narrow the name"
            );
            return Err(Error::invalid("sort", detail));
        }
        Ok(Self::Any)
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
        self.leaves_names() && (query.san.is_some() || query.san_suffix.is_some() || query.q.is_some())
    }

    /// How many rows to ask for at least: most may be passed over where names are compared one by one.
    pub(super) fn least(self, query: &Query) -> i64 {
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

async fn few_of_key(db: &Db, query: &Query) -> Result<bool, StoreError> {
    let Some(key) = &query.spki_sha256 else {
        return Ok(false);
    };
    Ok(count(db, "certificates c WHERE c.spki_sha256 = ", key.to_vec(), None).await? <= FEW)
}

async fn few_of_name(db: &Db, query: &Query) -> Result<bool, StoreError> {
    if let Some(san) = &query.san {
        let name = names::exact(&san.to_string());
        if count(db, "certificate_names n WHERE n.name = ", name, None).await? <= FEW {
            return Ok(true);
        }
    }
    if let Some(suffix) = &query.san_suffix {
        let (start, end) = names::range(suffix);
        return Ok(count(db, "certificate_names n WHERE n.name >= ", start, Some(end)).await? <= FEW);
    }
    Ok(false)
}

async fn few_of_typed(db: &Db, typed: &Typed) -> Result<bool, StoreError> {
    let found: i64 = store::read!(db, |connection| {
        let mut sql = QueryBuilder::new("SELECT COUNT(*) FROM (");
        filter::typed(&mut sql, typed, FEW + 1);
        sql.push(") AS counted");
        sql.build_query_scalar().fetch_one(connection).await
    })?;
    Ok(found <= FEW)
}

/// How many there are, counted to one more than a few.
async fn count(db: &Db, from: &'static str, start: Vec<u8>, end: Option<Vec<u8>>) -> Result<i64, StoreError> {
    store::read!(db, |connection| {
        let mut sql = QueryBuilder::new("SELECT COUNT(*) FROM (SELECT 1 FROM ");
        sql.push(from).push_bind(start.clone());
        if let Some(end) = end.clone() {
            sql.push(" AND n.name < ").push_bind(end);
        }
        sql.push(" LIMIT ").push_bind(FEW + 1).push(") AS counted");
        sql.build_query_scalar().fetch_one(connection).await
    })
    .map_err(StoreError::from)
}

/// The most ids that [`filter::typed`] gives of each index, where [`Lead::Typed`] leads.
pub(super) const TYPED: i64 = FEW;

/// Whether a certificate has the names that are asked for.
pub(super) fn has_names(row: &Keys<'_>, query: &Query) -> Result<bool, Error> {
    if query.san.is_none() && query.san_suffix.is_none() && query.q.is_none() {
        return Ok(true);
    }
    let keys: Vec<Vec<u8>> = row.sans()?.iter().map(|san| names::exact(san)).collect();
    let ends_so = |suffix| {
        let (start, end) = names::range(suffix);
        keys.iter().any(|key| start <= *key && *key < end)
    };
    let exact = query.san.as_ref().map(|san| names::exact(&san.to_string()));
    let typed = query.q.as_ref().is_none_or(|typed| {
        let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
        let begins_so = |bytes: &[u8]| {
            typed
                .hex
                .as_ref()
                .is_some_and(|start| hex(bytes).starts_with(start))
        };
        row.subject == typed.subject
            || typed.names.iter().any(ends_so)
            || begins_so(row.serial)
            || begins_so(row.fingerprint_sha256)
    });
    Ok(exact.is_none_or(|exact| keys.contains(&exact))
        && query.san_suffix.as_ref().is_none_or(ends_so)
        && typed)
}
