//! The conditions of a query.

use sqlx::{Database, Encode, QueryBuilder, Type};
use time::OffsetDateTime;
use uuid::Uuid;

use super::super::names;
use super::lead::Lead;
use crate::domain::{LintVerdict, OCSP_SIGNER, Protocol, Query, Span, Status, Typed};

/// A database whose values these conditions can hold. A trait of its own, so that the bounds are written once.
pub(super) trait Holds<'a>: Database {
    fn text(sql: &mut QueryBuilder<Self>, value: &'a str);
    fn owned(sql: &mut QueryBuilder<Self>, value: String);
    fn number(sql: &mut QueryBuilder<Self>, value: i64);
    fn id(sql: &mut QueryBuilder<Self>, value: Uuid);
    fn bytes(sql: &mut QueryBuilder<Self>, value: Vec<u8>);
}

impl<'a, D> Holds<'a> for D
where
    D: Database,
    i64: Encode<'a, D> + Type<D>,
    Uuid: Encode<'a, D> + Type<D>,
    Vec<u8>: Encode<'a, D> + Type<D>,
    String: Encode<'a, D> + Type<D>,
    &'a str: Encode<'a, D> + Type<D>,
{
    fn text(sql: &mut QueryBuilder<Self>, value: &'a str) {
        sql.push_bind(value);
    }

    fn owned(sql: &mut QueryBuilder<Self>, value: String) {
        sql.push_bind(value);
    }

    fn number(sql: &mut QueryBuilder<Self>, value: i64) {
        sql.push_bind(value);
    }

    fn id(sql: &mut QueryBuilder<Self>, value: Uuid) {
        sql.push_bind(value);
    }

    fn bytes(sql: &mut QueryBuilder<Self>, value: Vec<u8>) {
        sql.push_bind(value);
    }
}

/// All conditions but those on names, on the requester who leads, and on the place in the list.
pub(super) fn columns<'a, D: Holds<'a>>(
    sql: &mut QueryBuilder<D>,
    query: &'a Query,
    lead: Lead,
    now: OffsetDateTime,
) {
    texts(sql, query, lead);
    hashes(sql, query, lead);
    times(sql, query, lead);
    status(sql, query, lead, now);
    // Few rows in any order, so that passing over them needs no index of its own.
    if !query.internal {
        sql.push(format_args!(
            " AND c.protocol <> '{}'",
            Protocol::Internal.as_str()
        ));
    }
    if query.without_responders {
        sql.push(format_args!(" AND c.profile <> '{OCSP_SIGNER}'"));
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
    if let Some(renewed) = query.has_successor {
        let not = if renewed { "" } else { "NOT " };
        sql.push(format_args!(
            " AND {not}EXISTS (SELECT 1 FROM certificates s WHERE s.replaces = c.serial)"
        ));
    }
    match &query.lint {
        None => {}
        Some(LintVerdict::Passed) => {
            sql.push(" AND c.lint_warnings = '[]'");
        }
        Some(LintVerdict::Warned) => {
            sql.push(format_args!(" AND {} <> '[]'", lead.column("lint_warnings")));
        }
        Some(LintVerdict::By(id)) => {
            let column = lead.column("lint_warnings");
            sql.push(format_args!(
                " AND {column} <> '[]' AND REPLACE(c.lint_warnings, "
            ));
            D::owned(sql, format!("\"{id}\""));
            sql.push(", '') <> c.lint_warnings");
        }
    }
}

fn texts<'a, D: Holds<'a>>(sql: &mut QueryBuilder<D>, query: &'a Query, lead: Lead) {
    if let Some(subject) = query.subject.as_deref() {
        one_of(sql, lead, "subject", vec![subject], D::text);
    }
    let strs = |all: &'a [String]| all.iter().map(String::as_str).collect();
    one_of(sql, lead, "profile", strs(&query.profile), D::text);
    one_of(sql, lead, "ca", strs(&query.ca), D::text);
    let protocols = query.protocol.iter().map(|protocol| protocol.as_str());
    one_of(sql, lead, "protocol", protocols.collect(), D::text);
    let types = query.key_type.iter().map(ToString::to_string);
    one_of(sql, lead, "key_type", types.collect(), D::owned);
    if !lead.is_of_requester(query) {
        one_of(sql, lead, "requester", strs(&query.requester), D::text);
    }
    let reasons = query.reason.iter().map(|reason| i64::from(reason.code()));
    one_of(sql, lead, "reason", reasons.collect(), D::number);
    let serials = query.serial.iter().map(|serial| serial.as_bytes().to_vec());
    one_of(sql, lead, "serial", serials.collect(), D::bytes);
}

/// A condition on a column that has one of some values; none for no value.
fn one_of<D: Database, V>(
    sql: &mut QueryBuilder<D>,
    lead: Lead,
    column: &str,
    values: Vec<V>,
    bind: impl Fn(&mut QueryBuilder<D>, V),
) {
    if values.is_empty() {
        return;
    }
    // SQLite would sort all that has one of several values; it rather walks the order of the list.
    let several = values.len() > 1 && D::NAME == "SQLite" && column != "serial";
    let column = if several {
        Lead::kept_from(column)
    } else {
        lead.column(column)
    };
    sql.push(format_args!(" AND {column} IN ("));
    for (number, value) in values.into_iter().enumerate() {
        if number > 0 {
            sql.push(", ");
        }
        bind(sql, value);
    }
    sql.push(")");
}

fn hashes<'a, D: Holds<'a>>(sql: &mut QueryBuilder<D>, query: &'a Query, lead: Lead) {
    let hashes = [
        ("spki_sha256", query.spki_sha256),
        ("fingerprint_sha256", query.fingerprint_sha256),
    ];
    for (column, value) in hashes {
        if let Some(value) = value {
            sql.push(format_args!(" AND {} = ", lead.column(column)));
            D::bytes(sql, value.to_vec());
        }
    }
}

fn times<'a, D: Holds<'a>>(sql: &mut QueryBuilder<D>, query: &'a Query, lead: Lead) {
    let micros = store::time::to_micros;
    for (column, Span { from, to }) in [("not_after", query.expires), ("revoked_at", query.revoked)] {
        let column = lead.column(column);
        for (at, compare) in [(from, ">="), (to, "<")] {
            if let Some(at) = at {
                sql.push(format_args!(" AND {column} {compare} "));
                D::number(sql, micros(at));
            }
        }
    }
    // An id begins with the time at which it was made, which is that of the signature.
    for (at, compare) in [(query.issued.from, ">="), (query.issued.to, "<")] {
        if let Some(at) = at {
            sql.push(format_args!(" AND c.id {compare} "));
            D::id(sql, store::id::first_id(at));
        }
    }
}

fn status<'a, D: Holds<'a>>(sql: &mut QueryBuilder<D>, query: &'a Query, lead: Lead, now: OffsetDateTime) {
    let now = store::time::to_micros(now);
    let several = query.status.len() > 1;
    let column = |name| {
        if several {
            Lead::kept_from(name)
        } else {
            lead.column(name)
        }
    };
    let (reason, not_after) = (column("reason"), column("not_after"));
    for (number, status) in query.status.iter().enumerate() {
        sql.push(if number == 0 { " AND (" } else { " OR " });
        // Literals again.
        match status {
            Status::Valid => {
                sql.push(format_args!("c.reason IS NULL AND {not_after} >= "));
                D::number(sql, now);
            }
            Status::Expired => {
                sql.push(format_args!("c.reason IS NULL AND {not_after} < "));
                D::number(sql, now);
            }
            Status::OnHold => {
                sql.push(format_args!("{reason} = 6"));
            }
            Status::Revoked => {
                sql.push(format_args!("{reason} <> 6"));
            }
        }
    }
    if !query.status.is_empty() {
        sql.push(")");
    }
}

/// Conditions on the row of the index of names.
pub(super) fn names<'a, D: Holds<'a>>(sql: &mut QueryBuilder<D>, query: &'a Query) {
    if let Some(san) = &query.san {
        sql.push(" AND n.name = ");
        D::bytes(sql, names::exact(&san.to_string()));
    }
    if let Some(suffix) = &query.san_suffix {
        let (start, end) = names::range(suffix);
        between(sql, "n.name", start, Some(end));
    }
}

fn between<'a, D: Holds<'a>>(sql: &mut QueryBuilder<D>, column: &str, start: Vec<u8>, end: Option<Vec<u8>>) {
    sql.push(format_args!(" AND {column} >= "));
    D::bytes(sql, start);
    if let Some(end) = end {
        sql.push(format_args!(" AND {column} < "));
        D::bytes(sql, end);
    }
}

/// How much an index gives of what is looked up in it.
#[derive(Clone, Copy)]
pub(super) struct Cut {
    /// `DISTINCT` where each id is given once; the index of names has one for each name of a certificate.
    once: &'static str,
    most: i64,
}

impl Cut {
    /// `most` rows, whatever ids they have.
    pub(super) const fn rows(most: i64) -> Self {
        Self { once: "", most }
    }

    /// `most` ids, each once.
    pub(super) const fn ids(most: i64) -> Self {
        Self {
            once: "DISTINCT ",
            most,
        }
    }
}

/// A query for the ids that an index gives.
fn part<'a, D: Holds<'a>>(
    sql: &mut QueryBuilder<D>,
    from: &str,
    Cut { once, most }: Cut,
    condition: impl FnOnce(&mut QueryBuilder<D>),
) {
    sql.push(format_args!(
        "SELECT id FROM (SELECT {once}n.id FROM {from} n WHERE 1 = 1"
    ));
    condition(sql);
    sql.push(" LIMIT ");
    D::number(sql, most);
    sql.push(") AS part");
}

/// The ids of certificates of that key.
pub(super) fn of_key<'a, D: Holds<'a>>(sql: &mut QueryBuilder<D>, key: &[u8; 32], most: i64) {
    part(sql, "certificates", Cut::rows(most), |sql| {
        sql.push(" AND n.spki_sha256 = ");
        D::bytes(sql, key.to_vec());
    });
}

/// The ids of certificates of the names that are asked for.
pub(super) fn named<'a, D: Holds<'a>>(sql: &mut QueryBuilder<D>, query: &'a Query, cut: Cut) {
    part(sql, "certificate_names", cut, |sql| names(sql, query));
}

/// The ids of what was typed, each index by itself.
pub(super) fn typed<'a, D: Holds<'a>>(sql: &mut QueryBuilder<D>, typed: &'a Typed, cut: Cut) {
    part(sql, "certificates", cut, |sql| {
        sql.push(" AND n.subject = ");
        D::text(sql, &typed.subject);
    });
    for suffix in &typed.names {
        sql.push(" UNION ALL ");
        part(sql, "certificate_names", cut, |sql| {
            let (start, end) = names::range(suffix);
            between(sql, "n.name", start, Some(end));
        });
    }
    for column in ["n.serial", "n.fingerprint_sha256"] {
        if let Some((start, end)) = typed.hex.as_deref().and_then(prefix) {
            sql.push(" UNION ALL ");
            part(sql, "certificates", cut, |sql| between(sql, column, start, end));
        }
    }
}

/// The half-open range of octets whose hex begins so; without an end where nothing comes behind.
pub(super) fn prefix(hex: &str) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
    let decode = |text: &str| data_encoding::HEXLOWER.decode(text.as_bytes()).ok();
    let odd = hex.len() % 2 == 1;
    let start = decode(&if odd { format!("{hex}0") } else { hex.to_owned() })?;
    let mut end = decode(&if odd { format!("{hex}f") } else { hex.to_owned() })?;
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            return Some((start, Some(end)));
        }
    }
    Some((start, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_of_hex_is_a_range_of_octets() {
        let range = |hex: &str| prefix(hex).unwrap();
        assert_eq!(range("4f1c"), (vec![0x4f, 0x1c], Some(vec![0x4f, 0x1d])));
        assert_eq!(range("4f1"), (vec![0x4f, 0x10], Some(vec![0x4f, 0x20])));
        assert_eq!(range("4fff"), (vec![0x4f, 0xff], Some(vec![0x50])));
        assert_eq!(range("fff"), (vec![0xff, 0xf0], None));
    }
}
