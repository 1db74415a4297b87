//! Opening databases.

use std::os::unix::fs::PermissionsExt;

use futures::future::join_all;
use store::{Db, StoreError, read};
use testkit::Postgres;

use crate::support::{Scratch, commit_event, on_both, options};

on_both!(
    a_handle_answers,
    handles_opened_at_once_all_work,
    of_two_installations_that_join_at_once_one_is_refused,
);

async fn a_handle_answers(scratch: Scratch) {
    let db = scratch.open().await;
    db.ping().await.unwrap();
    db.close().await;
    assert!(db.ping().await.unwrap_err().is_unavailable());
}

async fn handles_opened_at_once_all_work(scratch: Scratch) {
    let handles = join_all((0..8).map(|_| scratch.migrated())).await;
    join_all(handles.iter().map(|db| commit_event(db, "x"))).await;
    for db in &handles {
        let count: i64 = read!(db, |c| sqlx::query_scalar("SELECT count(*) FROM outbox")
            .fetch_one(c)
            .await)
        .unwrap();
        assert_eq!(count, 8);
    }
}

async fn of_two_installations_that_join_at_once_one_is_refused(scratch: Scratch) {
    let db = scratch.migrated().await;
    let same = scratch.migrated().await;
    let joined = tokio::join!(db.join_installation("a", 1), same.join_installation("b", 1));
    let (first, second) = match joined {
        (Ok(()), Err(StoreError::OtherInstallation(id))) => (id, "b"),
        (Err(StoreError::OtherInstallation(id)), Ok(())) => (id, "a"),
        joined => panic!("{joined:?}"),
    };
    assert_ne!(first, second);
    // It goes on, and the other does not.
    db.join_installation(&first, 2).await.unwrap();
    let refused = same.join_installation(second, 9).await.unwrap_err();
    assert!(refused.to_string().contains(&first), "{refused}");
    let found = db.installation().await.unwrap().unwrap();
    assert_eq!((found.id, found.starts), (first, 2));
}

#[tokio::test]
async fn sqlite_files_are_private_to_their_owner() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("loose.db");
    std::fs::write(&path, "").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let db = Db::open(&format!("sqlite:{}", path.display()), "ca", options())
        .await
        .unwrap();
    db.migrate(&crate::support::tables()).await.unwrap();
    commit_event(&db, "x").await;
    let mut seen = 0;
    for entry in folder.path().read_dir().unwrap() {
        let entry = entry.unwrap();
        assert_eq!(
            entry.metadata().unwrap().permissions().mode() & 0o777,
            0o600,
            "{:?}",
            entry.path()
        );
        seen += 1;
    }
    assert_eq!(seen, 3, "database, -wal and -shm");
}

#[tokio::test]
async fn sqlite_syncs_every_commit_and_enforces_foreign_keys() {
    let scratch = Scratch::sqlite().await;
    let db = scratch.open().await;
    let mut tx = db.begin().await.unwrap();
    for (pragma, value) in [("synchronous", 2), ("foreign_keys", 1)] {
        let sql = format!("SELECT {pragma} FROM pragma_{pragma}");
        let set: i64 = store::tx!(&mut tx, |c| sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .fetch_one(c)
            .await)
        .unwrap();
        assert_eq!(set, value, "{pragma}");
    }
    let mode: String = store::tx!(&mut tx, |c| sqlx::query_scalar(
        "SELECT journal_mode FROM pragma_journal_mode"
    )
    .fetch_one(c)
    .await)
    .unwrap();
    assert_eq!(mode, "wal");
}

#[tokio::test]
async fn sqlite_readers_cannot_write() {
    let scratch = Scratch::sqlite().await;
    let db = scratch.migrated().await;
    let error = read!(&db, |c| sqlx::query("DELETE FROM certs")
        .execute(c)
        .await
        .map(drop))
    .unwrap_err();
    let error = StoreError::from(error);
    assert!(
        matches!(
            error,
            StoreError::Unavailable {
                cause: store::Cause::ReadOnly,
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn bad_settings_are_refused_with_advice_and_without_the_password() {
    let cases = [
        (
            "mysql://u:hunter2@h/db",
            "ca",
            "must start with postgres:// or sqlite:",
        ),
        (
            "postgres://u:hunter2@h:notaport/db",
            "ca",
            "not a valid postgres:// URL",
        ),
        ("sqlite::memory:", "ca", "memory is not supported"),
        ("sqlite:x.db?mode=ro", "ca", "write sqlite:PATH with no options"),
        (
            "sqlite:/nonexistent/folder/x.db",
            "ca",
            "check that the folder exists",
        ),
        ("sqlite:x.db", "CA; DROP", "cannot name a schema"),
        ("sqlite:x.db", "", "cannot name a schema"),
    ];
    for (url, schema, advice) in cases {
        let error = Db::open(url, schema, options()).await.unwrap_err();
        assert!(matches!(error, StoreError::Configuration(_)), "{url}: {error:?}");
        assert!(error.to_string().contains(advice), "{url}: {error}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}

#[tokio::test]
async fn services_in_one_postgres_database_do_not_see_each_other() {
    let url = Postgres::shared().await.unwrap().fresh_database().await.unwrap();
    let ca = Db::open(&url, "ca", options()).await.unwrap();
    let auth = Db::open(&url, "auth", options()).await.unwrap();
    for db in [&ca, &auth] {
        db.migrate(&crate::support::tables()).await.unwrap();
    }
    commit_event(&ca, "only here").await;
    let count = |db: Db| async move {
        read!(&db, |c| sqlx::query_scalar::<_, i64>(
            "SELECT count(*) FROM outbox"
        )
        .fetch_one(c)
        .await)
        .unwrap()
    };
    assert_eq!((count(ca).await, count(auth).await), (1, 0));
}

#[tokio::test]
async fn a_schema_is_made_by_the_migrations_and_not_by_opening() {
    let server = Postgres::shared().await.unwrap();
    let url = server.fresh_database().await.unwrap();
    let count = "SELECT count(*) FROM pg_namespace WHERE nspname = 'ca'";
    let db = Db::open(&url, "ca", options()).await.unwrap();
    assert_eq!(db.installation().await.unwrap(), None);
    assert_eq!(db.recorded_service().await.unwrap(), None);
    assert!(!db.has_rows("certs").await.unwrap());
    assert!(!db.check_schema(&crate::support::tables()).await.unwrap());
    assert_eq!(server.sql_in(&url, count).await.unwrap().trim(), "0");
    db.migrate(&crate::support::tables()).await.unwrap();
    assert_eq!(server.sql_in(&url, count).await.unwrap().trim(), "1");
    db.join_installation("0123", 1).await.unwrap();
    assert_eq!(db.recorded_service().await.unwrap().as_deref(), Some("ca"));
}

#[tokio::test]
async fn a_role_that_may_not_create_schemas_can_use_its_own() {
    let server = Postgres::shared().await.unwrap();
    let url = server.fresh_database().await.unwrap();
    server
        .sql_in(
            &url,
            "CREATE ROLE limited LOGIN; CREATE SCHEMA ca AUTHORIZATION limited",
        )
        .await
        .unwrap();
    let url = url.replace("postgres@", "limited@");
    let db = Db::open(&url, "ca", options()).await.unwrap();
    db.migrate(&crate::support::tables()).await.unwrap();
    let error = Db::open(&url, "auth", options()).await.unwrap_err();
    assert!(matches!(error, StoreError::Configuration(_)), "{error:?}");
    let way = "CREATE SCHEMA auth AUTHORIZATION \"limited\"";
    assert!(error.to_string().contains(way), "{error}");
}
