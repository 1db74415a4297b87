//! Pruning the outbox deletes what is old and read, and nothing else.

use std::time::Duration;

use store::{
    Db,
    feed::{
        Cursor, Event,
        cursors::{self, Step},
    },
    outbox,
};
use time::OffsetDateTime;

use crate::support::{Scratch, all, commit_event, event, now, on_both, subjects};

on_both!(
    pruning_is_bounded_and_keeps_the_young_and_the_last_event,
    pruning_keeps_what_a_subscriber_of_the_service_has_not_read,
    pruning_twice_at_once_deletes_once,
);

const FAR: OffsetDateTime = time::macros::datetime!(9999-01-01 0:00 UTC);

async fn prune_all(db: &Db, before: OffsetDateTime) -> u64 {
    all(db).await;
    outbox::prune(db, before, 1_000).await.unwrap()
}

/// Ten events, a second apart.
async fn ten_events(db: &Db) -> Vec<Event> {
    for n in 0..10 {
        let mut tx = db.begin().await.unwrap();
        outbox::append(&mut tx, &[event(&n.to_string())], now() + Duration::from_secs(n))
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }
    all(db).await
}

async fn pruning_is_bounded_and_keeps_the_young_and_the_last_event(scratch: Scratch) {
    let db = scratch.migrated().await;
    ten_events(&db).await;
    assert_eq!(
        outbox::prune(&db, FAR, 2).await.unwrap(),
        2,
        "no more than the batch"
    );
    assert_eq!(
        prune_all(&db, now() + Duration::from_secs(4)).await,
        2,
        "the young stay"
    );
    assert_eq!(prune_all(&db, FAR).await, 5);
    assert_eq!(prune_all(&db, FAR).await, 0, "the last event stays");
    assert_eq!(subjects(&db).await, ["9"]);
}

async fn pruning_keeps_what_a_subscriber_of_the_service_has_not_read(scratch: Scratch) {
    let db = scratch.migrated().await;
    let events = ten_events(&db).await;
    let mut tx = db.begin().await.unwrap();
    // the second reads another service's feed, whose positions mean nothing here
    for (feed, to) in [("ca", events[4].cursor), ("auth", "1-1".parse().unwrap())] {
        let step = Step {
            from: Cursor::START,
            to,
        };
        assert!(cursors::advance(&mut tx, feed, "slow", step).await.unwrap());
    }
    tx.commit().await.unwrap();
    assert_eq!(prune_all(&db, FAR).await, 5);

    let mut tx = db.begin().await.unwrap();
    cursors::forget(&mut tx, "ca", "slow").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(prune_all(&db, FAR).await, 4);
}

async fn pruning_twice_at_once_deletes_once(scratch: Scratch) {
    let db = scratch.migrated().await;
    for n in 0..10 {
        commit_event(&db, &n.to_string()).await;
    }
    all(&db).await;
    let (a, b) = tokio::join!(outbox::prune(&db, FAR, 3), outbox::prune(&db, FAR, 5));
    assert_eq!(a.unwrap() + b.unwrap(), 8);
    assert_eq!(subjects(&db).await, ["8", "9"]);
}
