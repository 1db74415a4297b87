//! Bulk inserts store what inserts row by row store.

use sqlx::FromRow;
use store::bulk::{self, Insert};
use store::{Db, StoreError, read, tx};
use uuid::Uuid;

use crate::support::{Scratch, migrator, on_both};

on_both!(
    bulk_insert_equals_row_by_row,
    conflicts_can_be_skipped_and_are_not_counted,
    a_conflict_stores_none_of_the_rows,
    fields_must_match_columns,
);

#[derive(Clone, Debug, PartialEq, FromRow)]
struct Thing {
    id: Uuid,
    count: i64,
    bytes: Vec<u8>,
    text: String,
    flag: Option<bool>,
    note: Option<String>,
}

const COLUMNS: &[&str] = &["id", "count", "bytes", "text", "flag", "note"];
const BULK: Insert = Insert::into("bulk", COLUMNS);

async fn open(scratch: &Scratch) -> Db {
    let db = scratch.open().await;
    let columns = "(id UUID PRIMARY KEY, count BIGINT NOT NULL, bytes BYTEA NOT NULL, text TEXT NOT NULL, \
        flag BOOLEAN, note TEXT)";
    let sql = format!("CREATE TABLE bulk {columns}; CREATE TABLE single {columns};");
    db.migrate(&migrator(&[sql.leak()])).await.unwrap();
    db
}

fn things(n: u32) -> Vec<Thing> {
    let text = |i: u32| ["", "123", "0x1", "ünï\"'\\,{}", "NULL", "a\tb\nc"][i as usize % 6].to_owned();
    (0..n)
        .map(|i| Thing {
            id: Uuid::from_u128(u128::from(i)),
            count: i64::MIN + i64::from(i),
            bytes: [0, 0xff, i as u8].repeat(i as usize % 3),
            text: text(i),
            flag: [None, Some(true), Some(false)][i as usize % 3],
            note: (i % 2 == 0).then(|| text(i + 1)),
        })
        .collect()
}

type Fields<'a> = (Uuid, i64, &'a [u8], &'a str, Option<bool>, Option<&'a str>);

fn fields(thing: &Thing) -> Fields<'_> {
    (
        thing.id,
        thing.count,
        &thing.bytes,
        &thing.text,
        thing.flag,
        thing.note.as_deref(),
    )
}

async fn insert_singly(db: &Db, things: &[Thing]) {
    let mut tx = db.begin().await.unwrap();
    for t in things {
        tx!(&mut tx, |c| {
            sqlx::query("INSERT INTO single VALUES ($1, $2, $3, $4, $5, $6)")
                .bind(t.id)
                .bind(t.count)
                .bind(&t.bytes)
                .bind(&t.text)
                .bind(t.flag)
                .bind(&t.note)
                .execute(c)
                .await
                .unwrap()
                .rows_affected()
        });
    }
    tx.commit().await.unwrap();
}

async fn all(db: &Db, sql: &'static str) -> Vec<Thing> {
    read!(db, |c| sqlx::query_as(sql).fetch_all(c).await).unwrap()
}

async fn bulk_insert_equals_row_by_row(scratch: Scratch) {
    let db = open(&scratch).await;
    for n in [0, 1, 3, 5, 63, 64, 65, 1_500] {
        let things = things(n);
        let mut tx = db.begin().await.unwrap();
        let inserted = bulk::insert(&mut tx, &BULK, things.iter().map(fields))
            .await
            .unwrap();
        tx.commit().await.unwrap();
        assert_eq!(inserted, u64::from(n));
        insert_singly(&db, &things).await;
        let bulk = all(&db, "SELECT * FROM bulk ORDER BY id").await;
        assert_eq!(bulk, things);
        assert_eq!(bulk, all(&db, "SELECT * FROM single ORDER BY id").await);
        let mut tx = db.begin().await.unwrap();
        tx!(&mut tx, |c| sqlx::raw_sql("DELETE FROM bulk; DELETE FROM single")
            .execute(c)
            .await
            .map(drop))
        .unwrap();
        tx.commit().await.unwrap();
    }
}

async fn conflicts_can_be_skipped_and_are_not_counted(scratch: Scratch) {
    const SKIP: Insert = BULK.on_conflict("ON CONFLICT (id) DO NOTHING");
    let db = open(&scratch).await;
    let things = things(100);
    let mut tx = db.begin().await.unwrap();
    assert_eq!(
        bulk::insert(&mut tx, &SKIP, things[..40].iter().map(fields))
            .await
            .unwrap(),
        40
    );
    assert_eq!(
        bulk::insert(&mut tx, &SKIP, things.iter().map(fields))
            .await
            .unwrap(),
        60
    );
    tx.commit().await.unwrap();
}

async fn a_conflict_stores_none_of_the_rows(scratch: Scratch) {
    let db = open(&scratch).await;
    let mut things = things(100);
    things[99].id = things[0].id;
    let mut tx = db.begin().await.unwrap();
    let error = bulk::insert(&mut tx, &BULK, things.iter().map(fields))
        .await
        .unwrap_err();
    assert!(error.is_unique_violation("bulk(id)"), "{error:?}");
    drop(tx);
    assert_eq!(all(&db, "SELECT * FROM bulk").await, []);
}

async fn fields_must_match_columns(scratch: Scratch) {
    let db = open(&scratch).await;
    let mut tx = db.begin().await.unwrap();
    let error = bulk::insert(&mut tx, &BULK, [(1_i64, "x")]).await.unwrap_err();
    assert!(matches!(&error, StoreError::Configuration(_)), "{error:?}");
    assert_eq!(error.to_string(), "insert into bulk: 6 columns but 2 fields");
}
