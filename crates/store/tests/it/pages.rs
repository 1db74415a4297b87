//! Keyset pages over a real table.

use store::{
    Db,
    bulk::{self, Insert},
    id::new_id,
    page::{self, Limit, Page},
    read,
};
use uuid::Uuid;

use crate::support::{Scratch, now, on_both};

on_both!(pages_cover_a_list_once_though_keys_repeat_and_rows_are_added);

const LIST: &str = "certs by not_after";
const CERTS: Insert = Insert::into("certs", &["id", "issuer", "serial", "not_after", "subject"]);

async fn add(db: &Db, issuer: i64, not_after: &[i64]) {
    let mut tx = db.begin().await.unwrap();
    let rows = not_after
        .iter()
        .enumerate()
        .map(|(n, at)| (new_id(now()), issuer, n.to_be_bytes().to_vec(), *at, "CN=x"));
    bulk::insert(&mut tx, &CERTS, rows).await.unwrap();
    tx.commit().await.unwrap();
}

async fn page(db: &Db, cursor: Option<&str>, limit: Limit) -> Page<(i64, Uuid)> {
    let after = cursor.map_or((i64::MIN, Uuid::nil()), |cursor| {
        page::decode(LIST, cursor).unwrap()
    });
    let sql =
        "SELECT not_after, id FROM certs WHERE (not_after, id) > ($1, $2) ORDER BY not_after, id LIMIT $3";
    let rows = read!(db, |c| sqlx::query_as(sql)
        .bind(after.0)
        .bind(after.1)
        .bind(limit.fetch())
        .fetch_all(c)
        .await);
    Page::new(rows.unwrap(), limit, LIST, |row| *row)
}

async fn pages_cover_a_list_once_though_keys_repeat_and_rows_are_added(scratch: Scratch) {
    let db = scratch.migrated().await;
    add(&db, 1, &(0..100).map(|n| n / 7).collect::<Vec<_>>()).await;
    let limit = Limit::try_from(9).unwrap();
    let mut seen = Vec::new();
    let mut cursor = None;
    let mut turn = 2;
    loop {
        let page = page(&db, cursor.as_deref(), limit).await;
        seen.extend(page.items);
        // before the place we are at: must not shift what follows
        add(&db, turn, &[-1]).await;
        turn += 1;
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 100);
    assert!(seen.is_sorted_by(|a, b| a < b));
}
