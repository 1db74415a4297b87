//! Migrations run once whoever runs them, or not at all.

use std::process::Command;

use futures::future::join_all;
use store::{Db, StoreError, read};

use crate::support::{Scratch, migrator, on_both, options};

on_both!(
    many_migrators_at_once_apply_each_migration_once,
    processes_at_once_apply_each_migration_once,
    a_second_run_changes_nothing,
    a_database_of_a_newer_program_is_refused,
    an_edited_migration_is_refused,
    a_failing_migration_leaves_nothing_behind_and_no_lock,
);

const FIRST: &str = "CREATE TABLE a (n BIGINT NOT NULL); INSERT INTO a (n) VALUES (1);";
const SECOND: &str = "INSERT INTO a (n) VALUES (2); CREATE TABLE b (n BIGINT);";

async fn rows(db: &Db) -> Result<i64, sqlx::Error> {
    read!(db, |c| sqlx::query_scalar("SELECT count(*) FROM a")
        .fetch_one(c)
        .await)
}

async fn many_migrators_at_once_apply_each_migration_once(scratch: Scratch) {
    let handles = join_all((0..8).map(|_| scratch.open())).await;
    let set = migrator(&[FIRST, SECOND]);
    for result in join_all(handles.iter().map(|db| db.migrate(&set))).await {
        result.unwrap();
    }
    assert_eq!(rows(&handles[0]).await.unwrap(), 2);
}

/// Set in the processes that [`processes_at_once_apply_each_migration_once`] starts.
const CHILD_URL: &str = "STORE_TEST_MIGRATE_URL";

/// Not a test of its own: what the processes of the next test run.
#[tokio::test]
async fn child_process() {
    let Ok(url) = std::env::var(CHILD_URL) else { return };
    let db = Db::open(&url, "ca", options()).await.unwrap();
    db.migrate(&migrator(&[FIRST, SECOND])).await.unwrap();
}

async fn processes_at_once_apply_each_migration_once(scratch: Scratch) {
    let children: Vec<_> = (0..3)
        .map(|_| {
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "migrations::child_process"])
                .env(CHILD_URL, &scratch.url)
                .stdout(std::process::Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stdout)
        );
        assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
    }
    assert_eq!(rows(&scratch.open().await).await.unwrap(), 2);
}

async fn a_second_run_changes_nothing(scratch: Scratch) {
    let db = scratch.open().await;
    let set = migrator(&[FIRST]);
    db.migrate(&set).await.unwrap();
    db.migrate(&set).await.unwrap();
    assert_eq!(rows(&db).await.unwrap(), 1);
    db.migrate(&migrator(&[FIRST, SECOND])).await.unwrap();
    assert_eq!(rows(&db).await.unwrap(), 2);
}

async fn a_database_of_a_newer_program_is_refused(scratch: Scratch) {
    let db = scratch.open().await;
    db.migrate(&migrator(&[FIRST, SECOND])).await.unwrap();
    let error = db.migrate(&migrator(&[FIRST])).await.unwrap_err();
    assert!(
        matches!(&error, StoreError::Newer { version: 2, .. }),
        "{error:?}"
    );
    assert_eq!(
        error.to_string(),
        "the database of \"ca\" has migration 2, which this program does not know: it was used by a newer version; \
         run that version or a later one, or restore a backup"
    );
}

async fn an_edited_migration_is_refused(scratch: Scratch) {
    let db = scratch.open().await;
    db.migrate(&migrator(&[FIRST])).await.unwrap();
    let error = db.migrate(&migrator(&[SECOND])).await.unwrap_err();
    assert!(matches!(&error, StoreError::Migration { .. }), "{error:?}");
    assert!(
        error
            .to_string()
            .contains("migration 1 was previously applied but has been modified"),
        "{error}"
    );
}

async fn a_failing_migration_leaves_nothing_behind_and_no_lock(scratch: Scratch) {
    let db = scratch.open().await;
    let error = db
        .migrate(&migrator(&[FIRST, "INSERT INTO nowhere VALUES (1)"]))
        .await
        .unwrap_err();
    assert!(matches!(&error, StoreError::Migration { .. }), "{error:?}");
    assert!(error.to_string().contains("migration 2"), "{error}");
    rows(&db).await.unwrap_err();
    // another process, while the first handle still has its connections
    scratch
        .open()
        .await
        .migrate(&migrator(&[FIRST, SECOND]))
        .await
        .unwrap();
    assert_eq!(rows(&db).await.unwrap(), 2);
}
