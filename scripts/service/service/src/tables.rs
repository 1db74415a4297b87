//! Every query of this service. Rows become domain types here, and nowhere else are they seen.

use sqlx::FromRow;
use store::page::Limit;
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

/// Items by name, behind `after`, one more than the page holds.
pub(crate) async fn list(db: &Db, after: Option<&str>, limit: Limit) -> Result<Vec<Item>, StoreError> {
    let sql = "SELECT name, created_us FROM items WHERE name > $1 ORDER BY name LIMIT $2";
    let rows: Vec<ItemRow> = store::read!(db, |c| {
        sqlx::query_as(sql)
            .bind(after.unwrap_or_default())
            .bind(limit.fetch())
            .fetch_all(c)
            .await
    })?;
    rows.into_iter().map(Item::try_from).collect()
}
