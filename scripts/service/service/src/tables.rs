//! Every query of this service. Rows become domain types here, and nowhere else are they seen.

// A new variant is decided on here, rather than falling under what was right for the others.
#![warn(clippy::wildcard_enum_match_arm)]

use kit::page::{Count, Counting, Limit, Place};
use sqlx::FromRow;
use store::time::from_micros;
use store::{Db, StoreError};

use crate::domain::Item;

/// The schema of this service.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// The table that a first start writes to: empty, it says that this service was never used.
pub const FIRST_TABLE: &str = "items";

#[derive(FromRow)]
struct ItemRow {
    name: String,
    created_us: i64,
}

impl TryFrom<ItemRow> for Item {
    type Error = StoreError;

    fn try_from(row: ItemRow) -> Result<Self, StoreError> {
        let name = row.name.parse();
        Ok(Self {
            name: name.map_err(|_| StoreError::Corrupt(format!("the name of item {:?}", row.name)))?,
            created: from_micros(row.created_us)?,
        })
    }
}

/// Items by name from that place on, one more than the page holds.
pub(crate) async fn list(db: &Db, place: &Place<String>, limit: Limit) -> Result<Vec<Item>, StoreError> {
    let behind = match place.from {
        Some(_) => format!("WHERE name {} $2 ", place.compare()),
        None => String::new(),
    };
    let order = place.order();
    let sql = format!("SELECT name, created_us FROM items {behind}ORDER BY name {order} LIMIT $1");
    let rows: Vec<ItemRow> = store::read!(db, |c| {
        let query = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(limit.fetch());
        match &place.from {
            Some(name) => query.bind(name).fetch_all(c).await,
            None => query.fetch_all(c).await,
        }
    })?;
    rows.into_iter().map(Item::try_from).collect()
}

/// How many items there are, if that is asked for.
pub(crate) async fn count(db: &Db, counting: Counting) -> Result<Option<Count>, StoreError> {
    counting
        .count(async |most| db.count_rows("items", most).await)
        .await
}
