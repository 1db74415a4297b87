//! Errors say what a caller can do, and the handle recovers when the database does.

use std::task::Poll;
use std::time::{Duration, Instant};

use store::id::new_id;
use store::{Cause, Db, Options, StoreError, Tx, outbox, read, tx};
use testkit::Postgres;
use vocabulary::EventType;

use crate::support::{Scratch, commit_event, event, now, on_both, options, tables};

on_both!(
    a_unique_violation_names_its_columns,
    a_transaction_with_a_failed_statement_does_not_pretend_to_commit,
    an_error_after_events_were_appended_does_not_pass_for_a_commit,
    a_dropped_transaction_leaves_nothing,
    a_transaction_given_up_at_any_moment_leaves_the_next_one_whole,
    a_wrong_statement_is_an_internal_error,
);

async fn insert(tx: &mut Tx, serial: u8) -> Result<(), StoreError> {
    let sql = "INSERT INTO certs (id, issuer, serial, not_after, subject) VALUES ($1, 1, $2, 0, 'CN=x')";
    tx!(tx, |c| sqlx::query(sql)
        .bind(new_id(now()))
        .bind(vec![serial])
        .execute(c)
        .await
        .map(drop))?;
    Ok(())
}

async fn count(db: &Db) -> i64 {
    read!(db, |c| sqlx::query_scalar("SELECT count(*) FROM certs")
        .fetch_one(c)
        .await)
    .unwrap()
}

async fn a_unique_violation_names_its_columns(scratch: Scratch) {
    let db = scratch.migrated().await;
    let mut tx = db.begin().await.unwrap();
    insert(&mut tx, 1).await.unwrap();
    let error = insert(&mut tx, 1).await.unwrap_err();
    assert!(error.is_unique_violation("certs(issuer, serial)"), "{error:?}");
    assert!(!error.is_unique_violation("certs(id)"));
    assert!(!error.is_unavailable());
    assert_eq!(
        error.to_string(),
        "conflict with an existing row: certs(issuer, serial)"
    );
}

async fn a_transaction_with_a_failed_statement_does_not_pretend_to_commit(scratch: Scratch) {
    let db = scratch.migrated().await;
    let mut tx = db.begin().await.unwrap();
    insert(&mut tx, 1).await.unwrap();
    // the caller overlooks the error
    insert(&mut tx, 1).await.unwrap_err();
    match tx.commit().await {
        Ok(()) => assert_eq!(count(&db).await, 1),
        Err(_) => assert_eq!(count(&db).await, 0),
    }
}

async fn an_error_after_events_were_appended_does_not_pass_for_a_commit(scratch: Scratch) {
    let db = scratch.migrated().await;
    let mut tx = db.begin().await.unwrap();
    insert(&mut tx, 1).await.unwrap();
    outbox::append(&mut tx, &[event("0123")], now()).await.unwrap();
    // the caller overlooks the error
    insert(&mut tx, 1).await.unwrap_err();
    match tx.commit().await {
        Ok(()) => assert_eq!(count(&db).await, 1),
        Err(_) => assert_eq!(count(&db).await, 0),
    }
}

async fn a_dropped_transaction_leaves_nothing(scratch: Scratch) {
    let db = scratch.migrated().await;
    let mut tx = db.begin().await.unwrap();
    insert(&mut tx, 1).await.unwrap();
    drop(tx);
    let mut tx = db.begin().await.unwrap();
    insert(&mut tx, 2).await.unwrap();
    tx.rollback().await.unwrap();
    let mut tx = db.begin().await.unwrap();
    insert(&mut tx, 3).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(count(&db).await, 1);
}

async fn a_transaction_given_up_at_any_moment_leaves_the_next_one_whole(scratch: Scratch) {
    let db = scratch.migrated().await;
    let mut finished = 0;
    for round in 0..100 {
        let other = db.clone();
        let given_up = async move {
            let mut tx = other.begin().await.unwrap();
            insert(&mut tx, 0).await.unwrap();
            tx.rollback().await.unwrap();
        };
        // Polled this many times, it is dropped in each of its states.
        let mut polls = 0;
        let mut given_up = Box::pin(given_up);
        let ended = std::future::poll_fn(|context| {
            polls += 1;
            match given_up.as_mut().poll(context) {
                Poll::Ready(()) => Poll::Ready(true),
                Poll::Pending if polls > round % 12 => Poll::Ready(false),
                Poll::Pending => Poll::Pending,
            }
        });
        finished += u8::from(ended.await);
        drop(given_up);
        let mut tx = db.begin().await.unwrap();
        insert(&mut tx, round + 1).await.unwrap();
        tx.commit().await.unwrap();
        // Other connections see it: no transaction of the one given up is around it.
        assert_eq!(count(&db).await, i64::from(round) + 1, "round {round}");
    }
    assert!(
        (1..100).contains(&finished),
        "{finished} of 100 were not given up"
    );
}

async fn a_wrong_statement_is_an_internal_error(scratch: Scratch) {
    let db = scratch.migrated().await;
    let error = read!(&db, |c| sqlx::query("SELECT nothing FROM nowhere")
        .execute(c)
        .await
        .map(drop))
    .unwrap_err();
    let error = StoreError::from(error);
    assert!(matches!(error, StoreError::Internal(_)), "{error:?}");
    assert_eq!(error.retry_after(), None);
}

#[tokio::test]
async fn a_row_that_no_index_holds_is_too_long() {
    let db = Scratch::postgres().await.migrated().await;
    let mut tx = db.begin().await.unwrap();
    // Random, as PostgreSQL compresses what repeats.
    let serial: Vec<u8> = (0..400).flat_map(|_| *new_id(now()).as_bytes()).collect();
    let sql = "INSERT INTO certs (id, issuer, serial, not_after, subject) VALUES ($1, 1, $2, 0, 'CN=x')";
    let error: StoreError = tx!(tx, |c| sqlx::query(sql)
        .bind(new_id(now()))
        .bind(serial)
        .execute(c)
        .await
        .map(drop))
    .unwrap_err()
    .into();
    assert!(matches!(error, StoreError::TooLong(_)), "{error:?}");
    assert!(!error.is_unavailable());
}

fn cause(error: &StoreError) -> Option<Cause> {
    match error {
        StoreError::Unavailable { cause, .. } => Some(*cause),
        _ => None,
    }
}

fn impatient() -> Options {
    Options {
        max_connections: Some(16),
        acquire_timeout: Duration::from_millis(500),
        ..options()
    }
}

async fn own_server(options: Options) -> (Postgres, Db) {
    let server = Postgres::start().await.unwrap();
    let db = Db::open(&server.url(), "ca", options)
        .await
        .unwrap()
        .declaring(EventType::ALL);
    db.migrate(&tables()).await.unwrap();
    (server, db)
}

/// Several connections, so that each of them meets the restart.
async fn use_connections(db: &Db) {
    let mut open = Vec::new();
    for _ in 0..4 {
        open.push(db.begin().await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_is_unavailable_and_the_handle_recovers() {
    let (server, db) = own_server(impatient()).await;
    use_connections(&db).await;
    let mut open = db.begin().await.unwrap();
    insert(&mut open, 1).await.unwrap();

    server.kill().await.unwrap();
    let error = insert(&mut open, 2).await.unwrap_err();
    assert!(error.is_unavailable(), "{error:?}");
    let started = Instant::now();
    let error = db.begin().await.unwrap_err();
    assert!(error.is_unavailable(), "{error:?}");
    assert!(error.retry_after().is_some());
    assert!(started.elapsed() < Duration::from_secs(10));
    assert!(db.ping().await.unwrap_err().is_unavailable());

    server.resume().await.unwrap();
    recovers(&db).await;
    assert_eq!(count(&db).await, 1, "what was not committed is gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_server_is_unavailable_and_the_handle_recovers() {
    let (server, db) = own_server(impatient()).await;
    use_connections(&db).await;
    let mut open = db.begin().await.unwrap();
    server.stop().await.unwrap();
    let error = insert(&mut open, 1).await.unwrap_err();
    assert!(
        matches!(cause(&error), Some(Cause::Restarting | Cause::Unreachable)),
        "{error:?}"
    );
    drop(open);
    server.resume().await.unwrap();
    recovers(&db).await;
}

/// One failure a stale connection is allowed; then all must work again.
async fn recovers(db: &Db) {
    let mut failures = 0;
    loop {
        let result = async {
            let mut tx = db.begin().await?;
            insert(&mut tx, 9).await?;
            tx.commit().await
        };
        match result.await {
            Ok(()) => return,
            Err(error) => {
                assert!(error.is_unavailable(), "{error:?}");
                failures += 1;
                assert!(failures < 20, "does not recover: {error:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_refusals_are_classified() {
    let options = Options {
        max_connections: Some(2),
        acquire_timeout: Duration::from_millis(300),
        ..options()
    };
    let (server, db) = own_server(options).await;
    let fails = async |sql: &'static str| {
        let mut tx = db.begin().await.unwrap();
        let result = tx!(&mut tx, |c| sqlx::raw_sql(sql).execute(c).await.map(drop));
        StoreError::from(result.unwrap_err())
    };
    let timeout = fails("SET LOCAL statement_timeout = 20; SELECT pg_sleep(5)").await;
    assert_eq!(cause(&timeout), Some(Cause::Timeout), "{timeout:?}");
    let read_only = fails("SET TRANSACTION READ ONLY; DELETE FROM certs").await;
    assert_eq!(cause(&read_only), Some(Cause::ReadOnly), "{read_only:?}");
    let killed = fails("SELECT pg_terminate_backend(pg_backend_pid())").await;
    assert_eq!(cause(&killed), Some(Cause::Restarting), "{killed:?}");

    let held = [db.begin().await.unwrap(), db.begin().await.unwrap()];
    let exhausted = db.begin().await.unwrap_err();
    assert_eq!(cause(&exhausted), Some(Cause::NoConnection), "{exhausted:?}");
    drop(held);
    drop(server);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_transactions_in_each_others_way_are_busy() {
    let db = Scratch::postgres().await.migrated().await;
    let (mut a, mut b) = (db.begin().await.unwrap(), db.begin().await.unwrap());
    insert(&mut a, 1).await.unwrap();
    insert(&mut b, 2).await.unwrap();
    // each waits for the other to end: the server breaks one off
    let (a, b) = tokio::join!(insert(&mut a, 2), async {
        let result = insert(&mut b, 1).await;
        drop(b);
        result
    });
    let failed: Vec<_> = [a, b].into_iter().filter_map(Result::err).collect();
    assert!(
        failed.iter().any(|error| cause(error) == Some(Cause::Busy)),
        "{failed:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_sqlite_disk_is_unavailable_and_the_handle_recovers() {
    let scratch = Scratch::sqlite().await;
    let db = scratch.migrated().await;
    commit_event(&db, "before").await;
    let mut tx = db.begin().await.unwrap();
    // no more pages than there are
    tx!(&mut tx, |c| sqlx::raw_sql("PRAGMA max_page_count = 1")
        .execute(c)
        .await
        .map(drop))
    .unwrap();
    let error = loop {
        if let Err(error) = fill(&mut tx).await {
            break error;
        }
    };
    assert_eq!(cause(&error), Some(Cause::DiskFull), "{error:?}");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(30)));
    tx!(&mut tx, |c| sqlx::raw_sql("PRAGMA max_page_count = 100000")
        .execute(c)
        .await
        .map(drop))
    .unwrap();
    drop(tx);
    commit_event(&db, "after").await;
    assert_eq!(
        count(&db).await,
        0,
        "the transaction that met the full disk is undone"
    );
}

async fn fill(tx: &mut Tx) -> Result<(), StoreError> {
    let sql = "INSERT INTO certs (id, issuer, serial, not_after, subject) VALUES ($1, 1, $2, 0, 'CN=x')";
    let id = new_id(now());
    tx!(tx, |c| sqlx::query(sql)
        .bind(id)
        .bind(vec![1_u8; 10_000])
        .execute(c)
        .await
        .map(drop))?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_sqlite_ended_by_itself_does_not_block_the_writer() {
    let scratch = Scratch::sqlite().await;
    let db = scratch.migrated().await;
    let mut tx = db.begin().await.unwrap();
    insert(&mut tx, 1).await.unwrap();
    // ends the transaction, as a full disk may
    let sql = "INSERT OR ROLLBACK INTO certs SELECT * FROM certs";
    let error = tx!(&mut tx, |c| sqlx::query(sql).execute(c).await.map(drop)).unwrap_err();
    assert!(matches!(StoreError::from(error), StoreError::Conflict { .. }));
    drop(tx);
    commit_event(&db, "after").await;
    assert_eq!(count(&db).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_committed_sqlite_transaction_that_had_ended_is_an_error() {
    let scratch = Scratch::sqlite().await;
    let db = scratch.migrated().await;
    let mut tx = db.begin().await.unwrap();
    insert(&mut tx, 1).await.unwrap();
    let sql = "INSERT OR ROLLBACK INTO certs SELECT * FROM certs";
    tx!(&mut tx, |c| sqlx::query(sql).execute(c).await.map(drop)).unwrap_err();
    tx.commit().await.unwrap_err();
    commit_event(&db, "after").await;
}
