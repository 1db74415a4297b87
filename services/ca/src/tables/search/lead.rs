//! What a list of one requester is read along.
//!
//! Their own rows, by the index of requesters, whatever else is asked for. Only a fingerprint, and a key or a name
//! that few certificates have, whoever they belong to, lead to a row sooner. So nobody pays for the rows of others, but
//! for [`FEW`] of them.
//!
//! Which index serves is not left to the databases, whose guesses depend on statistics: any other than the one that
//! leads is kept from applying.

use sqlx::QueryBuilder;
use store::{Db, StoreError};

use super::super::certificates::Row;
use super::super::names;
use crate::domain::Query;
use crate::error::Error;

/// So many rows are gone through for one requester, whoever they belong to.
const FEW: i64 = 1000;

/// What a list is read along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lead {
    /// What the database finds best: everybody's rows are asked for.
    Any,
    /// The index of fingerprints or of keys.
    Pinned,
    /// The index of names.
    Names,
    /// The index of requesters.
    Requester,
}

impl Lead {
    pub(super) async fn of(db: &Db, query: &Query) -> Result<Self, Error> {
        if query.requester.is_none() {
            return Ok(Self::Any);
        }
        if query.fingerprint_sha256.is_some() {
            return Ok(Self::Pinned);
        }
        if let Some(key) = &query.spki_sha256
            && count(db, "certificates c WHERE c.spki_sha256 = ", key.to_vec(), None).await? <= FEW
        {
            return Ok(Self::Pinned);
        }
        if let Some(san) = &query.san {
            let name = names::exact(&san.to_string());
            if count(db, "certificate_names n WHERE n.name = ", name, None).await? <= FEW {
                return Ok(Self::Names);
            }
        }
        if let Some(suffix) = &query.san_suffix {
            let (start, end) = names::range(suffix);
            if count(db, "certificate_names n WHERE n.name >= ", start, Some(end)).await? <= FEW {
                return Ok(Self::Names);
            }
        }
        Ok(Self::Requester)
    }

    /// Whether names are compared with [`has_names`], and not by the database.
    pub(super) fn leaves_names(self) -> bool {
        matches!(self, Self::Pinned | Self::Requester)
    }

    /// How many rows to ask for at least: most may be passed over where names are compared one by one.
    pub(super) fn least(self, query: &Query) -> i64 {
        let passed_over = self.leaves_names() && (query.san.is_some() || query.san_suffix.is_some());
        if passed_over { 64 } else { 1 }
    }

    /// The column in a condition; as an expression, which no index has, if another is to lead.
    pub(super) fn column(self, column: &str) -> String {
        let leads = match self {
            Self::Any => true,
            Self::Pinned => matches!(column, "spki_sha256" | "fingerprint_sha256"),
            Self::Names | Self::Requester => false,
        };
        if leads {
            format!("c.{column}")
        } else {
            format!("COALESCE(c.{column}, c.{column})")
        }
    }
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

/// Whether a certificate has the names that are asked for.
pub(super) fn has_names(row: &Row, query: &Query) -> Result<bool, Error> {
    if query.san.is_none() && query.san_suffix.is_none() {
        return Ok(true);
    }
    let sans: Vec<String> = serde_json::from_str(&row.sans).map_err(|_| {
        Error::Internal(format!(
            "the stored names of certificate {} cannot be read",
            row.id
        ))
    })?;
    let keys: Vec<Vec<u8>> = sans.iter().map(|san| names::exact(san)).collect();
    let exact = query.san.as_ref().map(|san| names::exact(&san.to_string()));
    let range = query.san_suffix.as_ref().map(names::range);
    Ok(exact.is_none_or(|exact| keys.contains(&exact))
        && range.is_none_or(|(start, end)| keys.iter().any(|key| start <= *key && *key < end)))
}
