//! When OCSP was last asked about certificates.

use std::collections::BTreeMap;

use sqlx::QueryBuilder;
use store::{Db, StoreError};
use time::OffsetDateTime;
use x509::serial::Serial;

/// Notes the times, where none is known that is later. One later than `now` is of a clock that was ahead, and not kept. In one statement, in the order of the serial numbers: several replicas write
/// the same rows, and would otherwise wait for each other.
pub(crate) async fn note(
    db: &Db,
    queries: &BTreeMap<Serial, OffsetDateTime>,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    if queries.is_empty() {
        return Ok(());
    }
    let mut tx = db.begin().await?;
    store::tx!(&mut tx, |connection| {
        let mut sql = QueryBuilder::new("INSERT INTO ocsp_queries (serial, asked_at) ");
        sql.push_values(queries, |mut row, (serial, at)| {
            row.push_bind(serial.as_bytes().to_vec())
                .push_bind(store::time::to_micros(*at));
        });
        sql.push(
            " ON CONFLICT (serial) DO UPDATE SET asked_at = excluded.asked_at \
             WHERE ocsp_queries.asked_at < excluded.asked_at OR ocsp_queries.asked_at > ",
        );
        sql.push_bind(store::time::to_micros(now));
        sql.build().execute(connection).await.map(drop)
    })?;
    tx.commit().await
}
