//! When a reader of the feed knows that it has seen everything.

use std::pin::pin;
use std::time::Duration;

use futures::StreamExt;
use store::feed::{Cursor, Feed, Reading};
use testkit::Postgres;
use tokio::time::{Instant, timeout};
use vocabulary::EventType;

use crate::support::{Scratch, append, commit_event, on_both};

const LONG: Duration = Duration::from_secs(3600);
const HEARTBEAT: Option<Duration> = Some(Duration::from_millis(100));
/// Reached only by a failure.
const PATIENCE: Duration = Duration::from_secs(60);

on_both!(
    the_end_is_told_behind_the_events_that_lead_there_and_then_at_each_heartbeat,
    without_a_heartbeat_no_end_is_told,
);

async fn the_end_is_told_behind_the_events_that_lead_there_and_then_at_each_heartbeat(scratch: Scratch) {
    let db = scratch.migrated().await;
    for number in 0..1_100 {
        commit_event(&db, &number.to_string()).await;
    }
    let committed = Instant::now();
    let mut readings = pin!(Feed::new(db, LONG).subscribe_to_end(Cursor::START, HEARTBEAT));
    let (mut seen, mut place) = (Vec::new(), Cursor::START);
    let mut before = committed;
    let mut ends = 0;
    while ends < 3 {
        let reading = timeout(PATIENCE, readings.next())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        match reading {
            Reading::Events(events) => {
                place = events.last().unwrap().cursor;
                seen.extend(events.into_iter().map(|event| event.subject));
            }
            // Transactions of other tests on the same server may hold the feed back, but no end is told then.
            Reading::End { cursor, as_of } => {
                assert_eq!((seen.len(), cursor), (1_100, place));
                assert!(as_of >= before && as_of <= Instant::now());
                before = as_of + Duration::from_millis(100);
                ends += 1;
            }
        }
    }
}

async fn without_a_heartbeat_no_end_is_told(scratch: Scratch) {
    let db = scratch.migrated().await;
    let mut readings =
        pin!(Feed::new(db.clone(), Duration::from_millis(100)).subscribe_to_end(Cursor::START, None));
    assert!(
        timeout(Duration::from_millis(500), readings.next())
            .await
            .is_err(),
        "an end is told"
    );
    commit_event(&db, "a").await;
    let reading = timeout(PATIENCE, readings.next())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert!(matches!(reading, Reading::Events(_)), "{reading:?}");
}

/// Slow transactions hold back the feeds of a whole server, so this one is not shared.
#[tokio::test(flavor = "multi_thread")]
async fn no_end_is_told_while_an_older_transaction_holds_back_what_is_committed() {
    let server = Postgres::start().await.unwrap();
    let db = store::Db::open(&server.url(), "ca", crate::support::options())
        .await
        .unwrap()
        .declaring(EventType::ALL);
    db.migrate(&crate::support::tables()).await.unwrap();
    commit_event(&db, "first").await;
    let mut readings = pin!(Feed::new(db.clone(), LONG).subscribe_to_end(Cursor::START, HEARTBEAT));
    let mut next = async || {
        timeout(PATIENCE, readings.next())
            .await
            .unwrap()
            .unwrap()
            .unwrap()
    };
    assert!(matches!(next().await, Reading::Events(_)));
    assert!(matches!(next().await, Reading::End { .. }));

    let mut older = db.begin().await.unwrap();
    append(&mut older, "older").await;
    commit_event(&db, "committed").await;
    let committed = Instant::now();
    // Ends that were read before the commit may still be on the way; then there is silence.
    let mut told = Vec::new();
    while let Ok(reading) = timeout(Duration::from_millis(700), next()).await {
        told.push(reading);
    }
    let late = |reading: &Reading| match reading {
        Reading::Events(_) => true,
        Reading::End { as_of, .. } => *as_of >= committed,
    };
    assert!(!told.iter().any(late), "{told:?}");

    older.commit().await.unwrap();
    let mut subjects = Vec::new();
    let as_of = loop {
        match next().await {
            Reading::Events(events) => subjects.extend(events.into_iter().map(|event| event.subject)),
            Reading::End { as_of, .. } => break as_of,
        }
    };
    assert_eq!(subjects, ["older", "committed"]);
    assert!(as_of > committed);
}
