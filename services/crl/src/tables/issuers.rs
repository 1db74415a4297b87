//! Issuer generations.

use sqlx::FromRow;
use store::lease::Lease;
use store::{Db, StoreError};
use x509::Certificate;

use super::read_shard;
use crate::domain::Issuer;

#[derive(FromRow)]
struct IssuerRow {
    issuer: String,
    ca: String,
    key_name: String,
    certificate: Vec<u8>,
    shards: i64,
}

impl TryFrom<IssuerRow> for Issuer {
    type Error = StoreError;

    fn try_from(row: IssuerRow) -> Result<Self, StoreError> {
        let certificate = Certificate::from_der(&row.certificate).map_err(|error| {
            StoreError::Corrupt(format!("certificate of issuer {:?}: {error}", row.issuer))
        })?;
        Ok(Self {
            name: row.issuer,
            ca: row.ca,
            key_name: row.key_name,
            certificate,
            shards: read_shard(row.shards)?,
        })
    }
}

/// All of them, by name.
pub(crate) async fn all(db: &Db) -> Result<Vec<Issuer>, StoreError> {
    let sql = "SELECT issuer, ca, key_name, certificate, shards FROM issuers ORDER BY issuer";
    let rows: Vec<IssuerRow> = store::read!(db, |c| sqlx::query_as(sql).fetch_all(c).await)?;
    rows.into_iter().map(Issuer::try_from).collect()
}

/// One of them.
pub(crate) async fn find(db: &Db, name: &str) -> Result<Option<Issuer>, StoreError> {
    let sql = "SELECT issuer, ca, key_name, certificate, shards FROM issuers WHERE issuer = $1";
    let row: Option<IssuerRow> =
        store::read!(db, |c| sqlx::query_as(sql).bind(name).fetch_optional(c).await)?;
    row.map(Issuer::try_from).transpose()
}

/// Adds those that are new with the scopes that they have, and changes those that have changed. None is removed: its lists go on.
pub(crate) async fn keep(db: &Db, lease: &Lease, issuers: &[Issuer]) -> Result<(), StoreError> {
    const ISSUER: &str = "INSERT INTO issuers (issuer, ca, key_name, certificate, shards) VALUES ($1, $2, $3, $4, $5) \
        ON CONFLICT (issuer) DO UPDATE SET ca = excluded.ca, key_name = excluded.key_name, \
        certificate = excluded.certificate, shards = excluded.shards";
    let mut tx = db.begin().await?;
    lease.hold(&mut tx).await?;
    for issuer in issuers {
        store::tx!(&mut tx, |c| sqlx::query(ISSUER)
            .bind(issuer.name.as_str())
            .bind(issuer.ca.as_str())
            .bind(issuer.key_name.as_str())
            .bind(issuer.certificate.der())
            .bind(i64::from(issuer.shards))
            .execute(c)
            .await?
            .rows_affected());
        for shard in 0..=issuer.shards {
            super::scopes::ensure(&mut tx, &issuer.name, shard).await?;
        }
    }
    tx.commit().await
}
