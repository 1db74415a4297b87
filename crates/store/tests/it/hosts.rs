//! Several hosts: the one that takes writes is found, and found again after a fail-over.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt;
use store::feed::{Cursor, Feed};
use store::{Db, StoreError};
use testkit::Postgres;
use vocabulary::EventType;

use crate::support::{Shared, all, append, commit_event, options, tables};

fn url(hosts: &[&Postgres], query: &str) -> String {
    let hosts: Vec<String> = hosts
        .iter()
        .map(|host| format!("127.0.0.1:{}", host.port()))
        .collect();
    format!("postgres://postgres@{}/postgres{query}", hosts.join(","))
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_hosts_the_one_that_takes_writes_is_used() {
    let primary = Postgres::start().await.unwrap();
    let standby = primary.standby().await.unwrap();
    for query in [
        "",
        "?target_session_attrs=read-write",
        "?target_session_attrs=primary",
    ] {
        for hosts in [[&standby, &primary], [&primary, &standby]] {
            let db = Db::open(&url(&hosts, query), "ca", options())
                .await
                .unwrap()
                .declaring(EventType::ALL);
            db.migrate(&tables()).await.unwrap();
            commit_event(&db, "x").await;
        }
    }
    for wrong in [
        url(&[&standby], ""),
        url(&[&standby, &primary], "?target_session_attrs=any"),
    ] {
        let error = Db::open(&wrong, "ca", options()).await.unwrap_err();
        assert!(matches!(error, StoreError::Configuration(_)), "{error:?}");
        assert!(error.to_string().contains("is a standby"), "{error}");
    }
    primary.stop().await.unwrap();
    let error = Db::open(&url(&[&standby, &primary], ""), "ca", options())
        .await
        .unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(
        cause.contains("it is a standby") && cause.contains("refused"),
        "{cause}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_fail_over_loses_nothing_and_the_feed_goes_on() {
    let primary = Postgres::start().await.unwrap();
    let standby = primary.standby().await.unwrap();
    primary.wait_for_standby().await.unwrap();
    let db = Db::open(&url(&[&primary, &standby], ""), "ca", options())
        .await
        .unwrap()
        .declaring(EventType::ALL);
    db.migrate(&tables()).await.unwrap();
    let feed = Feed::new(db.clone(), Duration::from_millis(200));
    let read: Shared<String> = Arc::default();
    let reader = tokio::spawn(follow(feed, Arc::clone(&read)));
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..6)
        .map(|writer| tokio::spawn(write(db.clone(), writer, Arc::clone(&stop))))
        .collect();
    tokio::time::sleep(Duration::from_millis(500)).await;

    primary.kill().await.unwrap();
    standby.promote().await.unwrap();
    let promoted = Instant::now();
    commit_when_possible(&db, promoted).await;
    assert!(
        promoted.elapsed() < Duration::from_secs(10),
        "{:?}",
        promoted.elapsed()
    );
    tokio::time::sleep(Duration::from_millis(300)).await;
    stop.store(true, Ordering::Relaxed);
    let mut acknowledged = Vec::new();
    for writer in writers {
        acknowledged.extend(writer.await.unwrap());
    }
    let stored: Vec<String> = all(&db).await.into_iter().map(|event| event.subject).collect();
    let lost: Vec<_> = acknowledged
        .iter()
        .filter(|subject| !stored.contains(subject))
        .collect();
    assert!(lost.is_empty(), "{lost:?}");
    assert!(acknowledged.len() > 50, "there was too little load");
    let deadline = Instant::now() + Duration::from_secs(20);
    while read.lock().unwrap().len() < stored.len() {
        assert!(Instant::now() < deadline, "the feed does not go on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(*read.lock().unwrap(), stored, "in order, each once");
    reader.abort();
}

async fn follow(feed: Feed, read: Shared<String>) {
    let mut events = std::pin::pin!(feed.subscribe(Cursor::START));
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => read.lock().unwrap().push(event.subject),
            Err(error) => assert!(error.is_unavailable(), "{error:?}"),
        }
    }
}

/// Writes until told to stop; what was acknowledged.
async fn write(db: Db, writer: u32, stop: Arc<AtomicBool>) -> Vec<String> {
    let mut acknowledged = Vec::new();
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        let subject = format!("{writer}-{number}");
        match attempt(&db, &subject).await {
            Ok(()) => acknowledged.push(subject),
            Err(error) => {
                assert!(error.is_unavailable(), "{error:?}");
                assert!(error.retry_after().is_some());
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    acknowledged
}

async fn attempt(db: &Db, subject: &str) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    let event = crate::support::event(subject);
    store::outbox::append(&mut tx, &[event], crate::support::now()).await?;
    tx.commit().await
}

async fn commit_when_possible(db: &Db, since: Instant) {
    while let Err(error) = attempt(db, "after").await {
        assert!(error.is_unavailable(), "{error:?}");
        assert!(since.elapsed() < Duration::from_secs(60), "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_to_a_server_that_was_made_a_standby_is_given_up() {
    let primary = Postgres::start().await.unwrap();
    let db = Db::open(&url(&[&primary], ""), "ca", options())
        .await
        .unwrap()
        .declaring(EventType::ALL);
    db.migrate(&tables()).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    append(&mut tx, "before").await;
    tx.commit().await.unwrap();
    primary.stop().await.unwrap();
    primary.make_standby().unwrap();
    primary.resume().await.unwrap();
    let error = db.begin().await.unwrap_err();
    assert!(error.is_unavailable(), "{error:?}");
    primary.promote().await.unwrap();
    commit_when_possible(&db, Instant::now()).await;
}
