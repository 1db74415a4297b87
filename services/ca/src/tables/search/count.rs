//! How many rows a list has.

use std::time::Duration;

use kit::page::{Ask, Count, Counting, Place, Precision, Sort};
use sqlx::QueryBuilder;
use store::Db;
use tokio::time::Instant;

use super::Plan;
use super::lead::has_names;
use super::order::{Order, Position};
use super::read::{BriefRow, NamedRow, Read};
use crate::error::Error;

/// Longest time to count a list: its filters may pass over many rows for each that they find.
const COUNT_TIME: Duration = Duration::from_secs(3);
/// Rows that are read at a time to compare their names.
const AT_ONCE: i64 = 500;

impl Plan<'_> {
    /// How many rows the list has, if that is asked for; at least those of this page where it takes too long to say.
    pub(super) async fn count(
        &self,
        db: &Db,
        counting: Counting,
        here: usize,
    ) -> Result<Option<Count>, Error> {
        let Some(bound) = counting.bound() else {
            return Ok(None);
        };
        let along = Plan {
            lead: self.lead.of_count(self.query),
            ..*self
        };
        let at_least = |rows: u64| Count {
            rows: rows.max(here as u64),
            precision: Precision::AtLeast,
        };
        if along.lead.passes_over(self.query) {
            let (counted, to_the_end) = along.count_one_by_one(db, bound).await?;
            let count = Count::up_to(bound, counted);
            return Ok(Some(if to_the_end { count } else { at_least(count.rows) }));
        }
        let counted = match tokio::time::timeout(COUNT_TIME, along.count_to(db, bound)).await {
            Ok(counted) => counted?,
            Err(_elapsed) => return Ok(Some(at_least(0))),
        };
        if counting == Counting::Estimate
            && counted.precision == Precision::AtLeast
            && let Some(rows) = along.estimate(db).await?
        {
            let precision = Precision::Estimate;
            let rows = rows.max(counted.rows);
            return Ok(Some(Count { rows, precision }));
        }
        Ok(Some(counted))
    }

    async fn count_to(&self, db: &Db, bound: i64) -> Result<Count, Error> {
        let counted: i64 = store::read!(db, |connection| {
            let mut sql = QueryBuilder::new("SELECT COUNT(*) FROM (SELECT DISTINCT ");
            sql.push(self.id());
            self.conditions(&mut sql);
            sql.push(" LIMIT ").push_bind(bound + 1).push(") AS counted");
            sql.build_query_scalar().fetch_one(connection).await
        })?;
        Ok(Count::up_to(bound, counted))
    }

    /// Rows whose names are compared one by one, counted to one more than `bound`; and whether they were counted to the end,
    /// or to that bound, within the time.
    async fn count_one_by_one(&self, db: &Db, bound: i64) -> Result<(i64, bool), Error> {
        let plan = Plan {
            order: Order::Issued,
            ..*self
        };
        let end = Instant::now() + COUNT_TIME;
        let place: Place<Position> = Ask::default().place(Sort::of("issued_at"))?;
        let (mut counted, mut from) = (0, None);
        while Instant::now() < end {
            let rows: Vec<NamedRow<BriefRow>> = store::read!(db, |connection| {
                let mut sql = QueryBuilder::new("");
                plan.select(&mut sql, BriefRow::columns(true), (&place, from.as_ref()));
                sql.push(" LIMIT ").push_bind(AT_ONCE);
                sql.build_query_as().fetch_all(connection).await
            })?;
            for found in &rows {
                counted += i64::from(has_names(&found.row.keys(), self.query).unwrap_or(false));
            }
            from = rows.iter().rev().find_map(|row| Order::Issued.position(row));
            if counted > bound || (rows.len() as u64) < AT_ONCE.unsigned_abs() || from.is_none() {
                return Ok((counted, true));
            }
        }
        Ok((counted, false))
    }

    /// What the planner of PostgreSQL expects; SQLite has no such number.
    async fn estimate(&self, db: &Db) -> Result<Option<u64>, Error> {
        let store::Pools::Pg(pool) = db.pools() else {
            return Ok(None);
        };
        let mut sql = QueryBuilder::new("EXPLAIN SELECT 1");
        self.conditions(&mut sql);
        let lines: Vec<String> = sql.build_query_scalar().fetch_all(pool).await?;
        let rows = lines.first().and_then(|line| line.split("rows=").nth(1));
        Ok(rows
            .and_then(|rest| rest.split(' ').next())
            .and_then(|rows| rows.parse().ok()))
    }
}
