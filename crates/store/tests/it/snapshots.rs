//! A snapshot sees one state, whatever is committed in the meantime.

use store::{Db, StoreError, Tx, tx};
use testkit::Postgres;

use crate::support::{Scratch, migrator, on_both, options, tables};

on_both!(
    a_snapshot_sees_the_state_that_it_began_with,
    a_snapshot_changes_nothing,
);

async fn open(scratch: &Scratch) -> Db {
    let db = scratch.open().await;
    db.migrate(&migrator(&["CREATE TABLE counted (id BIGINT PRIMARY KEY)"]))
        .await
        .unwrap();
    db
}

async fn count(tx: &mut Tx) -> i64 {
    tx!(tx, |c| sqlx::query_scalar("SELECT COUNT(*) FROM counted")
        .fetch_one(c)
        .await
        .unwrap())
}

async fn insert(tx: &mut Tx, id: i64) -> Result<u64, StoreError> {
    let sql = "INSERT INTO counted (id) VALUES ($1)";
    Ok(tx!(tx, |c| sqlx::query(sql)
        .bind(id)
        .execute(c)
        .await?
        .rows_affected()))
}

async fn a_snapshot_sees_the_state_that_it_began_with(scratch: Scratch) {
    let db = open(&scratch).await;
    let mut snapshot = db.begin_snapshot().await.unwrap();
    assert_eq!(count(&mut snapshot).await, 0);
    let mut writer = db.begin().await.unwrap();
    insert(&mut writer, 1).await.unwrap();
    writer.commit().await.unwrap();
    assert_eq!(count(&mut snapshot).await, 0);
    let mut later = db.begin_snapshot().await.unwrap();
    assert_eq!(count(&mut later).await, 1);
    assert_eq!(count(&mut snapshot).await, 0);
}

async fn a_snapshot_changes_nothing(scratch: Scratch) {
    let db = open(&scratch).await;
    let mut snapshot = db.begin_snapshot().await.unwrap();
    insert(&mut snapshot, 1).await.unwrap_err();
    drop(snapshot);
    let mut reader = db.begin_snapshot().await.unwrap();
    assert_eq!(count(&mut reader).await, 0);
}

/// A list of a CRL is written while a snapshot is read, and several lists are made at once.
#[tokio::test(flavor = "multi_thread")]
async fn snapshots_leave_a_connection_to_who_writes_in_the_meantime() {
    let server = Postgres::shared().await.unwrap();
    let url = server.fresh_database().await.unwrap();
    for most in [1, 2, 3] {
        let options = store::Options {
            max_connections: Some(most),
            ..options()
        };
        let db = Db::open(&url, "ca", options).await.unwrap();
        db.migrate(&tables()).await.unwrap();
        let lists = (0..4).map(|_| async {
            let _snapshot = db.begin_snapshot().await.unwrap();
            let mut tx = db.begin().await.unwrap();
            store::tx!(&mut tx, |c| sqlx::query("SELECT 1").execute(c).await.map(drop)).unwrap();
            tx.commit().await.unwrap();
        });
        futures::future::join_all(lists).await;
    }
}
