//! Until when keys open anything: a key ends with those that it comes from. And which keys may make keys the longest.
//!
//! Where a row of a line cannot be read, when the key ends is not known: it opens nothing, and is not an admin.

use sqlx::FromRow;
use store::{Columns, Damage, Db, StoreError, TableRow, Tx};
use time::OffsetDateTime;

use super::row::{ApiKeyRow, COLUMNS};
use crate::domain::{ApiKey, End, Prefix};

/// A key, its maker, the maker of that, and so on. The depth is bounded in case of a damaged row.
const LINE: &str = "
    WITH RECURSIVE line (prefix, created_by, expires_us, depth) AS (
        SELECT prefix, created_by, expires_us, 0 FROM api_keys WHERE prefix = $1
        UNION ALL
        SELECT maker.prefix, maker.created_by, maker.expires_us, line.depth + 1
        FROM line JOIN api_keys maker ON maker.prefix = SUBSTR(line.created_by, 8)
        WHERE line.created_by LIKE 'apikey:%' AND line.depth < 1000
    ) SELECT prefix, created_by, expires_us FROM line";

/// Keys that may make keys and are not revoked, those that may longest first. The largest integer stands for never. A key
/// that is limited to some names makes no others, and so is not an admin of the installation.
const ADMINS: &str = "
    WITH RECURSIVE line (admin, created_by, expires_us, depth) AS (
        SELECT prefix, created_by, expires_us, 0 FROM api_keys
        WHERE administers AND revoked_us IS NULL AND allowed_names = '[]'
        UNION ALL
        SELECT line.admin, maker.created_by, maker.expires_us, line.depth + 1
        FROM line JOIN api_keys maker ON maker.prefix = SUBSTR(line.created_by, 8)
        WHERE line.created_by LIKE 'apikey:%' AND line.depth < 1000
    ), ends (admin, end_us) AS (
        SELECT admin, COALESCE(MIN(expires_us), 9223372036854775807) FROM line GROUP BY admin
    ) SELECT {COLUMNS} FROM ends JOIN api_keys ON prefix = admin ORDER BY end_us DESC, prefix LIMIT $1";

/// Rows of [`ADMINS`] that are read first, and where too many of these are damaged. Beyond them are fewer admins than there
/// may be, so that a revocation is refused rather than the last admin lost.
const ADMINS_READ: [i64; 2] = [16, 1000];

/// One row of [`LINE`].
struct LineRow {
    prefix: String,
    expires: Option<OffsetDateTime>,
    damage: Damage,
}

impl<'r, R: TableRow> FromRow<'r, R> for LineRow {
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let mut columns = Columns::of(row);
        // It leads on: where it cannot be read, those that may end sooner are not found.
        let _: String = columns.value("created_by")?;
        Ok(Self {
            prefix: columns.value("prefix")?,
            expires: columns.time("expires_us")?,
            damage: columns.damage(),
        })
    }
}

fn earliest(line: Vec<LineRow>) -> Result<End, StoreError> {
    let mut earliest = End::Never;
    for row in line {
        row.damage.check(|| format!("API key {}", row.prefix))?;
        earliest = earliest.min(row.expires.into());
    }
    Ok(earliest)
}

/// Where rows are read.
enum Reader<'a> {
    Db(&'a Db),
    Tx(&'a mut Tx),
}

impl Reader<'_> {
    async fn line_end(&mut self, prefix: &Prefix) -> Result<End, StoreError> {
        let prefix = prefix.as_str();
        earliest(match self {
            Self::Db(db) => store::read!(db, |c| sqlx::query_as(LINE).bind(prefix).fetch_all(c).await)?,
            Self::Tx(tx) => store::tx!(tx, |c| sqlx::query_as(LINE).bind(prefix).fetch_all(c).await)?,
        })
    }

    async fn admins(&mut self, most: i64) -> Result<Vec<ApiKeyRow>, StoreError> {
        let sql = ADMINS.replace("{COLUMNS}", COLUMNS);
        Ok(match self {
            Self::Db(db) => store::read!(db, |c| sqlx::query_as(sqlx::AssertSqlSafe(sql))
                .bind(most)
                .fetch_all(c)
                .await)?,
            Self::Tx(tx) => store::tx!(tx, |c| sqlx::query_as(sqlx::AssertSqlSafe(sql))
                .bind(most)
                .fetch_all(c)
                .await)?,
        })
    }

    /// The two that may make keys longest, and until when each may. One whose row or line cannot be read is refused wherever
    /// it asks, and so does not count.
    async fn latest(&mut self) -> Result<Vec<(Prefix, End)>, StoreError> {
        let mut latest = Vec::new();
        for most in ADMINS_READ {
            let rows = self.admins(most).await?;
            let all = (rows.len() as u64) < most.unsigned_abs();
            latest.clear();
            for key in rows.into_iter().filter_map(|row| ApiKey::try_from(row).ok()) {
                match self.line_end(&key.prefix).await {
                    Ok(end) => latest.push((key.prefix, end)),
                    Err(StoreError::Damaged(_)) => {}
                    Err(error) => return Err(error),
                }
                if latest.len() == 2 {
                    return Ok(latest);
                }
            }
            if all {
                break;
            }
        }
        Ok(latest)
    }
}

/// Until when some key may make keys, as this transaction leaves the keys: also those that end before now. `None` where
/// no such key is left.
pub(crate) async fn latest_admin(tx: &mut Tx) -> Result<Option<End>, StoreError> {
    let latest = Reader::Tx(tx).latest().await?;
    Ok(latest.first().map(|(_, end)| *end))
}

/// The key that may make keys longest and until when, and until when the next may.
pub(crate) async fn latest_admins(db: &Db) -> Result<Option<(Prefix, End, Option<End>)>, StoreError> {
    let mut latest = Reader::Db(db).latest().await?.into_iter();
    let first = latest.next();
    let next = latest.next().map(|(_, end)| end);
    Ok(first.map(|(prefix, end)| (prefix, end, next)))
}

/// When a key and those that it comes from end.
///
/// # Errors
/// [`StoreError::Damaged`] if that cannot be read of one of them.
pub(crate) async fn line_end(db: &Db, prefix: &Prefix) -> Result<End, StoreError> {
    Reader::Db(db).line_end(prefix).await
}

/// As [`line_end`], inside a transaction.
pub(crate) async fn line_end_in(tx: &mut Tx, prefix: &Prefix) -> Result<End, StoreError> {
    Reader::Tx(tx).line_end(prefix).await
}
