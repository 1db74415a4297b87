//! What OCSP and CRLs are told: the status of serial numbers, and all revocations of certificates that have not expired.
//!
//! A row that is damaged is never told as one that is not revoked. Where its revocation cannot be read, it is told as revoked for
//! good, since the time that can be read, else since its first second. A shard that cannot be read is the one that the certificate
//! names. Where it cannot be read which certificate of which issuer a row is about, there is nothing true to tell: the question
//! fails, and names the row, unless whoever asks takes an answer of which that is known.

use std::collections::BTreeMap;

use sqlx::{FromRow, QueryBuilder};
use store::{Columns, Damage, Db, KeyList, StoreError, TableRow};
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;
use x509::crl::Reason;
use x509::serial::Serial;

use super::certificates::{self, Revoked, object};
use crate::domain::Revocation;
use crate::domain::publication::IssuerName;
use crate::domain::revocations::{RevokedCertificate, SerialStatus};
use crate::error::Error;

#[cfg(test)]
mod tests;

const COLUMNS: &str = "c.id, c.serial, c.ca, c.generation, c.crl_shard, c.not_before, c.not_after, c.revoked_at, c.reason, \
     c.invalidity_at, c.decided_at, c.decided_as";

/// Where a certificate whose last second cannot be read ends: RFC 5280 section 4.1.2.5 has this for one that has no end.
const NEVER: OffsetDateTime = datetime!(9999-12-31 23:59:59 UTC);

/// A row, in which a column that cannot be read is empty and named.
struct Row {
    id: Uuid,
    serial: Vec<u8>,
    ca: String,
    generation: i64,
    crl_shard: i64,
    not_before: Option<OffsetDateTime>,
    not_after: Option<OffsetDateTime>,
    revoked: Revoked,
    damage: Damage,
}

impl<'r, R: TableRow> FromRow<'r, R> for Row {
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let mut columns = Columns::of(row);
        Ok(Self {
            id: columns.value("id")?,
            serial: columns.value("serial")?,
            ca: columns.value("ca")?,
            generation: columns.value("generation")?,
            crl_shard: columns.value("crl_shard")?,
            not_before: columns.time("not_before")?,
            not_after: columns.time("not_after")?,
            revoked: Revoked::of(&mut columns)?,
            damage: columns.damage(),
        })
    }
}

impl Row {
    /// Fails where one of these columns cannot be read.
    fn check(&self, needed: &[&str]) -> Result<(), StoreError> {
        self.damage.among(needed).check(|| self.object())
    }

    fn object(&self) -> String {
        object(&self.serial, self.id)
    }

    /// A number without a sign, for which the column takes more.
    fn number(&self, column: &'static str, number: i64) -> Result<u32, StoreError> {
        u32::try_from(number).map_err(|_| StoreError::damaged(column, &self.object()))
    }

    /// Which certificate it is about.
    fn key(&self) -> Result<(IssuerName, Serial), StoreError> {
        self.check(&["ca", "generation", "serial"])?;
        let issuer = IssuerName {
            ca: self.ca.clone(),
            generation: self.number("generation", self.generation)?,
        };
        let serial = Serial::from_bytes(&self.serial);
        Ok((
            issuer,
            serial.map_err(|_| StoreError::damaged("serial", &self.object()))?,
        ))
    }

    fn crl_shard(&self) -> Result<u32, StoreError> {
        self.check(&["crl_shard"])?;
        self.number("crl_shard", self.crl_shard)
    }

    /// The revocation or hold; one that cannot be read is for good.
    fn revocation(&self) -> Option<Revocation> {
        let read = self.revoked.read(&self.object());
        let problem = match (read, self.check(&["revoked_at", "reason"])) {
            (Ok(revocation), Ok(())) => return revocation,
            (Err(problem), _) | (_, Err(problem)) => problem,
        };
        tracing::error!(%problem, "a revocation that cannot be read is told to ocsp and crl as one for good");
        let revoked_at = self.revoked.revoked_at.map(store::time::from_micros);
        let time = revoked_at
            .and_then(Result::ok)
            .or(self.not_before)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH);
        Some(Revocation {
            time,
            reason: Reason::Unspecified,
            invalidity: None,
            decided: time,
            decided_as: None,
        })
    }

    fn not_after(&self) -> OffsetDateTime {
        self.not_after.unwrap_or(NEVER)
    }
}

/// Which of these serial numbers that issuer issued, and what became of them, as committed by now.
pub(crate) async fn of_serials(
    db: &Db,
    issuer: &IssuerName,
    serials: &[Serial],
) -> Result<BTreeMap<Serial, SerialStatus>, Error> {
    let rows: Vec<Row> = store::read!(db, |connection| {
        let mut sql = QueryBuilder::new("SELECT ");
        sql.push(COLUMNS).push(" FROM certificates c WHERE c.serial");
        among(&mut sql, serials);
        sql.build_query_as().fetch_all(connection).await
    })?;
    let mut found = BTreeMap::new();
    for row in rows {
        // What cannot be read is not known to be issued, and so is not told to be good; it hides none of the others.
        let Some((of, serial)) = row.key().map(Some).or_else(StoreError::left_out)? else {
            continue;
        };
        if of == *issuer {
            let status = SerialStatus {
                not_before: row.not_before.unwrap_or(OffsetDateTime::UNIX_EPOCH),
                not_after: row.not_after(),
                revocation: row.revocation(),
            };
            found.insert(serial, status);
        }
    }
    Ok(found)
}

fn among<D: KeyList>(sql: &mut QueryBuilder<D>, serials: &[Serial]) {
    D::push_among(sql, serials.iter().map(Serial::as_bytes));
}

/// The serial numbers of all revocations and holds of a CA, of all its generations, expired or not: an expired certificate needs no
/// revocation, but by which clock it has expired is for each process to say. Each with whether it is on hold.
pub(crate) async fn serials_of_ca(db: &Db, ca: &str) -> Result<BTreeMap<Serial, bool>, Error> {
    let rows: Vec<(Vec<u8>, i64)> = store::read!(db, |connection| {
        sqlx::query_as(
            "SELECT c.serial, CAST(CASE WHEN c.reason = 6 THEN 1 ELSE 0 END AS BIGINT) FROM certificates c
             WHERE COALESCE(c.reason, c.revoked_at) IS NOT NULL AND c.ca = $1",
        )
        .bind(ca)
        .fetch_all(connection)
        .await
    })?;
    // Octets that make no serial number are in no certificate that a peer could show.
    let serials = rows
        .iter()
        .filter_map(|(serial, held)| Some((Serial::from_bytes(serial).ok()?, *held == 1)));
    Ok(serials.collect())
}

/// A place in the walk through all revocations, in the order of `certificates_revocations`: behind the row of this key.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    ca: String,
    generation: i64,
    serial: Vec<u8>,
}

impl Place {
    /// Before the first of an issuer, or of all.
    pub(crate) fn before(issuer: Option<&IssuerName>) -> Self {
        Self {
            ca: issuer.map(|issuer| issuer.ca.clone()).unwrap_or_default(),
            // Behind the generation before, so that each serial number of this one comes, whatever it is.
            generation: issuer.map_or(0, |issuer| i64::from(issuer.generation) - 1),
            serial: vec![u8::MAX; Serial::MAX_LEN],
        }
    }
}

/// What becomes of a row that cannot be told in full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    Fails,
    /// It is left out and named; only a shard that cannot be read is told as that of the complete CRL.
    IsLeftOut,
}

/// A part of the walk.
pub(crate) struct Page {
    pub(crate) items: Vec<RevokedCertificate>,
    /// Rows that were left out, and what is wrong with them. One may be in the next page too.
    pub(crate) unreadable: Vec<(Uuid, String)>,
    /// Where it goes on; `None` at the end.
    pub(crate) next: Option<Place>,
}

/// The index has the order and the period of validity; what it excludes costs no look at a row. Its condition is repeated, as a
/// partial index is only used where the plan can see that it applies.
fn page_sql() -> String {
    format!(
        "SELECT {COLUMNS} FROM certificates c
         WHERE COALESCE(c.reason, c.revoked_at) IS NOT NULL AND c.not_after >= $1
           AND (c.ca, c.generation, c.serial) > ($2, $3, $4)
         ORDER BY c.ca, c.generation, c.serial LIMIT $5"
    )
}

/// The revocations behind that place, of an issuer or of all, of certificates whose last second is not before `from`.
pub(crate) async fn page(
    db: &Db,
    issuer: Option<&IssuerName>,
    from: OffsetDateTime,
    (place, limit): (&Place, usize),
    unreadable: Unreadable,
) -> Result<Page, Error> {
    let rows: Vec<Row> = store::read!(db, |connection| {
        sqlx::query_as(sqlx::AssertSqlSafe(page_sql()))
            .bind(store::time::to_micros(from))
            .bind(&place.ca)
            .bind(place.generation)
            .bind(&place.serial)
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(connection)
            .await
    })?;
    let full = rows.len() == limit;
    let mut page = Page {
        items: Vec::with_capacity(rows.len()),
        unreadable: Vec::new(),
        next: None,
    };
    for row in rows {
        let (of, serial) = match row.key() {
            Ok(key) => key,
            Err(StoreError::Damaged(problem)) if unreadable == Unreadable::IsLeftOut => {
                page.unreadable.push((row.id, problem));
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let wanted = issuer.is_none_or(|issuer| *issuer == of);
        // The last row that can be read decides: behind those of the issuer are those of others.
        page.next = (full && wanted).then(|| Place {
            ca: row.ca.clone(),
            generation: row.generation,
            serial: row.serial.clone(),
        });
        if let (true, Some(revocation)) = (wanted, row.revocation()) {
            let crl_shard = match row.crl_shard() {
                Ok(shard) => shard,
                Err(problem) => named_shard(db, row.id, &of, (problem, unreadable)).await?,
            };
            page.items.push(RevokedCertificate {
                issuer: of,
                serial,
                not_after: row.not_after(),
                revocation,
                crl_shard,
            });
        }
    }
    if full && page.unreadable.len() == limit {
        let problem = format!("{limit} revocations, one after the other, of which none can be read");
        return Err(Error::internal(problem));
    }
    Ok(page)
}

/// The shard that a certificate names. Where that cannot be read either, it is that of the complete CRL for who needs no shard.
async fn named_shard(
    db: &Db,
    id: Uuid,
    issuer: &IssuerName,
    (problem, unreadable): (StoreError, Unreadable),
) -> Result<u32, Error> {
    let named = certificates::crl_urls(db, id)
        .await?
        .map(|urls| match urls.is_empty() {
            // As one that names no CRL.
            true => Some(0),
            false => urls.iter().find_map(|url| issuer.shard_at(url)),
        });
    match (named.flatten(), unreadable) {
        (Some(shard), _) => {
            tracing::error!(%problem, shard, "the shard that the certificate names is told in place of one that cannot be read");
            Ok(shard)
        }
        (None, Unreadable::IsLeftOut) => {
            tracing::error!(%problem, "a revocation whose shard cannot be read is told to ocsp, and not to crl");
            Ok(0)
        }
        (None, Unreadable::Fails) => Err(problem.into()),
    }
}
