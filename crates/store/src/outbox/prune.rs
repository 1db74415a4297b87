//! Deleting events that are old and that every subscriber has.

use sqlx::FromRow;
use time::OffsetDateTime;
use vocabulary::metric;

use super::take_turn;
use crate::feed::{Cursor, horizon};
use crate::time::{from_micros, to_micros};
use crate::{Db, StoreError, Tx, read};

/// Deletes the oldest events that happened before `before`, at most `batch` of them, and returns how many went.
///
/// Call it again while it returns `batch`; replicas may call it at the same time. It stops at the first event that is
/// younger, that a registered subscriber has not confirmed ([`subscribers`](super::subscribers)), or that a subscriber
/// in this database has not read ([`feed::cursors`](crate::feed::cursors)); and it keeps the very last event, from
/// which [`Db::migrate`] sees how far positions had come. A reader that is not registered and further behind gets
/// [`StoreError::Cursor`].
///
/// # Errors
/// Those of the database.
pub async fn prune(db: &Db, before: OffsetDateTime, batch: u32) -> Result<u64, StoreError> {
    let mut tx = db.begin().await?;
    take_turn(&mut tx).await?;
    let Some(last) = last_to_prune(&mut tx, db.schema(), to_micros(before), batch).await? else {
        return Ok(0);
    };
    let deleted = crate::tx!(&mut tx, |c| {
        sqlx::query("UPDATE outbox_state SET pruned_tx = $1, pruned_ordinal = $2")
            .bind(last.tx)
            .bind(last.ordinal)
            .execute(&mut *c)
            .await?;
        sqlx::query("DELETE FROM outbox WHERE (tx, ordinal) <= ($1, $2)")
            .bind(last.tx)
            .bind(last.ordinal)
            .execute(c)
            .await?
            .rows_affected()
    });
    tx.commit().await?;
    Ok(deleted)
}

/// Looks at the oldest events only, so that a call costs the same whatever the outbox holds.
async fn last_to_prune(
    tx: &mut Tx,
    feed: &str,
    before_us: i64,
    batch: u32,
) -> Result<Option<Cursor>, StoreError> {
    const OLDEST: &str = "SELECT tx, ordinal, time_us FROM outbox ORDER BY tx, ordinal LIMIT $1";
    const LAST: &str = "SELECT tx, ordinal FROM outbox ORDER BY tx DESC, ordinal DESC LIMIT 1";
    const SLOWEST: &str = "SELECT tx, ordinal FROM (SELECT tx, ordinal FROM feed_cursors WHERE feed = $1 \
        UNION ALL SELECT tx, ordinal FROM outbox_subscribers) AS readers ORDER BY tx, ordinal LIMIT 1";
    // below the horizon no event can appear any more
    let horizon = horizon::of(tx).await?;
    let (oldest, last, slowest): (Vec<Candidate>, Option<Cursor>, Option<Cursor>) = crate::tx!(tx, |c| (
        sqlx::query_as(OLDEST)
            .bind(i64::from(batch))
            .fetch_all(&mut *c)
            .await?,
        sqlx::query_as(LAST).fetch_optional(&mut *c).await?,
        sqlx::query_as(SLOWEST).bind(feed).fetch_optional(c).await?,
    ));
    let prunable = oldest
        .into_iter()
        .take_while(|event| event.time_us < before_us)
        .map(|event| event.cursor)
        .take_while(|at| at.tx < horizon && Some(*at) < last && slowest.is_none_or(|slowest| *at <= slowest));
    Ok(prunable.last())
}

#[derive(FromRow)]
struct Candidate {
    #[sqlx(flatten)]
    cursor: Cursor,
    time_us: i64,
}

/// When the oldest event happened that is still there: how far the outbox has grown.
///
/// # Errors
/// Those of the database.
pub async fn oldest(db: &Db) -> Result<Option<OffsetDateTime>, StoreError> {
    let sql = "SELECT time_us FROM outbox ORDER BY tx, ordinal LIMIT 1";
    let time_us: Option<i64> = read!(db, |c| sqlx::query_scalar(sql).fetch_optional(c).await)?;
    time_us.map(from_micros).transpose()
}

/// Sets `gigvault_outbox_oldest_event_seconds{service}`, the Unix time of the oldest event that is still there.
///
/// # Errors
/// Those of the database.
pub async fn measure(db: &Db) -> Result<(), StoreError> {
    if let Some(oldest) = oldest(db).await? {
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^52")]
        metrics::gauge!(metric::OUTBOX_OLDEST_EVENT_SECONDS, "service" => db.schema().to_owned())
            .set(oldest.unix_timestamp() as f64);
    }
    Ok(())
}
