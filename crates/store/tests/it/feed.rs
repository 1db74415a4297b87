//! The order of the change feed: slow and fast transactions of many writers, read by subscribers of every kind.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::join_all;
use store::feed::cursors::{self, Step};
use store::feed::{Cursor, Event, Feed};
use store::{Db, StoreError, outbox, read, tx};
use testkit::Postgres;
use tokio::time::{sleep, timeout};
use vocabulary::EventType;

use crate::support::{Dice, Scratch, Shared, append, commit_event, event, now};

const WRITERS: u64 = 12;
const TRANSACTIONS: u64 = 40;
/// Long enough for a loaded machine; reached only by a failure.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(500);

/// Slow transactions hold back the feeds of a whole server, so this one is not shared.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn postgres_subscribers_neither_skip_nor_reorder_under_slow_and_fast_writers() {
    let server = Postgres::start().await.unwrap();
    let replicas = [
        Db::open(&server.url(), "ca", crate::support::options())
            .await
            .unwrap()
            .declaring(EventType::ALL),
        {
            Db::open(&server.url(), "ca", crate::support::options())
                .await
                .unwrap()
                .declaring(EventType::ALL)
        },
    ];
    replicas[0].migrate(&crate::support::tables()).await.unwrap();
    interleave(
        replicas,
        Pace {
            fast_ms: 3,
            slow_ms: 150,
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sqlite_subscribers_neither_skip_nor_reorder_under_slow_and_fast_writers() {
    let scratch = Scratch::sqlite().await;
    // two handles on one file: like two processes, neither hears the other's wake-ups
    let replicas = [scratch.migrated().await, scratch.open().await];
    interleave(
        replicas,
        Pace {
            fast_ms: 1,
            slow_ms: 20,
        },
    )
    .await;
}

#[derive(Clone, Copy)]
struct Pace {
    fast_ms: u64,
    slow_ms: u64,
}

async fn interleave(replicas: [Db; 2], pace: Pace) {
    let committed: Shared<String> = Arc::default();
    let writers = (0..WRITERS).map(|writer| {
        let db = replicas[writer as usize % 2].clone();
        tokio::spawn(write(db, writer, pace, Arc::clone(&committed)))
    });
    let writers: Vec<_> = writers.collect();
    let last = "the last event";
    let from_start = tokio::spawn(follow(replicas[0].clone(), last));
    let on_other_replica = tokio::spawn(follow(replicas[1].clone(), last));
    let by_polling = tokio::spawn(poll(replicas[1].clone(), last));
    let restarted = tokio::spawn(restart_until(replicas.clone(), last));

    for writer in join_all(writers).await {
        writer.unwrap();
    }
    commit_event(&replicas[0], last).await;
    committed.lock().unwrap().push(last.to_owned());

    let events = timeout(PATIENCE, from_start)
        .await
        .expect("events are missing")
        .unwrap();
    let order: Vec<_> = events.iter().map(|event| event.subject.clone()).collect();
    assert_complete_and_ordered(&events, &committed.lock().unwrap());
    let other = timeout(PATIENCE, on_other_replica)
        .await
        .expect("events are missing")
        .unwrap();
    assert_eq!(other, events);
    assert_eq!(
        timeout(PATIENCE, by_polling)
            .await
            .expect("events are missing")
            .unwrap(),
        events
    );
    assert_eq!(
        timeout(PATIENCE, restarted)
            .await
            .expect("events are missing")
            .unwrap(),
        order
    );
}

/// One after the other: quick transactions, slow ones, ones that append twice, ones that end in a rollback.
async fn write(db: Db, writer: u64, pace: Pace, committed: Shared<String>) {
    let mut dice = Dice::new(writer + 1);
    for number in 0..TRANSACTIONS {
        sleep(Duration::from_millis(dice.below(pace.fast_ms + 1))).await;
        let subjects: Vec<_> = (0..=dice.below(3))
            .map(|n| format!("{writer}/{number:03}/{n}"))
            .collect();
        let delay = if dice.below(8) == 0 {
            pace.slow_ms
        } else {
            dice.below(pace.fast_ms + 1)
        };
        let roll_back = dice.below(6) == 0;

        let mut tx = db.begin().await.unwrap();
        let (first, rest) = subjects.split_first().unwrap();
        append(&mut tx, first).await;
        sleep(Duration::from_millis(delay)).await;
        let rest: Vec<_> = rest.iter().map(|subject| event(subject)).collect();
        outbox::append(&mut tx, &rest, now()).await.unwrap();
        if roll_back {
            tx.rollback().await.unwrap();
        } else {
            tx.commit().await.unwrap();
            committed.lock().unwrap().extend(subjects);
        }
    }
}

async fn follow(db: Db, last: &str) -> Vec<Event> {
    let mut stream = Feed::new(db, POLL).subscribe(Cursor::START);
    let mut events = Vec::new();
    while events.last().is_none_or(|event: &Event| event.subject != last) {
        events.push(stream.next().await.unwrap().unwrap());
    }
    events
}

/// Reads page by page with no subscription, as a caller over the network would.
async fn poll(db: Db, last: &str) -> Vec<Event> {
    let feed = Feed::new(db, POLL);
    let mut events: Vec<Event> = Vec::new();
    while events.last().is_none_or(|event| event.subject != last) {
        // the cursor goes out and comes back as text
        let cursor = events
            .last()
            .map_or(String::new(), |event| event.cursor.to_string());
        events.extend(feed.after(cursor.parse().unwrap(), 7).await.unwrap());
        sleep(Duration::from_millis(1)).await;
    }
    events
}

/// A subscriber with a durable cursor that is killed again and again, also in the middle of its transaction, and
/// goes on elsewhere. Its record has the event's id as key, so handling an event twice would fail.
async fn restart_until(replicas: [Db; 2], last: &'static str) -> Vec<String> {
    let mut dice = Dice::new(99);
    let mut life = 0;
    loop {
        let db = replicas[life % 2].clone();
        let subscriber = tokio::spawn(record(db.clone(), last));
        let abort = subscriber.abort_handle();
        let kill_after = Duration::from_millis(20 + dice.below(120));
        let killer = tokio::spawn(async move {
            sleep(kill_after).await;
            abort.abort();
        });
        match subscriber.await {
            Ok(true) => {
                killer.abort();
                let sql = "SELECT event FROM seen WHERE subscriber = 'restarted' ORDER BY place";
                let seen: Vec<String> = read!(&db, |c| sqlx::query_scalar(sql).fetch_all(c).await).unwrap();
                assert!(life > 2, "was killed {life} times only");
                return seen;
            }
            Ok(false) => (),
            Err(error) => assert!(error.is_cancelled(), "{error}"),
        }
        life += 1;
    }
}

async fn record(db: Db, last: &str) -> bool {
    let mut tx = db.begin().await.unwrap();
    let mut cursor = cursors::load(&mut tx, "ca", "restarted").await.unwrap();
    drop(tx);
    let mut stream = Feed::new(db.clone(), POLL).subscribe_batches(cursor);
    loop {
        let batch = stream.next().await.unwrap().unwrap();
        for events in batch.chunks(5) {
            let to = events.last().unwrap().cursor;
            if !handle(&db, events, Step { from: cursor, to }).await.unwrap() {
                // the previous life died while its commit was on the way: start from what that left
                return false;
            }
            cursor = to;
            if events.last().unwrap().subject == last {
                return true;
            }
        }
    }
}

async fn handle(db: &Db, events: &[Event], step: Step) -> Result<bool, StoreError> {
    let mut tx = db.begin().await?;
    if !cursors::advance(&mut tx, "ca", "restarted", step).await? {
        return Ok(false);
    }
    for event in events {
        let sql = "INSERT INTO seen (subscriber, place, event) \
            SELECT 'restarted', count(*), $1 FROM seen WHERE subscriber = 'restarted'";
        tx!(&mut tx, |c| sqlx::query(sql)
            .bind(&event.subject)
            .execute(c)
            .await
            .map(drop))?;
    }
    sleep(Duration::from_millis(1)).await;
    tx.commit().await?;
    Ok(true)
}

fn assert_complete_and_ordered(events: &[Event], committed: &[String]) {
    assert!(
        committed.len() > 500,
        "too little was written: {}",
        committed.len()
    );
    let subjects: HashSet<_> = events.iter().map(|event| &event.subject).collect();
    assert_eq!(subjects.len(), events.len(), "an event came twice");
    let committed: HashSet<_> = committed.iter().collect();
    let none: [&&String; 0] = [];
    assert_eq!(
        committed.difference(&subjects).collect::<Vec<_>>(),
        none,
        "skipped"
    );
    assert_eq!(
        subjects.difference(&committed).collect::<Vec<_>>(),
        none,
        "never committed"
    );
    assert!(
        events.is_sorted_by(|a, b| a.cursor < b.cursor),
        "positions do not grow"
    );
    // each writer waited for its commit before it went on, so its events have one right order
    let mut by_writer: HashMap<&str, Vec<&str>> = HashMap::new();
    for event in events {
        let writer = event.subject.split('/').next().unwrap();
        by_writer.entry(writer).or_default().push(&event.subject);
    }
    for (writer, subjects) in by_writer {
        assert!(
            subjects.is_sorted(),
            "events of writer {writer} were reordered: {subjects:?}"
        );
    }
}
