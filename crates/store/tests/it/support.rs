//! Databases for tests, and the macro that runs a test on both kinds.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use store::feed::{Cursor, Event, Feed};
use store::outbox::NewEvent;
use store::{Db, Options, Tx, read};
use tempfile::TempDir;
use testkit::Postgres;
use time::OffsetDateTime;
use vocabulary::EventType;

/// The servers of most tests do without `fsync`, for speed.
pub(crate) fn options() -> Options {
    Options {
        allow_unsafe: true,
        ..Options::default()
    }
}

/// A database of the test's own.
pub(crate) struct Scratch {
    pub(crate) url: String,
    _folder: Option<TempDir>,
}

impl Scratch {
    pub(crate) async fn postgres() -> Self {
        Self {
            url: Postgres::shared().await.unwrap().fresh_database().await.unwrap(),
            _folder: None,
        }
    }

    pub(crate) async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            url: format!("sqlite:{}", folder.path().join("t.db").display()),
            _folder: Some(folder),
        }
    }

    /// A handle with pools of its own, like another process has.
    pub(crate) async fn open(&self) -> Db {
        Db::open(&self.url, "ca", options())
            .await
            .unwrap()
            .declaring(EventType::ALL)
    }

    /// A handle on a database with the tables that the tests use.
    pub(crate) async fn migrated(&self) -> Db {
        let db = self.open().await;
        db.migrate(&tables()).await.unwrap();
        db
    }
}

/// Runs an `async fn(Scratch)` as one test on each database.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(crate::support::Scratch::postgres().await).await;
            })+
        }
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(crate::support::Scratch::sqlite().await).await;
            })+
        }
    };
}
pub(crate) use on_both;

/// Migrations made of texts, numbered from 1.
pub(crate) fn migrator(texts: &[&'static str]) -> Migrator {
    let migrations = (1..).zip(texts).map(|(version, text)| {
        let description = Cow::Borrowed("test");
        Migration::new(
            version,
            description,
            MigrationType::Simple,
            text.into_sql_str(),
            false,
        )
    });
    Migrator::with_migrations(migrations.collect())
}

pub(crate) fn tables() -> Migrator {
    migrator(&["CREATE TABLE certs (
            id        UUID   PRIMARY KEY,
            issuer    BIGINT NOT NULL,
            serial    BYTEA  NOT NULL,
            not_after BIGINT NOT NULL,
            subject   TEXT   NOT NULL,
            revoked   BOOLEAN,
            UNIQUE (issuer, serial)
        );
        CREATE TABLE seen (
            subscriber TEXT   NOT NULL,
            place      BIGINT NOT NULL,
            event      TEXT   NOT NULL,
            PRIMARY KEY (subscriber, event)
        );"])
}

pub(crate) fn event(subject: &str) -> NewEvent {
    NewEvent {
        kind: EventType::CaSuspended,
        subject: subject.to_owned(),
        data: serde_json::json!({ "ca": subject, "actor": "test:operator" }),
        correlation_id: None,
        traceparent: None,
    }
}

pub(crate) async fn append(tx: &mut Tx, subject: &str) {
    store::outbox::append(tx, &[event(subject)], now()).await.unwrap();
}

/// Appends one event in a transaction of its own.
pub(crate) async fn commit_event(db: &Db, subject: &str) {
    let mut tx = db.clone().declaring(EventType::ALL).begin().await.unwrap();
    append(&mut tx, subject).await;
    tx.commit().await.unwrap();
}

/// All events, as soon as the feed shows them.
pub(crate) async fn all(db: &Db) -> Vec<Event> {
    // on a shared server, transactions of other tests may hold the feed back for a moment
    for _ in 0..500 {
        let events = Feed::new(db.clone(), Duration::from_secs(3600))
            .after(Cursor::START, 10_000)
            .await
            .unwrap();
        let stored: i64 = read!(db, |c| sqlx::query_scalar("SELECT count(*) FROM outbox")
            .fetch_one(c)
            .await)
        .unwrap();
        if events.len() as i64 == stored {
            return events;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the feed does not show all events");
}

pub(crate) async fn count_events(db: &Db) -> i64 {
    read!(db, |c| sqlx::query_scalar("SELECT count(*) FROM outbox")
        .fetch_one(c)
        .await)
    .unwrap()
}

pub(crate) async fn subjects(db: &Db) -> Vec<String> {
    all(db).await.into_iter().map(|event| event.subject).collect()
}

pub(crate) fn now() -> OffsetDateTime {
    time::macros::datetime!(2031-05-06 07:08:09.123456 UTC)
}

/// Small reproducible pseudo-random numbers, for delays.
#[derive(Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

/// A list that tasks add to.
pub(crate) type Shared<T> = Arc<std::sync::Mutex<Vec<T>>>;
