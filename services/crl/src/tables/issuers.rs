//! Issuer generations.

use sqlx::FromRow;
use store::lease::Lease;
use store::{Columns, Damage, Db, Rows, StoreError, TableRow, Tx};
use x509::Certificate;

use crate::domain::Issuer;

/// A row, in which a column that cannot be read is empty and named.
struct IssuerRow {
    issuer: String,
    ca: String,
    key_name: String,
    certificate: Vec<u8>,
    shards: u32,
    damage: Damage,
}

impl<'r, R: TableRow> FromRow<'r, R> for IssuerRow {
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let mut columns = Columns::of(row);
        Ok(Self {
            issuer: columns.value("issuer")?,
            ca: columns.value("ca")?,
            key_name: columns.value("key_name")?,
            certificate: columns.value("certificate")?,
            shards: columns.number("shards")?,
            damage: columns.damage(),
        })
    }
}

impl TryFrom<IssuerRow> for Issuer {
    type Error = StoreError;

    fn try_from(row: IssuerRow) -> Result<Self, StoreError> {
        let object = || format!("issuer {:?}", row.issuer);
        row.damage.check(object)?;
        let certificate = Certificate::from_der(&row.certificate);
        let certificate = certificate.map_err(|_| StoreError::damaged("certificate", &object()))?;
        Ok(Self {
            name: row.issuer,
            ca: row.ca,
            key_name: row.key_name,
            certificate,
            shards: row.shards,
        })
    }
}

/// All of them, by name.
pub(crate) async fn all(db: &Db) -> Result<Rows<Issuer>, StoreError> {
    let sql = "SELECT issuer, ca, key_name, certificate, shards FROM issuers ORDER BY issuer";
    let rows: Vec<IssuerRow> = store::read!(db, |c| sqlx::query_as(sql).fetch_all(c).await)?;
    Rows::of(rows, Issuer::try_from)
}

const FIND: &str = "SELECT issuer, ca, key_name, certificate, shards FROM issuers WHERE issuer = $1";

/// One of them.
pub(crate) async fn find(db: &Db, name: &str) -> Result<Option<Issuer>, StoreError> {
    let row: Option<IssuerRow> =
        store::read!(db, |c| sqlx::query_as(FIND).bind(name).fetch_optional(c).await)?;
    row.map(Issuer::try_from).transpose()
}

/// The same in a transaction.
pub(crate) async fn find_in(tx: &mut Tx, name: &str) -> Result<Option<Issuer>, StoreError> {
    let row: Option<IssuerRow> =
        store::tx!(tx, |c| sqlx::query_as(FIND).bind(name).fetch_optional(c).await?);
    row.map(Issuer::try_from).transpose()
}

/// Adds those that are new with the scopes that they have, and changes those that have changed. None is removed: its lists go on.
pub(crate) async fn keep(db: &Db, lease: &Lease, issuers: &[Issuer]) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    lease.hold(&mut tx).await?;
    for issuer in issuers {
        put(&mut tx, issuer).await?;
        for shard in 0..=issuer.shards {
            super::scopes::ensure(&mut tx, &issuer.name, shard).await?;
        }
    }
    tx.commit().await
}

/// Adds one, or changes it.
pub(crate) async fn put(tx: &mut Tx, issuer: &Issuer) -> Result<(), StoreError> {
    let sql = "INSERT INTO issuers (issuer, ca, key_name, certificate, shards) VALUES ($1, $2, $3, $4, $5) \
        ON CONFLICT (issuer) DO UPDATE SET ca = excluded.ca, key_name = excluded.key_name, \
        certificate = excluded.certificate, shards = excluded.shards";
    store::tx!(tx, |c| sqlx::query(sql)
        .bind(issuer.name.as_str())
        .bind(issuer.ca.as_str())
        .bind(issuer.key_name.as_str())
        .bind(issuer.certificate.der())
        .bind(i64::from(issuer.shards))
        .execute(c)
        .await?
        .rows_affected());
    Ok(())
}
