//! The inventory's queries: any mix of filters, one page, in an order that an index has.
//!
//! The filter that cuts most decides the order of the answer, so that a page costs the same at any size:
//! a name's end answers in the order of names, an expiry window in the order of expiry, everything else
//! newest first. An open end, all that expires later than a moment, cuts little: beside another filter it
//! answers newest first too, which is where such certificates are.
//!
//! A list of one requester, all that an own-scoped caller gets, costs what their own rows cost: [`lead`] says how.

mod lead;
#[cfg(test)]
mod tests;

use data_encoding::BASE64URL_NOPAD;
use sqlx::{Database, Encode, QueryBuilder, Type};
use store::page::{self, Limit, Page, PageBuilder};
use time::OffsetDateTime;
use uuid::Uuid;

use super::certificates::{COLUMNS, Row};
use super::names;
use crate::domain::{Issued, Protocol, Query, Status};
use crate::error::Error;
use lead::Lead;

/// Where the next page starts: behind the last row of the page before.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Position {
    Newest(Uuid),
    Expiry(i64, Uuid),
    Name(Vec<u8>, Uuid),
}

/// The order of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Newest,
    Expiry,
    Name,
}

impl Order {
    /// What a cursor of this order is made for; one of another order does not decode.
    fn list(self) -> &'static str {
        match self {
            Self::Newest => "certificates, newest first",
            Self::Expiry => "certificates by expiry",
            Self::Name => "certificates by name",
        }
    }

    fn decode(self, cursor: &str) -> Result<Position, page::InvalidCursor> {
        Ok(match self {
            Self::Newest => Position::Newest(page::decode(self.list(), cursor)?),
            Self::Expiry => {
                let (at, id) = page::decode(self.list(), cursor)?;
                Position::Expiry(at, id)
            }
            Self::Name => {
                let (name, id): (String, Uuid) = page::decode(self.list(), cursor)?;
                let name = BASE64URL_NOPAD
                    .decode(name.as_bytes())
                    .map_err(|_| page::InvalidCursor)?;
                Position::Name(name, id)
            }
        })
    }

    fn position(self, found: &Found) -> Position {
        let id = found.row.id;
        match self {
            Self::Newest => Position::Newest(id),
            Self::Expiry => Position::Expiry(found.row.not_after, id),
            Self::Name => Position::Name(found.name.clone().unwrap_or_default(), id),
        }
    }

    fn encode(self, found: &Found) -> String {
        match self.position(found) {
            Position::Newest(id) => page::encode(self.list(), &id),
            Position::Expiry(at, id) => page::encode(self.list(), &(at, id)),
            Position::Name(name, id) => page::encode(self.list(), &(BASE64URL_NOPAD.encode(&name), id)),
        }
    }

    fn of(query: &Query) -> Self {
        let pinned = query.san.is_some() || query.spki_sha256.is_some() || query.fingerprint_sha256.is_some();
        let names_of_one = query.san_suffix.is_some() && query.requester.is_some();
        if pinned || names_of_one {
            Self::Newest
        } else if query.san_suffix.is_some() {
            Self::Name
        } else if query.expires_before.is_some()
            || query.status == Some(Status::Expired)
            || (query.expires_after.is_some() && !has_list_of_its_own(query))
        {
            Self::Expiry
        } else {
            Self::Newest
        }
    }
}

/// Whether an index lists what one of the filters lets through, newest first.
fn has_list_of_its_own(query: &Query) -> bool {
    query.subject.is_some()
        || query.requester.is_some()
        || query.profile.is_some()
        || query.ca.is_some()
        || query.protocol.is_some()
        || query.key_reused.is_some()
        || matches!(query.status, Some(Status::Revoked | Status::OnHold))
}

/// One page of the answer.
pub(crate) async fn search(
    db: &store::Db,
    query: &Query,
    limit: Limit,
    cursor: Option<&str>,
    now: OffsetDateTime,
) -> Result<Page<Issued>, Error> {
    let order = Order::of(query);
    let position = cursor.map(|text| order.decode(text)).transpose();
    let mut position = position.map_err(|error| Error::invalid("cursor", error))?;
    let lead = Lead::of(db, query).await?;
    let mut page = PageBuilder::new(limit);
    while !page.is_full() {
        let batch = page.fetch().max(lead.least(query));
        let found: Vec<Found> = store::read!(db, |connection| {
            let mut sql = QueryBuilder::new("");
            select(&mut sql, query, lead, (order, position.as_ref()), now);
            sql.push(" LIMIT ").push_bind(batch);
            sql.build_query_as().fetch_all(connection).await
        })
        .map_err(store::StoreError::from)?;
        let exhausted = (found.len() as u64) < batch.unsigned_abs();
        position = found.last().map(|last| order.position(last));
        for row in found {
            let wanted = if lead.leaves_names() {
                lead::has_names(&row.row, query)?
            } else {
                is_first_name(&row, query)?
            };
            if !wanted {
                continue;
            }
            let bytes = row.bytes();
            if !page.push(row, bytes) {
                break;
            }
        }
        if exhausted {
            break;
        }
    }
    let Page { items, next_cursor } = page.finish(|last| order.encode(last));
    let items = items
        .into_iter()
        .map(|found| Issued::try_from(found.row))
        .collect::<Result<_, _>>()?;
    Ok(Page { items, next_cursor })
}

/// A certificate stands in the index of names once for each name. It is answered at the first that matches, and
/// passed over at the others. With `san` only that one name matches, and it stands there once.
fn is_first_name(found: &Found, query: &Query) -> Result<bool, Error> {
    let (None, Some(suffix), Some(name)) = (&query.san, &query.san_suffix, &found.name) else {
        return Ok(true);
    };
    let (start, _) = names::range(suffix);
    let sans: Vec<String> = serde_json::from_str(&found.row.sans).map_err(|_| {
        Error::Internal(format!(
            "the stored names of certificate {} cannot be read",
            found.row.id
        ))
    })?;
    Ok(!sans
        .iter()
        .map(|san| names::exact(san))
        .any(|other| start <= other && other < *name))
}

#[derive(sqlx::FromRow)]
struct Found {
    #[sqlx(flatten)]
    row: Row,
    name: Option<Vec<u8>>,
}

impl Found {
    /// About as many bytes as the certificate takes in an answer: twice its names, itself in base64, its chain.
    fn bytes(&self) -> usize {
        const REST: usize = 1024;
        self.row.der.len() * 3 / 2 + self.row.sans.len() + self.row.subject.len() + REST
    }
}

/// Everything up to `LIMIT`. Generic, so that the one text serves both databases.
fn select<'a, D>(
    sql: &mut QueryBuilder<D>,
    query: &'a Query,
    lead: Lead,
    (order, position): (Order, Option<&'a Position>),
    now: OffsetDateTime,
) where
    D: Database,
    i64: Encode<'a, D> + Type<D>,
    Uuid: Encode<'a, D> + Type<D>,
    Vec<u8>: Encode<'a, D> + Type<D>,
    &'a str: Encode<'a, D> + Type<D>,
{
    let by_name = (query.san.is_some() || query.san_suffix.is_some()) && !lead.leaves_names();
    sql.push("SELECT ").push(COLUMNS);
    sql.push(if by_name && query.san_suffix.is_some() {
        ", n.name AS name"
    } else {
        ", NULL AS name"
    });
    if by_name {
        sql.push(" FROM certificate_names n JOIN certificates c ON c.id = n.id WHERE 1 = 1");
        filter_names(sql, query);
    } else {
        sql.push(" FROM certificates c WHERE 1 = 1");
    }
    filter_requester(sql, query, lead, position);
    filter_columns(sql, query, lead);
    filter_status(sql, query, lead, now);
    // The index of names holds the id too: order and page by that one where it drives.
    let id = if by_name { "n.id" } else { "c.id" };
    let not_after = lead.column("not_after");
    match position {
        None => {}
        // Beside the requester.
        Some(Position::Newest(_)) if lead == Lead::Requester => {}
        Some(Position::Newest(last)) => {
            sql.push(format_args!(" AND {id} < ")).push_bind(*last);
        }
        Some(Position::Expiry(at, last)) => {
            sql.push(format_args!(" AND ({not_after}, c.id) > ("))
                .push_bind(*at)
                .push(", ")
                .push_bind(*last)
                .push(")");
        }
        Some(Position::Name(name, last)) => {
            sql.push(" AND (n.name, n.id) > (")
                .push_bind(name.clone())
                .push(", ")
                .push_bind(*last)
                .push(")");
        }
    }
    match order {
        // The first of a certificate's names comes first, so that a page never ends between it and another.
        Order::Newest if by_name && query.san_suffix.is_some() => sql.push(" ORDER BY n.id DESC, n.name"),
        Order::Newest if lead == Lead::Requester => sql.push(" ORDER BY c.requester DESC, c.id DESC"),
        Order::Newest => sql.push(format_args!(" ORDER BY {id} DESC")),
        Order::Expiry => sql.push(format_args!(" ORDER BY {not_after}, c.id")),
        Order::Name => sql.push(" ORDER BY n.name, n.id"),
    };
}

/// One requester is a range that begins and ends there where their rows lead: for an equality PostgreSQL also walks
/// everybody's rows by id, in the hope of meeting enough of theirs soon.
fn filter_requester<'a, D>(
    sql: &mut QueryBuilder<D>,
    query: &'a Query,
    lead: Lead,
    position: Option<&'a Position>,
) where
    D: Database,
    Uuid: Encode<'a, D> + Type<D>,
    &'a str: Encode<'a, D> + Type<D>,
{
    let Some(requester) = query.requester.as_deref() else {
        return;
    };
    if lead != Lead::Requester {
        sql.push(format_args!(" AND {} = ", lead.column("requester")))
            .push_bind(requester);
        return;
    }
    sql.push(" AND c.requester >= ").push_bind(requester);
    if let Some(Position::Newest(last)) = position {
        sql.push(" AND (c.requester, c.id) < (")
            .push_bind(requester)
            .push(", ")
            .push_bind(*last)
            .push(")");
    } else {
        sql.push(" AND c.requester <= ").push_bind(requester);
    }
}

fn filter_names<'a, D>(sql: &mut QueryBuilder<D>, query: &'a Query)
where
    D: Database,
    Vec<u8>: Encode<'a, D> + Type<D>,
{
    if let Some(san) = &query.san {
        sql.push(" AND n.name = ")
            .push_bind(names::exact(&san.to_string()));
    }
    if let Some(suffix) = &query.san_suffix {
        let (start, end) = names::range(suffix);
        sql.push(" AND n.name >= ")
            .push_bind(start)
            .push(" AND n.name < ")
            .push_bind(end);
    }
}

fn filter_columns<'a, D>(sql: &mut QueryBuilder<D>, query: &'a Query, lead: Lead)
where
    D: Database,
    i64: Encode<'a, D> + Type<D>,
    Vec<u8>: Encode<'a, D> + Type<D>,
    &'a str: Encode<'a, D> + Type<D>,
{
    let texts = [
        ("subject", query.subject.as_deref()),
        ("profile", query.profile.as_deref()),
        ("ca", query.ca.as_deref()),
        ("protocol", query.protocol.map(Protocol::as_str)),
    ];
    for (column, value) in texts {
        if let Some(value) = value {
            sql.push(format_args!(" AND {} = ", lead.column(column)))
                .push_bind(value);
        }
    }
    let hashes = [
        ("spki_sha256", query.spki_sha256),
        ("fingerprint_sha256", query.fingerprint_sha256),
    ];
    for (column, value) in hashes {
        if let Some(value) = value {
            sql.push(format_args!(" AND {} = ", lead.column(column)))
                .push_bind(value.to_vec());
        }
    }
    let not_after = lead.column("not_after");
    if let Some(after) = query.expires_after {
        sql.push(format_args!(" AND {not_after} >= "))
            .push_bind(store::time::to_micros(after));
    }
    if let Some(before) = query.expires_before {
        sql.push(format_args!(" AND {not_after} < "))
            .push_bind(store::time::to_micros(before));
    }
    // Few rows in any order, so that passing over them needs no index of its own.
    if !query.internal {
        sql.push(format_args!(
            " AND c.protocol <> '{}'",
            Protocol::Internal.as_str()
        ));
    }
    // Literals, not parameters: a partial index is only used where the plan can see that it applies.
    match query.key_reused {
        None => {}
        Some(true) => {
            sql.push(format_args!(" AND {} > 0", lead.column("key_use")));
        }
        Some(false) => {
            sql.push(format_args!(" AND {} = 0", lead.column("key_use")));
        }
    }
}

fn filter_status<'a, D>(sql: &mut QueryBuilder<D>, query: &Query, lead: Lead, now: OffsetDateTime)
where
    D: Database,
    i64: Encode<'a, D> + Type<D>,
{
    let now = store::time::to_micros(now);
    let (reason, not_after) = (lead.column("reason"), lead.column("not_after"));
    // Literals again.
    match query.status {
        None => {}
        Some(Status::Valid) => {
            sql.push(format_args!(" AND c.reason IS NULL AND {not_after} >= "))
                .push_bind(now);
        }
        Some(Status::Expired) => {
            sql.push(format_args!(" AND c.reason IS NULL AND {not_after} < "))
                .push_bind(now);
        }
        Some(Status::OnHold) => {
            sql.push(format_args!(" AND {reason} = 6"));
        }
        Some(Status::Revoked) => {
            sql.push(format_args!(" AND {reason} <> 6"));
        }
    }
}
