//! Every query of this service. Rows become domain types here, and nowhere else are they seen.

// A new variant is decided on here, rather than falling under what was right for the others.
#![warn(clippy::wildcard_enum_match_arm)]

use sqlx::FromRow;
use store::lease::Lease;
use store::time::to_micros;
use store::{Columns, Damage, Db, Rows, StoreError, TableRow};
use time::OffsetDateTime;

/// The schema of this service.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// The table that a first start writes to: empty, it says that this service was never used.
pub const FIRST_TABLE: &str = "signers";

/// A responder certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredSigner {
    pub(crate) issuer: String,
    /// From 1 on; the highest of an issuer is the current one.
    pub(crate) number: i64,
    pub(crate) key_name: String,
    /// DER.
    pub(crate) certificate: Vec<u8>,
}

/// A row, in which a column that cannot be read is empty and named.
struct SignerRow {
    signer: StoredSigner,
    damage: Damage,
}

impl<'r, R: TableRow> FromRow<'r, R> for SignerRow {
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let mut columns = Columns::of(row);
        Ok(Self {
            signer: StoredSigner {
                issuer: columns.value("issuer")?,
                number: columns.value("number")?,
                key_name: columns.value("key_name")?,
                certificate: columns.value("certificate")?,
            },
            damage: columns.damage(),
        })
    }
}

/// The responder certificates of all issuers that have not expired, the newest of an issuer first; and what is wrong with rows that
/// cannot be read, which hide none of the others.
pub(crate) async fn signers(db: &Db, now: OffsetDateTime) -> Result<Rows<StoredSigner>, StoreError> {
    let sql = "SELECT issuer, number, key_name, certificate FROM signers WHERE not_after_us > $1 \
        ORDER BY issuer, number DESC";
    let rows: Vec<SignerRow> = store::read!(db, |c| sqlx::query_as(sql)
        .bind(to_micros(now))
        .fetch_all(c)
        .await)?;
    Rows::of(rows, |SignerRow { signer, damage }| {
        damage.check(|| format!("responder {} of {:?}", signer.number, signer.issuer))?;
        Ok(signer)
    })
}

/// The number that the next responder of an issuer gets. A number is never used twice: keys are not deleted.
pub(crate) async fn next_number(db: &Db, issuer: &str) -> Result<i64, StoreError> {
    let sql = "SELECT MAX(number) FROM signers WHERE issuer = $1";
    let last: Option<i64> = store::read!(db, |c| sqlx::query_scalar(sql).bind(issuer).fetch_one(c).await)?;
    Ok(last.unwrap_or(0) + 1)
}

/// Makes a responder certificate the current one of its issuer, under the lease of the one who made it.
pub(crate) async fn insert_signer(
    db: &Db,
    lease: &Lease,
    signer: &StoredSigner,
    (not_after, now): (OffsetDateTime, OffsetDateTime),
) -> Result<(), StoreError> {
    let sql = "INSERT INTO signers (issuer, number, key_name, certificate, not_after_us, created_us) \
        VALUES ($1, $2, $3, $4, $5, $6)";
    let mut tx = db.begin().await?;
    lease.hold(&mut tx).await?;
    store::tx!(&mut tx, |c| {
        sqlx::query(sql)
            .bind(&signer.issuer)
            .bind(signer.number)
            .bind(&signer.key_name)
            .bind(&signer.certificate)
            .bind(to_micros(not_after))
            .bind(to_micros(now))
            .execute(c)
            .await
            .map(drop)
    })?;
    tx.commit().await
}
