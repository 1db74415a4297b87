//! The inventory's queries: any mix of filters, one page, in an order that an index has.
//!
//! Unless an order is asked for, the filter that cuts most decides it, so that a page costs the same at any size: a name's
//! end answers in the order of names, an expiry window in the order of expiry, a window of revocations by their time,
//! everything else newest first. An open end, all that expires later than a moment, cuts little: beside another filter it
//! answers newest first too, which is where such certificates are.
//!
//! A list of one requester, all that an own-scoped caller gets, costs what their own rows cost: [`lead`] says how.

mod count;
mod filter;
mod lead;
mod order;
mod read;
#[cfg(test)]
pub(super) mod tests;

use kit::page::{Ask, InvalidCursor, Page, Place};
use sqlx::QueryBuilder;
use store::Db;
use time::OffsetDateTime;

use super::certificates::Row;
use super::names;
use crate::domain::{Brief, Damaged, Issued, Query};
use crate::error::Error;
use filter::Holds;
use lead::Lead;
use order::{Order, Position};
use read::{BriefRow, NamedRow, Read};

/// How a list is read.
struct Plan<'a> {
    query: &'a Query,
    lead: Lead,
    order: Order,
    /// Only what is revoked or on hold is listed.
    only_revoked: bool,
    now: OffsetDateTime,
}

/// One page of the answer, without rows that cannot be read.
pub(crate) async fn search(
    db: &Db,
    query: &Query,
    ask: &Ask,
    now: OffsetDateTime,
) -> Result<Page<Issued>, Error> {
    read::<Row>(db, query, ask, now).await
}

/// The same of numbers and revocations: neither certificates nor, unless names are compared one by one, their names are read.
/// A row on which nothing can be decided is among them; so is one whose names cannot be read, where a name is asked for.
pub(crate) async fn search_in_brief(
    db: &Db,
    query: &Query,
    ask: &Ask,
    now: OffsetDateTime,
) -> Result<Page<Result<Brief, Damaged>>, Error> {
    read::<BriefRow>(db, query, ask, now).await
}

async fn read<R: Read>(
    db: &Db,
    query: &Query,
    ask: &Ask,
    now: OffsetDateTime,
) -> Result<Page<R::Item>, Error> {
    let (order, sort) = Order::of(query, ask.sort);
    let place: Place<Position> = ask.place(sort)?;
    // A cursor is not authenticated: it may say anything.
    if place.from.as_ref().is_some_and(|from| !order.has(from)) {
        return Err(InvalidCursor.into());
    }
    let lead = Lead::of(db, query, ask.sort).await?;
    let plan = &Plan::new(query, lead, order, now);
    let direction = &place.clone();
    let rows = |from: Option<Position>, most: i64| async move {
        Ok(store::read!(db, |connection| {
            let mut sql = QueryBuilder::new("");
            plan.select(
                &mut sql,
                R::columns(plan.compares_names()),
                (direction, from.as_ref()),
            );
            sql.push(" LIMIT ").push_bind(most);
            sql.build_query_as().fetch_all(connection).await
        })?)
    };
    let item = |found: NamedRow<R>| {
        let wanted = match lead.leaves_names() {
            true => lead::has_names(&found.row.keys(), query),
            false => is_first_name(&found, query),
        };
        if wanted == Some(false) {
            return Ok(None);
        }
        let bytes = found.row.bytes();
        Ok(Some((found.row.item()?, bytes)))
    };
    let place_of = |found: &NamedRow<R>| order.position(found);
    let page = place.read_each(lead.least(query), rows, place_of, item).await?;
    let count = plan.count(db, ask.counting, page.items.len()).await?;
    Ok(page.counted(count))
}

/// A certificate has an entry for each name in the index of names. It is answered at the first that matches, and
/// passed over at the others. With `san` only that one name matches, and it has one entry. `None` if its names cannot be read.
fn is_first_name<R: Read>(found: &NamedRow<R>, query: &Query) -> Option<bool> {
    let (None, Some(suffix), Some(name)) = (&query.san, &query.san_suffix, &found.name) else {
        return Some(true);
    };
    let (start, _) = names::range(suffix);
    let names = found.row.keys().sans()?;
    let mut keys = names.iter().map(|san| names::exact(san));
    Some(!keys.any(|other| start <= other && other < *name))
}

impl<'a> Plan<'a> {
    fn new(query: &'a Query, lead: Lead, order: Order, now: OffsetDateTime) -> Self {
        Self {
            query,
            lead,
            order,
            only_revoked: order == Order::Revoked,
            now,
        }
    }

    /// Whether rows are read along the index of names.
    fn by_name(&self) -> bool {
        lead::has_name(self.query) && !self.lead.leaves_names() && self.lead != Lead::Names
    }

    /// Whether rows are found or passed over by their names, or put in the order of their subjects.
    fn compares_names(&self) -> bool {
        self.query.compares_names() || self.order == Order::Subject
    }

    /// Everything up to `LIMIT`. Generic, so that the one text serves both databases.
    fn select<D: Holds<'a>>(
        &self,
        sql: &mut QueryBuilder<D>,
        columns: &'static str,
        (place, from): (&Place<Position>, Option<&Position>),
    ) {
        let several_names = self.by_name() && self.query.san_suffix.is_some();
        sql.push("SELECT ").push(columns);
        sql.push(if several_names {
            ", n.name AS name"
        } else {
            ", NULL AS name"
        });
        self.conditions(sql);
        self.behind(sql, place, from);
        let order = place.order();
        match self.order {
            Order::Issued if self.lead == Lead::Requester => {
                sql.push(format_args!(" ORDER BY c.requester {order}, c.id {order}"));
            }
            Order::Issued => {
                sql.push(format_args!(" ORDER BY {} {order}", self.id()));
            }
            Order::Name => {
                sql.push(format_args!(" ORDER BY n.name {order}, n.id {order}"));
            }
            Order::Expiry | Order::Revoked | Order::Subject => {
                let column = self.lead.column(self.column());
                sql.push(format_args!(" ORDER BY {column} {order}, c.id {order}"));
            }
        }
        // The first of a certificate's names comes first, so that a page never ends between it and another.
        if several_names && self.order != Order::Name {
            sql.push(", n.name");
        }
    }

    /// From `FROM` on, without the place in the list.
    fn conditions<D: Holds<'a>>(&self, sql: &mut QueryBuilder<D>) {
        if self.by_name() {
            sql.push(" FROM certificate_names n JOIN certificates c ON c.id = n.id WHERE 1 = 1");
            filter::names(sql, self.query);
        } else {
            sql.push(" FROM certificates c WHERE 1 = 1");
        }
        if self.lead == Lead::Names {
            sql.push(" AND c.id IN (");
            filter::named(sql, self.query, lead::IDS);
            sql.push(")");
        }
        if let (Lead::Typed, Some(typed)) = (self.lead, &self.query.q) {
            sql.push(" AND c.id IN (");
            filter::typed(sql, typed, lead::IDS);
            sql.push(")");
        }
        if self.lead.is_of_requester(self.query) {
            self.of_requester(sql);
        }
        filter::columns(sql, self.query, self.lead, self.now);
        if self.only_revoked {
            sql.push(format_args!(
                " AND {} IS NOT NULL",
                self.lead.column("revoked_at")
            ));
        }
    }

    /// One requester is a range that begins and ends there where their rows lead: for an equality PostgreSQL also walks
    /// everybody's rows by id, in the hope of meeting enough of theirs soon.
    fn of_requester<D: Holds<'a>>(&self, sql: &mut QueryBuilder<D>) {
        for requester in &self.query.requester {
            sql.push(" AND c.requester >= ");
            D::text(sql, requester);
            sql.push(" AND c.requester <= ");
            D::text(sql, requester);
        }
    }

    /// The index of names holds the id too: order and page by that one where it drives.
    fn id(&self) -> &'static str {
        if self.by_name() { "n.id" } else { "c.id" }
    }

    fn column(&self) -> &'static str {
        match self.order {
            Order::Issued | Order::Name => "issued_at",
            Order::Expiry => "not_after",
            Order::Revoked => "revoked_at",
            Order::Subject => "subject",
        }
    }

    fn behind<D: Holds<'a>>(
        &self,
        sql: &mut QueryBuilder<D>,
        place: &Place<Position>,
        from: Option<&Position>,
    ) {
        let compare = place.compare();
        let column = self.lead.column(self.column());
        match from {
            None => {}
            Some(Position::Issued(last)) if self.lead.is_of_requester(self.query) => {
                for requester in &self.query.requester {
                    sql.push(format_args!(" AND (c.requester, c.id) {compare} ("));
                    D::text(sql, requester);
                    sql.push(", ");
                    D::id(sql, *last);
                    sql.push(")");
                }
            }
            Some(Position::Issued(last)) => {
                sql.push(format_args!(" AND {} {compare} ", self.id()));
                D::id(sql, *last);
            }
            Some(Position::Time(at, last)) => {
                sql.push(format_args!(" AND ({column}, c.id) {compare} ("));
                D::number(sql, *at);
                sql.push(", ");
                D::id(sql, *last);
                sql.push(")");
            }
            Some(Position::Subject(subject, last)) => {
                sql.push(format_args!(" AND ({column}, c.id) {compare} ("));
                D::owned(sql, subject.clone());
                sql.push(", ");
                D::id(sql, *last);
                sql.push(")");
            }
            Some(Position::Name(name, last)) => {
                sql.push(format_args!(" AND (n.name, n.id) {compare} ("));
                D::bytes(sql, name.0.clone());
                sql.push(", ");
                D::id(sql, *last);
                sql.push(")");
            }
        }
    }
}
