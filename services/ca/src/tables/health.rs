//! What self-checks found of issuers.

use store::time::{from_micros, to_micros};
use store::{Db, StoreError, Tx};

use crate::domain::{Health, IssuerHealth};

#[derive(sqlx::FromRow)]
struct Row {
    issuer: String,
    ca: String,
    problems: String,
    unknown: String,
    since_us: i64,
    checked_us: i64,
}

impl TryFrom<Row> for IssuerHealth {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        // The next self-check writes it again.
        let read = |texts: &str| serde_json::from_str::<Vec<String>>(texts);
        let (problems, unknown) = match (read(&row.problems), read(&row.unknown)) {
            (Ok(problems), Ok(unknown)) => (problems, unknown),
            _ => (
                Vec::new(),
                vec!["what was found is stored and cannot be read".to_owned()],
            ),
        };
        Ok(Self {
            problems,
            unknown,
            since: from_micros(row.since_us)?,
            checked: from_micros(row.checked_us)?,
            issuer: row.issuer,
            ca: row.ca,
        })
    }
}

/// Of the issuers of a CA, by name.
pub(crate) async fn of_ca(db: &Db, ca: &str) -> Result<Vec<IssuerHealth>, StoreError> {
    let sql = "SELECT issuer, ca, problems, unknown, since_us, checked_us FROM issuer_health WHERE ca = $1 ORDER BY issuer";
    let rows: Vec<Row> = store::read!(db, |c| sqlx::query_as(sql).bind(ca).fetch_all(c).await)?;
    rows.into_iter().map(IssuerHealth::try_from).collect()
}

/// What was found of it last; `None` if nothing is known. Waits for who else writes that.
pub(crate) async fn last_found(tx: &mut Tx, issuer: &str) -> Result<Option<Health>, StoreError> {
    store::lock::exclusive(
        tx,
        vec![super::issuance_facts::lock(&format!("health of {issuer}"))],
    )
    .await?;
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
