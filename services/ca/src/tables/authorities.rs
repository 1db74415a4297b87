//! The table of CAs.

use store::{Db, StoreError};
use time::OffsetDateTime;

use crate::domain::{Authority, Suspension};
use crate::error::Error;

#[derive(sqlx::FromRow)]
struct Row {
    name: String,
    key_name: String,
    algorithm: String,
    chain: String,
    certificate: Vec<u8>,
    profiles: String,
    generation: i64,
    suspended_at: Option<i64>,
    suspended_by: Option<String>,
}

const RESTORE: &str = "restore the table authorities of the database of ca from a backup (docs/guides/operating.md, \"Restore\")";

impl TryFrom<Row> for Authority {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let damaged = |what: &str| {
            Error::internal(format!(
                "the stored {what} of CA {} cannot be read: {RESTORE}",
                row.name
            ))
        };
        Ok(Self {
            certificate: x509::Certificate::from_der(&row.certificate).map_err(|_| damaged("certificate"))?,
            chain: x509::Certificate::chain_from_pem(row.chain.as_bytes()).map_err(|_| damaged("chain"))?,
            algorithm: row.algorithm.parse().map_err(|_| damaged("algorithm"))?,
            profiles: serde_json::from_str(&row.profiles).map_err(|_| damaged("list of profiles"))?,
            suspension: suspension(row.suspended_at, row.suspended_by.clone())
                .map_err(|_| damaged("time of suspension"))?,
            generation: u32::try_from(row.generation).map_err(|_| damaged("generation"))?,
            name: row.name.clone(),
            key_name: row.key_name,
        })
    }
}

fn suspension(at: Option<i64>, by: Option<String>) -> Result<Option<Suspension>, StoreError> {
    let Some(at) = at else { return Ok(None) };
    Ok(Some(Suspension {
        since: store::time::from_micros(at)?,
        by: by.unwrap_or_default(),
    }))
}

/// Stops a CA from issuing, or lets it go on. Whether it was so before: then nothing changes. No issuance by this CA is under way
/// while this runs, and who comes later sees it.
pub(crate) async fn set_suspension(
    tx: &mut store::Tx,
    name: &str,
    next: Option<&Suspension>,
) -> Result<bool, Error> {
    store::lock::exclusive(tx, vec![super::issuance_facts::lock(name)]).await?;
    let changed = store::tx!(tx, |connection| {
        sqlx::query(match next {
            Some(_) => {
                "UPDATE authorities SET suspended_at = $2, suspended_by = $3 WHERE name = $1 AND suspended_at IS NULL"
            }
            None => {
                "UPDATE authorities SET suspended_at = $2, suspended_by = $3 WHERE name = $1 AND suspended_at IS NOT NULL"
            }
        })
        .bind(name)
        .bind(next.map(|suspension| store::time::to_micros(suspension.since)))
        .bind(next.map(|suspension| suspension.by.as_str()))
        .execute(connection)
        .await
        .map(|done| done.rows_affected())
    })?;
    Ok(changed == 1)
}

/// All CAs, by name.
pub(crate) async fn all(db: &Db) -> Result<Vec<Authority>, Error> {
    let rows: Vec<Row> = store::read!(db, |connection| {
        sqlx::query_as(
            "SELECT name, key_name, algorithm, chain, certificate, profiles, generation, suspended_at,
                    suspended_by
             FROM authorities ORDER BY name",
        )
        .fetch_all(connection)
        .await
    })?;
    rows.into_iter().map(Authority::try_from).collect()
}

/// Adds a CA; one of that name must not exist.
pub(crate) async fn insert(
    tx: &mut store::Tx,
    authority: &Authority,
    now: OffsetDateTime,
) -> Result<(), Error> {
    let chain: String = authority.chain.iter().map(x509::Certificate::pem).collect();
    let profiles = serde_json::to_string(&authority.profiles).map_err(Error::internal)?;
    store::tx!(tx, |connection| {
        sqlx::query(
            "INSERT INTO authorities (name, key_name, algorithm, chain, certificate, profiles, generation, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(&authority.name)
        .bind(&authority.key_name)
        .bind(authority.algorithm.to_string())
        .bind(chain)
        .bind(authority.certificate.der())
        .bind(profiles)
        .bind(i64::from(authority.generation))
        .bind(store::time::to_micros(now))
        .execute(connection)
        .await
        .map(drop)
    })?;
    Ok(())
}
