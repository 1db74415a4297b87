//! Every query of this service. Rows become domain types here, and nowhere else are they seen.

// A new variant is decided on here, rather than falling under what was right for the others.
#![warn(clippy::wildcard_enum_match_arm)]

use kit::page::{Count, Counting, Page, Place};
use sqlx::FromRow;
use store::time::from_micros;
use store::{Columns, Damage, Db, StoreError, TableRow};

use crate::domain::Item;

/// The schema of this service.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// The table that a first start writes to: empty, it says that this service was never used.
pub const FIRST_TABLE: &str = "items";

/// The row of an item, in which a column that cannot be read is empty and named.
struct ItemRow {
    name: Option<String>,
    created_us: i64,
    damage: Damage,
}

impl<'r, R: TableRow> FromRow<'r, R> for ItemRow {
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let mut columns = Columns::of(row);
        Ok(Self {
            name: columns.value("name")?,
            created_us: columns.value("created_us")?,
            damage: columns.damage(),
        })
    }
}

impl TryFrom<ItemRow> for Item {
    type Error = StoreError;

    fn try_from(row: ItemRow) -> Result<Self, StoreError> {
        let name = row.name.unwrap_or_default();
        row.damage.check(|| format!("item {name:?}"))?;
        let damaged = |column: &'static str| StoreError::damaged(column, &format!("item {name:?}"));
        Ok(Self {
            name: name.parse().map_err(|_| damaged("name"))?,
            created: from_micros(row.created_us).map_err(|_| damaged("created_us"))?,
        })
    }
}

/// The page of items by name at that place, without rows that cannot be read.
pub(crate) async fn list(db: &Db, place: Place<String>) -> Result<Page<Item>, StoreError> {
    let (compare, order) = (place.compare(), place.order());
    let rows = |from: Option<String>, most: i64| {
        let behind = match from {
            Some(_) => format!("WHERE name {compare} $2 "),
            None => String::new(),
        };
        let sql = format!("SELECT name, created_us FROM items {behind}ORDER BY name {order} LIMIT $1");
        async move {
            Ok(store::read!(db, |c| {
                let query = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(most);
                match from {
                    Some(name) => query.bind(name).fetch_all(c).await,
                    None => query.fetch_all(c).await,
                }
            })?)
        }
    };
    place.read(rows, |row: &ItemRow| row.name.clone()).await
}

/// How many items there are, if that is asked for.
pub(crate) async fn count(db: &Db, counting: Counting) -> Result<Option<Count>, StoreError> {
    counting
        .count(async |most| db.count_rows("items", most).await)
        .await
}
