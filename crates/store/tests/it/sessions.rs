//! What PostgreSQL is asked for, whatever it gives by default; and what is said when it cannot be used.

use std::time::Duration;

use futures::StreamExt;
use store::feed::{Cursor, Feed};
use store::{Cause, Db, Options, Pooling, StoreError, read, tx};
use testkit::{Postgres, postgres};

use crate::support::{commit_event, count_events, options, tables};

/// Every default of a role that would change what is kept, or what a query means.
const HOSTILE: [&str; 14] = [
    "synchronous_commit = off",
    "default_transaction_isolation = 'serializable'",
    "default_transaction_read_only = on",
    "default_transaction_deferrable = on",
    "search_path = public",
    "statement_timeout = '1h'",
    "lock_timeout = '1h'",
    "idle_in_transaction_session_timeout = 0",
    "standard_conforming_strings = off",
    "transform_null_equals = on",
    "bytea_output = 'escape'",
    "\"TimeZone\" = 'Asia/Tokyo'",
    "\"DateStyle\" = 'German'",
    "client_encoding = 'LATIN1'",
];

const ASKED: &str = "SELECT concat_ws(' ', current_setting('synchronous_commit'), \
    current_setting('transaction_isolation'), current_schemas(false)::text, current_setting('statement_timeout'), \
    current_setting('lock_timeout'), current_setting('idle_in_transaction_session_timeout'), \
    current_setting('standard_conforming_strings'), current_setting('transform_null_equals'), \
    current_setting('bytea_output'), current_setting('TimeZone'), current_setting('DateStyle'), \
    current_setting('client_encoding'), current_setting('transaction_deferrable'))";
const EXPECTED: &str = "on read committed {ca} 30s 10s 30s on off hex UTC ISO, MDY UTF8 off";

#[tokio::test]
async fn settings_do_not_depend_on_the_defaults_of_a_role() {
    let server = Postgres::start().await.unwrap();
    let url = server.fresh_database().await.unwrap();
    server
        .sql_in(
            &url,
            "CREATE ROLE hostile LOGIN; CREATE SCHEMA ca AUTHORIZATION hostile",
        )
        .await
        .unwrap();
    for setting in HOSTILE {
        let sql = format!("ALTER ROLE hostile SET {setting}");
        server.sql(&sql).await.unwrap();
    }
    let url = url.replace("postgres@", "hostile@");
    for pooling in [Pooling::Auto, Pooling::Session, Pooling::Transaction] {
        let options = Options { pooling, ..options() };
        let db = Db::open(&url, "ca", options).await.unwrap();
        db.migrate(&tables()).await.unwrap();
        let seen: String = read!(&db, |c| sqlx::query_scalar(ASKED).fetch_one(c).await).unwrap();
        assert_eq!(seen, EXPECTED, "{pooling:?}, a read");
        let mut tx = db.begin().await.unwrap();
        let seen: String = tx!(&mut tx, |c| sqlx::query_scalar(ASKED).fetch_one(c).await).unwrap();
        assert_eq!(seen, EXPECTED, "{pooling:?}, a transaction");
        drop(tx);
        commit_event(&db, "x").await;
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
                    cause: Cause::ReadOnly,
                    ..
                }
            ),
            "{pooling:?}: {error:?}"
        );
    }
}

#[tokio::test]
async fn a_server_set_to_wait_for_more_keeps_waiting_for_more() {
    let settings = vec!["synchronous_commit=remote_apply".to_owned()];
    let server = Postgres::start_with(postgres::Options {
        settings,
        ..postgres::Options::default()
    })
    .await
    .unwrap();
    let db = Db::open(&server.url(), "ca", options()).await.unwrap();
    let sql = "SELECT current_setting('synchronous_commit')";
    let seen: String = read!(&db, |c| sqlx::query_scalar(sql).fetch_one(c).await).unwrap();
    assert_eq!(seen, "remote_apply");
}

async fn refusal(url: &str, options: Options) -> String {
    match Db::open(url, "ca", options).await {
        Err(StoreError::Configuration(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_server_that_may_lose_what_it_acknowledged_is_refused_unless_that_is_wanted() {
    let server = Postgres::start().await.unwrap();
    let reason = refusal(&server.url(), Options::default()).await;
    assert!(reason.contains("fsync is off"), "{reason}");
    assert!(reason.contains("database.allow_unsafe: true"), "{reason}");
    Db::open(&server.url(), "ca", options()).await.unwrap();

    let torn = postgres::Options {
        fsync: true,
        settings: vec!["full_page_writes=off".to_owned()],
        ..postgres::Options::default()
    };
    let server = Postgres::start_with(torn).await.unwrap();
    let reason = refusal(&server.url(), Options::default()).await;
    assert!(reason.contains("full_page_writes is off"), "{reason}");

    let safe = postgres::Options {
        fsync: true,
        ..postgres::Options::default()
    };
    let server = Postgres::start_with(safe).await.unwrap();
    Db::open(&server.url(), "ca", Options::default()).await.unwrap();
}

#[tokio::test]
async fn a_database_that_cannot_hold_every_name_is_refused() {
    let server = Postgres::shared().await.unwrap();
    server
        .sql("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
        .await
        .unwrap();
    let reason = refusal(&server.database_url("latin"), options()).await;
    assert!(
        reason.contains("LATIN1") && reason.contains("ENCODING 'UTF8'"),
        "{reason}"
    );
}

#[tokio::test]
async fn a_first_connection_that_fails_says_why_and_never_the_password() {
    let server = Postgres::start().await.unwrap();
    for statement in [
        "CREATE ROLE locked LOGIN PASSWORD 'right'",
        "CREATE ROLE few LOGIN CONNECTION LIMIT 0",
        "CREATE ROLE dull LOGIN",
        "CREATE DATABASE shut",
        "REVOKE ALL ON DATABASE shut FROM PUBLIC",
        "DO $$ BEGIN EXECUTE format('COPY (VALUES (''host all locked all scram-sha-256''), \
         (''host all all all trust'')) TO %L', current_setting('hba_file')); END $$",
        "SELECT pg_reload_conf()",
    ] {
        server.sql(statement).await.unwrap();
    }
    let port = server.port();
    let closed = testkit::port::unused().unwrap();
    let cases = [
        (
            format!("postgres://locked:hunter2@127.0.0.1:{port}/postgres"),
            "refuses the password of \"locked\"",
        ),
        (
            format!("postgres://stranger:hunter2@127.0.0.1:{port}/postgres"),
            "\"stranger\"",
        ),
        (
            format!("postgres://postgres:hunter2@127.0.0.1:{port}/none"),
            "has no database \"none\"",
        ),
        (
            format!("postgres://dull:hunter2@127.0.0.1:{port}/shut"),
            "GRANT CONNECT ON DATABASE \"shut\"",
        ),
        (
            format!("postgres://few:hunter2@127.0.0.1:{port}/postgres"),
            "takes no more connections",
        ),
        (
            format!("postgres://dull:hunter2@127.0.0.1:{port}/postgres"),
            "CREATE SCHEMA ca AUTHORIZATION \"dull\"",
        ),
        (
            format!("postgres://u:hunter2@127.0.0.1:{port}/d?sslmode=require"),
            "no TLS with the PostgreSQL server",
        ),
        (
            format!("postgres://u:hunter2@127.0.0.1:{closed}/d"),
            "Connection refused",
        ),
    ];
    for (url, reason) in cases {
        let options = Options {
            acquire_timeout: Duration::from_millis(300),
            ..options()
        };
        let error = Db::open(&url, "ca", options).await.unwrap_err();
        let text = format!(
            "{error}: {:?}",
            std::error::Error::source(&error).map(ToString::to_string)
        );
        assert!(text.contains(reason), "{url}: {text}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}

#[tokio::test]
async fn a_role_that_lacks_rights_on_a_schema_made_for_it_is_told_which() {
    let server = Postgres::shared().await.unwrap();
    let url = server.fresh_database().await.unwrap();
    server
        .sql_in(&url, "CREATE ROLE guest LOGIN; CREATE SCHEMA ca")
        .await
        .unwrap();
    let as_guest = url.replace("postgres@", "guest@");
    for (migrates, rights) in [(true, "USAGE, CREATE"), (false, "USAGE")] {
        let options = Options {
            migrates,
            ..options()
        };
        let reason = refusal(&as_guest, options).await;
        let grant = format!("run GRANT {rights} ON SCHEMA ca TO \"guest\"");
        assert!(reason.contains(&grant), "{reason}");
    }
    server
        .sql_in(&url, "GRANT USAGE ON SCHEMA ca TO guest")
        .await
        .unwrap();
    let db = Db::open(&as_guest, "ca", options()).await.unwrap();
    let error = db.migrate(&tables()).await.unwrap_err();
    assert!(matches!(error, StoreError::Configuration(_)), "{error:?}");
    assert!(
        error.to_string().contains("GRANT USAGE, CREATE ON SCHEMA ca"),
        "{error}"
    );

    // An administrator migrates; the service's role needs no right to create then.
    let admin = Db::open(&url, "ca", options()).await.unwrap();
    admin.migrate(&tables()).await.unwrap();
    for (refused, table) in [
        (db.check_schema(&tables()).await.map(drop), "_store_migrations"),
        (db.installation().await.map(drop), "installation"),
        (db.high_water().await.map(drop), "installation"),
    ] {
        let error = refused.unwrap_err();
        assert!(matches!(error, StoreError::Configuration(_)), "{error:?}");
        assert!(
            error.to_string().contains(&format!("may not read {table}"))
                && error
                    .to_string()
                    .contains("GRANT SELECT ON ALL TABLES IN SCHEMA ca TO ROLE"),
            "{error}"
        );
    }
    // Also where nothing is to be applied, more is written than the ledgers.
    server
        .sql_in(&url, "GRANT SELECT ON ALL TABLES IN SCHEMA ca TO guest")
        .await
        .unwrap();
    let error = db.migrate(&tables()).await.unwrap_err();
    assert!(
        matches!(&error, StoreError::Configuration(reason)
            if reason.contains("secret") && reason.contains("GRANT ALL ON ALL TABLES IN SCHEMA ca")),
        "{error:?}"
    );
    server
        .sql_in(&url, "GRANT ALL ON ALL TABLES IN SCHEMA ca TO guest")
        .await
        .unwrap();
    db.migrate(&tables()).await.unwrap();
    commit_event(&db, "x").await;
    assert_eq!(count_events(&admin).await, 1);
}

#[tokio::test]
async fn ipv6_and_socket_forms_of_the_url_connect() {
    let settings = vec!["listen_addresses=127.0.0.1,::1".to_owned()];
    let server = Postgres::start_with(postgres::Options {
        settings,
        ..postgres::Options::default()
    })
    .await
    .unwrap();
    let (port, folder) = (server.port(), server.socket_folder().display().to_string());
    let encoded = folder.replace('/', "%2F");
    for url in [
        format!("postgres://postgres@[::1]:{port}/postgres"),
        format!("postgres:///postgres?host=::1&port={port}&user=postgres"),
        format!("postgres://postgres@/postgres?host={folder}&port={port}"),
        format!("postgres://postgres@{encoded}:{port}/postgres"),
    ] {
        let db = Db::open(&url, "ca", options()).await.unwrap();
        db.ping().await.unwrap();
    }
}

/// All services with no number given, each with a connection that listens, fit on a server with 18 connections, three of which are
/// for superusers.
#[tokio::test(flavor = "multi_thread")]
async fn all_services_fit_on_a_server_with_few_connections() {
    let few = postgres::Options {
        max_connections: 18,
        ..postgres::Options::default()
    };
    let server = Postgres::start_with(few).await.unwrap();
    server
        .sql("CREATE ROLE plain LOGIN; GRANT CREATE ON DATABASE postgres TO plain")
        .await
        .unwrap();
    let url = server.url().replace("postgres@", "plain@");
    let mut services = Vec::new();
    let mut listeners = tokio::task::JoinSet::new();
    for schema in vocabulary::service::ALL {
        let db = Db::open(&url, schema, options()).await.unwrap();
        db.migrate(&tables()).await.unwrap();
        let mut events = Box::pin(Feed::new(db.clone(), Duration::from_secs(1)).subscribe(Cursor::START));
        listeners.spawn(async move { while events.next().await.is_some() {} });
        services.push(db);
    }
    let work = (0..60).map(|n| {
        let db = services[n % services.len()].clone();
        tokio::spawn(async move { commit_event(&db, "x").await })
    });
    for done in futures::future::join_all(work).await {
        done.unwrap();
    }
    for db in &services {
        assert_eq!(count_events(db).await, 12);
    }
}
