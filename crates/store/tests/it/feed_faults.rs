//! The feed while the server dies and comes back.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use futures::future::join_all;
use store::feed::{Cursor, Event, Feed};
use store::{Db, outbox};
use testkit::Postgres;
use tokio::time::{sleep, timeout};
use vocabulary::EventType;

use crate::support::{Shared, commit_event, event, now};

/// Long enough for a loaded machine; reached only by a failure.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(500);
const LONG: Duration = Duration::from_secs(3600);

/// Killed and started again under load: what was acknowledged is delivered, once and in order, to a subscriber that
/// never noticed more than errors.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_subscription_outlives_the_death_of_the_server() {
    let server = Postgres::start().await.unwrap();
    let db = Db::open(&server.url(), "ca", crate::support::options())
        .await
        .unwrap()
        .declaring(EventType::ALL);
    db.migrate(&crate::support::tables()).await.unwrap();
    let acknowledged: Shared<String> = Arc::default();
    let stop = Arc::new(Mutex::new(false));
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            tokio::spawn(write_until(
                db.clone(),
                writer,
                Arc::clone(&stop),
                Arc::clone(&acknowledged),
            ))
        })
        .collect();
    let reader = tokio::spawn(follow_through_errors(db.clone(), "the last event"));

    sleep(Duration::from_millis(300)).await;
    server.kill().await.unwrap();
    server.resume().await.unwrap();
    let before = acknowledged.lock().unwrap().len();
    timeout(PATIENCE, async {
        while acknowledged.lock().unwrap().len() < before + 20 {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("writers do not recover");
    *stop.lock().unwrap() = true;
    for writer in join_all(writers).await {
        writer.unwrap();
    }
    commit_event(&db, "the last event").await;

    let events = timeout(PATIENCE, reader)
        .await
        .expect("events are missing")
        .unwrap();
    assert!(events.is_sorted_by(|a, b| a.cursor < b.cursor));
    let subjects: HashSet<_> = events.iter().map(|event| event.subject.clone()).collect();
    assert_eq!(subjects.len(), events.len(), "an event came twice");
    let missing: Vec<_> = acknowledged
        .lock()
        .unwrap()
        .iter()
        .filter(|subject| !subjects.contains(*subject))
        .cloned()
        .collect();
    assert_eq!(missing, [""; 0]);
}

async fn write_until(db: Db, writer: u32, stop: Arc<Mutex<bool>>, acknowledged: Shared<String>) {
    let mut number = 0;
    while !*stop.lock().unwrap() {
        number += 1;
        let subject = format!("{writer}/{number}");
        let result = async {
            let mut tx = db.begin().await?;
            outbox::append(&mut tx, &[event(&subject)], now()).await?;
            tx.commit().await
        };
        match result.await {
            Ok(()) => acknowledged.lock().unwrap().push(subject),
            Err(error) => {
                assert!(error.is_unavailable(), "{error:?}");
                sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

async fn follow_through_errors(db: Db, last: &str) -> Vec<Event> {
    let mut stream = Feed::new(db, POLL).subscribe(Cursor::START);
    let mut events = Vec::new();
    while events.last().is_none_or(|event: &Event| event.subject != last) {
        match stream.next().await.unwrap() {
            Ok(event) => events.push(event),
            Err(error) => assert!(error.is_unavailable(), "{error:?}"),
        }
    }
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_feed_wakes_again_after_its_listener_lost_the_connection() {
    let server = Postgres::start().await.unwrap();
    let open = || async {
        Db::open(&server.url(), "ca", crate::support::options())
            .await
            .unwrap()
            .declaring(EventType::ALL)
    };
    let (here, there) = (open().await, open().await);
    here.migrate(&crate::support::tables()).await.unwrap();
    let mut stream = Feed::new(there, LONG).subscribe(Cursor::START);
    commit_event(&here, "before").await;
    assert_eq!(stream.next().await.unwrap().unwrap().subject, "before");
    server
        .sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
        .await
        .unwrap();
    commit_event(&here, "after").await;
    let event = timeout(PATIENCE, stream.next())
        .await
        .expect("never woken")
        .unwrap()
        .unwrap();
    assert_eq!(event.subject, "after");
}
