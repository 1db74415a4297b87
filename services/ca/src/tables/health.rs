//! What self-checks found of issuers.

use store::time::to_micros;
use store::{Columns, Db, StoreError, TableRow, Tx};
use time::OffsetDateTime;

use crate::domain::{Health, IssuerHealth};

/// A row. What cannot be read of it is not known; the next self-check writes it again.
struct HealthRow(IssuerHealth);

impl<'r, R: TableRow> sqlx::FromRow<'r, R> for HealthRow {
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let mut columns = Columns::of(row);
        let texts = |texts: &str| serde_json::from_str::<Vec<String>>(texts).ok();
        let mut health = IssuerHealth {
            issuer: columns.value("issuer")?,
            ca: columns.value("ca")?,
            problems: columns.parsed("problems", texts)?.unwrap_or_default(),
            unknown: columns.parsed("unknown", texts)?.unwrap_or_default(),
            since: columns.time("since_us")?.unwrap_or(OffsetDateTime::UNIX_EPOCH),
            checked: columns.time("checked_us")?.unwrap_or(OffsetDateTime::UNIX_EPOCH),
        };
        if !columns.damage().is_none() {
            health.problems.clear();
            health.unknown = vec!["what was found is stored and cannot be read".to_owned()];
        }
        Ok(Self(health))
    }
}

/// Of the issuers of a CA, by name.
pub(crate) async fn of_ca(db: &Db, ca: &str) -> Result<Vec<IssuerHealth>, StoreError> {
    let sql = "SELECT issuer, ca, problems, unknown, since_us, checked_us FROM issuer_health WHERE ca = $1 ORDER BY issuer";
    let rows: Vec<HealthRow> = store::read!(db, |c| sqlx::query_as(sql).bind(ca).fetch_all(c).await)?;
    Ok(rows.into_iter().map(|HealthRow(health)| health).collect())
}

/// Issuers that were looked at for the last time before the first of these times, or after the second, and were healthy or unhealthy
/// then.
pub(crate) async fn not_looked_at(
    db: &Db,
    (from, to): (OffsetDateTime, OffsetDateTime),
) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT issuer FROM issuer_health WHERE (checked_us < $1 OR checked_us > $2) \
        AND (problems <> '[]' OR unknown = '[]') ORDER BY issuer";
    let issuers = store::read!(db, |c| sqlx::query_scalar(sql)
        .bind(to_micros(from))
        .bind(to_micros(to))
        .fetch_all(c)
        .await)?;
    Ok(issuers)
}

async fn lock(tx: &mut Tx, issuer: &str) -> Result<(), StoreError> {
    let lock = super::issuance_facts::lock(&format!("health of {issuer}"));
    store::lock::exclusive(tx, vec![lock]).await
}

/// What is known of an issuer, if something is. Waits for who else writes that.
pub(crate) async fn of_issuer(tx: &mut Tx, issuer: &str) -> Result<Option<IssuerHealth>, StoreError> {
    lock(tx, issuer).await?;
    let sql =
        "SELECT issuer, ca, problems, unknown, since_us, checked_us FROM issuer_health WHERE issuer = $1";
    let row: Option<HealthRow> =
        store::tx!(tx, |c| sqlx::query_as(sql).bind(issuer).fetch_optional(c).await?);
    Ok(row.map(|HealthRow(health)| health))
}

/// What was found of it last; `None` if nothing is known. Waits for who else writes that.
pub(crate) async fn last_found(tx: &mut Tx, issuer: &str) -> Result<Option<Health>, StoreError> {
    lock(tx, issuer).await?;
    let sql = "SELECT problems <> '[]', unknown <> '[]' FROM issuer_health WHERE issuer = $1";
    let found: Option<(bool, bool)> =
        store::tx!(tx, |c| sqlx::query_as(sql).bind(issuer).fetch_optional(c).await?);
    Ok(found.map(|(problems, unknown)| Health::of(problems, unknown)))
}

/// Notes what was found. `since` stays where that has not changed.
pub(crate) async fn put(tx: &mut Tx, found: &IssuerHealth, changes: bool) -> Result<(), StoreError> {
    let sql = "INSERT INTO issuer_health (issuer, ca, problems, unknown, since_us, checked_us) VALUES ($1, $2, $3, $4, $5, $6) \
        ON CONFLICT (issuer) DO UPDATE SET ca = excluded.ca, problems = excluded.problems, unknown = excluded.unknown, \
        checked_us = excluded.checked_us, \
        since_us = CASE WHEN $7 THEN excluded.since_us ELSE issuer_health.since_us END";
    let text = |texts: &[String]| serde_json::Value::from(texts.to_vec()).to_string();
    let (problems, unknown) = (text(&found.problems), text(&found.unknown));
    store::tx!(tx, |c| sqlx::query(sql)
        .bind(found.issuer.as_str())
        .bind(found.ca.as_str())
        .bind(problems.as_str())
        .bind(unknown.as_str())
        .bind(to_micros(found.since))
        .bind(to_micros(found.checked))
        .bind(changes)
        .execute(c)
        .await?
        .rows_affected());
    Ok(())
}
