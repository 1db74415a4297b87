//! Behind a real PgBouncer, in session and in transaction mode, with the settings that it ships with.

use std::time::Duration;

use futures::future::join_all;
use store::{Db, Options, Pooling, StoreError, outbox, read};
use testkit::{PgBouncer, Postgres};
use vocabulary::EventType;

use crate::support::{all, commit_event, count_events, event, now, options, tables};

/// A server of its own: others would hold back its feeds.
async fn behind(mode: &str) -> (Postgres, PgBouncer, String) {
    let server = Postgres::start().await.unwrap();
    let bouncer = PgBouncer::start(&server, &format!("pool_mode = {mode}")).unwrap();
    let url = bouncer.url(&server.fresh_database().await.unwrap());
    (server, bouncer, url)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mode_of_a_pooler_is_found_out() {
    let (_server, _bouncer, url) = behind("session").await;
    let db = Db::open(&url, "ca", options()).await.unwrap();
    assert!(format!("{db:?}").contains("Session"));
    let (_server, _bouncer, url) = behind("transaction").await;
    // also while others keep its sessions moving
    let others = Db::open(&url, "auth", options()).await.unwrap();
    let busy = tokio::spawn(async move {
        loop {
            others.ping().await.unwrap();
        }
    });
    for _ in 0..10 {
        let db = Db::open(&url, "ca", options()).await.unwrap();
        assert!(format!("{db:?}").contains("Transaction"));
        db.close().await;
    }
    busy.abort();
}

#[tokio::test]
async fn a_pooler_that_shares_sessions_within_a_transaction_is_refused() {
    let (_server, _bouncer, url) = behind("statement").await;
    let error = Db::open(&url, "ca", options()).await.unwrap_err();
    assert!(matches!(error, StoreError::Configuration(_)), "{error:?}");
    assert!(error.to_string().contains("statement mode"), "{error}");
}

async fn several_services_share_a_database(mode: &str) {
    let (server, mut bouncer, url) = behind(mode).await;
    let schemas = ["ca", "auth", "keymgr"];
    // two replicas each, which migrate at the same time
    let mut handles = Vec::new();
    for schema in schemas.iter().chain(&schemas) {
        handles.push(
            Db::open(&url, schema, options())
                .await
                .unwrap()
                .declaring(EventType::ALL),
        );
    }
    let set = tables();
    for done in join_all(handles.iter().map(|db| db.migrate(&set))).await {
        done.unwrap();
    }
    let work = (0..120).map(|n| {
        let db = handles[n % handles.len()].clone();
        tokio::spawn(async move {
            commit_event(&db, "x").await;
            // the same text everywhere, another answer for each service
            let schema: String = read!(&db, |c| sqlx::query_scalar(
                "SELECT current_schema()::text WHERE $1 = $1"
            )
            .bind(i64::try_from(n).unwrap())
            .fetch_one(c)
            .await)
            .unwrap();
            assert_eq!(schema, db.schema());
        })
    });
    for done in join_all(work).await {
        done.unwrap();
    }
    for db in &handles {
        assert_eq!(count_events(db).await, 40, "{}", db.schema());
        assert_eq!(all(db).await.len(), 40);
    }
    // connections that the pooler has broken off cost no request
    bouncer.restart().unwrap();
    for db in &handles {
        commit_event(db, "after").await;
        assert!(count_events(db).await > 40);
    }
    let database = url.rsplit('/').next().unwrap();
    let elsewhere = "SELECT count(*) FROM pg_tables WHERE tablename IN ('certs', 'outbox') AND schemaname NOT IN \
        ('ca', 'auth', 'keymgr')";
    assert_eq!(server.sql_in(database, elsewhere).await.unwrap(), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn several_services_share_a_database_behind_a_pooler_in_session_mode() {
    several_services_share_a_database("session").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_services_share_a_database_behind_a_pooler_in_transaction_mode() {
    several_services_share_a_database("transaction").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_is_followed_behind_a_pooler_that_shares_sessions() {
    use futures::StreamExt;
    let (_server, _bouncer, url) = behind("transaction").await;
    let reader = Db::open(&url, "ca", options()).await.unwrap();
    reader.migrate(&tables()).await.unwrap();
    let writer = Db::open(&url, "ca", options())
        .await
        .unwrap()
        .declaring(EventType::ALL);
    let feed = store::feed::Feed::new(reader, Duration::from_millis(200));
    let following = tokio::spawn(
        feed.subscribe(store::feed::Cursor::START)
            .take(30)
            .collect::<Vec<_>>(),
    );
    for n in 0..30 {
        let mut tx = writer.begin().await.unwrap();
        outbox::append(&mut tx, &[event(&n.to_string())], now())
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }
    let seen: Vec<_> = following
        .await
        .unwrap()
        .into_iter()
        .map(|event| event.unwrap().subject)
        .collect();
    let expected: Vec<_> = (0..30).map(|n| n.to_string()).collect();
    assert_eq!(seen, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_that_shares_sessions_is_not_taken_for_none() {
    let (_server, _bouncer, url) = behind("transaction").await;
    let wrong = Options {
        pooling: Pooling::Session,
        ..options()
    };
    let error = Db::open(&url, "ca", wrong).await.unwrap_err();
    assert!(error.to_string().contains("database.pooling"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_off_connection_costs_no_request() {
    let server = Postgres::start().await.unwrap();
    let db = Db::open(&server.url(), "ca", options())
        .await
        .unwrap()
        .declaring(EventType::ALL);
    db.migrate(&tables()).await.unwrap();
    let break_off = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
        WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
    for round in 1..=5 {
        // several of them, none rested for long
        let open = join_all((0..4).map(|_| db.begin())).await;
        for tx in open {
            tx.unwrap().rollback().await.unwrap();
        }
        server.sql(break_off).await.unwrap();
        commit_event(&db, "x").await;
        assert_eq!(count_events(&db).await, round);
        server.sql(break_off).await.unwrap();
        assert_eq!(count_events(&db).await, round, "a read first");
    }
    server.stop().await.unwrap();
    server.resume().await.unwrap();
    commit_event(&db, "after a restart").await;
}
